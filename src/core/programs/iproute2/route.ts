import { KernelError } from '../../kernel/errno.ts';
import { delRoute, listLearnedRoutes, listRoutes } from '../../kernel/netlink/route.ts';
import { flushExceptions } from '../../kernel/pmtu.ts';
import type { RouteRow } from '../../kernel/rows.ts';
import { NotSimulated } from '../../shell/process.ts';
import { getPrefix, type Prefix } from './addresses.ts';
import { type Args, Exit, Failure, invalidArgument, matches, parseUnsigned } from './args.ts';
import { flushRounds } from './flush.ts';
import { netlinkMessage, talk, type Ip } from './ip-context.ts';
import { linkMap, needLink } from './links.ts';
import { dsfieldOf, protocolOf, routeTypeOf, scopeOf, TABLE_LOCAL, TABLE_MAIN, tableNumber } from './names.ts';
import { noRouteFilter, routePasses, type RouteFilter } from './route-filter.ts';
import { cachedRow, printLearned } from './route-cache.ts';
import { getOneRoute } from './route-get.ts';
import { modifyRoute } from './route-modify.ts';
import { printRoute } from './route-show.ts';
import { routeUsage } from './usage-route.ts';

/** `ip route ...` */
export function ipRoute(ip: Ip, args: Args): number {
  const word = args.word;
  if (!args.more) return list(ip, args, 'show');
  args.shift();
  if (matches(word, 'list') || matches(word, 'show') || matches(word, 'lst')) return list(ip, args, 'show');
  if (matches(word, 'get')) return getOneRoute(ip, args);
  if (matches(word, 'add')) return modifyRoute(ip, args, 'add');
  if (matches(word, 'change') || word === 'chg') return modifyRoute(ip, args, 'change');
  if (matches(word, 'replace')) return modifyRoute(ip, args, 'replace');
  if (matches(word, 'prepend')) return modifyRoute(ip, args, 'prepend');
  if (matches(word, 'append')) return modifyRoute(ip, args, 'append');
  if (matches(word, 'test')) throw new NotSimulated('ip route test');
  if (matches(word, 'delete')) return modifyRoute(ip, args, 'delete');
  if (matches(word, 'flush')) return list(ip, args, 'flush');
  if (matches(word, 'save') || matches(word, 'restore') || matches(word, 'showdump')) throw new NotSimulated(`ip route ${word}`);
  if (matches(word, 'help')) routeUsage();
  throw new Exit(255, `Command "${word}" is unknown, try "ip route help".\n`);
}

function list(ip: Ip, args: Args, action: 'show' | 'flush'): number {
  if (action === 'flush' && !args.more) throw new Failure('"ip route flush" requires arguments.\n');
  const filter = noRouteFilter();
  const words: { device: string | null; to: Prefix[] } = { device: null, to: [] };
  for (; args.more; args.shift()) {
    if (!readSelector(ip, args, filter) && !readPlace(ip, args, filter, words)) readPrefix(ip, args, filter, words.to);
  }
  if (words.device !== null) filter.device = needLink(ip.ns, words.device).ifindex;
  const inet6 = ip.options.family === 'inet6' || words.to.some((prefix) => prefix.family === 'inet6');
  if (action === 'flush') return flush(ip, filter, inet6);
  show(ip, filter, inet6);
  return 0;
}

function readSelector(ip: Ip, args: Args, filter: RouteFilter): boolean {
  const word = args.word;
  if (matches(word, 'table')) readTable(ip, args, filter);
  else if (matches(word, 'vrf')) invalidArgument('Invalid VRF\n', args.next());
  else if (matches(word, 'cached') || matches(word, 'cloned')) filter.cached = true;
  else if (word === 'tos' || matches(word, 'dsfield')) {
    filter.tos = dsfieldOf(args.next());
    if (filter.tos === null) invalidArgument('TOS value is invalid\n', args.word);
  } else if (matches(word, 'protocol')) {
    filter.protocol = protocolOf(ip, args.next());
    if (filter.protocol === null && args.word !== 'all') invalidArgument('invalid "protocol"\n', args.word);
  } else if (matches(word, 'scope')) {
    filter.scope = scopeOf(ip, args.next());
    if (filter.scope === null && args.word !== 'all') invalidArgument('invalid "scope"\n', args.word);
  } else if (matches(word, 'type')) {
    filter.type = routeTypeOf(args.next());
    if (filter.type === null) invalidArgument('node type value is invalid\n', args.word);
  } else if (word !== 'match' && (matches(word, 'metric') || matches(word, 'priority') || word === 'preference')) {
    filter.metric = parseUnsigned(args.next());
    if (filter.metric === null) invalidArgument('"metric" value is invalid\n', args.word);
  } else return false;
  return true;
}

