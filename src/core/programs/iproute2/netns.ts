import { KernelError, strerror } from '../../kernel/errno.ts';
import type { NetNamespace } from '../../kernel/net-namespace.ts';
import { addNamespace, deleteNamespace } from '../../kernel/netlink/netns.ts';
import { peernet2idIfKnown, setNsid } from '../../kernel/netlink/nsid.ts';
import { isKnownCommand } from '../../shell/known-commands.ts';
import type { Process, Running } from '../../shell/process.ts';
import { NotSimulated } from '../../shell/process.ts';
import { WaitQueue } from '../../sim/wait-queue.ts';
import { type Args, Exit, Failure, invalidArgument, matches, parseInteger } from './args.ts';
import { talk, type Ip } from './ip-context.ts';
import { findNamespace, namespaceNames, namespaceOfPid } from './netns-find.ts';
import { netnsUsage } from './usage-text.ts';

/** `ip netns ...` */
export function* ipNetns(ip: Ip, args: Args): Running {
  const word = args.word;
  if (!args.more) return list(ip);
  args.shift();
  if (matches(word, 'list') || matches(word, 'show') || matches(word, 'lst')) return list(ip);
  if (matches(word, 'list-id')) return listIds(ip, args);
  if (matches(word, 'help')) netnsUsage();
  if (matches(word, 'add')) return add(ip, args);
  if (matches(word, 'set')) return set(ip, args);
  if (matches(word, 'delete')) return remove(ip, args);
  if (matches(word, 'identify')) return identify(ip, args);
  if (matches(word, 'pids')) return pids(ip, args);
  if (matches(word, 'exec')) return yield* exec(ip, args);
  if (matches(word, 'monitor')) return yield* monitor(ip);
  if (matches(word, 'attach')) throw new NotSimulated('ip netns attach');
  throw new Exit(255, `Command "${word}" is unknown, try "ip netns help".\n`);
}

function isNetnsName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !name.includes('/') && name.length <= 255;
}

function checkName(name: string): void {
  if (!isNetnsName(name)) throw new Exit(255, `Invalid netns name "${name}"\n`);
}

function list(ip: Ip): number {
  const p = ip.printer();
  p.begin();
  for (const name of namespaceNames(ip.ns.machine)) {
    const id = peernet2idIfKnown(ip.ns, ip.ns.machine.namespaces.get(name)!.place);
    p.openObject();
    p.any('name', name, name);
    if (id !== null) p.any('id', id, ` (id: ${id})`);
    p.text('\n');
    p.closeObject();
  }
  p.end();
  return 0;
}

function listIds(ip: Ip, args: Args): number {
  let only: number | null = null;
  for (; args.more; args.shift()) {
    if (args.word !== 'nsid') throw new NotSimulated(`ip netns list-id ${args.word}`);
    only = parseInteger(args.next());
    if (only === null || only < 0) invalidArgument('"nsid" value is invalid\n', args.word);
  }
  const ids = [...ip.ns.netnsIds].filter(([peer]) => !peer.dead).sort(([, x], [, y]) => x - y);
  const p = ip.printer();
  p.begin();
  for (const [peer, id] of ids) {
    if (only !== null && id !== only) continue;
    p.openObject();
    p.any('nsid', id, `nsid ${id} `);
    if (peer.name !== '' && peer.machine === ip.ns.machine) p.any('name', peer.name, `(iproute2 netns name: ${peer.name})`);
    p.text('\n');
    p.closeObject();
  }
  p.end();
  return 0;
}

function add(ip: Ip, args: Args): number {
  if (!args.more) throw new Failure('No netns name specified\n');
  const name = args.word;
  checkName(name);
  try {
    addNamespace(ip.ns.machine, name);
  } catch (error) {
    if (error instanceof KernelError) throw new Failure(`Cannot create namespace file "/run/netns/${name}": ${strerror(error.errno)}\n`);
    throw error;
  }
  return 0;
}

function removeOne(ip: Ip, name: string): boolean {
  try {
    deleteNamespace(ip.ns.machine, name);
    return true;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    ip.err(`Cannot remove namespace file "/run/netns/${name}": ${strerror(error.errno)}\n`);
    return false;
  }
}

function remove(ip: Ip, args: Args): number {
  if (ip.options.all) {
    for (const name of namespaceNames(ip.ns.machine)) removeOne(ip, name);
    return 0;
  }
  if (!args.more) throw new Failure('No netns name specified\n');
  checkName(args.word);
  return removeOne(ip, args.word) ? 0 : 1;
}

