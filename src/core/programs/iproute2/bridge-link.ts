import { KernelError } from '../../kernel/errno.ts';
import { setLink } from '../../kernel/netlink/link.ts';
import type { BridgePortOptions, LinkRow } from '../../kernel/rows.ts';
import { NotSimulated } from '../../shell/process.ts';
import { type Args, atoi, duplicateArgument, Exit, Failure, matches } from './args.ts';
import { talk, type Ip } from './ip-context.ts';
import { PORT_STATES } from './link-kinds.ts';
import { printFlags, printLinkName } from './link-show.ts';
import { below, type Below, findLink, isMasterDown, linkFlags, linkMap, needLink, type LinkMap } from './links.ts';
import type { Printer } from './printer.ts';
import { bridgeLinkUsage } from './usage-bridge.ts';

/** `bridge link ...` */
export function bridgeLink(ip: Ip, args: Args): number {
  const word = args.word;
  if (!args.more) return show(ip, args);
  args.shift();
  if (matches(word, 'set') || matches(word, 'change')) return set(ip, args);
  if (matches(word, 'show') || matches(word, 'lst') || matches(word, 'list')) return show(ip, args);
  if (matches(word, 'help')) bridgeLinkUsage();
  throw new Exit(255, `Command "${word}" is unknown, try "bridge link help".\n`);
}

/** One link in the words of bridge(8), with its newline. `asPort`: with the state of the port, as the bridge tells of it. */
export function printBridgeLink(ip: Ip, p: Printer, links: LinkMap, row: LinkRow, asPort: boolean): void {
  const under = asPort ? belowPort(ip, row) : below(ip.ns, row);
  p.any('ifindex', row.ifindex, `${row.ifindex}: `);
  printLinkName(p, links, row, under, false);
  printFlags(p, linkFlags(row, isMasterDown(links, under)), ' ');
  p.any('mtu', row.mtu, `mtu ${row.mtu} `);
  if (row.master !== 0) p.any('master', links.name(row.master), `master ${links.name(row.master)} `);
  if (asPort && row.port) printPortState(ip, p, row.port);
  p.text('\n');
}

/**
 * What the bridge tells of the device below its port (br_fill_ifinfo): only its number, and not when it is the port's own; so bridge(8) takes
 * a peer in another namespace for the device that has this number here.
 */
function belowPort(ip: Ip, row: LinkRow): Below | null {
  const under = below(ip.ns, row);
  return under === null || under.ifindex === row.ifindex ? null : { ifindex: under.ifindex, netnsid: null, netns: null };
}

function printPortState(ip: Ip, p: Printer, port: BridgePortOptions): void {
  p.any('state', port.state, `state ${port.state} `);
  p.any('priority', port.priority, `priority ${port.priority} `);
  p.any('cost', port.cost, `cost ${port.cost} `);
  if (ip.options.details === 0) return;
  p.text(`${p.newline}    `);
  const flag = (key: string, value: boolean): void => p.any(key, value, `${key} ${value ? 'on' : 'off'} `);
  flag('hairpin', port.hairpin);
  flag('guard', port.guard);
  flag('root_block', port.rootBlock);
  flag('fastleave', port.fastleave);
  flag('learning', port.learning);
  flag('flood', port.flood);
  flag('mcast_flood', port.mcastFlood);
  flag('bcast_flood', port.bcastFlood);
  p.any('mcast_router', 1, 'mcast_router 1 ');
  flag('mcast_to_unicast', false);
  flag('neigh_suppress', port.neighSuppress);
  flag('vlan_tunnel', false);
  flag('isolated', port.isolated);
  flag('locked', false);
}

/** `bridge link show`: the ports of all bridges. Words that it does not know it passes over without a sound; so does this. */
function show(ip: Ip, args: Args): number {
  let device: string | null = null;
  for (; args.more; args.shift()) {
    if (args.word !== 'dev') continue;
    if (device !== null) duplicateArgument('dev', args.next());
    device = args.next();
  }
  const only = device === null ? null : needLink(ip.ns, device, 255).ifindex;
  const p = ip.printer();
  const links = linkMap(ip.ns);
  p.begin();
  for (const row of links.rows) {
    if (!row.port || (only !== null && row.ifindex !== only)) continue;
    p.openObject();
    printBridgeLink(ip, p, links, row, true);
    p.closeObject();
  }
  p.end();
  return 0;
}

const FLAGS: Readonly<Record<string, keyof BridgePortOptions | null>> = {
  guard: 'guard', hairpin: 'hairpin', fastleave: 'fastleave', root_block: 'rootBlock', learning: 'learning', learning_sync: null,
  flood: 'flood', mcast_flood: 'mcastFlood', bcast_flood: 'bcastFlood', mcast_to_unicast: null, neigh_suppress: 'neighSuppress',
  vlan_tunnel: null, isolated: 'isolated', locked: null,
};

interface Words {
  device: string | null;
  self: boolean;
  readonly port: Record<string, unknown>;
}

function set(ip: Ip, args: Args): number {
  const words: Words = { device: null, self: false, port: {} };
  for (; args.more; args.shift()) readWord(args, words);
  if (words.device === null) throw new Failure('Device is a required argument.\n');
  const link = findLink(ip.ns, words.device);
  if (!link) throw new Failure(`Cannot find bridge device "${words.device}"\n`);
  talk(() => {
    if (words.self || (!link.port && Object.keys(words.port).length > 0)) throw new KernelError('EOPNOTSUPP');
    if ('state' in words.port && words.port.state === undefined) throw new KernelError('EINVAL');
    if (link.port) setLink(ip.ns, link.ifindex, { port: words.port as Partial<BridgePortOptions> });
  });
  return 0;
}

function readWord(args: Args, words: Words): void {
  const word = args.word;
  if (word === 'dev') words.device = args.next();
  else if (word in FLAGS) readFlag(word, args, words);
  else if (word === 'cost') {
    const cost = atoi(args.next());
    if (cost > 0) words.port.cost = cost;
  } else if (word === 'priority') words.port.priority = atoi(args.next());
  else if (word === 'state') words.port.state = readState(args.next());
  else if (word === 'self') words.self = true;
  else if (word === 'hwmode') {
    const mode = args.next();
    if (mode !== 'vepa' && mode !== 'veb') throw new Failure('Mode argument must be "vepa" or "veb".\n');
    words.self = true;
  } else if (word === 'mcast_router' || word === 'backup_port' || word === 'nobackup_port') throw new NotSimulated(`bridge link set ... ${word}`);
  else if (word !== 'master') bridgeLinkUsage();
}

function readFlag(word: string, args: Args, words: Words): void {
  const value = args.next();
  if (value !== 'on' && value !== 'off') {
    throw new Failure(`Error: argument of "${word}" must be one of "off", "on", not "${value}"\n`, 234);
  }
  const key = FLAGS[word];
  if (key) words.port[key] = value === 'on';
  else if (value === 'on') throw new NotSimulated(`bridge link set ... ${word} on`);
}

function readState(word: string): BridgePortOptions['state'] | undefined {
  const state = /^\d+$/.test(word) ? PORT_STATES[Number(word)] : PORT_STATES.find((name) => name === word.toLowerCase());
  if (state === undefined && !/^\d+$/.test(word)) throw new Failure('Error: invalid STP port state\n');
  return state;
}
