import { KernelError } from '../../kernel/errno.ts';
import {
  conntrackStats, countConntrack, createConntrack, deleteConntrack, flushConntrack, listConntrack, subscribeConntrack, updateConntrack,
  type ConntrackEntry, type ConntrackEventType,
} from '../../kernel/netlink/conntrack.ts';
import type { TcpConntrackState } from '../../trace/step.ts';
import { EPOCH } from '../../shell/interpreter/special.ts';
import { NotSimulated, type Process, type Running } from '../../shell/process.ts';
import { SECOND } from '../../sim/time.ts';
import { WaitQueue } from '../../sim/wait-queue.ts';
import { selects } from './filter.ts';
import { entryText, saveText, xmlText } from './format.ts';
import { Complaint, parseConntrack, type ConntrackOptions } from './options.ts';
import { usage, VERSION } from './usage.ts';

/** conntrack(8) of conntrack-tools 1.4.7. */
export function* conntrack(process: Process): Running {
  try {
    const options = parseConntrack(process.argv.slice(1));
    if (options === null || options.command === 'h') return say(process, usage());
    return options.command === 'E' ? yield* events(process, options) : serve(process, options);
  } catch (error) {
    if (error instanceof Complaint) {
      process.stderr.write(`${VERSION}: ${error.message}\nTry \`conntrack -h' or 'conntrack --help' for more information.\n`);
      return 2;
    }
    if (!(error instanceof Failure)) throw error;
    process.stderr.write(`${VERSION}: Operation failed: ${error.message}\n`);
    return 1;
  }
}

/** What the kernel refused, in the words of the tool (err2str). */
class Failure extends Error {}

function say(process: Process, text: string): number {
  process.stdout.write(text);
  return 0;
}

function serve(process: Process, options: ConntrackOptions): number {
  const { ns } = process;
  switch (options.command) {
    case 'V': return say(process, `${VERSION}\n`);
    case 'C': return say(process, `${options.table === 'expect' ? 0 : countConntrack(ns)}\n`);
    case 'S': return say(process, statsText(process));
    case 'F':
      if (options.table === 'conntrack') flushConntrack(ns, process.pid);
      return tell(process, options.table === 'expect' ? 'expectation table has been emptied.' : 'connection tracking table has been emptied.');
    case 'L': return list(process, options);
    case 'G': return get(process, options);
    case 'D': return remove(process, options);
    case 'I': return create(process, options);
    default: return update(process, options);
  }
}

function tell(process: Process, text: string, exit = 0): number {
  process.stderr.write(`${VERSION}: ${text}\n`);
  return exit;
}

/** Prints an entry as `-o` asks. */
function print(process: Process, { output }: ConntrackOptions, entry: ConntrackEntry, use = 1): void {
  const { now } = process;
  const line = output.has('xml') ? xmlText(entry, now)
    : output.has('save') ? saveText(entry, now)
      : entryText(entry, { now, extended: output.has('extended'), id: output.has('id'), event: false, use });
  process.stdout.write(`${line}\n`);
}

function chosen(process: Process, options: ConntrackOptions): ConntrackEntry[] {
  if (options.table !== 'conntrack') return [];
  return listConntrack(process.ns).filter((entry) => selects(options, entry));
}

function list(process: Process, options: ConntrackOptions): number {
  if (options.status?.includes('UNSET')) throw new Failure('invalid parameters');
  const entries = chosen(process, options);
  const xml = options.output.has('xml') && entries.length > 0;
  if (xml) process.stdout.write('<?xml version="1.0" encoding="utf-8"?>\n<conntrack>\n');
  for (const entry of entries) print(process, options, entry);
  if (xml) process.stdout.write('</conntrack>\n');
  return tell(process, options.table === 'expect' ? '0 expectations have been shown.' : `${entries.length} flow entries have been shown.`);
}

function get(process: Process, options: ConntrackOptions): number {
  const entry = chosen(process, options)[0];
  if (!entry) throw new Failure("such conntrack doesn't exist");
  print(process, options, entry, 2);
  return tell(process, '1 flow entries have been shown.');
}

function remove(process: Process, options: ConntrackOptions): number {
  if (options.table !== 'conntrack') throw new NotSimulated(`conntrack -D ${options.table}`);
  const entries = chosen(process, options);
  for (const entry of entries) {
    deleteConntrack(process.ns, entry.id, process.pid);
    print(process, options, entry);
  }
  return tell(process, `${entries.length} flow entries have been deleted.`, entries.length > 0 ? 0 : 1);
}

