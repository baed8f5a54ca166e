import type { NetNamespace } from '../../kernel/net-namespace.ts';
import { NO_READS } from '../../trace/change.ts';
import { bufferContext, defaultOptions } from './ip-context.ts';
import { eventPrinters, type EventKind } from './monitor-events.ts';

/** The group that each kind of event goes to, and what its messages are called after RTM_NEW and RTM_DEL. */
const GROUPS: Readonly<Record<EventKind, readonly [group: string, message: string]>> = {
  link: ['RTNLGRP_LINK', 'LINK'],
  addr: ['RTNLGRP_IPV4_IFADDR', 'ADDR'],
  route: ['RTNLGRP_IPV4_ROUTE', 'ROUTE'],
  neigh: ['RTNLGRP_NEIGH', 'NEIGH'],
  rule: ['RTNLGRP_IPV4_RULE', 'RULE'],
  netconf: ['RTNLGRP_IPV4_NETCONF', 'NETCONF'],
};

/** Who listens in a namespace: how many to each kind. */
interface Listening {
  readonly counts: Map<EventKind, number>;
  end: () => void;
}
const listening = new WeakMap<NetNamespace, Listening>();

/**
 * Says that a program listens to these groups of a namespace, until the function that it gives is called. As long as somebody does, the trace
 * tells what the kernel sends them (`netlink.notify`), each message once. It hears nothing itself: see `subscribeTables`.
 */
export function joinGroups(ns: NetNamespace, kinds: Iterable<EventKind>): () => void {
  if (!ns.recorder.on) return () => {};
  const joined = [...kinds];
  let state = listening.get(ns);
  if (!state) {
    const counts = new Map<EventKind, number>();
    state = { counts, end: recordNotifications(ns, counts) };
    listening.set(ns, state);
  }
  const { counts, end } = state;
  for (const kind of joined) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return () => {
    for (const kind of joined.splice(0)) counts.set(kind, counts.get(kind)! - 1);
    if ([...counts.values()].some((count) => count > 0) || listening.get(ns) !== state) return;
    listening.delete(ns);
    end();
  };
}

interface Message {
  readonly kind: EventKind;
  readonly text: string;
  readonly device: string | null;
  /** The step that is told of: the one that takes the change, which is about to be recorded. */
  readonly cause: number;
}

const ALL = new Set(Object.keys(GROUPS) as EventKind[]);

function recordNotifications(ns: NetNamespace, counts: ReadonlyMap<EventKind, number>): () => void {
  let messages: Message[] = [];
  const { recorder, queue } = ns;
  const record = (): void => {
    const sent = messages;
    messages = [];
    for (const { kind, text, device, cause } of sent) {
      const [group, name] = GROUPS[kind];
      recorder.step({
        kind: 'netlink.notify', machine: ns.machine.name, netns: ns.name, device, skb: 0, packet: null, cause: cause < recorder.steps.length ? cause : -1,
        fn: 'rtnl_notify', reads: NO_READS, group, message: `RTM_${text.startsWith('Deleted ') ? 'DEL' : 'NEW'}${name}`, miss: false, text,
      });
    }
  };
  return eventPrinters(bufferContext(ns, defaultOptions()), ALL, null, (kind, text, ifindex) => {
    // A miss is a step of its own already.
    if (!counts.get(kind) || text.startsWith('miss ')) return;
    if (messages.length === 0) queue.schedule(queue.now, record);
    const device = ifindex === null ? null : ns.devices.get(ifindex)?.name ?? null;
    messages.push({ kind, text: text.trim().replace(/\s*\n\s*/g, ' '), device, cause: recorder.steps.length });
  });
}
