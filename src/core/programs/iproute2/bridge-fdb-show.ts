import { SECOND } from '../../sim/time.ts';
import { formatMac } from '../../wire/address.ts';
import type { FdbRow } from '../../kernel/rows.ts';
import type { Ip } from './ip-context.ts';
import type { LinkMap } from './links.ts';
import type { Printer } from './printer.ts';

/** Which entries `bridge fdb show` takes; the device that it fixes is not printed. */
export interface FdbFilter {
  device: number | null;
  bridge: number | null;
  vlan: number | null;
  states: Set<FdbState> | null;
  dynamic: boolean;
}

/** The state of a neighbour entry that stands for it: NUD_PERMANENT, _NOARP, _STALE, _REACHABLE. */
export type FdbState = 'permanent' | 'static' | 'stale' | 'reachable';

/** A learned entry that has outlived the ageing time, but was not collected yet, is stale (br_fdb's fdb_to_nud). */
function stateOf(ip: Ip, row: FdbRow, links: LinkMap): FdbState {
  if (row.state !== 'learned') return row.state;
  if (row.externLearn) return 'reachable';
  const ageing = (links.get(row.bridge)?.bridge?.ageingTime ?? 0) / 100 * SECOND;
  return row.updated + ageing <= ip.ns.queue.now ? 'stale' : 'reachable';
}

export function fdbPasses(ip: Ip, row: FdbRow, filter: FdbFilter, links: LinkMap): boolean {
  const state = stateOf(ip, row, links);
  if (filter.states && !filter.states.has(state)) return false;
  if (filter.device !== null && row.ifindex !== filter.device) return false;
  if (filter.vlan !== null && row.vlan !== filter.vlan) return false;
  if (filter.dynamic && state === 'permanent') return false;
  if (filter.bridge === null) return true;
  if (links.get(filter.bridge)?.kind !== 'bridge') return false;
  return row.ifindex === filter.bridge || links.get(row.ifindex)?.master === filter.bridge;
}

/** One entry as `bridge fdb` prints it (print_fdb), with its newline. */
export function printFdb(ip: Ip, p: Printer, row: FdbRow, links: LinkMap, filter: FdbFilter): void {
  p.any('mac', formatMac(row.mac), `${formatMac(row.mac)} `);
  if (filter.device === null) p.any('ifname', links.name(row.ifindex), `dev ${links.name(row.ifindex)} `);
  if (row.vlan !== 0 && filter.vlan === null) p.any('vlan', row.vlan, `vlan ${row.vlan} `);
  if (ip.options.stats > 0 && row.bridge !== 0) printUse(ip, p, row);
  const flags = [...(row.bridge === 0 ? ['self'] : []), ...(row.externLearn ? ['extern_learn'] : []), ...(row.sticky ? ['sticky'] : [])];
  p.openArray('flags');
  for (const flag of flags) p.any(null, flag, `${flag} `);
  p.closeArray();
  if (row.bridge !== 0) p.any('master', links.name(row.bridge), `master ${links.name(row.bridge)} `);
  const state = stateOf(ip, row, links);
  const word = state === 'reachable' ? '' : state;
  p.any('state', word, `${word}\n`);
}

/** How many seconds ago frames went there and came from there. */
function printUse(ip: Ip, p: Printer, row: FdbRow): void {
  const ago = (at: number): number => Math.max(0, Math.floor((ip.ns.queue.now - at) / SECOND));
  p.value('used', ago(row.used));
  p.value('updated', ago(row.updated));
  p.text(`used ${ago(row.used)}/${ago(row.updated)} `);
}
