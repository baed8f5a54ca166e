import { isLoopbackIpv4, isMulticastIpv4, isMulticastMac, type Mac } from '../../../wire/address.ts';
import { ARPOP_REPLY, ARPOP_REQUEST, ETH_P_ARP, type ArpHeader, type EthernetHeader, type Packet } from '../../../wire/packet.ts';
import { NEIGHBOUR_TABLE } from '../../../statecharts/neighbour.ts';
import { dropSkb } from '../../dev.ts';
import { neighLookup } from '../../neighbour.ts';
import { neighMiss } from '../../netlink/notify.ts';
import { newSkb, type SkBuff } from '../../sk-buff.ts';
import { receiveAsHost } from './vxlan-bypass.ts';
import { vxlanFindMac } from './vxlan-fdb.ts';
import type { VxlanState } from './vxlan-state.ts';

/** With `proxy` no ARP leaves the device: it answers what its neighbour table knows, and swallows the rest (arp_reduce). */
export function arpReduce(vx: VxlanState, skb: SkBuff): void {
  const why = answer(vx, skb);
  dropSkb(skb, vx.dev, 'arp_reduce', 'CONSUMED', why);
}

function answer(vx: VxlanState, skb: SkBuff): string {
  const { dev } = vx;
  const { ns } = dev;
  const arp = skb.packet[1];
  if (dev.noarp) return 'the device does no ARP';
  if (arp?.kind !== 'arp' || arp.op !== ARPOP_REQUEST) return 'a device with proxy lets no ARP reply through';
  if (isLoopbackIpv4(arp.tpa) || isMulticastIpv4(arp.tpa)) return 'no host has this address';
  const neigh = neighLookup(ns, dev, arp.tpa);
  if (neigh === null) {
    if (!vx.config.l3miss) return 'the neighbour table does not know the address, and nobody is asked';
    neighMiss({ dev, ip: arp.tpa, mac: null, state: 'STALE' }, 'vxlan_ip_miss', skb.id, ns.recorder.lastStepOf(skb.id));
    return 'the neighbour table does not know the address; whoever listens was asked';
  }
  if (!NEIGHBOUR_TABLE.tags[neigh.state].has('connected')) return `the neighbour entry is ${neigh.state}`;
  const f = vxlanFindMac(vx, neigh.mac!);
  if (f !== undefined && f.remotes[0]?.dst === 0) return 'the neighbour is on the bridge itself';
  reply(vx, skb, arp, neigh.mac!, neigh.key);
  return 'answered here';
}

/** The answer comes in through the device, as if the neighbour had sent it. */
function reply({ dev }: VxlanState, skb: SkBuff, arp: ArpHeader, mac: Mac, key: string): void {
  const { ns } = dev;
  const packet: Packet = [
    { kind: 'eth', dst: arp.sha, src: mac, type: ETH_P_ARP },
    { kind: 'arp', op: ARPOP_REPLY, sha: mac, spa: arp.tpa, tha: arp.sha, tpa: arp.spa },
  ];
  const cause = ns.recorder.lastStepOf(skb.id);
  const made = newSkb(ns.world, packet, { dev, parent: skb.id, relation: 'answer', cause });
  if (ns.recorder.on) {
    made.cause = ns.recorder.step({
      kind: 'arp.reply' as const, machine: ns.machine.name, netns: ns.name, device: dev.name, skb: made.id, packet, cause, fn: 'arp_reduce',
      reads: ns.tables.neigh.reads(key), tpa: arp.tpa, unicast: true,
    });
  }
  receiveAsHost(made, dev);
}

/** With `rsc` a routed frame goes straight to the neighbour that its address belongs to (route_shortcircuit). True when the MACs were changed. */
export function routeShortcircuit(vx: VxlanState, skb: SkBuff): boolean {
  const eth = skb.packet[0] as EthernetHeader;
  const ip = skb.packet[1];
  if (isMulticastMac(eth.dst) || ip?.kind !== 'ipv4') return false;
  const { dev } = vx;
  const neigh = neighLookup(dev.ns, dev, ip.dst);
  if (neigh === null) {
    if (vx.config.l3miss) neighMiss({ dev, ip: ip.dst, mac: null, state: 'STALE' }, 'vxlan_ip_miss', skb.id, dev.ns.recorder.lastStepOf(skb.id));
    return false;
  }
  if (neigh.mac === null || neigh.mac === eth.dst) return false;
  skb.packet = [{ ...eth, src: eth.dst, dst: neigh.mac }, ...skb.packet.slice(1)];
  return true;
}
