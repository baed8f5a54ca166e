import { frameLength } from '../../wire/codec.ts';
import { enqueueToBacklog } from '../backlog.ts';
import { registerNetdevice } from '../dev-state.ts';
import type { Errno } from '../errno.ts';
import { createDevice, type NetDevice, type NetDeviceOps } from '../net-device.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { SkBuff } from '../sk-buff.ts';

/** loopback_xmit: what goes out comes in again, with its route still on it. */
function loopbackXmit(skb: SkBuff, dev: NetDevice): Errno | null {
  const length = frameLength(skb.packet);
  dev.stats.txPackets++;
  dev.stats.txBytes += length;
  dev.stats.rxPackets++;
  dev.stats.rxBytes += length;
  enqueueToBacklog(skb, dev);
  return null;
}

const LOOPBACK_OPS: NetDeviceOps = { startXmit: loopbackXmit };

/** The `lo` of a new namespace, ifindex 1, down (loopback_net_init). */
export function createLoopback(ns: NetNamespace): NetDevice {
  const lo = createDevice(ns, { name: 'lo', kind: 'loopback', ops: LOOPBACK_OPS, mtu: 65536 });
  lo.peerPlace = `${ns.place}:lo`;
  registerNetdevice(lo);
  return lo;
}
