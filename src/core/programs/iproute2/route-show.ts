import { formatIpv4 } from '../../wire/address.ts';
import type { NextHop, RouteRow, Scope } from '../../kernel/rows.ts';
import type { Ip } from './ip-context.ts';
import type { LinkMap } from './links.ts';
import { dsfieldText, protocolText, routeTypeText, scopeName, TABLE_MAIN, tableName } from './names.ts';
import type { Printer } from './printer.ts';
import { singleHop, type RouteFilter } from './route-filter.ts';

/** One route as `ip route show` prints it (print_route), with its newline. `filter` is what the list is restricted to; `short`: to one device. */
export function printRoute(ip: Ip, p: Printer, links: LinkMap, row: RouteRow, filter: RouteFilter | null, short = (filter?.device ?? null) !== null): void {
  const detailed = ip.options.details > 0;
  if (row.type !== 'unicast' || detailed) p.any('type', routeTypeText(ip, row.type), `${routeTypeText(ip, row.type)} `);
  printDestination(p, row);
  if (row.tos !== 0 && filter?.tos === null) p.any('tos', dsfieldText(ip, row.tos), `tos ${dsfieldText(ip, row.tos)} `);
  const hop = singleHop(row);
  if (hop && hop.via !== null && filter?.via?.length !== 32) p.any('gateway', formatIpv4(hop.via), `via ${formatIpv4(hop.via)} `);
  if (hop && hop.ifindex !== 0 && !short) p.any('dev', links.name(hop.ifindex), `dev ${links.name(hop.ifindex)} `);
  const tableShown = filter === null ? row.table !== TABLE_MAIN : filter.table === null && (row.table !== TABLE_MAIN || detailed);
  if (tableShown || (filter === null && detailed)) p.any('table', tableName(ip, row.table), `table ${tableName(ip, row.table)} `);
  printOrigin(ip, p, row, filter);
  printFlagsAndMetrics(p, row, hop);
  if (row.nexthops.length > 1) printNextHops(p, links, row.nexthops);
  p.text('\n');
}

function printDestination(p: Printer, row: RouteRow): void {
  const dst = row.prefixLength === 0 ? 'default' : row.prefixLength === 32 ? formatIpv4(row.dst) : `${formatIpv4(row.dst)}/${row.prefixLength}`;
  p.any('dst', dst, `${dst} `);
}

function printOrigin(ip: Ip, p: Printer, row: RouteRow, filter: RouteFilter | null): void {
  const detailed = ip.options.details > 0;
  if ((row.protocol !== 'boot' || detailed) && (filter?.protocol ?? null) === null) {
    p.any('protocol', protocolText(ip, row.protocol), `proto ${protocolText(ip, row.protocol)} `);
  }
  if ((row.scope !== 'global' || detailed) && (filter?.scope ?? null) === null) {
    p.any('scope', scopeName(ip, row.scope satisfies Scope), `scope ${scopeName(ip, row.scope)} `);
  }
  if (row.prefsrc !== null && filter?.src?.length !== 32) p.any('prefsrc', formatIpv4(row.prefsrc), `src ${formatIpv4(row.prefsrc)} `);
  if (row.priority !== 0 && (filter?.metric ?? null) === null) p.any('metric', row.priority, `metric ${row.priority} `);
}

function hopFlags(hop: NextHop): string[] {
  const flags: string[] = [];
  if (hop.dead) flags.push('dead');
  if (hop.onlink) flags.push('onlink');
  if (hop.linkdown) flags.push('linkdown');
  return flags;
}

/** Flags in JSON as a list, in text as words. */
export function printRouteFlags(p: Printer, flags: readonly string[]): void {
  p.openArray('flags');
  for (const flag of flags) p.any(null, flag, `${flag} `);
  p.closeArray();
}

function printFlagsAndMetrics(p: Printer, row: RouteRow, hop: NextHop | null): void {
  // fib_dump_info: a multipath route is dead or without carrier when all its next hops are.
  const many = row.nexthops.length > 1 ? [
    ...(row.nexthops.every((one) => one.dead) ? ['dead'] : []),
    ...(row.nexthops.every((one) => one.linkdown) ? ['linkdown'] : []),
  ] : [];
  printRouteFlags(p, hop ? hopFlags(hop) : many);
  printMetrics(p, { mtu: row.mtu, mtuLock: row.mtuLock, advmss: row.advmss });
}

/** RTA_METRICS: `mtu 1400 advmss 1000 `. */
export function printMetrics(p: Printer, metrics: { readonly mtu: number | null; readonly mtuLock: boolean; readonly advmss: number | null }): void {
  const { mtu, mtuLock, advmss } = metrics;
  if (mtu === null && advmss === null) return;
  p.openArray('metrics');
  p.openObject();
  if (mtu !== null) p.any('mtu', mtu, `mtu ${mtuLock ? 'lock ' : ''}${mtu} `);
  if (advmss !== null) p.any('advmss', advmss, `advmss ${advmss} `);
  p.closeObject();
  p.closeArray();
}

function printNextHops(p: Printer, links: LinkMap, hops: readonly NextHop[]): void {
  p.openArray('nexthops');
  for (const hop of hops) {
    p.openObject();
    p.text(`${p.newline}\tnexthop `);
    if (hop.via !== null) p.any('gateway', formatIpv4(hop.via), `via ${formatIpv4(hop.via)} `);
    p.any('dev', links.name(hop.ifindex), `dev ${links.name(hop.ifindex)} `);
    p.any('weight', hop.weight, `weight ${hop.weight} `);
    printRouteFlags(p, hopFlags(hop));
    p.closeObject();
  }
  p.closeArray();
}
