import type { LearnedRoute } from '../../kernel/pmtu.ts';
import type { ExceptionRow, RouteRow } from '../../kernel/rows.ts';
import { SECOND } from '../../sim/time.ts';
import { formatIpv4 } from '../../wire/address.ts';
import type { Ip } from './ip-context.ts';
import type { LinkMap } from './links.ts';
import { TABLE_MAIN, tableName } from './names.ts';
import type { Printer } from './printer.ts';
import { printMetrics, printRouteFlags } from './route-show.ts';

/** What was learned about one destination as a route of its own, for filters to look at. */
export function cachedRow({ route, row, via }: LearnedRoute): RouteRow {
  const hop = { ifindex: row.ifindex, via: row.gateway ?? via, weight: 1, onlink: false, linkdown: false, dead: false };
  return { ...route, dst: row.dst, prefixLength: 32, tos: 0, priority: 0, protocol: 'unspec', scope: 'global', prefsrc: null, nexthops: [hop] };
}

/** One route of `ip route show cache`. */
export function printLearned(ip: Ip, p: Printer, links: LinkMap, { route, row, via }: LearnedRoute): void {
  const gateway = row.gateway ?? via;
  if (ip.options.details > 0) p.any('type', 'unicast', 'unicast ');
  p.any('dst', formatIpv4(row.dst), `${formatIpv4(row.dst)} `);
  if (gateway !== null) p.any('gateway', formatIpv4(gateway), `via ${formatIpv4(gateway)} `);
  p.any('dev', links.name(row.ifindex), `dev ${links.name(row.ifindex)} `);
  if (ip.options.details > 0 || route.table !== TABLE_MAIN) p.any('table', tableName(ip, route.table), `table ${tableName(ip, route.table)} `);
  printRouteFlags(p, []);
  printCache(ip, p, row.gateway === null ? [] : ['redirected'], row, route);
  p.text('\n');
}

/** The second line of a cached route: its flags, how long it is believed, its metrics (print_cache_flags, print_rta_cacheinfo). */
export function printCache(ip: Ip, p: Printer, flags: readonly string[], learned: ExceptionRow | null, route: RouteRow): void {
  p.text(`${p.newline}    cache `);
  p.openArray('cache');
  for (const flag of flags) p.value(null, flag);
  p.closeArray();
  if (flags.length > 0) p.text(`<${flags.join(',')}> `);
  if (learned) {
    const seconds = Math.floor((learned.expires - ip.ns.queue.now) / SECOND);
    p.any('expires', seconds, `expires ${seconds}sec `);
  }
  const pmtu = learned && learned.pmtu > 0 ? learned.pmtu : null;
  printMetrics(p, { mtu: pmtu ?? route.mtu, mtuLock: pmtu !== null ? learned!.locked : route.mtuLock, advmss: route.advmss });
}
