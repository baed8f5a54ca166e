import { fdbCacheInfo } from '../../kernel/netlink/fdb.ts';
import { neighCacheInfo, type NeighCacheInfo } from '../../kernel/netlink/neigh.ts';
import type { NeighMiss } from '../../kernel/netlink/notify.ts';
import type { FdbRow, NeighRow } from '../../kernel/rows.ts';
import { SECOND } from '../../sim/time.ts';
import { formatIpv4, formatMac, isMulticastMac, MAC_ZERO } from '../../wire/address.ts';
import type { Ip } from './ip-context.ts';
import type { LinkMap } from './links.ts';
import type { Tell } from './monitor-events.ts';
import { isValid, printNeigh } from './neigh-show.ts';
import type { Printer } from './printer.ts';

/*
 * What the kernel sends to RTNLGRP_NEIGH: neighbours, entries of forwarding databases (which are neighbours without an IP address to ip(8)),
 * and what it misses.
 */

/** The kernel makes these for itself, without a word: for `lo`, and for what goes to many (arp_constructor). */
function isOwnNoArp({ state, mac }: NeighRow): boolean {
  return state === 'NOARP' && (mac === MAC_ZERO || (mac !== null && isMulticastMac(mac)));
}

/** NUD_IN_TIMER: a timer holds the entry. */
const IN_TIMER: ReadonlySet<string> = new Set(['INCOMPLETE', 'REACHABLE', 'DELAY', 'PROBE']);

/** The address has become known: what waited for it goes out first, and is told of first (__neigh_update). */
export function sendsQueue(before: NeighRow | null, after: NeighRow | null): boolean {
  return before !== null && after !== null && !isValid(before) && isValid(after);
}

/** Entering INCOMPLETE or DELAY is not told (__neigh_event_send, neigh_timer_handler). */
export function neighEvent(before: NeighRow | null, after: NeighRow | null, tell: Tell): void {
  if (after && (after.state === 'INCOMPLETE' || after.state === 'DELAY' || (after.state === 'NONE' && !before))) return;
  if (after && !before && isOwnNoArp(after)) return;
  const row = after ?? before!;
  if (before && after && before.state === after.state && before.mac === after.mac) return;
  // Besides its timer, whoever changes an entry holds it.
  const references = after ? Number(IN_TIMER.has(after.state)) + 1 : 0;
  // The first question goes out before the kernel tells that it asks (neigh_timer_handler).
  const asked = before?.state === 'DELAY' && after?.state === 'PROBE' ? 1 : 0;
  tell('neigh', row.ifindex, (ip, p, links, short) => {
    p.text(after ? '' : 'Deleted ');
    printNeigh(ip, p, row, links, short, seenThen(neighCacheInfo(ip.ns, row), references, asked));
  });
}

function seenThen(info: NeighCacheInfo | null, references: number, asked: number): NeighCacheInfo | null {
  return info && { ...info, references, probes: info.probes + asked };
}

/** A miss (RTM_GETNEIGH), printed as the entry that is missing. */
export function missEvent({ dev, ip: address, mac, state }: NeighMiss, tell: Tell): void {
  tell('neigh', dev.ifindex, (ip, p, links, short) => {
    p.text('miss ');
    const row = address === null ? null : { ifindex: dev.ifindex, ip: address, mac, state, protocol: null, extern: false, router: false };
    const info = row && state !== 'STALE' ? neighCacheInfo(ip.ns, row) : null;
    if (row && info) {
      const first = info.probes === dev.ns.neighbours.devices.get(dev.ifindex)?.settings.parms.ucast_solicit;
      return printNeigh(ip, p, row, links, short, seenThen(info, state === 'INCOMPLETE' && first ? 1 : 2, 0));
    }
    // The VXLAN device asks with an entry that it makes up for that, never used: the time since jiffies were 0.
    const never = JIFFIES_AT_BOOT + ip.ns.queue.now;
    printFdbNeigh(ip, p, links, short, { ifindex: dev.ifindex, dst: address, mac, flags: '', state }, { used: never, updated: never });
  });
}

/** jiffies begin 300 seconds before they overflow 32 bits (INITIAL_JIFFIES), 250 a second. */
const JIFFIES_AT_BOOT = (2 ** 32 / 250 - 300) * SECOND;

const FDB_STATES = { permanent: 'PERMANENT', static: 'NOARP', learned: 'REACHABLE' } as const;
/** A VXLAN device keeps the bits that bridge(8) sends; the default destination it has made for itself (vxlan_dev_configure). */
const VXLAN_STATES = { permanent: 'NOARP PERMANENT', static: 'REACHABLE NOARP', learned: 'REACHABLE' } as const;
const BY_DEFAULT = 'REACHABLE PERMANENT';

export function fdbEvent(before: FdbRow | null, after: FdbRow | null, tell: Tell): void {
  const row = after ?? before!;
  const { ifindex, mac, bridge, remote } = row;
  // Of what a device receives besides its own address only what a user has written is told.
  if (bridge === 0 && !remote && !row.addedByUser) return;
  if (isTakenOver(before, after)) return;
  tell('neigh', ifindex, (ip, p, links, short) => {
    if (bridge === 0 && !remote && !links.get(ifindex)) return;
    p.text(after ? '' : 'Deleted ');
    const state = remote ? (remote.byDefault ? BY_DEFAULT : VXLAN_STATES[row.state]) : bridge === 0 ? 'NOARP PERMANENT' : FDB_STATES[row.state];
    const { now } = ip.ns.queue;
    const info = remote ? { used: now - row.used, updated: now - row.updated } : fdbCacheInfo(ip.ns, row);
    printFdbNeigh(ip, p, links, short, { ifindex, dst: remote?.dst ?? null, mac, flags: `${remote?.router ? 'router ' : ''}${row.externLearn ? 'extern_learn ' : ''}`, state }, info);
  });
}

/** The address of a port that goes is the bridge's own as well: it stays, and nobody is told (fdb_delete_local). */
export function isTakenOver(before: FdbRow | null, after: FdbRow | null): boolean {
  return before !== null && after !== null && before.ifindex !== after.ifindex && after.ifindex === after.bridge && !after.addedByUser;
}

interface FdbNeigh {
  readonly ifindex: number;
  readonly dst: number | null;
  readonly mac: number | null;
  readonly flags: string;
  readonly state: string;
}

/** print_neigh of a message of AF_BRIDGE. `info`: NDA_CACHEINFO, ns; null when there is none. */
function printFdbNeigh(ip: Ip, p: Printer, links: LinkMap, short: boolean, entry: FdbNeigh, info: { readonly used: number; readonly updated: number } | null): void {
  const { ifindex, dst, mac, flags, state } = entry;
  const device = links.name(ifindex);
  if (ip.options.brief) {
    p.text(`${dst === null ? '' : `${formatIpv4(dst).padEnd(39)} `}${short ? '' : `${device.padEnd(16)} `}${mac === null ? '' : formatMac(mac)}\n`);
    return;
  }
  p.text(`${dst === null ? '' : `${formatIpv4(dst)} `}${short ? '' : `dev ${device} `}${mac === null ? '' : `lladdr ${formatMac(mac)} `}${flags}`);
  if (ip.options.stats > 0 && info) p.text(` used ${Math.floor(info.used / SECOND)}/0/${Math.floor(info.updated / SECOND)}`);
  p.text(`${state} \n`);
}
