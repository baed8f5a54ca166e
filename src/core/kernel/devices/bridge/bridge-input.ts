import { isMulticastMac, MAC_BROADCAST, MAC_ZERO, type Mac } from '../../../wire/address.ts';
import { frameLength } from '../../../wire/codec.ts';
import { ETH_HLEN } from '../../../wire/ethernet.ts';
import { ETH_P_ARP } from '../../../wire/packet.ts';
import { dropSkb, ethHdr, netifReceiveSkb } from '../../dev.ts';
import { isPromiscuous, type NetDevice } from '../../net-device.ts';
import { brNfPreRouting } from '../../netfilter/br-netfilter.ts';
import type { SkBuff } from '../../sk-buff.ts';
import { brDoProxySuppressArp } from './bridge-arp.ts';
import { brFdbFind, brFdbUpdate } from './bridge-fdb.ts';
import { brFlood, brForward, recordForward, type BrFrame, type BrPacketType } from './bridge-forward.ts';
import type { BridgeState } from './bridge-state.ts';
import { brAllowedIngress, brVlanToHost } from './bridge-vlan.ts';

/** 01:80:c2:00:00:0x: what IEEE 802.1 bridges talk about with one another. */
const LINK_LOCAL = 0x0180_c200_0000;

/** A frame has come in through a port (br_handle_frame). False hands it on to the protocols of the port itself. */
export function brHandleFrame(skb: SkBuff, port: NetDevice): boolean {
  if (skb.pktType === 'loopback') return false;
  const { src, dst } = ethHdr(skb.packet);
  if (src === MAC_ZERO || isMulticastMac(src)) {
    dropSkb(skb, port, 'br_handle_frame', 'MAC_INVALID_SOURCE');
    return true;
  }
  const { br } = port.portState!;
  if (dst >= LINK_LOCAL && dst <= LINK_LOCAL + 0xf && !forwardsLinkLocal(br, dst - LINK_LOCAL)) return brHandleLocal(br, skb, port, dst - LINK_LOCAL);
  const { state } = port.port!;
  if (state !== 'forwarding' && state !== 'learning') {
    dropSkb(skb, port, 'br_handle_frame', 'BRIDGE_INGRESS_STP_STATE', `${port.name} is ${state}`);
    return true;
  }
  if (dst === br.dev.mac) skb.pktType = 'host';
  if (!brNfPreRouting(skb, port, brHandleFrameFinish)) brHandleFrameFinish(br, skb, port);
  return true;
}

/** True when frames to 01:80:c2:00:00:<last> cross the bridge: those of spanning tree while it is off, and what group_fwd_mask names. */
function forwardsLinkLocal(br: BridgeState, last: number): boolean {
  if (last === 1) return false;
  const { groupFwdMask, stp } = br.dev.bridge!;
  return (groupFwdMask & (1 << last)) !== 0 || (last === 0 && !stp);
}

/** A link-local frame ends at the port: its source is learned, the protocols of the port may have it (br_handle_local_finish). */
function brHandleLocal(br: BridgeState, skb: SkBuff, port: NetDevice, last: number): boolean {
  if (last === 1) {
    dropSkb(skb, port, 'br_handle_frame', 'MAC_IEEE_MAC_CONTROL');
    return true;
  }
  const { state, learning } = port.port!;
  if (learning && (state === 'forwarding' || state === 'learning')) {
    const vid = brAllowedIngress(br, port.portState!.vlans, skb.packet);
    if (vid !== null) brFdbUpdate(br, port, ethHdr(skb.packet).src, vid, skb);
  }
  return false;
}

function brPacketType(dst: Mac): BrPacketType {
  if (dst === MAC_BROADCAST) return 'broadcast';
  return isMulticastMac(dst) ? 'multicast' : 'unicast';
}

/** Learns where the frame came from, then decides where it goes (br_handle_frame_finish). */
function brHandleFrameFinish(br: BridgeState, skb: SkBuff, port: NetDevice): void {
  const eth = ethHdr(skb.packet);
  const options = port.port!;
  const vid = brAllowedIngress(br, port.portState!.vlans, skb.packet);
  if (vid === null) {
    dropSkb(skb, port, '__allowed_ingress', 'VLAN_FILTER');
    return;
  }
  // After filtering, lest a forged frame teaches.
  if (options.learning) brFdbUpdate(br, port, eth.src, vid, skb);
  if (options.state === 'learning') {
    dropSkb(skb, port, 'br_handle_frame_finish', 'BRIDGE_INGRESS_STP_STATE', `${port.name} is learning`);
    return;
  }
  const promisc = isPromiscuous(br.dev);
  const type = brPacketType(eth.dst);
  const local = br.hasHost && (promisc || type !== 'unicast');
  if (type === 'multicast') br.dev.stats.multicast++;
  const frame: BrFrame = { skb, from: port, vid, arpReplied: false };
  if (eth.type === ETH_P_ARP && br.hasHost) brDoProxySuppressArp(br, frame);
  const f = type === 'unicast' ? brFdbFind(br, eth.dst, vid) : undefined;
  if (f === undefined) brFlood(br, frame, type, local);
  else if (f.local) {
    if (br.dev.ns.recorder.on) recordForward(br, frame, 'local', [], true, f);
    brPassFrameUp(br, skb, vid);
    return;
  } else {
    f.used = br.dev.ns.queue.now;
    brForward(br, f, frame, local);
  }
  if (local) brPassFrameUp(br, skb, vid);
}

/** Gives the frame to the host, as received by the bridge device (br_pass_frame_up). */
function brPassFrameUp(br: BridgeState, skb: SkBuff, vid: number): void {
  if (!br.hasHost) {
    dropSkb(skb, skb.dev, 'br_pass_frame_up', 'NOT_SPECIFIED', 'an ideal switch has no address');
    return;
  }
  const { stats } = br.dev;
  stats.rxPackets++;
  stats.rxBytes += frameLength(skb.packet) - ETH_HLEN;
  if (!brVlanToHost(br, skb, vid)) {
    dropSkb(skb, br.dev, 'br_pass_frame_up', 'VLAN_FILTER');
    return;
  }
  netifReceiveSkb(skb, br.dev);
}
