import { MILLISECOND } from '../sim/time.ts';
import type { Ipv4 } from '../wire/address.ts';
import { readU32, writeU32 } from '../wire/bytes.ts';
import { ICMP_PARAMETERPROB } from '../wire/icmp.ts';
import type { Ipv4Header } from '../wire/packet.ts';
import { inDevConf } from './dev-conf.ts';
import { dropSkb } from './dev.ts';
import { KernelError } from './errno.ts';
import type { RouteResult } from './fib/fib-result.ts';
import { inetAddrType } from './fib/in-device.ts';
import { fibLookupInput, type InputRoute } from './fib/lookup.ts';
import { icmpSend } from './icmp-send.ts';
import { compileOptions, IPV4_HLEN, type OptionControl } from './ip-options-compile.ts';
import type { NetDevice } from './net-device.ts';
import type { NetNamespace } from './net-namespace.ts';
import type { SkBuff } from './sk-buff.ts';
import { sourceOfRoute, specDst } from './spec-dst.ts';

/** Options as a sender has them, checked and ready to be put into packets (struct ip_options_rcu). */
export interface SentOptions {
  readonly bytes: Uint8Array;
  readonly control: OptionControl;
  /** With a source route, the packet goes here first; the destination is the route's last stop. */
  readonly firstHop: Ipv4 | null;
}

/** What was found in the options of packets that came in, while they are in this host (IPCB(skb)->opt). */
const CONTROL = new WeakMap<SkBuff, OptionControl>();

/** Milliseconds since midnight (inet_current_timestamp). A lab begins at midnight. */
export function inetCurrentTimestamp(ns: NetNamespace): number {
  return Math.floor(ns.queue.now / MILLISECOND) % 86_400_000;
}

/** Checks what a program wants to send with its packets (ip_options_get). Throws EINVAL when the kernel refuses it. */
export function optionsForSending(ns: NetNamespace, bytes: Uint8Array): SentOptions {
  if (bytes.length > 40) throw new KernelError('EINVAL');
  const padded = new Uint8Array((bytes.length + 3) & ~3);
  padded.set(bytes);
  const { control, error } = compileOptions(padded, { addrType: (address) => inetAddrType(ns, address), received: null });
  if (error !== null) throw new KernelError('EINVAL');
  return { bytes: padded, control, firstHop: control.firstHop };
}

/** Fills in what this host adds to the options of a packet that it sends (ip_options_build). */
export function buildOptions(ns: NetNamespace, options: SentOptions, src: Ipv4, dst: Ipv4): Uint8Array {
  const bytes = options.bytes.slice();
  const { control } = options;
  if (control.srr >= 0) writeU32(bytes, control.srr + bytes[control.srr + 1]! - 4, dst);
  if (control.rrNeedAddr) writeU32(bytes, control.rr + bytes[control.rr + 2]! - 5, src);
  if (control.tsNeedAddr) writeU32(bytes, control.ts + bytes[control.ts + 2]! - 9, src);
  if (control.tsNeedTime) writeU32(bytes, control.ts + bytes[control.ts + 2]! - 5, inetCurrentTimestamp(ns));
  return bytes;
}

function withOptions(skb: SkBuff, options: Uint8Array, dst?: Ipv4): void {
  const ip = skb.packet[0] as Ipv4Header;
  skb.packet = [{ ...ip, options, dst: dst ?? ip.dst }, ...skb.packet.slice(1)];
}

/**
 * The options of a packet that came in (ip_rcv_options). `route` is the way found for it, null when it brought its own; gives
 * the way to go, which a source route may change, or `dropped`.
 */
