import { NO_CHANGES, NO_READS } from '../trace/change.ts';
import type { Neighbour } from './neigh-table.ts';
import type { NetNamespace } from './net-namespace.ts';
import type { SkBuff } from './sk-buff.ts';
import type { NudState } from './types.ts';

/*
 * The steps of the neighbour layer. Each gives the step's `seq`. Callers ask `recorder.on` first.
 */

export function recordNeighState(ns: NetNamespace, entry: Neighbour, from: NudState, event: string, cause: number): number {
  const step = {
    kind: 'neigh.state' as const, seq: 0, at: 0, machine: ns.machine.name, netns: ns.name, device: entry.dev.name, skb: 0, packet: null,
    cause: cause >= 0 ? cause : entry.step, fn: event === 'TIMER' ? 'neigh_timer_handler' : event === 'SEND' ? '__neigh_event_send' : 'neigh_update',
    reads: NO_READS, changes: NO_CHANGES, ip: entry.ip, from, to: entry.state, event,
  };
  return ns.recorder.step(step);
}

export function recordNeighResolve(ns: NetNamespace, entry: Neighbour, skb: SkBuff, verdict: 'resolved' | 'queued'): number {
  const step = {
    kind: 'neigh.resolve' as const, seq: 0, at: 0, machine: ns.machine.name, netns: ns.name, device: entry.dev.name, skb: skb.id, packet: skb.packet,
    cause: skb.cause, fn: 'neigh_resolve_output', reads: ns.tables.neigh.reads(entry.key), changes: NO_CHANGES,
    ip: entry.ip, state: entry.state, verdict,
  };
  return ns.recorder.step(step);
}