function needNamespace(ip: Ip, name: string, code: number): NetNamespace {
  const ns = findNamespace(ip.ns.machine, name);
  if (!ns) throw new Failure(`Cannot open network namespace "${name}": ${strerror('ENOENT')}\n`, code);
  return ns;
}

function set(ip: Ip, args: Args): number {
  if (!args.more) throw new Failure('No netns name specified\n');
  const name = args.word;
  args.shift();
  if (!args.more) throw new Failure('No nsid specified\n');
  const word = args.word;
  const id = word === 'auto' ? 'auto' : parseInteger(word);
  if (id === null) invalidArgument('Invalid "netnsid" value', word);
  if (id !== 'auto' && id < 0) invalidArgument('Invalid "netnsid" value', word);
  const peer = needNamespace(ip, name, 1);
  const done = setNsid(ip.ns, peer, id);
  if (done === 'assigned') talk(() => { throw new KernelError('EEXIST', 'Peer netns already has a nsid assigned'); });
  if (done === 'used') talk(() => { throw new KernelError('EEXIST', 'The specified nsid is already used'); });
  return 0;
}

/** Names of the namespace, one a line; an empty line when it has none. Without a pid: of the namespace that ip runs in. */
function identify(ip: Ip, args: Args): number {
  let ns: NetNamespace | null = ip.process?.ns ?? ip.ns;
  if (args.more) {
    if (!/^\d+$/.test(args.word)) throw new Failure(`Specified string '${args.word}' is not a pid\n`);
    ns = namespaceOfPid(ip, Number(args.word));
  }
  if (!ns) throw new Failure(`Cannot open network namespace: ${strerror('ENOENT')}\n`);
  const named = ns.name !== '' && ip.ns.machine.namespaces.get(ns.name) === ns;
  ip.out(named ? `${ns.name}\n` : '\n');
  return 0;
}

function pids(ip: Ip, args: Args): number {
  if (!args.more) throw new Failure('No netns name specified\n');
  const ns = findNamespace(ip.ns.machine, args.word);
  if (!ns) throw new Failure(`Cannot open network namespace: ${strerror('ENOENT')}\n`);
  for (const process of ip.process?.processes() ?? []) if (process.ns === ns) ip.out(`${process.pid}\n`);
  return 0;
}

function* exec(ip: Ip, args: Args): Running {
  const process = ip.process!;
  if (ip.options.all) {
    if (!args.more) throw new Failure('No command specified\n');
    for (const name of namespaceNames(ip.ns.machine)) {
      ip.out(`\nnetns: ${name}\n`);
      ip.flush();
      yield* execIn(ip, process, ip.ns.machine.namespaces.get(name)!, args.rest(), 'run');
    }
    return 0;
  }
  if (!args.more) throw new Failure('No netns name specified\n');
  const name = args.word;
  args.shift();
  if (!args.more) throw new Failure('No command specified\n');
  const ns = needNamespace(ip, name, 255);
  return yield* execIn(ip, process, ns, args.rest(), 'exec');
}

/** Becomes the command, or with `-all` runs it, in the namespace. */
function* execIn(ip: Ip, process: Process, ns: NetNamespace, argv: readonly string[], how: 'exec' | 'run'): Running {
  ip.flush();
  if (!process.knows(argv[0]!)) {
    if (isKnownCommand(argv[0]!)) throw new NotSimulated(argv[0]!);
    ip.err(`exec of "${argv[0]!}" failed: ${strerror('ENOENT')}\n`);
    return how === 'exec' ? 1 : 0;
  }
  return yield* process[how](argv, { ns });
}

/** `ip netns monitor`: tells of names that come and go, until it is killed. */
function* monitor(ip: Ip): Running {
  const names = (): Set<string> => new Set(ip.ns.machine.namespaces.keys());
  let before = names();
  const changed = new WaitQueue();
  const { netnsWatchers } = ip.ns.machine;
  const hear = (): void => changed.wake();
  netnsWatchers.add(hear);
  try {
    for (;;) {
      yield { queues: [changed], deadline: null };
      const now = names();
      for (const name of now) if (!before.has(name)) ip.out(`add ${name}\n`);
      for (const name of before) if (!now.has(name)) ip.out(`delete ${name}\n`);
      before = now;
      ip.flush();
    }
  } finally {
    netnsWatchers.delete(hear);
  }
}
