import { MAC_ZERO } from '../../../wire/address.ts';
import { devSetMtu } from '../../dev-state.ts';
import { KernelError } from '../../errno.ts';
import { commitLink, isIpDevice, TSO_MAX_SIZE, type NetDevice } from '../../net-device.ts';
import { brFdbChangeMacAddress, brFdbDeleteByPort, fdbAddLocal } from './bridge-fdb.ts';
import { brIfinfoNotify, rtmsgIfinfo } from '../../netlink/rtmsg.ts';
import { brHandleFrame } from './bridge-input.ts';
import { defaultPort, type BridgeState } from './bridge-state.ts';
import { brPortStateSelection, brStpDisablePort, brStpEnablePort, netifOperUp } from './bridge-stp.ts';
import { brVlanFlush, brVlanInit } from './bridge-vlan.ts';

/** Gives the bridge another MAC (br_stp_change_bridge_id). */
export function brStpChangeBridgeId(br: BridgeState, mac: number): void {
  brFdbChangeMacAddress(br, mac);
  br.dev.mac = mac;
  commitLink(br.dev);
  brPortStateSelection(br);
}

/** The bridge takes the lowest MAC of its ports, unless it was given one (br_stp_recalculate_bridge_id). True when it changed. */
export function brStpRecalculateBridgeId(br: BridgeState): boolean {
  if (br.dev.macChosen) return false;
  let mac = MAC_ZERO;
  for (const port of br.portList) if (mac === MAC_ZERO || port.mac < mac) mac = port.mac;
  if (mac === br.dev.mac) return false;
  brStpChangeBridgeId(br, mac);
  return true;
}

/** The bridge's MAC has followed its ports (NETDEV_CHANGEADDR). */
export function brChangeaddr(br: BridgeState): void {
  rtmsgIfinfo(br.dev);
  br.dev.ns.notify('changeaddr', br.dev);
}

/** What a bridge can do by the best of its ports: a tunnel offers less than a veth, no port less than that. */
function featuresOf(br: BridgeState): number {
  return Math.max(0, ...br.portList.map(({ vxlan, tunnel }) => (vxlan === null && tunnel === null ? 2 : 1)));
}

/** netdev_update_features, after the ports have changed. */
function brUpdateFeatures(br: BridgeState, before: number): void {
  if (featuresOf(br) !== before) rtmsgIfinfo(br.dev, 'FEATURE CHANGE');
}

/** The MTU follows the lowest of the ports, unless it was set (br_mtu_auto_adjust). */
export function brMtuAutoAdjust(br: BridgeState): void {
  if (br.dev.mtuChosen) return;
  let mtu = br.portList.length === 0 ? 1500 : Infinity;
  for (const port of br.portList) mtu = Math.min(mtu, port.mtu);
  devSetMtu(br.dev, mtu);
}

function lowestFreePortNo(br: BridgeState): number {
  const taken = new Set(br.portList.map((port) => port.port!.no));
  let no = 1;
  while (taken.has(no)) no++;
  return no;
}

function mayJoin(br: BridgeState, dev: NetDevice): void {
  if (dev.kind === 'loopback' || isIpDevice(dev.kind) || dev.mac === MAC_ZERO) throw new KernelError('EINVAL');
  if (dev.kind === 'bridge') throw new KernelError('ELOOP', 'Can not enslave a bridge to a bridge');
  if (dev.master) throw new KernelError('EBUSY');
  for (let lower = dev.kind === 'vlan' ? dev.peer : null; lower; lower = lower.kind === 'vlan' ? lower.peer : lower.master) {
    if (lower === br.dev) throw new KernelError('EBUSY');
  }
}

/** Makes a device a port (br_add_if). Throws EINVAL for a loopback device, ELOOP for a bridge, EBUSY for a port or a loop. */
export function brAddIf(br: BridgeState, dev: NetDevice): void {
  mayJoin(br, dev);
  dev.port = defaultPort(lowestFreePortNo(br), dev);
  dev.portState = { br, vlans: { pvid: 0, untagged: new Map() } };
  dev.master = br.dev;
  dev.rxHandler = brHandleFrame;
  commitLink(dev);
  rtmsgIfinfo(dev);
  const features = featuresOf(br);
  br.portList = [dev, ...br.portList];
  br.dev.ports = [...br.portList].sort((x, y) => x.port!.no - y.port!.no);
  // dev_set_promiscuity tells whether or not somebody else wanted it.
  rtmsgIfinfo(dev);
  brUpdateFeatures(br, features);
  fdbAddLocal(br, dev, dev.mac, 0);
  brVlanInit(br, dev);
  const changed = brStpRecalculateBridgeId(br);
  if (dev.up && netifOperUp(dev) && br.dev.up) brStpEnablePort(dev);
  brIfinfoNotify(dev);
  if (changed) brChangeaddr(br);
  brMtuAutoAdjust(br);
  // br_set_gso_limits: the least of the ports', and all of ours offer the most.
  br.dev.tsoMaxSize = TSO_MAX_SIZE;
}

/** Takes a port out of the bridge's lists and tables (del_nbp). */
export function delNbp(br: BridgeState, dev: NetDevice): void {
  rtmsgIfinfo(dev);
  brStpDisablePort(dev);
  brIfinfoNotify(dev, true);
  br.portList = br.portList.filter((port) => port !== dev);
  br.dev.ports = br.dev.ports.filter((port) => port !== dev);
  brVlanFlush(br, dev);
  brFdbDeleteByPort(br, dev, 0, true);
  dev.master = null;
  dev.rxHandler = null;
  dev.port = null;
  dev.portState = null;
  commitLink(dev);
  rtmsgIfinfo(dev);
}

/** Takes a port out of a bridge that goes on without it (br_del_if). */
export function brDelIf(br: BridgeState, dev: NetDevice): void {
  const features = featuresOf(br);
  delNbp(br, dev);
  brMtuAutoAdjust(br);
  if (brStpRecalculateBridgeId(br)) brChangeaddr(br);
  brUpdateFeatures(br, features);
}
