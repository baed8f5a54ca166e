import { SECOND, type SimTime } from '../../../sim/time.ts';
import { ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, ICMP_REDIRECT, ICMP_SR_FAILED, ICMP_TIME_EXCEEDED } from '../../../wire/icmp.ts';
import type { IcmpHeader } from '../../../wire/packet.ts';
import { redirect, updatePmtu } from '../../icmp-route.ts';
import type { QuotedDatagram } from '../../inet-state.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import type { SkBuff } from '../../sk-buff.ts';
import type { IpTunnel } from './tunnel-state.ts';

/** IPTUNNEL_ERR_TIMEO: so long inner senders hear of an error about an outer packet. */
export const IPTUNNEL_ERR_TIMEO: SimTime = 30 * SECOND;

const ICMP_EXC_TTL = 0;

/** An ICMP error about an outer packet. `info`: next-hop MTU, or gateway. */
export interface TunnelError {
  readonly icmp: IcmpHeader;
  readonly skb: SkBuff;
  readonly quoted: QuotedDatagram;
  readonly info: number;
}

/** What an error teaches about the way to the other end: a smaller MTU, a better gateway. True when it was one of these. */
export function learnFromError(ns: NetNamespace, { icmp, skb, quoted, info }: TunnelError, oif: number): boolean {
  const owner = { oif, mark: 0, tos: 0 };
  if (icmp.type === ICMP_DEST_UNREACH && icmp.code === ICMP_FRAG_NEEDED) updatePmtu(ns, quoted, info, owner);
  else if (icmp.type === ICMP_REDIRECT) redirect(ns, skb, quoted, info, owner);
  else return false;
  return true;
}

/** True of errors that say that the other end cannot be reached. */
export function isLasting({ type, code }: IcmpHeader): boolean {
  if (type === ICMP_DEST_UNREACH) return code !== ICMP_SR_FAILED;
  return type === ICMP_TIME_EXCEEDED && code === ICMP_EXC_TTL;
}

/**
 * Remembers an error for the inner packets that follow (the soft state of RFC 2003 4.1): an error quotes too little to tell the inner sender at
 * once. Nothing is remembered of a device without an end of its own, and of a TTL that was the inner packet's.
 */
export function countError(t: IpTunnel, { icmp }: TunnelError): void {
  if (t.parms.remote === 0 || (t.parms.ttl === 0 && icmp.type === ICMP_TIME_EXCEEDED)) return;
  const { now } = t.net.queue;
  t.errCount = t.errCount > 0 && now < t.errTime + IPTUNNEL_ERR_TIMEO ? t.errCount + 1 : 1;
  t.errTime = now;
}
