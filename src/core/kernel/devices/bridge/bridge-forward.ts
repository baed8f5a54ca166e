import { frameLength } from '../../../wire/codec.ts';
import { NO_CHANGES, NO_READS } from '../../../trace/change.ts';
import { devQueueXmit, dropSkb, isSkbForwardable } from '../../dev.ts';
import type { NetDevice } from '../../net-device.ts';
import { brNfForward, brNfFragment } from '../../netfilter/br-netfilter.ts';
import { cloneSkb, type SkBuff } from '../../sk-buff.ts';
import { brAllowedEgress, brHandleVlan } from './bridge-vlan.ts';
import type { BridgeState, FdbEntry } from './bridge-state.ts';

/** BR_PKT_*: what kind of destination a frame has. */
export type BrPacketType = 'unicast' | 'multicast' | 'broadcast';

/** What a bridge remembers of a frame while it decides (struct br_input_skb_cb). */
export interface BrFrame {
  readonly skb: SkBuff;
  /** The port it came in through; null when the host sends it through the bridge device. */
  readonly from: NetDevice | null;
  readonly vid: number;
  /** Somebody answered the ARP request in the frame already; it need not go to ports with neigh_suppress. */
  arpReplied: boolean;
}

/** should_deliver: not back where it came from (without hairpin), only where the port forwards, the VLAN is known, and isolation lets it. */
function shouldDeliver(port: NetDevice, frame: BrFrame): boolean {
  const options = port.port!;
  const { from } = frame;
  if (port === from && !options.hairpin) return false;
  if (options.state !== 'forwarding') return false;
  if (options.isolated && from !== null && from.port!.isolated) return false;
  return frame.vid === 0 || brAllowedEgress(port.portState!.vlans, frame.vid);
}

/** True when flooding serves the port (the conditions of br_flood). */
function floodsTo(port: NetDevice, frame: BrFrame, type: BrPacketType): boolean {
  const options = port.port!;
  if (type === 'unicast') {
    if (!options.flood) return false;
  } else if (frame.from !== null && !(type === 'broadcast' ? options.bcastFlood : options.mcastFlood)) return false;
  if (options.proxyArp) return false;
  if (frame.arpReplied && (options.proxyArpWifi || options.neighSuppress)) return false;
  return shouldDeliver(port, frame);
}

/** Sends one sk_buff out of one port (__br_forward). */
function brForwardOne(port: NetDevice, skb: SkBuff, frame: BrFrame): void {
  const { vid } = frame;
  if (vid !== 0) skb.packet = brHandleVlan(port.portState!.vlans, skb.packet, vid);
  if (skb.nfBridge !== null && frame.from !== null) {
    if (!brNfForward(skb, port) || brNfFragment(skb, port, brDevQueuePushXmit)) return;
  }
  brDevQueuePushXmit(port, skb);
}

/** br_dev_queue_push_xmit */
function brDevQueuePushXmit(port: NetDevice, skb: SkBuff): void {
  if (!isSkbForwardable(skb, port)) {
    const from = skb.dev;
    if (!port.up) dropSkb(skb, from, 'br_dev_queue_push_xmit', 'DEV_READY', `${port.place} is down`);
    else dropSkb(skb, from, 'br_dev_queue_push_xmit', 'PKT_TOO_BIG', `${frameLength(skb.packet)} bytes do not fit ${port.place}, its MTU is ${port.mtu}`);
    return;
  }
  devQueueXmit(skb, port);
}

/** Sends a frame to the port where its destination is known to be (br_forward). `local`: it goes to the host as well. */
export function brForward(br: BridgeState, f: FdbEntry, frame: BrFrame, local: boolean): void {
  const { skb } = frame;
  const to = f.dst;
  const deliver = to !== null && shouldDeliver(to, frame);
  if (br.dev.ns.recorder.on) recordForward(br, frame, 'forward', deliver ? [to.name] : [], local, f);
  if (deliver) brForwardOne(to, local ? cloneSkb(skb) : skb, frame);
  else if (!local) dropSkb(skb, skb.dev, 'br_forward', 'NOT_SPECIFIED', to === frame.from ? 'its destination is on the port it came from' : '');
}

/** Sends a frame to every port that may have it, the newest port first (br_flood). `local`: it goes to the host as well. */
export function brFlood(br: BridgeState, frame: BrFrame, type: BrPacketType, local: boolean): void {
  const { skb } = frame;
  const ports = br.portList;
  const { recorder } = br.dev.ns;
  if (recorder.on) {
    const names = ports.filter((port) => floodsTo(port, frame, type)).map((port) => port.name);
    recordForward(br, frame, type === 'broadcast' ? 'broadcast' : 'flood', names, local, null);
  }
  // The last port gets the frame itself, the others copies.
  let previous: NetDevice | null = null;
  for (let i = 0; i < ports.length; i++) {
    const port = ports[i]!;
    if (!floodsTo(port, frame, type)) continue;
    if (previous !== null) brForwardOne(previous, cloneFor(skb, frame), frame);
    previous = port;
  }
  if (previous !== null) brForwardOne(previous, local ? cloneFor(skb, frame) : skb, frame);
  else if (!local) dropSkb(skb, skb.dev, 'br_flood', 'NO_TX_TARGET');
}

function cloneFor(skb: SkBuff, frame: BrFrame): SkBuff {
  const clone = cloneSkb(skb);
  clone.dev = frame.from ?? skb.dev;
  return clone;
}

/** Records the bridge's decision. */
export function recordForward(br: BridgeState, frame: BrFrame, decision: 'forward' | 'flood' | 'broadcast' | 'local', ports: readonly string[], local: boolean, f: FdbEntry | null): void {
  const { skb, from } = frame;
  const { ns } = br.dev;
  const step = {
    kind: 'bridge.forward' as const, seq: 0, at: 0, machine: ns.machine.name, netns: ns.name, device: (from ?? br.dev).name,
    skb: skb.id, packet: skb.packet, cause: skb.cause, fn: from ? 'br_handle_frame_finish' : 'br_dev_xmit',
    reads: f ? ns.tables.fdb.reads(f.key) : NO_READS, changes: NO_CHANGES, bridge: br.dev.name, decision, ports, local,
  };
  ns.recorder.step(step);
}