function update(process: Process, options: ConntrackOptions): number {
  if (options.status !== null) throw new NotSimulated('conntrack -U --status');
  const entries = chosen(process, { ...options, mark: null });
  if (options.mark !== null && entries.length > 0) {
    process.stderr.write('Operation failed: Operation not supported\n');
    throw new Failure('Operation not supported');
  }
  for (const entry of entries) {
    const after = options.timeout === null ? entry : updateConntrack(process.ns, entry.id, { timeout: options.timeout }, process.pid);
    print(process, options, after, 2);
  }
  return tell(process, `${entries.length} flow entries have been updated.`, entries.length > 0 ? 0 : 1);
}

function create(process: Process, options: ConntrackOptions): number {
  const { addresses, numbers, protocol, timeout, status, state, mark, zone } = options;
  if (options.nat.src !== undefined || options.nat.dst !== undefined) throw new NotSimulated('conntrack -I with NAT');
  const icmp = ((numbers['icmp-type'] ?? 8) << 8) | (numbers['icmp-code'] ?? 0);
  const src = addresses.s?.address ?? addresses.q!.address;
  const dst = addresses.d?.address ?? addresses.r!.address;
  const ports = protocol === 1 ? { sport: numbers['icmp-id'] ?? 0, dport: icmp } : { sport: numbers.sport ?? numbers['reply-port-dst'] ?? 0, dport: numbers.dport ?? numbers['reply-port-src'] ?? 0 };
  try {
    createConntrack(process.ns, {
      protocol: protocol!, original: { src, dst, ...ports }, timeout: timeout!, mark: mark?.value ?? 0, zone: zone ?? 0,
      seenReply: status?.includes('SEEN_REPLY') ?? false, assured: status?.includes('ASSURED') ?? false, tcpState: state as TcpConntrackState | null,
    }, process.pid);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    throw new Failure(error.errno === 'EEXIST' ? 'Such conntrack exists, try -U to update' : error.message);
  }
  return tell(process, '1 flow entries have been created.');
}

const STATS = ['found', 'invalid', 'insert', 'insert_failed', 'drop', 'early_drop', 'error', 'search_restart', 'clash_resolve', 'chaintoolong'] as const;

function statsText(process: Process): string {
  const stats = conntrackStats(process.ns);
  return `cpu=0   \t${STATS.map((name) => `${name}=${stats[name] ?? 0} `).join('')}\n`;
}

const LABELS: Readonly<Record<ConntrackEventType, string>> = { NEW: '    [NEW] ', UPDATE: ' [UPDATE] ', DESTROY: '[DESTROY] ' };

/** `-E`: prints what happens to connections, as it happens, until it is told to stop. */
function* events(process: Process, options: ConntrackOptions): Running {
  const happened = new WaitQueue();
  let lines: string[] = [];
  let shown = 0;
  const unsubscribe = subscribeConntrack(process.ns, (type, entry, portid) => {
    if (!options.events.has(type) || options.table !== 'conntrack' || !selects(options, entry)) return;
    lines.push(eventText(process, options, type, entry, portid));
    happened.wake();
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.handle(signal);
  try {
    for (;;) {
      const wake = lines.length > 0 ? 'ready' : yield { queues: [happened], deadline: null };
      process.work();
      const taken = lines;
      lines = [];
      shown += taken.length;
      if (taken.length > 0 && !process.stdout.write(taken.join(''))) return 0;
      if (wake === 'signal' && process.takeSignal() !== null) return tell(process, `${shown} flow events have been shown.`);
    }
  } finally {
    unsubscribe();
  }
}

function eventText(process: Process, { output }: ConntrackOptions, type: ConntrackEventType, entry: ConntrackEntry, portid: number): string {
  const { now } = process;
  const user = portid === 0 ? '' : ` [USERSPACE] portid=${portid}`;
  if (output.has('xml')) return `${xmlText(entry, now, type.toLowerCase())}\n`;
  const micros = Math.floor(now / 1000) % 1_000_000;
  const stamp = output.has('timestamp') ? `[${EPOCH + Math.floor(now / SECOND)}.${String(micros).padStart(6, '0')}]\t` : '';
  return `${stamp}${LABELS[type]}${entryText(entry, { now, extended: output.has('extended'), id: output.has('id'), event: true, use: 1 })}${user}\n`;
}