function readTable(ip: Ip, args: Args, filter: RouteFilter): void {
  const table = tableNumber(ip, args.next());
  if (table !== null) filter.table = table === 0 ? null : table;
  else if (args.word === 'all') filter.table = null;
  else if (args.word === 'cache') filter.cached = true;
  else if (args.word === 'help') routeUsage();
  else invalidArgument('table id value is invalid\n', args.word);
}

function readPlace(ip: Ip, args: Args, filter: RouteFilter, words: { device: string | null }): boolean {
  const { family } = ip.options;
  switch (args.word) {
    case 'dev':
    case 'oif': words.device = args.next(); return true;
    case 'via': {
      const via = getPrefix(args.next(), family);
      if (via.family === 'inet') filter.via = via;
      return true;
    }
    case 'src': {
      const src = getPrefix(args.next(), family);
      if (src.family === 'inet') filter.src = src;
      return true;
    }
    case 'iif':
    case 'mark':
    case 'nhid': throw new NotSimulated(`ip route show ${args.word}`);
    default:
      if (matches(args.word, 'realms') || matches(args.word, 'from')) throw new NotSimulated(`ip route show ${args.word}`);
      return false;
  }
}

function readPrefix(ip: Ip, args: Args, filter: RouteFilter, to: Prefix[]): void {
  if (matches(args.word, 'to')) args.next();
  const how = (['root', 'match', 'exact'] as const).find((word) => matches(args.word, word)) ?? null;
  if (how) args.next();
  else if (matches(args.word, 'help')) routeUsage();
  const prefix = getPrefix(args.word, ip.options.family);
  to.push(prefix);
  const inet = prefix.family === 'inet' ? prefix : { ip: 0, length: 0 };
  if (how !== 'match') filter.root = inet;
  if (how !== 'root') filter.match = inet;
}

/** The kernel refuses to list a table that was never made; the main table it lists always. */
function routesOf(ip: Ip, filter: RouteFilter, terminated: string): RouteRow[] {
  const rows = listRoutes(ip.ns);
  const { table } = filter;
  if (table === null || table === TABLE_MAIN || filter.cached || rows.some((row) => row.table === table)) return rows;
  // The table of local routes begins to be with the first of them.
  if (table !== TABLE_LOCAL && ip.ns.fib.tables.has(table)) return rows;
  throw new Failure(`${netlinkMessage(new KernelError('ENOENT', 'ipv4: FIB table does not exist'))}${terminated} terminated\n`, 2);
}

function show(ip: Ip, filter: RouteFilter, inet6: boolean): void {
  if (filter.cached) return showLearned(ip, filter, inet6);
  const p = ip.printer();
  const links = linkMap(ip.ns);
  p.begin();
  const rows = inet6 ? [] : routesOf(ip, filter, 'Dump');
  for (const row of rows) {
    if (!routePasses(ip, row, filter)) continue;
    p.openObject();
    printRoute(ip, p, links, row, filter);
    p.closeObject();
  }
  p.end();
}

/** `ip route show cache` */
function showLearned(ip: Ip, filter: RouteFilter, inet6: boolean): void {
  const p = ip.printer();
  const links = linkMap(ip.ns);
  p.begin();
  for (const learned of inet6 ? [] : listLearnedRoutes(ip.ns)) {
    if (!routePasses(ip, cachedRow(learned), { ...filter, cached: false })) continue;
    p.openObject();
    printLearned(ip, p, links, learned);
    p.closeObject();
  }
  p.end();
}

function flush(ip: Ip, filter: RouteFilter, inet6: boolean): number {
  if (filter.cached) {
    flushExceptions(ip.ns);
    if (ip.options.stats > 0) ip.out('*** IPv4 routing cache is flushed.\n');
    return 0;
  }
  const links = linkMap(ip.ns);
  const p = ip.printer();
  return flushRounds(ip, {
    what: 'entries',
    pick: () => (inet6 ? [] : routesOf(ip, filter, 'Flush').filter((row) => routePasses(ip, row, filter))),
    print: (row) => printRoute(ip, p, links, row, filter),
    remove: (row) => { talk(() => delRoute(ip.ns, deletion(row))); },
  });
}

/** RTM_DELROUTE for exactly this route. */
function deletion(row: RouteRow): Parameters<typeof delRoute>[1] {
  return {
    dst: row.dst, prefixLength: row.prefixLength, tos: row.tos, table: row.table, type: row.type, scope: row.scope,
    protocol: row.protocol, priority: row.priority,
    nexthops: row.nexthops.map((hop) => ({ ifindex: hop.ifindex, weight: hop.weight, onlink: hop.onlink, ...(hop.via !== null && { via: hop.via }) })),
  };
}
