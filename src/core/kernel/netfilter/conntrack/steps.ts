import { NO_READS } from '../../../trace/change.ts';
import type { ConntrackConfirmStep, ConntrackDirection, ConntrackStateStep, CtStateText } from '../../../trace/step.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import type { CtInfo, SkBuff } from '../../sk-buff.ts';
import type { NfHookState } from '../hooks.ts';
import type { NfConn } from './nf-conn.ts';

/* The steps of connection tracking. Callers ask `recorder.on` first. */

export function isReplyInfo(ctinfo: CtInfo | null): boolean {
  return ctinfo === 'ESTABLISHED_REPLY' || ctinfo === 'RELATED_REPLY';
}

export function directionOf(ctinfo: CtInfo | null): ConntrackDirection {
  return isReplyInfo(ctinfo) ? 'reply' : 'original';
}

const STATES: Readonly<Record<CtInfo, CtStateText>> = {
  NEW: 'NEW', ESTABLISHED: 'ESTABLISHED', ESTABLISHED_REPLY: 'ESTABLISHED', RELATED: 'RELATED', RELATED_REPLY: 'RELATED', UNTRACKED: 'UNTRACKED',
};

interface Base {
  readonly machine: string;
  readonly netns: string;
  readonly device: string;
  readonly skb: number;
  readonly packet: SkBuff['packet'];
  readonly cause: number;
}

export function stepBase(ns: NetNamespace, skb: SkBuff, state: NfHookState): Base {
  return { machine: ns.machine.name, netns: ns.name, device: (state.in ?? state.out ?? skb.dev).name, skb: skb.id, packet: skb.packet, cause: skb.cause };
}

function readsOf(ns: NetNamespace, ct: NfConn): ReturnType<NetNamespace['tables']['conntrack']['reads']> {
  return ns.tables.conntrack.reads(String(ct.id));
}

/** `none`: what the packet is without a connection; null when it was not even looked up. */
export function recordConntrackIn(ns: NetNamespace, skb: SkBuff, state: NfHookState, created: boolean, why: string, none: CtStateText = 'INVALID'): void {
  const { ct, ctinfo } = skb;
  const step = {
    kind: 'conntrack.in' as const, ...stepBase(ns, skb, state), fn: 'nf_conntrack_in', reads: ct === null ? NO_READS : readsOf(ns, ct),
    state: ctinfo === null ? none : STATES[ctinfo], entry: ct === null ? null : String(ct.id), direction: ct === null ? null : directionOf(ctinfo), created, why,
  };
  ns.recorder.step(step);
}

export function recordConntrackConfirm(ns: NetNamespace, skb: SkBuff, state: NfHookState, ct: NfConn, outcome: ConntrackConfirmStep['outcome'], why: string): void {
  const step = {
    kind: 'conntrack.confirm' as const, ...stepBase(ns, skb, state), fn: '__nf_conntrack_confirm', reads: readsOf(ns, ct),
    entry: String(ct.id), outcome, why,
  };
  ns.recorder.step(step);
}

export function recordConntrackState(ns: NetNamespace, skb: SkBuff, state: NfHookState, ct: NfConn, change: Pick<ConntrackStateStep, 'from' | 'to' | 'event'>): void {
  const step = {
    kind: 'conntrack.state' as const, ...stepBase(ns, skb, state), fn: 'nf_conntrack_tcp_packet', reads: readsOf(ns, ct),
    entry: String(ct.id), ...change, direction: directionOf(skb.ctinfo),
  };
  ns.recorder.step(step);
}

/** The kernel writes a line into its log. */
export function recordLog(ns: NetNamespace, skb: SkBuff, state: NfHookState, fn: string, line: string): void {
  ns.recorder.step({ kind: 'nf.log' as const, ...stepBase(ns, skb, state), fn, reads: NO_READS, line });
}
