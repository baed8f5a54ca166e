import { isMulticastMac, MAC_BROADCAST, type Mac } from '../../../wire/address.ts';
import { frameLength } from '../../../wire/codec.ts';
import { ETH_P_ARP } from '../../../wire/packet.ts';
import { joinSnoopers, leaveSnoopers } from '../../igmp.ts';
import { registerNetdevice } from '../../dev-state.ts';
import { dropSkb, ethHdr } from '../../dev.ts';
import type { Errno } from '../../errno.ts';
import { createDevice, type NetDevice, type NetDeviceOps } from '../../net-device.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import { brNfDevXmit } from '../../netfilter/br-netfilter.ts';
import type { SkBuff } from '../../sk-buff.ts';
import { brDoProxySuppressArp } from './bridge-arp.ts';
import { brFdbFind, fdbAddLocal, fdbDelete, fdbEntries } from './bridge-fdb.ts';
import { brFlood, brForward, type BrFrame } from './bridge-forward.ts';
import { delNbp } from './bridge-if.ts';
import { DEFAULT_BRIDGE, type BridgeState } from './bridge-state.ts';
import { brPortStateSelection, brStpDisableBridge, brStpEnableBridge } from './bridge-stp.ts';
import { brAllowedIngress, brVlanFlush, brVlanInit } from './bridge-vlan.ts';

/** The host sends a frame through the bridge device (br_dev_xmit). */
function brDevXmit(skb: SkBuff, dev: NetDevice): Errno | null {
  if (brNfDevXmit(skb)) return null;
  const br = dev.bridgeState!;
  const eth = ethHdr(skb.packet);
  dev.stats.txPackets++;
  dev.stats.txBytes += frameLength(skb.packet);
  const vid = brAllowedIngress(br, br.vlans, skb.packet);
  if (vid === null) {
    dropSkb(skb, dev, '__allowed_ingress', 'VLAN_FILTER');
    return null;
  }
  const frame: BrFrame = { skb, from: null, vid, arpReplied: false };
  if (eth.type === ETH_P_ARP) brDoProxySuppressArp(br, frame);
  if (eth.dst === MAC_BROADCAST) brFlood(br, frame, 'broadcast', false);
  else if (isMulticastMac(eth.dst)) brFlood(br, frame, 'multicast', false);
  else {
    const f = brFdbFind(br, eth.dst, vid);
    if (f) brForward(br, f, frame, false);
    else brFlood(br, frame, 'unicast', false);
  }
  return null;
}

/** br_dev_delete. */
function brDellink(dev: NetDevice): void {
  const br = dev.bridgeState!;
  for (const port of br.portList) delNbp(br, port);
  brVlanFlush(br, null);
  for (const f of fdbEntries(br)) fdbDelete(br, f);
  dev.ns.queue.cancel(br.gc);
  br.gc = null;
}

function brDevOpen(dev: NetDevice): void {
  brStpEnableBridge(dev.bridgeState!);
  if (dev.bridge!.mcastSnooping) joinSnoopers(dev);
}

function brDevStop(dev: NetDevice): void {
  brStpDisableBridge(dev.bridgeState!);
  leaveSnoopers(dev);
}

const BRIDGE_OPS: NetDeviceOps = {
  startXmit: brDevXmit,
  open: brDevOpen,
  stop: brDevStop,
  dellink: brDellink,
};

/** A random MAC as a new bridge has until it gets a port (eth_hw_addr_random): unicast, locally administered. */
export function randomMac(ns: NetNamespace): Mac {
  const { random } = ns.world;
  const first = (random.below(256) & 0xfe) | 0x02;
  return first * 0x100_0000_0000 + random.below(256) * 0x1_0000_0000 + random.u32();
}

/** A new bridge, down and without ports (br_dev_newlink). */
export function createBridge(ns: NetNamespace, spec: { name: string; mac?: Mac; txqlen?: number; hasHost?: boolean }): NetDevice {
  const dev = createDevice(ns, { name: spec.name, kind: 'bridge', ops: BRIDGE_OPS, mac: spec.mac ?? randomMac(ns), macChosen: spec.mac !== undefined, txqlen: spec.txqlen });
  dev.bridge = DEFAULT_BRIDGE;
  const br: BridgeState = {
    dev, fdb: new Map(), fdbByVlan: new Map(), portList: [], vlans: { pvid: 0, untagged: new Map() }, gc: null, hasHost: spec.hasHost ?? true,
  };
  dev.bridgeState = br;
  registerNetdevice(dev);
  fdbAddLocal(br, null, dev.mac, 0);
  brVlanInit(br, null);
  // Choosing an address takes a look at the ports, and with none there is no carrier.
  if (spec.mac !== undefined) brPortStateSelection(br);
  return dev;
}