export function ipRcvOptions(ns: NetNamespace, skb: SkBuff, dev: NetDevice, route: InputRoute | null): InputRoute | null | 'dropped' {
  const ip = skb.packet[0] as Ipv4Header;
  const bytes = ip.options!.slice();
  const received = { address: () => specDst(ns, skb, dev), now: inetCurrentTimestamp(ns) };
  const { control, error, changed } = compileOptions(bytes, { addrType: (address) => inetAddrType(ns, address), received });
  if (changed) withOptions(skb, bytes);
  if (error !== null) {
    icmpSend(skb, ICMP_PARAMETERPROB, 0, ((IPV4_HLEN + error) << 24) >>> 0);
    ns.count('Ip.InHdrErrors');
    dropSkb(skb, dev, 'ip_rcv_options', 'IP_INHDR', 'an option is not valid');
    return 'dropped';
  }
  CONTROL.set(skb, control);
  if (control.srr < 0) return route;
  if (inDevConf(ns, dev, 'accept_source_route') === 0) {
    dropSkb(skb, dev, 'ip_rcv_options', 'IP_INHDR', 'source routes are not accepted here (accept_source_route)');
    return 'dropped';
  }
  return ipOptionsRcvSrr(ns, skb, dev, control, route);
}

/** The packet has come to a stop of its source route: where to from here? (ip_options_rcv_srr) */
function ipOptionsRcvSrr(ns: NetNamespace, skb: SkBuff, dev: NetDevice, control: OptionControl, route: InputRoute | null): InputRoute | null | 'dropped' {
  const refuse = (pointer: number | null): 'dropped' => {
    if (pointer !== null) icmpSend(skb, ICMP_PARAMETERPROB, 0, (pointer << 24) >>> 0);
    dropSkb(skb, dev, 'ip_options_rcv_srr', 'IP_INHDR', 'the source route leads nowhere');
    return 'dropped';
  };
  if (skb.pktType !== 'host') return refuse(null);
  if (skb.dst?.type === 'unicast') return control.strict ? refuse(16) : route;
  if (skb.dst?.type !== 'local') return refuse(null);
  const bytes = (skb.packet[0] as Ipv4Header).options!;
  const end = bytes[control.srr + 1]!;
  let way = route;
  for (let at = bytes[control.srr + 2]!; at <= end; at += 4) {
    if (at + 3 > end) return refuse(IPV4_HLEN + control.srr + 2);
    const next = readU32(bytes, control.srr + at - 1);
    const found = fibLookupInput(ns, skb, { ...(skb.packet[0] as Ipv4Header), dst: next }, dev);
    if (found.verdict !== 'forward' && !(found.verdict === 'local' && found.result.type === 'local')) return refuse(null);
    skb.dst = found.result;
    way = found;
    if (found.verdict === 'forward') {
      CONTROL.set(skb, { ...control, hit: next });
      break;
    }
    withOptions(skb, bytes, next);
  }
  return way;
}

/** What a router adds to the options of what it forwards (ip_forward_options). */
export function ipForwardOptions(ns: NetNamespace, skb: SkBuff): void {
  const control = CONTROL.get(skb);
  if (control === undefined) return;
  const ip = skb.packet[0] as Ipv4Header;
  const bytes = ip.options!.slice();
  const own = sourceOfRoute(ns, skb.dst!);
  let { dst } = ip;
  if (control.rrNeedAddr) writeU32(bytes, control.rr + bytes[control.rr + 2]! - 5, own);
  if (control.hit !== null) {
    const end = bytes[control.srr + 1]!;
    let at = bytes[control.srr + 2]!;
    while (at + 3 <= end && readU32(bytes, control.srr + at - 1) !== control.hit) at += 4;
    if (at + 3 <= end) {
      dst = control.hit;
      writeU32(bytes, control.srr + at - 1, own);
      bytes[control.srr + 2] = at + 4;
    }
    if (control.tsNeedAddr) writeU32(bytes, control.ts + bytes[control.ts + 2]! - 9, own);
  }
  withOptions(skb, bytes, dst);
}

/** A datagram put together has the options of its first piece (ip_frag_reasm). */
export function inheritOptions(whole: SkBuff, first: SkBuff): void {
  const control = CONTROL.get(first);
  if (control !== undefined) CONTROL.set(whole, control);
}

/** True when the packet must go straight to its next stop, and the route has a gateway between (strict source route). */
export function strictRouteBroken(skb: SkBuff, route: RouteResult): boolean {
  return (CONTROL.get(skb)?.strict ?? false) && route.via !== null;
}

