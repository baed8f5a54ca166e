import { isLoopbackIpv4, isMulticastIpv4 } from '../../../wire/address.ts';
import { ARPOP_REPLY, ARPOP_REQUEST, ETH_P_ARP, type ArpHeader, type Packet } from '../../../wire/packet.ts';
import { devQueueXmit, ethHdr } from '../../dev.ts';
import type { NetDevice } from '../../net-device.ts';
import { newSkb } from '../../sk-buff.ts';
import { vlanPutTag, vlanTag } from '../vlan-tag.ts';
import { brFdbFind } from './bridge-fdb.ts';
import type { BrFrame } from './bridge-forward.ts';
import type { BridgeState } from './bridge-state.ts';

const NUD_VALID = new Set(['PERMANENT', 'NOARP', 'REACHABLE', 'PROBE', 'STALE', 'DELAY']);

function arpOf(packet: Packet): ArpHeader | null {
  const header = packet[vlanTag(packet) ? 2 : 1];
  return header?.kind === 'arp' ? header : null;
}

/** True when some port of the bridge has neigh_suppress (BROPT_NEIGH_SUPPRESS_ENABLED). */
function suppresses(br: BridgeState): boolean {
  return br.portList.some((port) => port.port!.neighSuppress);
}

/** True when the bridge device, or one on top of it, has the address (br_is_local_ip). */
function isLocalIp(dev: NetDevice, ip: number): boolean {
  for (const row of dev.ns.tables.addr.rows.values()) {
    if (row.local === ip && (row.ifindex === dev.ifindex || [...dev.vlans.values()].some((upper) => upper.ifindex === row.ifindex))) return true;
  }
  return false;
}

/**
 * The port flags proxy_arp, proxy_arp_wifi and neigh_suppress: the bridge answers an ARP request itself when the neighbour table
 * of the bridge device and the forwarding database both know the answer (br_do_proxy_suppress_arp).
 */
export function brDoProxySuppressArp(br: BridgeState, frame: BrFrame): void {
  const suppress = suppresses(br);
  if (!suppress && !br.portList.some((port) => port.port!.proxyArp || port.port!.proxyArpWifi)) return;
  const arp = arpOf(frame.skb.packet);
  if (!arp || br.dev.noarp || isLoopbackIpv4(arp.tpa) || isMulticastIpv4(arp.tpa)) return;
  const { from, vid } = frame;
  if (suppress) {
    if (from?.port!.neighSuppress) return;
    const { dst } = ethHdr(frame.skb.packet);
    if (arp.op === ARPOP_REQUEST && Math.floor(dst / 0x100_0000_0000) % 2 === 0) return;
    if (arp.spa >>> 24 === 0 || arp.spa === arp.tpa) {
      frame.arpReplied = true;
      return;
    }
  }
  if (arp.op !== ARPOP_REQUEST) return;
  const host = vid === 0 ? br.dev : br.dev.vlans.get(vid);
  if (!host) return;
  if (suppress && isLocalIp(host, arp.tpa)) {
    frame.arpReplied = true;
    return;
  }
  const replied = answer(br, frame, arp, host);
  if (replied !== null && (replied || suppress)) frame.arpReplied = true;
}

/** Null when the answer is not known; else whether the bridge sent it. */
function answer(br: BridgeState, frame: BrFrame, arp: ArpHeader, host: NetDevice): boolean | null {
  const neigh = host.ns.tables.neigh.get(`${host.ifindex}/${arp.tpa}`);
  if (!neigh || neigh.mac === null || !NUD_VALID.has(neigh.state)) return null;
  const f = brFdbFind(br, neigh.mac, frame.vid);
  if (!f) return null;
  const { from } = frame;
  if (!from?.port!.proxyArp && !f.dst?.port!.proxyArpWifi && !f.dst?.port!.neighSuppress) return false;
  sendReply(br, frame, arp, neigh.mac);
  return true;
}

/** br_arp_send. */
function sendReply(br: BridgeState, frame: BrFrame, arp: ArpHeader, mac: number): void {
  const { from, skb, vid } = frame;
  const dev = from ?? br.dev;
  const bare: Packet = [
    { kind: 'eth', dst: arp.sha, src: mac, type: ETH_P_ARP },
    { kind: 'arp', op: ARPOP_REPLY, sha: mac, spa: arp.tpa, tha: arp.sha, tpa: arp.spa },
  ];
  const untagged = vid === 0 || dev.portState?.vlans.untagged.get(vid) === true;
  const reply = newSkb(dev.ns.world, untagged ? bare : vlanPutTag(bare, vid), { dev, parent: skb.id, relation: 'answer', cause: skb.cause });
  // To the host's own request it answers through the bridge device as well: the answer goes to where the host's address is.
  devQueueXmit(reply, dev);
}
