import { formatMac, isMulticastMac, MAC_ZERO } from '../../wire/address.ts';
import { readSysctl } from '../../kernel/sysctl.ts';
import type { NetNamespace } from '../../kernel/net-namespace.ts';
import type { FdbRow, LinkRow, NeighRow, RouteRow } from '../../kernel/rows.ts';
import { printAddr } from './addr-show.ts';
import { bufferContext, type Ip } from './ip-context.ts';
import { printFlags, printLink, printLinkName } from './link-show.ts';
import { below, isMasterDown, linkFlags, linkMap, linkType, type LinkMap } from './links.ts';
import { listenTo } from './monitor.ts';
import { printNeigh } from './neigh-show.ts';
import type { Printer } from './printer.ts';
import { printRoute } from './route-show.ts';
import { printRule } from './rule-show.ts';

export type EventKind = 'link' | 'addr' | 'route' | 'neigh' | 'rule' | 'netconf';

type Emit = (kind: EventKind, text: string, about?: string) => void;

/**
 * Turns changes of the tables into the events that the kernel would send and the text that ip(8) prints of them. `ifindex`: only
 * what is about that device. Gives what ends it.
 */
export function eventPrinters(ip: Ip, kinds: ReadonlySet<EventKind>, ifindex: number | null, emit: Emit): () => void {
  const tell: Tell = (kind, index, text, about) => {
    if (!kinds.has(kind) || (ifindex !== null && index !== ifindex)) return;
    const buffer = bufferContext(ip.ns, { ...ip.options, json: false, brief: false });
    text(buffer, buffer.printer(), linkMap(ip.ns));
    if (buffer.text() !== '') emit(kind, buffer.text(), about);
  };
  const announced: Announced = (of, index, name, value) => netconfEvent(of, index, name, value, tell);
  ip.ns.sysctl.announced.add(announced);
  const endTables = listenTo(ip.ns, {
    link: (before, after) => linkEvents(before, after, tell),
    addr: (before, after) => {
      const row = after ?? before!;
      tell('addr', row.ifindex, (context, p, links) => {
        p.text(after ? '' : 'Deleted ');
        printAddr(context, p, row, links.name(row.ifindex), true);
      });
    },
    route: (before, after) => {
      const row = after ?? before!;
      if (after ? before && isSameRoute(before, after) : isSilentDeletion(ip, row)) return;
      tell('route', row.nexthops[0]?.ifindex ?? 0, (context, p, links) => {
        p.text(after ? '' : 'Deleted ');
        printRoute(context, p, links, row, null);
      });
    },
    neigh: (before, after) => neighEvent(before, after, tell),
    fdb: (before, after) => fdbEvent(before, after, tell),
    rule: (before, after) => {
      const row = after ?? before!;
      tell('rule', null, (context, p) => {
        p.text(after ? '' : 'Deleted ');
        printRule(context, p, row);
      });
    },
  });
  return () => {
    ip.ns.sysctl.announced.delete(announced);
    endTables();
  };
}

type Announced = NetNamespace['sysctl']['announced'] extends Set<infer Listener> ? Listener : never;
type Tell = (kind: EventKind, ifindex: number | null, text: (ip: Ip, p: Printer, links: LinkMap) => void, about?: string) => void;

function linkEvents(before: LinkRow | null, after: LinkRow | null, tell: Tell): void {
  const row = after ?? before!;
  if (!before) {
    tell('netconf', row.ifindex, (ip, p) => p.text(`inet ${row.name} ${newConf(ip)}\n`));
    tell('netconf', row.ifindex, (_ip, p) => p.text(`inet6 ${row.name} forwarding off mc_forwarding off proxy_neigh off ignore_routes_with_linkdown off \n`));
  }
  if (!after) {
    tell('netconf', row.ifindex, (_ip, p) => p.text(`Deleted inet ${row.name} \n`));
    tell('netconf', row.ifindex, (_ip, p) => p.text(`Deleted inet6 ${row.name} \n`));
  }
  if (before?.port && !after?.port) tell('link', row.ifindex, (ip, p, links) => printPort(ip, p, links, before, true));
  // Neither a change of the port alone nor the arrival of a veth's other end makes the device speak.
  const bare = (link: LinkRow): string => JSON.stringify({ ...link, port: null, link: null });
  if (!before || !after || bare(before) !== bare(after)) {
    const dead = after ? row : { ...row, link: row.kind === 'vlan' ? row.link : null, qdisc: 'noop' };
    tell('link', row.ifindex, (ip, p, links) => {
      p.text(after ? '' : 'Deleted ');
      printLink(ip, p, links, dead, 'event');
    }, after && before ? `link/${row.ifindex}` : undefined);
  }
  if (after?.port && JSON.stringify(before?.port) !== JSON.stringify(after.port)) {
    tell('link', row.ifindex, (ip, p, links) => printPort(ip, p, links, after, false), `port/${row.ifindex}`);
  }
}

/** A message of the bridge about one of its ports (AF_BRIDGE), which tells less of the link. */
function printPort(ip: Ip, p: Printer, links: LinkMap, row: LinkRow, deleted: boolean): void {
  const under = below(ip.ns, row);
  p.text(`${deleted ? 'Deleted ' : ''}${row.ifindex}: `);
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

/** Routes that go because their device goes down are flushed without a word (fib_flush). */
function isSilentDeletion(ip: Ip, row: RouteRow): boolean {
  return row.nexthops.some((hop) => ip.ns.devices.get(hop.ifindex)?.up !== true);
}

/** The kernel makes these for itself, without a word: for `lo`, and for what goes to many (arp_constructor). */
function isOwnNoArp({ state, mac }: NeighRow): boolean {
  return state === 'NOARP' && (mac === MAC_ZERO || (mac !== null && isMulticastMac(mac)));
}

/** Entering INCOMPLETE or DELAY is not told (__neigh_event_send, neigh_timer_handler). */
function neighEvent(before: NeighRow | null, after: NeighRow | null, tell: Tell): void {
  if (after && (after.state === 'INCOMPLETE' || after.state === 'DELAY' || (after.state === 'NONE' && !before))) return;
  if (after && !before && isOwnNoArp(after)) return;
  const row = after ?? before!;
  if (before && after && before.state === after.state && before.mac === after.mac) return;
  tell('neigh', row.ifindex, (ip, p, links) => {
    p.text(after ? '' : 'Deleted ');
    printNeigh(ip, p, row, links, false);
  });
}

const FDB_STATES = { permanent: 'PERMANENT', static: 'NOARP', learned: 'REACHABLE' } as const;

/** An entry of a bridge is a neighbour without an address to ip(8). */
function fdbEvent(before: FdbRow | null, after: FdbRow | null, tell: Tell): void {
  const row = after ?? before!;
  if (row.bridge === 0) return;
  tell('neigh', row.ifindex, (_ip, p, links) => {
    const extern = row.externLearn ? 'extern_learn ' : '';
    p.text(`${after ? '' : 'Deleted '}dev ${links.name(row.ifindex)} lladdr ${formatMac(row.mac)} ${extern}${FDB_STATES[row.state]} \n`);
  });
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
