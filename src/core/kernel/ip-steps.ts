import { NO_CHANGES, NO_READS } from '../trace/change.ts';
import type { DropReason } from '../trace/drop-reason.ts';
import type { Ipv4 } from '../wire/address.ts';
import type { NetDevice } from './net-device.ts';
import type { NetNamespace } from './net-namespace.ts';
import type { SkBuff } from './sk-buff.ts';

/*
 * The steps of the IP layer. Each gives the step's `seq`, for the `cause` of what follows from it. Callers ask
 * `recorder.on` first: with it off, nothing of this is built.
 */

export function recordIpReceive(skb: SkBuff, dev: NetDevice): number {
  const step = {
    kind: 'ip.receive' as const, seq: 0, at: 0, machine: dev.ns.machine.name, netns: dev.ns.name, device: dev.name,
    skb: skb.id, packet: skb.packet, cause: skb.cause, fn: 'ip_rcv', reads: NO_READS, changes: NO_CHANGES,
  };
  return dev.ns.recorder.step(step);
}

export function recordIpDeliver(skb: SkBuff, dev: NetDevice, protocol: number): number {
  const step = {
    kind: 'ip.deliver' as const, seq: 0, at: 0, machine: dev.ns.machine.name, netns: dev.ns.name, device: dev.name,
    skb: skb.id, packet: skb.packet, cause: skb.cause, fn: 'ip_local_deliver_finish', reads: NO_READS, changes: NO_CHANGES,
    protocol,
  };
  return dev.ns.recorder.step(step);
}

export function recordIpForward(skb: SkBuff, dev: NetDevice, ttlBefore: number, out: NetDevice): number {
  const step = {
    kind: 'ip.forward' as const, seq: 0, at: 0, machine: dev.ns.machine.name, netns: dev.ns.name, device: dev.name,
    skb: skb.id, packet: skb.packet, cause: skb.cause, fn: 'ip_forward', reads: NO_READS, changes: NO_CHANGES,
    ttlBefore, ttlAfter: ttlBefore - 1, out: out.name,
  };
  return dev.ns.recorder.step(step);
}

export function recordIpOutput(skb: SkBuff, dev: NetDevice, fn: string, nexthop: Ipv4): number {
  const step = {
    kind: 'ip.output' as const, seq: 0, at: 0, machine: dev.ns.machine.name, netns: dev.ns.name, device: dev.name,
    skb: skb.id, packet: skb.packet, cause: skb.cause, fn, reads: NO_READS, changes: NO_CHANGES,
    out: dev.name, nexthop,
  };
  return dev.ns.recorder.step(step);
}

export function recordIpFragment(skb: SkBuff, dev: NetDevice, mtu: number, pieces: number): number {
  const step = {
    kind: 'ip.fragment' as const, seq: 0, at: 0, machine: dev.ns.machine.name, netns: dev.ns.name, device: dev.name,
    skb: skb.id, packet: skb.packet, cause: skb.cause, fn: 'ip_do_fragment', reads: NO_READS, changes: NO_CHANGES,
    mtu, pieces,
  };
  return dev.ns.recorder.step(step);
}

export function recordIpDefrag(skb: SkBuff, dev: NetDevice, complete: boolean): number {
  const step = {
    kind: 'ip.defrag' as const, seq: 0, at: 0, machine: dev.ns.machine.name, netns: dev.ns.name, device: dev.name,
    skb: skb.id, packet: skb.packet, cause: skb.cause, fn: complete ? 'ip_frag_reasm' : 'ip_frag_queue', reads: NO_READS, changes: NO_CHANGES,
    complete,
  };
  return dev.ns.recorder.step(step);
}

export function recordIcmpReceive(skb: SkBuff, dev: NetDevice, type: number, code: number): number {
  const step = {
    kind: 'icmp.receive' as const, seq: 0, at: 0, machine: dev.ns.machine.name, netns: dev.ns.name, device: dev.name,
    skb: skb.id, packet: skb.packet, cause: skb.cause, fn: 'icmp_rcv', reads: NO_READS, changes: NO_CHANGES,
    type, code,
  };
  return dev.ns.recorder.step(step);
}

export function recordIcmpSend(skb: SkBuff, dev: NetDevice, fn: string, type: number, code: number): number {
  const step = {
    kind: 'icmp.send' as const, seq: 0, at: 0, machine: dev.ns.machine.name, netns: dev.ns.name, device: dev.name,
    skb: skb.id, packet: skb.packet, cause: skb.cause, fn, reads: NO_READS, changes: NO_CHANGES,
    type, code,
  };
  return dev.ns.recorder.step(step);
}

/** A program hands a packet to the kernel; `device` only where the program chose it. */
export function recordSocketSend(ns: NetNamespace, skb: SkBuff, device: string | null, fn: string, pid: number, protocol: string): number {
  const step = {
    kind: 'socket.send' as const, seq: 0, at: 0, machine: ns.machine.name, netns: ns.name, device,
    skb: skb.id, packet: skb.packet, cause: skb.cause, fn, reads: NO_READS, changes: NO_CHANGES,
    pid, protocol,
  };
  return ns.recorder.step(step);
}

/** A packet of a program ends before it ever had a device. */
export function recordSendRefused(ns: NetNamespace, skb: SkBuff, fn: string, reason: DropReason, detail: string): void {
  if (!ns.recorder.hops) return;
  const step = {
    kind: 'drop' as const, seq: 0, at: 0, machine: ns.machine.name, netns: ns.name, device: null,
    skb: skb.id, packet: skb.packet, cause: skb.cause, fn, reads: NO_READS, changes: NO_CHANGES,
    reason, detail,
  };
  ns.recorder.step(step);
}

/** A packet, or with `error` what an ICMP error says of one, reaches a program. */
export function recordSocketReceive(skb: SkBuff, dev: NetDevice, fn: string, pid: number, protocol: string, error: string | null): number {
  const step = {
    kind: 'socket.receive' as const, seq: 0, at: 0, machine: dev.ns.machine.name, netns: dev.ns.name, device: dev.name,
    skb: skb.id, packet: skb.packet, cause: skb.cause, fn, reads: NO_READS, changes: NO_CHANGES,
    pid, protocol, error,
  };
  return dev.ns.recorder.step(step);
}
