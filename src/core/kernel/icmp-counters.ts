import type { NetNamespace } from './net-namespace.ts';

const IN_NAMES = Array.from({ length: 256 }, (_, type) => `IcmpMsg.InType${type}`);
const OUT_NAMES = Array.from({ length: 256 }, (_, type) => `IcmpMsg.OutType${type}`);

/** A message came in (ICMPMSGIN_INC_STATS). */
export function icmpInCount(ns: NetNamespace, type: number): void {
  ns.count(IN_NAMES[type]!);
}

/** A message is on its way out (icmp_out_count). */
export function icmpOutCount(ns: NetNamespace, type: number): void {
  ns.count('Icmp.OutMsgs');
  ns.count(OUT_NAMES[type]!);
}

/** The counters of RFC 1213 that /proc/net/snmp makes of the counters by type (icmpmibmap). */
const ICMP_MIB: readonly (readonly [name: string, type: number])[] = [
  ['DestUnreachs', 3], ['TimeExcds', 11], ['ParmProbs', 12], ['SrcQuenchs', 4], ['Redirects', 5], ['Echos', 8], ['EchoReps', 0],
  ['Timestamps', 13], ['TimestampReps', 14], ['AddrMasks', 17], ['AddrMaskReps', 18],
];

/** Adds `Icmp.InEchos` and its like to the counters. */
export function addIcmpMib(counters: Map<string, number>): void {
  for (const [name, type] of ICMP_MIB) {
    const received = counters.get(IN_NAMES[type]!);
    const sent = counters.get(OUT_NAMES[type]!);
    if (received) counters.set(`Icmp.In${name}`, received);
    if (sent) counters.set(`Icmp.Out${name}`, sent);
  }
}
