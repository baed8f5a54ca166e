import { frameLength } from '../../wire/codec.ts';
import { ETH_HLEN } from '../../wire/ethernet.ts';
import { ETH_P_8021Q, type EthernetHeader, type Packet, type VlanHeader } from '../../wire/packet.ts';
import type { NetDevice } from '../net-device.ts';
import type { SkBuff } from '../sk-buff.ts';

/** The 802.1Q tag of a frame, or null. */
export function vlanTag(packet: Packet): VlanHeader | null {
  const second = packet[1];
  return second?.kind === 'vlan' && (packet[0] as EthernetHeader).type === ETH_P_8021Q ? second : null;
}

/** The frame with a tag put in (__vlan_hwaccel_put_tag); of one that it may have had, the priority stays. */
export function vlanPutTag(packet: Packet, vid: number): Packet {
  const old = vlanTag(packet);
  if (old) return [packet[0]!, { ...old, vid }, ...packet.slice(2)];
  const eth = packet[0] as EthernetHeader;
  return [{ ...eth, type: ETH_P_8021Q }, { kind: 'vlan', pcp: 0, dei: false, vid, type: eth.type }, ...packet.slice(1)];
}

/** The frame without its tag (skb_vlan_untag). */
export function vlanUntag(packet: Packet): Packet {
  const tag = vlanTag(packet);
  if (!tag) return packet;
  return [{ ...(packet[0] as EthernetHeader), type: tag.type }, ...packet.slice(2)];
}

/**
 * Finds the VLAN device on top of `dev` that a tagged frame is for and takes the tag off (vlan_do_receive); null when there is
 * none and the frame stays as it is.
 */
export function vlanDoReceive(skb: SkBuff, dev: NetDevice): NetDevice | null {
  const tag = vlanTag(skb.packet);
  const upper = tag && dev.vlans.get(tag.vid);
  if (!upper) return null;
  skb.packet = vlanUntag(skb.packet);
  // Our lower device thinks that this is not for us, but the VLAN device may have a MAC of its own.
  if (skb.pktType === 'otherhost' && (skb.packet[0] as EthernetHeader).dst === upper.mac) skb.pktType = 'host';
  upper.stats.rxPackets++;
  upper.stats.rxBytes += frameLength(skb.packet) - ETH_HLEN;
  if (skb.pktType === 'multicast') upper.stats.multicast++;
  return upper;
}

/** A tagged frame that no VLAN device took, on its way to the protocols: a VLAN id of 0 is no VLAN, any other is somebody else's. */
export function vlanClearTag(skb: SkBuff): void {
  const tag = vlanTag(skb.packet);
  if (!tag) return;
  if (tag.vid !== 0) skb.pktType = 'otherhost';
  skb.packet = vlanUntag(skb.packet);
}
