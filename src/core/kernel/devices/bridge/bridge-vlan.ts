import { isPromiscuous, type NetDevice } from '../../net-device.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import type { Packet } from '../../../wire/packet.ts';
import type { SkBuff } from '../../sk-buff.ts';
import { vlanPutTag, vlanTag, vlanUntag } from '../vlan-tag.ts';
import { brFdbDeleteByPort, fdbAddLocal, fdbFindDeleteLocal } from './bridge-fdb.ts';
import type { BridgeState, VlanGroup } from './bridge-state.ts';

/** The VLAN of a frame within the bridge: 0 when the bridge does not filter; null when the frame may not come in (__allowed_ingress). */
export function brAllowedIngress(br: BridgeState, group: VlanGroup, packet: Packet): number | null {
  if (!br.dev.bridge!.vlanFiltering) return 0;
  const vid = vlanTag(packet)?.vid || group.pvid;
  return vid !== 0 && group.untagged.has(vid) ? vid : null;
}

/** True when a frame of this VLAN may leave there (br_allowed_egress). */
export function brAllowedEgress(group: VlanGroup, vid: number): boolean {
  return vid === 0 || group.untagged.has(vid);
}

/** The frame as it leaves: with its tag, or without where the VLAN is untagged (br_handle_vlan). */
export function brHandleVlan(group: VlanGroup, packet: Packet, vid: number): Packet {
  const untagged = group.untagged.get(vid);
  if (vid === 0 || untagged === undefined) return packet;
  if (untagged) return vlanUntag(packet);
  return vlanTag(packet)?.vid === vid ? packet : vlanPutTag(packet, vid);
}

function commitVlan(ns: NetNamespace, dev: NetDevice, group: VlanGroup, vid: number): void {
  const table = ns.tables.vlan;
  const key = `${dev.ifindex}/${vid}`;
  const untagged = group.untagged.get(vid);
  if (untagged === undefined) {
    table.delete(key);
    return;
  }
  const row = { ifindex: dev.ifindex, vid, pvid: group.pvid === vid, untagged };
  const before = table.get(key);
  if (!before || before.pvid !== row.pvid || before.untagged !== row.untagged) table.put(key, row);
}

function groupOf(br: BridgeState, port: NetDevice | null): VlanGroup {
  return port ? port.portState!.vlans : br.vlans;
}

/** Makes a port, or with null the bridge itself, a member of a VLAN, or changes how (__vlan_add, __vlan_add_flags). */
export function brVlanAdd(br: BridgeState, port: NetDevice | null, vid: number, pvid: boolean, untagged: boolean): void {
  const group = groupOf(br, port);
  const dev = port ?? br.dev;
  const isNew = !group.untagged.has(vid);
  const before = group.pvid;
  group.untagged.set(vid, untagged);
  if (pvid) group.pvid = vid;
  else if (before === vid) group.pvid = 0;
  commitVlan(dev.ns, dev, group, vid);
  if (before !== group.pvid && before !== 0) commitVlan(dev.ns, dev, group, before);
  if (isNew && br.dev.bridge!.vlanFiltering) fdbAddLocal(br, port, dev.mac, vid);
}

/** Ends a membership (nbp_vlan_delete, br_vlan_delete); with it goes what was learned there. */
export function brVlanDelete(br: BridgeState, port: NetDevice | null, vid: number): void {
  const group = groupOf(br, port);
  const dev = port ?? br.dev;
  if (!group.untagged.has(vid)) return;
  fdbFindDeleteLocal(br, port, dev.mac, vid);
  if (port) brFdbDeleteByPort(br, port, vid, false);
  group.untagged.delete(vid);
  if (group.pvid === vid) group.pvid = 0;
  commitVlan(dev.ns, dev, group, vid);
}

/** Every membership of a port or the bridge ends (nbp_vlan_flush, br_vlan_flush). */
export function brVlanFlush(br: BridgeState, port: NetDevice | null): void {
  for (const vid of [...groupOf(br, port).untagged.keys()]) brVlanDelete(br, port, vid);
}

/** A new port, or the bridge when it is made, is a member of the default VLAN (nbp_vlan_init, br_vlan_init). */
export function brVlanInit(br: BridgeState, port: NetDevice | null): void {
  const { vlanDefaultPvid } = br.dev.bridge!;
  if (vlanDefaultPvid !== 0) brVlanAdd(br, port, vlanDefaultPvid, true, true);
}

/** The default VLAN changes; ports whose own settings differ from the old default keep them (__br_vlan_set_default_pvid). `next` 0 is none. */
export function brVlanSetDefaultPvid(br: BridgeState, next: number): void {
  const old = br.dev.bridge!.vlanDefaultPvid;
  br.dev.bridge = { ...br.dev.bridge!, vlanDefaultPvid: next };
  for (const member of [null, ...br.portList]) {
    const group = groupOf(br, member);
    const isDefault = group.pvid === old && group.untagged.get(old) === true;
    if (next === 0) {
      if (old !== 0 && isDefault) brVlanDelete(br, member, old);
    } else if ((old === 0 || isDefault) && !group.untagged.has(next)) {
      brVlanAdd(br, member, next, true, true);
      if (old !== 0) brVlanDelete(br, member, old);
    }
  }
}

/** Turns filtering on or off. The addresses of the host are known in each VLAN while it is on. */
export function brVlanFilterToggle(br: BridgeState, on: boolean): void {
  if (br.dev.bridge!.vlanFiltering === on) return;
  if (!on) for (const member of [null, ...br.portList]) forEachLocal(br, member, (vid, mac) => fdbFindDeleteLocal(br, member, mac, vid));
  br.dev.bridge = { ...br.dev.bridge!, vlanFiltering: on };
  // The ports first: of two owners of an address the first has the entry.
  if (on) for (const member of [...br.dev.ports, null]) forEachLocal(br, member, (vid, mac) => fdbAddLocal(br, member, mac, vid));
}

function forEachLocal(br: BridgeState, member: NetDevice | null, act: (vid: number, mac: number) => void): void {
  for (const vid of groupOf(br, member).untagged.keys()) act(vid, (member ?? br.dev).mac);
}

/** Puts the frame that goes to the host in the form that the bridge device's own VLAN settings give it; false when it may not go there. */
export function brVlanToHost(br: BridgeState, skb: SkBuff, vid: number): boolean {
  if (vid === 0) return true;
  if (br.vlans.untagged.has(vid)) {
    skb.packet = brHandleVlan(br.vlans, skb.packet, vid);
    return true;
  }
  // Somebody may be capturing on a promiscuous bridge: it gets the frame as it is.
  return isPromiscuous(br.dev);
}
