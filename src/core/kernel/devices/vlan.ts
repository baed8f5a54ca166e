import { frameLength } from '../../wire/codec.ts';
import { devQueueXmit } from '../dev.ts';
import { devClose, devOpen, devSetMac, devSetMtu, registerNetdevice, unregisterNetdevices } from '../dev-state.ts';
import { KernelError, type Errno } from '../errno.ts';
import { fireEvent, netifCarrierOff, netifCarrierOn } from '../linkwatch.ts';
import { createDevice, type NetDevice, type NetDeviceOps } from '../net-device.ts';
import type { NetDeviceEvent } from '../net-namespace.ts';
import { rtmsgIfinfo } from '../netlink/rtmsg.ts';
import type { SkBuff } from '../sk-buff.ts';
import { vlanPutTag } from './vlan-tag.ts';

/** vlan_dev_hard_start_xmit: the tag goes in, the frame goes to the device below. */
function vlanXmit(skb: SkBuff, dev: NetDevice): Errno | null {
  const lower = dev.peer!;
  const length = frameLength(skb.packet);
  skb.packet = vlanPutTag(skb.packet, dev.vlanId!);
  const error = devQueueXmit(skb, lower);
  if (error === null) {
    dev.stats.txPackets++;
    dev.stats.txBytes += length;
  } else dev.stats.txDropped++;
  return error;
}

function vlanOpen(dev: NetDevice): void {
  const lower = dev.peer!;
  if (!lower.up) throw new KernelError('ENETDOWN');
  if (lower.carrier) netifCarrierOn(dev);
}

/** The device below has no longer one above it (unregister_vlan_dev). */
function vlanDellink(dev: NetDevice): void {
  rtmsgIfinfo(dev.peer!);
}

function vlanUninit(dev: NetDevice): void {
  dev.peer!.vlans.delete(dev.vlanId!);
}

const VLAN_OPS: NetDeviceOps = { startXmit: vlanXmit, open: vlanOpen, stop: netifCarrierOff, dellink: vlanDellink, uninit: vlanUninit };

/** A VLAN device on top of another, which has no such VLAN yet (register_vlan_dev). MTU and MAC are those of the device below unless given. */
export function createVlan(lower: NetDevice, vlanId: number, spec: { name: string; mac?: number; mtu?: number; txqlen?: number; ns?: NetDevice['ns'] }): NetDevice {
  const dev = createDevice(spec.ns ?? lower.ns, {
    name: spec.name, kind: 'vlan', ops: VLAN_OPS, mac: spec.mac ?? lower.mac, macChosen: spec.mac !== undefined,
    mtu: spec.mtu ?? lower.mtu, txqlen: spec.txqlen, carrier: lower.carrier,
  });
  dev.noarp = lower.noarp;
  dev.multicast = lower.multicast;
  dev.vlanId = vlanId;
  dev.peer = lower;
  dev.peerPlace = lower.place;
  lower.vlans.set(vlanId, dev);
  registerNetdevice(dev);
  // NETDEV_CHANGEUPPER of the device below
  rtmsgIfinfo(lower);
  fireEvent(dev);
  return dev;
}

/** What the VLAN devices on top of a device do when something happens to it (vlan_device_event). */
export function vlanDeviceEvent(event: NetDeviceEvent, lower: NetDevice): void {
  if (lower.vlans.size === 0) return;
  const devices = [...lower.vlans.values()];
  if (event === 'unregister') {
    // A device that only moves to another namespace leaves them where they are.
    if (!lower.registered) unregisterNetdevices(devices.filter(({ registered }) => registered));
    return;
  }
  for (const dev of devices) follow(event, dev, lower);
}

function follow(event: NetDeviceEvent, dev: NetDevice, lower: NetDevice): void {
  switch (event) {
    case 'carrier': return transferOperstate(dev, lower);
    case 'changeaddr': return dev.macChosen ? undefined : devSetMac(dev, lower.mac);
    case 'changemtu': return dev.mtu > lower.mtu ? devSetMtu(dev, lower.mtu) : undefined;
    case 'down': return devClose(dev);
    case 'up':
      devOpen(dev);
      return transferOperstate(dev, lower);
    case 'changename': case 'register': case 'unregister': return;
  }
}

/** netif_stacked_transfer_operstate. */
function transferOperstate(dev: NetDevice, lower: NetDevice): void {
  if (lower.carrier) netifCarrierOn(dev);
  else netifCarrierOff(dev);
}
