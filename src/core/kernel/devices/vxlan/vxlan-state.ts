import type { Ipv4, Mac } from '../../../wire/address.ts';
import type { SimTime } from '../../../sim/time.ts';
import type { Timer } from '../../../sim/event-queue.ts';
import type { NetDevice } from '../../net-device.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import type { VxlanOptions } from '../../rows.ts';
import type { NudState } from '../../types.ts';

/** One destination of an entry (struct vxlan_rdst). `port`, `vni`: those of the device unless others were given. */
export interface VxlanRdst {
  readonly dst: Ipv4;
  readonly port: number;
  readonly vni: number;
  /** ifindex; 0: none. */
  readonly ifindex: number;
  /** Key of its row in the `fdb` table. */
  readonly key: string;
}

/** An entry of a VXLAN device's forwarding database (struct vxlan_fdb). */
export interface VxlanFdbEntry {
  readonly mac: Mac;
  state: NudState;
  externLearn: boolean;
  /** Learned from a frame, not added by somebody (no NTF_VXLAN_ADDED_BY_USER). */
  addedByUser: boolean;
  updated: SimTime;
  used: SimTime;
  /** In the order in which they are served: the newest first but for the very first (list_add_tail_rcu, see vxlan_xmit). */
  readonly remotes: VxlanRdst[];
}

/** What a VXLAN device keeps (struct vxlan_dev). */
export interface VxlanState {
  readonly dev: NetDevice;
  /** Namespace that the outer packets are sent in, and arrive in (vxlan->net): the one that the device was made in. */
  readonly net: NetNamespace;
  config: VxlanOptions;
  readonly fdb: Map<Mac, VxlanFdbEntry>;
  /** The ageing timer, while there is something to age. */
  ageTimer: Timer | null;
}
