import type { Timer } from '../../../sim/event-queue.ts';
import type { SimTime } from '../../../sim/time.ts';
import type { Mac } from '../../../wire/address.ts';
import type { NetDevice } from '../../net-device.ts';
import type { BridgeOptions, BridgePortOptions } from '../../rows.ts';

/** A forwarding entry (struct net_bridge_fdb_entry). The live object; its row in the `fdb` table is what the trace and programs see. */
export interface FdbEntry {
  readonly mac: Mac;
  readonly vlan: number;
  /** Key of its row. */
  readonly key: string;
  /** The port; null for an address of the bridge itself. */
  dst: NetDevice | null;
  /** BR_FDB_LOCAL: frames for it go to the host. */
  local: boolean;
  /** BR_FDB_STATIC: never ages. */
  isStatic: boolean;
  sticky: boolean;
  addedByUser: boolean;
  externLearn: boolean;
  updated: SimTime;
  used: SimTime;
}

/** The VLANs of a port, or of the bridge device itself (struct net_bridge_vlan_group). */
export interface VlanGroup {
  /** 0 when untagged frames belong to no VLAN. */
  pvid: number;
  /** VLAN id -> whether its frames leave untagged. */
  readonly untagged: Map<number, boolean>;
}

/** The live side of a bridge (struct net_bridge). */
export interface BridgeState {
  readonly dev: NetDevice;
  /** The entries without a VLAN by MAC: all of them, unless the bridge filters VLANs. */
  readonly fdb: Map<Mac, FdbEntry>;
  /** The entries with one, by VLAN id and MAC. */
  readonly fdbByVlan: Map<number, Map<Mac, FdbEntry>>;
  /** The ports in the order in which flooding serves them: the newest first (br->port_list). */
  portList: NetDevice[];
  readonly vlans: VlanGroup;
  /** Removes entries that are too old (br_fdb_cleanup). Null while there are none that age. */
  gc: Timer | null;
  /** False for an ideal switch, which has nobody to deliver frames to. */
  readonly hasHost: boolean;
}

/** The live side of a bridge port (struct net_bridge_port). */
export interface BridgePortState {
  readonly br: BridgeState;
  readonly vlans: VlanGroup;
}

/** A new bridge's settings. Linux would begin with multicast snooping on; labs turn it off, for it makes IGMP traffic at random times. */
export const DEFAULT_BRIDGE: BridgeOptions = Object.freeze({
  ageingTime: 30000, forwardDelay: 1500, helloTime: 200, maxAge: 2000, stp: false, priority: 0x8000,
  vlanFiltering: false, vlanDefaultPvid: 1, mcastSnooping: false, groupFwdMask: 0,
});

/** True for a device that claims to be a 10 Gb/s link (ethtool's link settings): a veth; what is over one; a bridge with such a port. `lo` and other tunnels tell no speed. */
function tellsSpeed(dev: NetDevice | undefined): boolean {
  if (dev === undefined) return false;
  if (dev.vxlan !== null) return tellsSpeed(dev.vxlan.net.devices.get(dev.vxlan.config.link));
  if (dev.kind === 'bridge') return dev.ports.some(tellsSpeed);
  return dev.kind === 'veth' || dev.kind === 'nic' || dev.kind === 'vlan';
}

/** A new port's settings (new_nbp). The path cost of a 10 Gb/s link is 2, that of a device that tells no speed 100. */
export function defaultPort(no: number, dev: NetDevice): BridgePortOptions {
  return {
    state: 'disabled', cost: tellsSpeed(dev) ? 2 : 100, priority: 32, no,
    hairpin: false, guard: false, rootBlock: false, fastleave: false, learning: true, flood: true, mcastFlood: true,
    bcastFlood: true, isolated: false, proxyArp: false, proxyArpWifi: false, neighSuppress: false,
  };
}
