import { formatMac } from '../../wire/address.ts';
import { readSysctl } from '../../kernel/sysctl.ts';
import type { NetNamespace } from '../../kernel/net-namespace.ts';
import { subscribeNeighMisses, subscribeTables } from '../../kernel/netlink/notify.ts';
import { subscribeLinks, type LinkMessage } from '../../kernel/netlink/rtmsg.ts';
import type { LinkRow, RouteRow } from '../../kernel/rows.ts';
import { printAddr } from './addr-show.ts';
import { bufferContext, type Ip } from './ip-context.ts';
import { printFlags, printLink, printLinkBrief, printLinkName } from './link-show.ts';
import { below, isMasterDown, linkCache, linkFlags, linkType, type LinkCache, type LinkMap } from './links.ts';
import { fdbEvent, missEvent, neighEvent, sendsQueue } from './monitor-neigh.ts';
import type { Printer } from './printer.ts';
import { printRoute } from './route-show.ts';
import { printRule } from './rule-show.ts';

export type EventKind = 'link' | 'addr' | 'route' | 'neigh' | 'rule' | 'netconf';

type Emit = (kind: EventKind, text: string, ifindex: number | null) => void;

/**
 * Turns changes of the tables into the events that the kernel would send and the text that ip(8) prints of them. `ifindex`: only
 * what is about that device. Gives what ends it.
 */
export function eventPrinters(ip: Ip, kinds: ReadonlySet<EventKind>, ifindex: number | null, emit: Emit): () => void {
  let ended = false;
  const links = linkCache(ip.ns);
  const tellBy = (send: Emit): Tell => (kind, index, text) => {
    if (!kinds.has(kind) || (ifindex !== null && index !== ifindex && kind !== 'rule')) return;
    const buffer = bufferContext(ip.ns, { ...ip.options, json: false });
    text(buffer, buffer.printer(), links, ifindex !== null);
    if (buffer.text() !== '') send(kind, buffer.text(), index);
  };
  const tell = tellBy(emit);
  const tellLater = tellBy((...event) => void ip.ns.queue.schedule(ip.ns.queue.now, () => { if (!ended) emit(...event); }));
  const announced: Announced = (of, index, name, value) => netconfEvent(of, index, name, value, tell);
  ip.ns.sysctl.announced.add(announced);
  const endTables = subscribeTables(ip.ns, {
    link: (before, after) => confEvents(before, after, tell),
    addr: (before, after) => {
      const row = after ?? before!;
      tell('addr', row.ifindex, (context, p, links) => {
        p.text(after ? '' : 'Deleted ');
        printAddr(context, p, row, links.name(row.ifindex), true);
      });
    },
    route: (before, after) => {
      const row = after ?? before!;
      if (after ? before && isSameRoute(before, after) : ip.ns.fib.flushing) return;
      tell('route', row.nexthops.length === 1 ? row.nexthops[0]!.ifindex : null, (context, p, links, short) => {
        p.text(after ? '' : 'Deleted ');
        printRoute(context, p, links, row, null, short);
      });
    },
    neigh: (before, after) => neighEvent(before, after, sendsQueue(before, after) ? tellLater : tell),
    fdb: (before, after) => fdbEvent(before, after, tell),
    rule: (before, after) => {
      const row = after ?? before!;
      tell('rule', null, (context, p) => {
        p.text(after ? '' : 'Deleted ');
        printRule(context, p, row);
      });
    },
  });
  const endLinks = subscribeLinks(ip.ns, (message) => {
    // Who does not hear of links goes by the names that they had.
    if (kinds.has('link')) links.remember(message.row, message.deleted);
    tell('link', message.row.ifindex, (context, p) => printLinkMessage(context, p, links, message));
  });
  const endMisses = subscribeNeighMisses(ip.ns, (miss) => missEvent(miss, tell));
  return () => {
    ip.ns.sysctl.announced.delete(announced);
    endTables();
    endLinks();
    endMisses();
    ended = true;
  };
}

