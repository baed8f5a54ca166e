import { formatIpv4 } from '../../wire/address.ts';
import { listAddrs } from '../../kernel/netlink/addr.ts';
import type { AddrRow, LinkRow } from '../../kernel/rows.ts';
import { inPrefix, type Prefix } from './addresses.ts';
import type { Ip } from './ip-context.ts';
import { linkPasses, noLinkFilter, printLink, printLinkBrief, printLinkStats, type LinkFilter } from './link-show.ts';
import { linkMap, type LinkMap } from './links.ts';
import { scopeName } from './names.ts';
import type { Printer } from './printer.ts';

/** A flag of an address that a filter wants set, or not set. */
export type AddrFlag = 'permanent' | 'secondary' | 'deprecated' | 'noprefixroute' | 'other';

/** Which addresses `ip addr show` and `ip addr flush` take. */
export interface AddrFilter {
  readonly link: LinkFilter;
  to: Prefix | null;
  scope: string | null;
  label: string | null;
  readonly flags: Map<AddrFlag, boolean>;
}

export function noAddrFilter(): AddrFilter {
  return { link: noLinkFilter(), to: null, scope: null, label: null, flags: new Map() };
}

function hasFlag(row: AddrRow, flag: AddrFlag): boolean {
  if (flag === 'permanent') return row.validLifetime === null;
  if (flag === 'secondary') return row.secondary;
  if (flag === 'deprecated') return row.preferredLifetime === 0;
  return flag === 'noprefixroute' && row.noprefixroute;
}

/** The wildcards of fnmatch(3) that a label may have. */
function globMatches(pattern: string, text: string): boolean {
  const source = pattern.replace(/[.+^${}()|\\]/g, '\\$&').replace(/\*/g, '.*').replace(/\?/g, '.').replace(/\[!/g, '[^');
  return new RegExp(`^${source}$`).test(text);
}

/** True when the filter takes the address, its interface aside. */
export function addrPasses(row: AddrRow, filter: AddrFilter): boolean {
  if (filter.scope !== null && row.scope !== filter.scope) return false;
  for (const [flag, wanted] of filter.flags) if (hasFlag(row, flag) !== wanted) return false;
  if (filter.to?.family === 'inet' && !inPrefix(row.local, filter.to.ip, filter.to.length)) return false;
  return filter.label === null || globMatches(filter.label, row.label);
}

/** One address as `ip addr` prints it (print_addrinfo). `named`: with the interface before it, as `-o` and events have it. */
export function printAddr(ip: Ip, p: Printer, row: AddrRow, device: string, named: boolean): void {
  if (ip.options.brief) {
    printLocal(p, row);
    return;
  }
  if (named) {
    p.any('index', row.ifindex, `${row.ifindex}: `);
    p.any('dev', device, device);
  }
  p.any('family', 'inet', '    inet ');
  printLocal(p, row);
  if (row.broadcast !== null) p.any('broadcast', formatIpv4(row.broadcast), `brd ${formatIpv4(row.broadcast)} `);
  p.any('scope', scopeName(ip, row.scope), `scope ${scopeName(ip, row.scope)} `);
  if (row.secondary) p.any('secondary', true, 'secondary ');
  if (row.preferredLifetime === 0) p.any('deprecated', true, 'deprecated ');
  if (row.validLifetime !== null) p.any('dynamic', true, 'dynamic ');
  if (row.noprefixroute) p.any('noprefixroute', true, 'noprefixroute ');
  p.any('label', row.label, row.label);
  p.text(`${p.newline}       valid_lft `);
  lifetime(p, 'valid_life_time', row.validLifetime);
  p.text(' preferred_lft ');
  lifetime(p, 'preferred_life_time', row.preferredLifetime);
  p.text('\n');
}

function printLocal(p: Printer, row: AddrRow): void {
  p.any('local', formatIpv4(row.local), formatIpv4(row.local));
  if (row.address !== row.local) p.any('address', formatIpv4(row.address), ` peer ${formatIpv4(row.address)}`);
  p.any('prefixlen', row.prefixLength, `/${row.prefixLength} `);
  if (row.metric) p.any('metric', row.metric, `metric ${row.metric} `);
}

function lifetime(p: Printer, key: string, seconds: number | null): void {
  p.any(key, seconds ?? 0xffff_ffff, seconds === null ? 'forever' : `${seconds}sec`);
}

/** `ip addr show` over a filter. */
export function showAddrs(ip: Ip, filter: AddrFilter): void {
  const p = ip.printer();
  const links = linkMap(ip.ns);
  const asked = filter.to && filter.to.family !== 'any' ? filter.to.family : 'unspec';
  const family = ip.options.family === 'unspec' ? asked : ip.options.family;
  const addrs = family === 'link' ? [] : listAddrs(ip.ns);
  p.begin();
  for (const row of links.rows) {
    if (!linkPasses(row, filter.link)) continue;
    const own = addrs.filter((addr) => addr.ifindex === row.ifindex);
    const shown = family === 'inet6' ? [] : own.filter((addr) => addrPasses(addr, filter));
    if (family !== 'link' && shown.length === 0 && !(own.length === 0 && family === 'unspec')) continue;
    showOne({ ...ip, options: { ...ip.options, family } }, p, links, row, { addrs: shown, withAddrs: family !== 'link', labelled: filter.label !== null });
  }
  p.end();
}

interface Shown {
  readonly addrs: readonly AddrRow[];
  /** False for a family that has none. */
  readonly withAddrs: boolean;
  readonly labelled: boolean;
}

function showOne(ip: Ip, p: Printer, links: LinkMap, row: LinkRow, { addrs, withAddrs, labelled }: Shown): void {
  const { brief, oneline } = ip.options;
  p.openObject();
  // A filter by label shows addresses alone, as if -o were given.
  const linkShown = brief || !withAddrs || !(oneline || labelled);
  if (brief) printLinkBrief(ip, p, links, row, 'addr');
  else if (linkShown) printLink(ip, p, links, row, 'addr');
  if (withAddrs) {
    p.openArray('addr_info');
    for (const addr of addrs) {
      p.openObject();
      printAddr(ip, p, addr, row.name, oneline);
      p.closeObject();
    }
    p.closeArray();
    if (brief) p.text('\n');
  }
  if (linkShown && !brief && ip.options.stats > 0) {
    printLinkStats(ip, p, row);
    p.text('\n');
  }
  p.closeObject();
}
