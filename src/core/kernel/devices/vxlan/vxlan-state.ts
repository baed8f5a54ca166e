import type { SimTime } from '../../../sim/time.ts';
import type { Timer } from '../../../sim/event-queue.ts';
import type { Ipv4, Mac } from '../../../wire/address.ts';
import type { NetDevice } from '../../net-device.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import type { VxlanOptions } from '../../rows.ts';
import type { UdpSock } from '../../sockets/udp-table.ts';

/** One destination of an entry (struct vxlan_rdst). */
export interface VxlanRdst {
  dst: Ipv4;
  readonly port: number;
  readonly vni: number;
  /** ifindex of the device to leave by; 0: whatever the route says. */
  readonly ifindex: number;
  /** Key of its row in the `fdb` table. */
  key: string;
}

/** `permanent`: NUD_NOARP | NUD_PERMANENT; `default`: NUD_REACHABLE | NUD_PERMANENT; `static`: NUD_NOARP | NUD_REACHABLE; `learned`: NUD_REACHABLE. */
export type VxlanFdbState = 'permanent' | 'default' | 'static' | 'learned';

/** An entry of a VXLAN device's forwarding database (struct vxlan_fdb). */
export interface VxlanFdbEntry {
  readonly mac: Mac;
  state: VxlanFdbState;
  externLearn: boolean;
  /** NTF_ROUTER */
  router: boolean;
  /** NTF_STICKY: kept and shown, no more. */
  sticky: boolean;
  addedByUser: boolean;
  updated: SimTime;
  used: SimTime;
  /** In the order in which they were appended. */
  readonly remotes: VxlanRdst[];
}

/** What a VXLAN device keeps (struct vxlan_dev). */
export interface VxlanState {
  readonly dev: NetDevice;
  /** Namespace that the outer packets are sent in and arrive in (vxlan->net): the one that the device was made in. */
  readonly net: NetNamespace;
  config: VxlanOptions;
  /** The newest last. */
  readonly fdb: Map<Mac, VxlanFdbEntry>;
  /** Its socket while it is up. */
  sock: VxlanSock | null;
  /** The ageing timer, while there is something to age. */
  ageTimer: Timer | null;
  /** When it came up: the collector looks every ten seconds from then on. */
  openedAt: SimTime;
}

/** A UDP socket of the kernel that VXLAN devices with the same port share (struct vxlan_sock). */
export interface VxlanSock {
  readonly sock: UdpSock;
  readonly byVni: Map<number, VxlanState>;
}

/** What a namespace has of VXLAN (struct vxlan_net). */
export interface VxlanNet {
  readonly socks: Map<number, VxlanSock>;
  /** Every device whose outer packets live here, up or down. */
  readonly devices: Set<NetDevice>;
}

export function createVxlanNet(): VxlanNet {
  return { socks: new Map(), devices: new Set() };
}