type Announced = NetNamespace['sysctl']['announced'] extends Set<infer Listener> ? Listener : never;
/** `text` prints the event; `short` when only one device is listened to, which is then not named again. */
export type Tell = (kind: EventKind, ifindex: number | null, text: (ip: Ip, p: Printer, links: LinkMap, short: boolean) => void) => void;

/** A device comes with settings of its own, and they go with it. */
function confEvents(before: LinkRow | null, after: LinkRow | null, tell: Tell): void {
  const row = after ?? before!;
  if (!before) {
    tell('netconf', row.ifindex, (ip, p) => p.text(`inet ${row.name} ${newConf(ip)}\n`));
    tell('netconf', row.ifindex, (_ip, p) => p.text(`inet6 ${row.name} forwarding off mc_forwarding off proxy_neigh off ignore_routes_with_linkdown off \n`));
  }
  if (!after) {
    tell('netconf', row.ifindex, (_ip, p) => p.text(`Deleted inet ${row.name} \n`));
    tell('netconf', row.ifindex, (_ip, p) => p.text(`Deleted inet6 ${row.name} \n`));
  }
}

function printLinkMessage(ip: Ip, p: Printer, links: LinkCache, message: LinkMessage): void {
  const { row, deleted } = message;
  if (message.family === 'bridge') return printPort(ip, p, links, row, deleted);
  p.text(deleted ? 'Deleted ' : '');
  if (ip.options.brief) printLinkBrief(ip, p, links, row, 'addr');
  else printLink(ip, p, links, row, 'event', { message, netnsIds: links.netnsIds });
}

/** A message of the bridge about one of its ports (AF_BRIDGE), which tells less of the link. */
function printPort(ip: Ip, p: Printer, links: LinkMap, row: LinkRow, deleted: boolean): void {
  const under = below(ip.ns, row);
  p.text(deleted ? 'Deleted ' : '');
  if (ip.options.brief) return p.text(`${row.name.padEnd(16)} ${row.operstate.padEnd(14)} `);
  p.text(`${row.ifindex}: `);
  printLinkName(p, links, row, under, false);
  printFlags(p, linkFlags(row, isMasterDown(links, under)), ' ');
  p.text(`mtu ${row.mtu} master ${links.name(row.master)} state ${row.operstate} ${p.newline}`);
  p.text(`    link/${linkType(row)} ${formatMac(row.mac)}\n`);
}

/** Only flags of next hops moved: the kernel says nothing. */
function isSameRoute(before: RouteRow, after: RouteRow): boolean {
  const bare = (row: RouteRow): string => JSON.stringify({ ...row, nexthops: row.nexthops.map((hop) => ({ ...hop, linkdown: false, dead: false })) });
  return bare(before) === bare(after);
}

const NETCONF: Readonly<Record<string, string>> = {
  forwarding: 'forwarding', rp_filter: 'rp_filter', mc_forwarding: 'mc_forwarding', proxy_arp: 'proxy_neigh',
  ignore_routes_with_linkdown: 'ignore_routes_with_linkdown',
};

/** What a new device is told to do: as `default` says. */
function newConf(ip: Ip): string {
  return Object.entries(NETCONF).map(([name, word]) => `${word} ${netconfValue(name, readSysctl(ip.ns, `net/ipv4/conf/default/${name}`))} `).join('');
}

function netconfValue(name: string, value: string): string {
  if (name === 'rp_filter') return ['off', 'strict', 'loose'][Number(value)] ?? value;
  return value === '0' ? 'off' : 'on';
}

/** A setting that the kernel announces (inet_netconf_notify_devconf). */
function netconfEvent(of: string, ifindex: number | null, name: string, value: number, tell: Tell): void {
  tell('netconf', ifindex, (_ip, p) => p.text(`inet ${of} ${NETCONF[name]} ${netconfValue(name, String(value))} \n`));
}
