import type { LinkMessage } from '../../kernel/netlink/rtmsg.ts';
import type { LinkRow } from '../../kernel/rows.ts';
import type { Ip } from './ip-context.ts';
import { printLinkDetails } from './link-details.ts';
import { printStats } from './link-stats.ts';
import { below, deviceOf, infoKind, isMasterDown, linkFlags, linkMap, linkType, lladdrText, type Below, type LinkMap } from './links.ts';
import { groupText } from './names.ts';
import type { Printer } from './printer.ts';

/** Which links `ip link show` and `ip addr show` list. */
export interface LinkFilter {
  ifindex: number | null;
  up: boolean;
  master: number | null;
  noMaster: boolean;
  /** Value of the row's `group`. */
  group: string | null;
  kind: string | null;
  slaveKind: string | null;
}

export function noLinkFilter(): LinkFilter {
  return { ifindex: null, up: false, master: null, noMaster: false, group: null, kind: null, slaveKind: null };
}

export function linkPasses(row: LinkRow, filter: LinkFilter): boolean {
  if (filter.ifindex !== null && row.ifindex !== filter.ifindex) return false;
  if (filter.up && !row.up) return false;
  if (filter.master !== null && row.master !== filter.master) return false;
  if (filter.noMaster && row.master !== 0) return false;
  if (filter.group !== null && row.group !== filter.group) return false;
  if (filter.kind !== null && infoKind(row) !== filter.kind) return false;
  return filter.slaveKind === null || (row.master !== 0 && filter.slaveKind === 'bridge');
}

/** How a link is shown: by `ip link`, in the head of `ip addr`, or when `ip monitor` hears of it. */
export type LinkView = 'link' | 'addr' | 'event';

/** `veth0@veth1: ` with its index before it, or what `-br` shows of the name. */
export function printLinkName(p: Printer, links: LinkMap, row: LinkRow, under: Below | null, brief: boolean): void {
  const name = `${row.name}${atName(links, under)}`;
  if (under) {
    if (under.netnsid !== null && under.ifindex !== 0) p.value('link_index', under.ifindex);
    else p.value('link', under.ifindex === 0 ? null : links.name(under.ifindex));
  }
  p.any('ifname', row.name, brief ? `${name.padEnd(16)} ` : `${name}: `);
}

function atName(links: LinkMap, under: Below | null): string {
  if (!under) return '';
  if (under.netnsid !== null && under.ifindex !== 0) return `@if${under.ifindex}`;
  return under.ifindex === 0 ? '@NONE' : `@${links.name(under.ifindex)}`;
}

export function printFlags(p: Printer, flags: readonly string[], end: string): void {
  p.openArray('flags');
  for (const flag of flags) p.value(null, flag);
  p.closeArray();
  p.text(`<${flags.join(',')}>${end}`);
}

/** By what, and to whom, a link is told of. */
export interface HeardLink {
  readonly message: LinkMessage;
  /** Ids of the namespaces that the listener knows by their names. */
  readonly netnsIds: ReadonlySet<number>;
}

/** One link as `ip link show` prints it (print_linkinfo), with its last newline. `heard`: for an `event`. */
export function printLink(ip: Ip, p: Printer, links: LinkMap, row: LinkRow, view: LinkView, heard?: HeardLink): void {
  const under = below(ip.ns, row);
  p.any('ifindex', row.ifindex, `${row.ifindex}: `);
  printLinkName(p, links, row, under, false);
  printFlags(p, linkFlags(row, isMasterDown(links, under)), ' ');
  p.any('mtu', row.mtu, `mtu ${row.mtu} `);
  p.any('qdisc', row.qdisc, `qdisc ${row.qdisc} `);
  if (row.master !== 0) p.any('master', links.name(row.master), `master ${links.name(row.master)} `);
  p.any('operstate', row.operstate, `state ${row.operstate} `);
  if (view === 'link') p.any('linkmode', 'DEFAULT', 'mode DEFAULT ');
  p.any('group', groupText(ip, row.group), `group ${groupText(ip, row.group)} `);
  if (row.txqlen !== 0 && view !== 'event') p.any('txqlen', row.txqlen, `qlen ${row.txqlen}`);
  if (heard?.message.event) p.text(`event ${heard.message.event} `);
  const { family, details } = ip.options;
  if (family === 'unspec' || family === 'link' || family === 'bridge' || details > 0) printAddresses(p, row);
  printLinkNetns(p, under, heard?.netnsIds);
  const to = heard?.message.movesTo;
  if (to) p.text(` new-netnsid ${to.nsid} new-ifindex ${to.ifindex}`);
  if (details > 0) printLinkDetails(ip, p, links, row, view);
  if ((view === 'link' || details > 0) && row.alias !== null) {
    p.text(p.newline);
    p.any('ifalias', row.alias, `    alias ${row.alias}`);
  }
  if (view === 'link' && ip.options.stats > 0) {
    p.text(p.newline);
    printLinkStats(ip, p, row);
  }
  p.text('\n');
}

function printAddresses(p: Printer, row: LinkRow): void {
  p.text(p.newline);
  p.any('link_type', linkType(row), `    link/${linkType(row)} `);
  p.any('address', lladdrText(row, row.mac), lladdrText(row, row.mac));
  const pointopoint = row.tunnel !== null && linkType(row) !== 'ether' && row.broadcast !== 0;
  if (pointopoint) p.value('link_pointtopoint', true);
  p.any('broadcast', lladdrText(row, row.broadcast), ` ${pointopoint ? 'peer' : 'brd'} ${lladdrText(row, row.broadcast)}`);
}

function printLinkNetns(p: Printer, under: Below | null, known?: ReadonlySet<number>): void {
  if (!under || under.netnsid === null) return;
  p.value('link_netnsid', under.netnsid);
  const named = under.netns !== null && (known?.has(under.netnsid) ?? true);
  p.text(named ? ` link-netns ${under.netns}` : ` link-netnsid ${under.netnsid}`);
}

/** The counters of a link, without a last newline. */
export function printLinkStats(ip: Ip, p: Printer, row: LinkRow): void {
  const device = deviceOf(ip.ns, row);
  if (device) printStats(ip, p, device);
}

/** One link of `ip -br link`. */
export function printLinkBrief(ip: Ip, p: Printer, links: LinkMap, row: LinkRow, view: LinkView): void {
  const under = below(ip.ns, row);
  printLinkName(p, links, row, under, true);
  p.any('operstate', row.operstate, `${row.operstate.padEnd(14)} `);
  if (view !== 'link') return;
  p.any('address', lladdrText(row, row.mac), `${lladdrText(row, row.mac)} `);
  printFlags(p, linkFlags(row, isMasterDown(links, under)), ' \n');
}

/** `ip link show` over a filter. */
export function showLinks(ip: Ip, filter: LinkFilter): void {
  const p = ip.printer();
  const links = linkMap(ip.ns);
  p.begin();
  for (const row of links.rows) {
    if (!linkPasses(row, filter)) continue;
    p.openObject();
    if (ip.options.brief) printLinkBrief(ip, p, links, row, 'link');
    else printLink(ip, p, links, row, 'link');
    p.closeObject();
  }
  p.end();
}
