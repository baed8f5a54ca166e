import { frameLength } from '../../wire/codec.ts';
import type { Mac } from '../../wire/address.ts';
import { enqueueToBacklog } from '../backlog.ts';
import { dropSkb, isSkbForwardable } from '../dev.ts';
import { registerNetdevice } from '../dev-state.ts';
import { KernelError, type Errno } from '../errno.ts';
import { fireEvent, netifCarrierOff, netifCarrierOn } from '../linkwatch.ts';
import { commitLink, createDevice, type NetDevice, type NetDeviceOps } from '../net-device.ts';
import type { NetNamespace } from '../net-namespace.ts';
import { rtmsgIfinfo } from '../netlink/rtmsg.ts';
import type { SkBuff } from '../sk-buff.ts';

/** veth_xmit: the frame goes to the other end if that is up and the frame fits its MTU. */
function vethXmit(skb: SkBuff, dev: NetDevice): Errno | null {
  const peer = dev.peer;
  if (peer === null) {
    dev.stats.txDropped++;
    dropSkb(skb, dev, 'veth_xmit', 'NOT_SPECIFIED', 'the other end is gone');
    return 'ENOBUFS';
  }
  const length = frameLength(skb.packet);
  if (!isSkbForwardable(skb, peer)) {
    dev.stats.txDropped++;
    peer.stats.rxDropped++;
    dropSkb(skb, dev, '__dev_forward_skb', peer.up ? 'PKT_TOO_BIG' : 'DEV_READY', peer.up ? `${peer.place} takes no frame of ${length} bytes, its MTU is ${peer.mtu}` : '');
    return 'ENOBUFS';
  }
  scrubPacket(skb, dev.ns !== peer.ns);
  dev.stats.txPackets++;
  dev.stats.txBytes += length;
  if (enqueueToBacklog(skb, peer)) {
    peer.stats.rxPackets++;
    peer.stats.rxBytes += length;
  }
  return null;
}

/** skb_scrub_packet: what belongs to this namespace does not go with the frame into another. */
function scrubPacket(skb: SkBuff, crossing: boolean): void {
  skb.dst = null;
  skb.iif = null;
  skb.priority = 0;
  skb.ct = null;
  skb.ctinfo = null;
  skb.sk = null;
  skb.nfBridge = null;
  if (crossing) skb.mark = 0;
}

function vethOpen(dev: NetDevice): void {
  if (!dev.peer) throw new KernelError('ENOTCONN');
  if (!dev.peer.up) return;
  netifCarrierOn(dev);
  netifCarrierOn(dev.peer);
}

function vethStop(dev: NetDevice): void {
  netifCarrierOff(dev);
  if (dev.peer) netifCarrierOff(dev.peer);
}

/** The two ends let go of one another before they go (veth_dellink). */
function vethDellink(dev: NetDevice): void {
  const { peer } = dev;
  if (peer === null) return;
  for (const end of [dev, peer]) {
    end.peer = null;
    end.peerPlace = null;
  }
}

const VETH_OPS: NetDeviceOps = { startXmit: vethXmit, open: vethOpen, stop: vethStop, dellink: vethDellink };

/** What one end of a new pair is told. */
export interface VethEnd {
  readonly ns: NetNamespace;
  readonly name: string;
  readonly mac: Mac;
  readonly macChosen: boolean;
  readonly mtu?: number;
  readonly txqlen?: number;
}

/** Two ends joined, the second registered first, as the kernel does (veth_newlink). Names must be free and valid. */
export function createVethPair(end: VethEnd, peer: VethEnd, kind: 'veth' | 'nic' = 'veth'): [NetDevice, NetDevice] {
  const far = createDevice(peer.ns, { ...peer, kind, ops: VETH_OPS, carrier: false });
  const near = createDevice(end.ns, { ...end, kind, ops: VETH_OPS, carrier: false });
  registerNetdevice(far);
  rtmsgIfinfo(far);
  near.peer = far;
  near.peerPlace = far.place;
  registerNetdevice(near);
  far.peer = near;
  far.peerPlace = near.place;
  commitLink(far);
  fireEvent(far);
  fireEvent(near);
  // A cable's ends are there before anybody can listen.
  if (kind === 'nic') rtmsgIfinfo(near);
  return [near, far];
}
