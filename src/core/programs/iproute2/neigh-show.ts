import { formatIpv4 } from '../../wire/address.ts';
import type { NeighRow, ProxyNeighRow } from '../../kernel/rows.ts';
import { neighCacheInfo, type NeighCacheInfo } from '../../kernel/netlink/neigh.ts';
import { SECOND } from '../../sim/time.ts';
import type { NudState } from '../../trace/step.ts';
import { inPrefix, type Prefix } from './addresses.ts';
import type { Ip } from './ip-context.ts';
import { lladdrText, type LinkMap } from './links.ts';
import { protocolText } from './names.ts';
import type { Printer } from './printer.ts';

/** Which neighbours `ip neigh show` and `flush` take. */
export interface NeighFilter {
  device: number | null;
  to: Prefix | null;
  /** Null: those that are shown unasked. */
  states: Set<NudState> | null;
  /** ifindex of the bridge that the device is a port of; 0 for none. */
  master: number | null;
}

export const ALL_STATES: readonly NudState[] = ['NONE', 'INCOMPLETE', 'REACHABLE', 'STALE', 'DELAY', 'PROBE', 'FAILED', 'PERMANENT', 'NOARP'];

const STATE_BITS: Readonly<Record<number, NudState>> = {
  0: 'NONE', 1: 'INCOMPLETE', 2: 'REACHABLE', 4: 'STALE', 8: 'DELAY', 16: 'PROBE', 32: 'FAILED', 64: 'NOARP', 128: 'PERMANENT',
};

/** nud_state_a2n: a state by name, abbreviated or not, or by its bit; `all`. Null when it is none. */
export function stateOf(word: string): NudState | 'all' | null {
  const named = ['permanent', 'reachable', 'noarp', 'none', 'stale', 'incomplete', 'delay', 'probe', 'failed'].find((name) => name.startsWith(word));
  if (word === 'all') return 'all';
  if (named && word !== '') return named.toUpperCase() as NudState;
  return /^(0x)?[0-9a-f]+$/i.test(word) ? STATE_BITS[Number(word)] ?? null : null;
}

export function neighPasses(row: NeighRow, filter: NeighFilter, links: LinkMap): boolean {
  if (filter.device !== null && row.ifindex !== filter.device) return false;
  if (filter.master !== null && links.get(row.ifindex)?.master !== filter.master) return false;
  if (filter.to?.family === 'inet' && !inPrefix(row.ip, filter.to.ip, filter.to.length)) return false;
  // What a daemon has learned is shown, and flushed, whatever state is asked for.
  if (row.extern) return true;
  if (filter.states) return filter.states.has(row.state);
  return row.state !== 'NONE' && row.state !== 'NOARP';
}

/**
 * One neighbour as `ip neigh` prints it (print_neigh), with its newline. `short`: the list is of one device, which is not repeated. `info`: what
 * `-s` prints, when it is another than that of the table.
 */
export function printNeigh(ip: Ip, p: Printer, row: NeighRow, links: LinkMap, short: boolean, info: NeighCacheInfo | null = null): void {
  if (ip.options.brief) return printNeighBrief(p, row, links, short);
  p.any('dst', formatIpv4(row.ip), `${formatIpv4(row.ip)} `);
  if (!short) p.any('dev', links.name(row.ifindex), `dev ${links.name(row.ifindex)} `);
  if (isValid(row) && row.mac !== null) p.any('lladdr', lladdrText(links.get(row.ifindex), row.mac), `lladdr ${lladdrText(links.get(row.ifindex), row.mac)} `);
  if (row.router) p.any('router', null, 'router ');
  if (row.extern) p.any('extern_learn', null, 'extern_learn ');
  if (ip.options.stats > 0) printCacheInfo(p, info ?? neighCacheInfo(ip.ns, row));
  if (row.state !== 'NONE') {
    p.openArray('state');
    p.any(null, row.state, `${row.state} `);
    p.closeArray();
  }
  if (row.protocol !== null) p.any('protocol', protocolText(ip, row.protocol), `proto ${protocolText(ip, row.protocol)} `);
  p.text('\n');
}

/** NUD_VALID: otherwise the address that is kept means nothing. */
export function isValid({ state }: NeighRow): boolean {
  return state !== 'NONE' && state !== 'INCOMPLETE' && state !== 'FAILED';
}

/** `-br` (print_neigh_brief). */
function printNeighBrief(p: Printer, row: NeighRow, links: LinkMap, short: boolean): void {
  p.any('dst', formatIpv4(row.ip), `${formatIpv4(row.ip).padEnd(39)} `);
  if (!short) p.any('dev', links.name(row.ifindex), `${links.name(row.ifindex).padEnd(16)} `);
  if (isValid(row) && row.mac !== null) p.any('lladdr', lladdrText(links.get(row.ifindex), row.mac), lladdrText(links.get(row.ifindex), row.mac));
  p.text('\n');
}

/** `-s`: who holds the entry, how many seconds ago it was used, confirmed and updated, how many probes went out (print_cacheinfo). */
function printCacheInfo(p: Printer, info: NeighCacheInfo | null): void {
  if (!info) return;
  if (info.references > 0) p.any('refcnt', info.references, ` ref ${info.references}`);
  for (const [key, before] of [['used', ' used '], ['confirmed', '/'], ['updated', '/']] as const) {
    const seconds = Math.floor(info[key] / SECOND);
    p.any(key, seconds, `${before}${seconds}`);
  }
  p.any('probes', info.probes, `probes ${info.probes} `);
}

export function printProxy(ip: Ip, p: Printer, row: ProxyNeighRow, links: LinkMap, short: boolean): void {
  p.any('dst', formatIpv4(row.ip), `${formatIpv4(row.ip)} `);
  if (!short) p.any('dev', links.name(row.ifindex), `dev ${links.name(row.ifindex)} `);
  p.any('proxy', null, 'proxy ');
  if (row.protocol !== null) p.any('protocol', protocolText(ip, row.protocol), `proto ${protocolText(ip, row.protocol)} `);
  p.text('\n');
}
