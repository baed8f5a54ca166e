import { netmask } from '../../wire/address.ts';
import type { NextHop, RouteRow } from '../../kernel/rows.ts';
import { inPrefix, type Prefix } from './addresses.ts';
import type { Ip } from './ip-context.ts';
import { scopeNumber, TABLE_MAIN } from './names.ts';

type Inet = Extract<Prefix, { family: 'inet' }> | { readonly ip: number; readonly length: number };

/** Which routes `ip route show` and `flush` take; what a filter fixes is not printed. Null: whatever. */
export interface RouteFilter {
  /** Null for all tables. */
  table: number | null;
  /** Only what ICMP taught about single destinations (`cache`). */
  cached: boolean;
  device: number | null;
  via: Inet | null;
  src: Inet | null;
  protocol: string | null;
  scope: string | null;
  type: string | null;
  metric: number | null;
  tos: number | null;
  /** Prefixes that the route's must lie in, and that must lie in the route's. */
  root: Inet | null;
  match: Inet | null;
}

export function noRouteFilter(): RouteFilter {
  return {
    table: TABLE_MAIN, cached: false, device: null, via: null, src: null, protocol: null, scope: null, type: null, metric: null,
    tos: null, root: null, match: null,
  };
}

/** The address of a route's only next hop; null when it has several or none. */
export function singleHop(row: RouteRow): NextHop | null {
  return row.nexthops.length === 1 ? row.nexthops[0]! : null;
}

export function routePasses(ip: Ip, row: RouteRow, filter: RouteFilter): boolean {
  if (filter.cached) return false;
  if (filter.table !== null && row.table !== filter.table) return false;
  if (filter.protocol !== null && row.protocol !== filter.protocol) return false;
  if (filter.scope !== null && scopeNumber(ip, row.scope) !== scopeNumber(ip, filter.scope)) return false;
  if (filter.type !== null && row.type !== filter.type) return false;
  if (filter.tos !== null && row.tos !== filter.tos) return false;
  if (filter.metric !== null && row.priority !== filter.metric) return false;
  const hop = singleHop(row);
  if (filter.device !== null && hop?.ifindex !== filter.device) return false;
  if (filter.via && !(hop && hop.via !== null && inPrefix(hop.via, filter.via.ip, filter.via.length))) return false;
  if (filter.src && !(row.prefsrc !== null && inPrefix(row.prefsrc, filter.src.ip, filter.src.length))) return false;
  return prefixPasses(row, filter);
}

function prefixPasses(row: RouteRow, { root, match }: RouteFilter): boolean {
  if (root && !(row.prefixLength >= root.length && inPrefix(row.dst, root.ip, root.length))) return false;
  return !match || (row.prefixLength <= match.length && (match.ip & netmask(row.prefixLength)) >>> 0 === row.dst);
}