/** True when the packet follows a source route; no redirect is sent about it. */
export function isSourceRouted(skb: SkBuff): boolean {
  return (CONTROL.get(skb)?.srr ?? -1) >= 0;
}

/** The options of the answer to a packet (__ip_options_echo); null when it has none, `invalid` when they cannot be answered. */
export function echoOptions(ns: NetNamespace, skb: SkBuff): SentOptions | null | 'invalid' {
  const control = CONTROL.get(skb);
  if (control === undefined) return null;
  return answerOptions(ns, skb.packet[0] as Ipv4Header, control);
}

function answerOptions(ns: NetNamespace, ip: Ipv4Header, control: OptionControl): SentOptions | null | 'invalid' {
  const source = ip.options!;
  const out: number[] = [];
  let answer: OptionControl = { ...control, rr: -1, ts: -1, srr: -1, rrNeedAddr: false, tsNeedAddr: false, tsNeedTime: false, hit: null, firstHop: null };
  if (control.rr >= 0) {
    const option = source.slice(control.rr, control.rr + source[control.rr + 1]!);
    const at = option[2]!;
    if (control.rrNeedAddr && at <= option.length) {
      if (at + 3 > option.length) return 'invalid';
      option[2] = at + 4;
      answer = { ...answer, rrNeedAddr: true };
    }
    answer = { ...answer, rr: out.length };
    out.push(...option);
  }
  if (control.ts >= 0) {
    const echoed = echoTimestamp(ns, source.slice(control.ts, control.ts + source[control.ts + 1]!), control);
    if (echoed === null) return 'invalid';
    answer = { ...answer, ts: out.length, tsNeedAddr: echoed.needAddr, tsNeedTime: echoed.needTime };
    out.push(...echoed.option);
  }
  const back = control.srr >= 0 ? reverseSourceRoute(source.slice(control.srr), ip.src) : null;
  if (back !== null) {
    answer = { ...answer, srr: out.length, firstHop: back.firstHop };
    out.push(...back.option);
  }
  while (out.length & 3) out.push(0);
  return out.length === 0 ? null : { bytes: Uint8Array.from(out), control: answer, firstHop: answer.firstHop };
}

/** IPOPT_TS_PRESPEC: only the hosts listed add their times. */
const TS_PRESPEC = 3;

function echoTimestamp(ns: NetNamespace, option: Uint8Array, control: OptionControl): { option: Uint8Array; needAddr: boolean; needTime: boolean } | null {
  let at = option[2]!;
  let needAddr = false;
  let needTime = false;
  if (at > option.length) return { option, needAddr, needTime };
  if (control.tsNeedAddr) {
    if (at + 3 > option.length) return null;
    needAddr = true;
    at += 4;
  }
  if (control.tsNeedTime) {
    if (at + 3 > option.length) return null;
    if ((option[3]! & 15) !== TS_PRESPEC) {
      needTime = true;
      at += 4;
    } else if (at + 7 <= option.length && inetAddrType(ns, readU32(option, at - 1)) !== 'unicast') {
      needTime = true;
      at += 8;
    }
  }
  option[2] = at;
  return { option, needAddr, needTime };
}

/** The way back along a source route; null when it has no stops. `start` begins with the option. */
function reverseSourceRoute(start: Uint8Array, src: Ipv4): { option: number[]; firstHop: Ipv4 } | null {
  const length = start[1]!;
  let from = Math.min(start[2]!, length + 1) - 4;
  if (from <= 3) return null;
  const firstHop = readU32(start, from - 1);
  const stops: number[] = [];
  for (from -= 4; from > 3; from -= 4) stops.push(...start.subarray(from - 1, from + 3));
  // The last stop is where the answer goes: the packet's source, unless the route ends there already (RFC 1812 5.2.4.1).
  const last = readU32(start, from + 3);
  if (last !== src) stops.push(0, 0, 0, 0);
  if (stops.length === 0) return null;
  return { option: [start[0]!, stops.length + 3, 4, ...stops], firstHop };
}
