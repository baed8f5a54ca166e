import type { SimTime } from '../../sim/time.ts';
import type { Ipv4 } from '../../wire/address.ts';
import {
  ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, ICMP_HOST_ANO, ICMP_HOST_ISOLATED, ICMP_HOST_UNKNOWN, ICMP_HOST_UNR_TOS, ICMP_HOST_UNREACH, ICMP_NET_ANO,
  ICMP_NET_UNKNOWN, ICMP_NET_UNR_TOS, ICMP_NET_UNREACH, ICMP_PKT_FILTERED, ICMP_PORT_UNREACH, ICMP_PREC_CUTOFF, ICMP_PREC_VIOLATION,
  ICMP_PROT_UNREACH, ICMP_SR_FAILED, ICMP_TIME_EXCEEDED,
} from '../../wire/icmp.ts';

/** One probe: when it was sent, and what came of it. */
export interface Probe {
  sentAt: SimTime | null;
  receivedAt: SimTime | null;
  /** TTL of the answer as it arrived; 0 when none did. */
  ttl: number;
  from: Ipv4 | null;
  /** `!H`, `!F-1000` ... */
  error: string;
  done: boolean;
  /** Nothing lies behind the one that answered. */
  final: boolean;
}

export function newProbe(): Probe {
  return { sentAt: null, receivedAt: null, ttl: 0, from: null, error: '', done: false, final: false };
}

const UNREACHABLE: Readonly<Record<number, string>> = {
  [ICMP_NET_UNREACH]: '!N', [ICMP_NET_UNKNOWN]: '!N', [ICMP_HOST_ISOLATED]: '!N', [ICMP_NET_UNR_TOS]: '!N', [ICMP_HOST_UNREACH]: '!H',
  [ICMP_HOST_UNKNOWN]: '!H', [ICMP_HOST_UNR_TOS]: '!H', [ICMP_NET_ANO]: '!X', [ICMP_HOST_ANO]: '!X', [ICMP_PKT_FILTERED]: '!X',
  [ICMP_PORT_UNREACH]: '', [ICMP_PROT_UNREACH]: '!P', [ICMP_SR_FAILED]: '!S', [ICMP_PREC_VIOLATION]: '!V', [ICMP_PREC_CUTOFF]: '!C',
};

/** Notes an ICMP error as the answer: all but a time exceeded in transit are the last that there is to find. */
export function icmpAnswer(probe: Probe, type: number, code: number, mtu: number): void {
  if (type === ICMP_TIME_EXCEEDED && code === 0) return;
  if (type === ICMP_DEST_UNREACH) probe.error = code === ICMP_FRAG_NEEDED ? `!F-${mtu}` : UNREACHABLE[code] ?? `!<${code}>`;
  else probe.error = `!<${type}-${code}>`;
  probe.final = true;
}

/** Hops that an answer has come, if it began with a TTL of 64, 128 or 255. */
function hopsOf(ttl: number): number {
  if (ttl <= 64) return 65 - ttl;
  return ttl <= 128 ? 129 - ttl : 256 - ttl;
}

/**
 * A probe got no answer. When the answers to later ones say that the end is reached (`!H` and the like, which routers limit), it
 * takes the first of them in its place if that seems right.
 */
export function checkExpired(probes: readonly Probe[], index: number, perHop: number): void {
  const probe = probes[index]!;
  const first = index - (index % perHop);
  const before = probes.slice(first, index);
  if (before.some((one) => !one.done || !one.final)) return;
  const unsent = probes.findIndex((one, i) => i > index && one.sentAt === null);
  const later = probes.slice(index + 1, unsent < 0 ? undefined : unsent).find((one) => one.done);
  if (!later || !later.final || later.error === '') return;
  const distance = probes.indexOf(later) - index;
  const sameHop = before.length > 0 || (index % perHop) + distance < perHop;
  const seenBefore = probes.slice(0, index).some((one) => one.from !== null && one.from === later.from);
  if (!sameHop && !seenBefore && !fitsByTtl(probes, index, perHop, later)) return;
  Object.assign(probe, later);
  // It counts as sent, so that it is not sent again.
  Object.assign(later, newProbe(), { sentAt: 1 });
}

function fitsByTtl(probes: readonly Probe[], index: number, perHop: number, later: Probe): boolean {
  if (later.ttl === 0) return false;
  let back = hopsOf(later.ttl);
  for (let i = index - 1; i >= 0; i--) {
    const one = probes[i]!;
    if (!one.done || one.final || one.ttl === 0) continue;
    const hops = hopsOf(one.ttl);
    if (hops < back) {
      back = back - hops + Math.floor(i / perHop) + 1;
      break;
    }
  }
  return back <= Math.floor(index / perHop) + 1;
}
