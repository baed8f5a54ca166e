import { SECOND } from '../../sim/time.ts';
import { formatIpv4, formatMac } from '../../wire/address.ts';
import { peernet2idAlloc } from '../../kernel/netlink/nsid.ts';
import type { FdbRow, VxlanRemote } from '../../kernel/rows.ts';
import type { Ip } from './ip-context.ts';
import type { LinkMap } from './links.ts';
import type { Printer } from './printer.ts';

/** Which entries `bridge fdb show` takes; the device that it fixes is not printed. */
export interface FdbFilter {
  device: number | null;
  bridge: number | null;
  vlan: number | null;
  /** Any of these bits. */
  states: Set<NudBit> | null;
  dynamic: boolean;
}

export const NO_FDB_FILTER: FdbFilter = { device: null, bridge: null, vlan: null, states: null, dynamic: false };

/** A bit of the state of a neighbour entry: NUD_PERMANENT, NUD_NOARP, NUD_STALE, NUD_REACHABLE. */
export type NudBit = 'permanent' | 'noarp' | 'stale' | 'reachable';

/** A bridge sets one bit (fdb_to_nud); a VXLAN device keeps those that the request came with. */
function nudBits(ip: Ip, row: FdbRow, links: LinkMap): readonly NudBit[] {
  if (row.remote) {
    if (row.state === 'permanent') return row.remote.byDefault ? ['permanent', 'reachable'] : ['permanent', 'noarp'];
    return row.state === 'static' ? ['noarp', 'reachable'] : ['reachable'];
  }
  if (row.state !== 'learned') return [row.state === 'static' ? 'noarp' : 'permanent'];
  if (row.externLearn) return ['reachable'];
  // A learned entry that has outlived the ageing time, but was not collected yet.
  const ageing = (links.get(row.bridge)?.bridge?.ageingTime ?? 0) / 100 * SECOND;
  return [row.updated + ageing <= ip.ns.queue.now ? 'stale' : 'reachable'];
}

/** state_n2a: the first of these bits that is set. */
const STATE_WORDS: readonly (readonly [bit: NudBit, word: string])[] = [['permanent', 'permanent'], ['noarp', 'static'], ['stale', 'stale'], ['reachable', '']];

export function fdbPasses(ip: Ip, row: FdbRow, filter: FdbFilter, links: LinkMap): boolean {
  const bits = nudBits(ip, row, links);
  const { states } = filter;
  if (states && !bits.some((bit) => states.has(bit))) return false;
  if (filter.device !== null && row.ifindex !== filter.device) return false;
  if (filter.vlan !== null && row.vlan !== filter.vlan) return false;
  if (filter.dynamic && bits.includes('permanent')) return false;
  if (filter.bridge === null) return true;
  if (links.get(filter.bridge)?.kind !== 'bridge') return false;
  return row.ifindex === filter.bridge || links.get(row.ifindex)?.master === filter.bridge;
}

/** One entry as `bridge fdb` prints it (print_fdb), with its newline. */
export function printFdb(ip: Ip, p: Printer, row: FdbRow, links: LinkMap, filter: FdbFilter): void {
  p.any('mac', formatMac(row.mac), `${formatMac(row.mac)} `);
  if (filter.device === null) p.any('ifname', links.name(row.ifindex), `dev ${links.name(row.ifindex)} `);
  if (row.remote) p.any('dst', formatIpv4(row.remote.dst), `dst ${formatIpv4(row.remote.dst)} `);
  if (row.vlan !== 0 && filter.vlan === null) p.any('vlan', row.vlan, `vlan ${row.vlan} `);
  if (row.remote) printRemote(ip, p, row, row.remote, links);
  if (ip.options.stats > 0 && (row.bridge !== 0 || row.remote)) printUse(ip, p, row);
  printFlags(p, row);
  if (row.bridge !== 0) p.any('master', links.name(row.bridge), `master ${links.name(row.bridge)} `);
  const bits = nudBits(ip, row, links);
  const word = STATE_WORDS.find(([bit]) => bits.includes(bit))![1];
  p.any('state', word, `${word}\n`);
}

function printFlags(p: Printer, { bridge, remote, externLearn, sticky }: FdbRow): void {
  p.openArray('flags');
  if (bridge === 0) p.any(null, 'self', 'self ');
  if (remote?.router) p.any(null, 'router', 'router ');
  if (externLearn) p.any(null, 'extern_learn', 'extern_learn ');
  if (sticky) p.any(null, 'sticky', 'sticky ');
  p.closeArray();
}

/** Where a VXLAN device sends the frames; a device in the namespace that it came from has only a number here. */
function printRemote(ip: Ip, p: Printer, { ifindex }: FdbRow, { port, vni, via }: VxlanRemote, links: LinkMap): void {
  const there = ip.ns.devices.get(ifindex)?.vxlan?.net;
  const elsewhere = there && there !== ip.ns ? peernet2idAlloc(ip.ns, there) : null;
  if (port !== null) p.any('port', port, `port ${port} `);
  if (vni !== null) p.any('vni', vni, `vni ${vni} `);
  if (via !== 0) {
    if (elsewhere === null) p.any('viaIf', links.name(via), `via ${links.name(via)} `);
    else p.any('viaIfIndex', via, `via ifindex ${via} `);
  }
  if (elsewhere !== null) p.any('linkNetNsId', elsewhere, `link-netnsid ${elsewhere} `);
}

/** How many seconds ago frames went there and came from there. */
function printUse(ip: Ip, p: Printer, row: FdbRow): void {
  const ago = (at: number): number => Math.max(0, Math.floor((ip.ns.queue.now - at) / SECOND));
  p.value('used', ago(row.used));
  p.value('updated', ago(row.updated));
  p.text(`used ${ago(row.used)}/${ago(row.updated)} `);
}
