import { linkRowOf, type NetDevice } from '../net-device.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { LinkRow } from '../rows.ts';
import { peernet2idAlloc } from './nsid.ts';

/** One message to RTNLGRP_LINK: the state of a device at that moment, be it one in between. */
export interface LinkMessage {
  /** RTM_DELLINK */
  readonly deleted: boolean;
  /** The bridge tells of its port (AF_BRIDGE), or the device of itself. */
  readonly family: 'unspec' | 'bridge';
  readonly row: LinkRow;
  /** IFLA_EVENT in the words of ip(8); null when there is none. */
  readonly event: 'FEATURE CHANGE' | null;
  /** Where a device that leaves the namespace goes to (IFLA_NEW_NETNSID, IFLA_NEW_IFINDEX). */
  readonly movesTo: { readonly nsid: number; readonly ifindex: number } | null;
}

const NOTHING_MORE = { deleted: false, family: 'unspec', event: null, movesTo: null } as const;

function send(ns: NetNamespace, message: LinkMessage): void {
  for (const hear of [...ns.linkListeners]) hear(message);
}

/** Tells what a device is like now, the first time that it exists (rtmsg_ifinfo of RTM_NEWLINK). Nothing of one that is being unregistered. */
export function rtmsgIfinfo(dev: NetDevice, event: LinkMessage['event'] = null): void {
  if (!dev.registered) return;
  dev.announced = true;
  if (dev.ns.linkListeners.size > 0) send(dev.ns, { ...NOTHING_MORE, row: linkRowOf(dev), event });
}

/** What is told of the end of a device, to be sent later (rtmsg_ifinfo_build_skb of RTM_DELLINK): without a queue already. Null when nobody ever heard of it. */
export function dellinkMessage(dev: NetDevice, movesTo: { readonly ns: NetNamespace; readonly ifindex: number } | null): (() => void) | null {
  const { ns } = dev;
  if (!dev.announced || ns.linkListeners.size === 0) return null;
  const row: LinkRow = { ...linkRowOf(dev), qdisc: 'noop' };
  const to = movesTo && { nsid: peernet2idAlloc(ns, movesTo.ns), ifindex: movesTo.ifindex };
  return () => send(ns, { ...NOTHING_MORE, deleted: true, row, movesTo: to });
}

/** The bridge tells of a port (br_ifinfo_notify). */
export function brIfinfoNotify(port: NetDevice, deleted = false): void {
  const { ns } = port;
  if (ns.linkListeners.size > 0) send(ns, { ...NOTHING_MORE, deleted, family: 'bridge', row: linkRowOf(port) });
}

/** Hears of each message to RTNLGRP_LINK from now on. Gives what ends it. */
export function subscribeLinks(ns: NetNamespace, hear: (message: LinkMessage) => void): () => void {
  const listener = (message: LinkMessage): void => hear(message);
  ns.linkListeners.add(listener);
  return () => void ns.linkListeners.delete(listener);
}
