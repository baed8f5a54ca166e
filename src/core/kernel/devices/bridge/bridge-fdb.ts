import { MILLISECOND, type SimTime } from '../../../sim/time.ts';
import { formatMac, isMulticastMac, MAC_ZERO, type Mac } from '../../../wire/address.ts';
import { NO_CHANGES, NO_READS } from '../../../trace/change.ts';
import type { NetDevice } from '../../net-device.ts';
import type { FdbRow } from '../../rows.ts';
import type { SkBuff } from '../../sk-buff.ts';
import type { BridgeState, FdbEntry } from './bridge-state.ts';

/** The entry of a MAC, however old it is: only the cleanup takes entries away (br_fdb_find_rcu). */
export function brFdbFind(br: BridgeState, mac: Mac, vlan: number): FdbEntry | undefined {
  return vlan === 0 ? br.fdb.get(mac) : br.fdbByVlan.get(vlan)?.get(mac);
}

/** How long an entry lives without a refresh, ns (hold_time). */
function holdTime(br: BridgeState): SimTime {
  return br.dev.bridge!.ageingTime * 10 * MILLISECOND;
}

/** Every entry, the newest first (br->fdb_list). */
export function fdbEntries(br: BridgeState): FdbEntry[] {
  const rows = br.dev.ns.tables.fdb.rows;
  const entries: FdbEntry[] = [...br.fdb.values()];
  for (const byMac of br.fdbByVlan.values()) entries.push(...byMac.values());
  if (br.fdbByVlan.size === 0) return entries.reverse();
  const order = new Map([...rows.keys()].map((key, i) => [key, i]));
  return entries.sort((x, y) => order.get(y.key)! - order.get(x.key)!);
}

/** The row of an entry as it is now. */
export function fdbRow(br: BridgeState, f: FdbEntry): FdbRow {
  return {
    bridge: br.dev.ifindex,
    ifindex: (f.dst ?? br.dev).ifindex,
    mac: f.mac,
    vlan: f.vlan,
    state: f.local ? 'permanent' : f.isStatic ? 'static' : 'learned',
    addedByUser: f.addedByUser,
    externLearn: f.externLearn,
    sticky: f.sticky,
    updated: f.updated,
    used: f.used,
  };
}

/** Writes the entry's row (fdb_notify). */
export function fdbCommit(br: BridgeState, f: FdbEntry): void {
  br.dev.ns.tables.fdb.put(f.key, fdbRow(br, f));
}

/** A new entry; its caller sets what it needs and commits it (fdb_create). */
export function fdbCreate(br: BridgeState, dst: NetDevice | null, mac: Mac, vlan: number): FdbEntry {
  const { now } = br.dev.ns.queue;
  const f: FdbEntry = {
    mac, vlan, key: `${br.dev.ifindex}/${formatMac(mac)}/${vlan}`, dst,
    local: false, isStatic: false, sticky: false, addedByUser: false, externLearn: false, updated: now, used: now,
  };
  let entries = br.fdb;
  if (vlan !== 0) {
    entries = br.fdbByVlan.get(vlan) ?? new Map<Mac, FdbEntry>();
    br.fdbByVlan.set(vlan, entries);
  }
  entries.set(mac, f);
  return f;
}

export function fdbDelete(br: BridgeState, f: FdbEntry): void {
  // Who hears of it still finds the entry, for its times.
  br.dev.ns.tables.fdb.delete(f.key);
  if (f.vlan === 0) br.fdb.delete(f.mac);
  else br.fdbByVlan.get(f.vlan)?.delete(f.mac);
}

/**
 * A frame from `skb` was seen to come in from a MAC: learn or refresh where it is (br_fdb_update). Static entries move too,
 * unless they are sticky.
 */
export function brFdbUpdate(br: BridgeState, source: NetDevice, mac: Mac, vlan: number, skb: SkBuff | null): void {
  if (br.dev.bridge!.ageingTime === 0) return;
  const f = brFdbFind(br, mac, vlan);
  if (f === undefined) {
    const fresh = fdbCreate(br, source, mac, vlan);
    fdbCommit(br, fresh);
    scheduleCleanup(br);
    if (br.dev.ns.recorder.on && skb) recordLearn(br, source, mac, skb, false);
    return;
  }
  if (f.local) return;
  f.updated = br.dev.ns.queue.now;
  if (f.dst === source || f.sticky) return;
  f.dst = source;
  f.externLearn = false;
  fdbCommit(br, f);
  scheduleCleanup(br);
  if (br.dev.ns.recorder.on && skb) recordLearn(br, source, mac, skb, true);
}

function recordLearn(br: BridgeState, source: NetDevice, mac: Mac, skb: SkBuff, moved: boolean): void {
  const { ns } = source;
  const step = {
    kind: 'bridge.learn' as const, seq: 0, at: 0, machine: ns.machine.name, netns: ns.name, device: source.name,
    skb: skb.id, packet: skb.packet, cause: skb.cause, fn: 'br_fdb_update', reads: NO_READS, changes: NO_CHANGES,
    bridge: br.dev.name, mac, moved,
  };
  ns.recorder.step(step);
}

/** Adds an address of the host's own: of a port, or with `port` null of the bridge (fdb_add_local). The first owner of an address keeps it. */
export function fdbAddLocal(br: BridgeState, port: NetDevice | null, mac: Mac, vlan: number): void {
  if (mac === MAC_ZERO || isMulticastMac(mac)) return;
  const old = brFdbFind(br, mac, vlan);
  if (old?.local) return;
  if (old) fdbDelete(br, old);
  const f = fdbCreate(br, port, mac, vlan);
  f.local = true;
  f.isStatic = true;
  fdbCommit(br, f);
}

/** Takes a local entry away, or gives it to another port or the bridge, when that has the same address (fdb_delete_local). */
export function fdbDeleteLocal(br: BridgeState, port: NetDevice | null, f: FdbEntry): void {
  const heir = br.portList.find((op) => op !== port && op.mac === f.mac && (f.vlan === 0 || op.portState!.vlans.untagged.has(f.vlan)));
  const toBridge = !heir && port !== null && br.dev.mac === f.mac && (f.vlan === 0 || br.vlans.untagged.has(f.vlan));
  if (!heir && !toBridge) return fdbDelete(br, f);
  f.dst = heir ?? null;
  f.addedByUser = false;
  fdbCommit(br, f);
}

/** The local entry of a port's (or, with null, the bridge's) address in one VLAN goes (fdb_find_delete_local). */
export function fdbFindDeleteLocal(br: BridgeState, port: NetDevice | null, mac: Mac, vlan: number): void {
  const f = brFdbFind(br, mac, vlan);
  if (f?.local && !f.addedByUser && f.dst === port) fdbDeleteLocal(br, port, f);
}

/** The VLANs in which a port or the bridge has a local entry: those it is a member of, once the bridge looks at VLANs. */
function localVlans(br: BridgeState, port: NetDevice | null): number[] {
  const group = port ? port.portState!.vlans : br.vlans;
  return br.dev.bridge!.vlanFiltering ? [0, ...group.untagged.keys()] : [0];
}

/** A port's MAC changed (br_fdb_changeaddr). */
export function brFdbChangeaddr(br: BridgeState, port: NetDevice, mac: Mac): void {
  for (const f of fdbEntries(br)) if (f.dst === port && f.local && !f.addedByUser) fdbDeleteLocal(br, port, f);
  for (const vlan of localVlans(br, port)) fdbAddLocal(br, port, mac, vlan);
}

/** The bridge's own MAC is about to become `mac` (br_fdb_change_mac_address). */
export function brFdbChangeMacAddress(br: BridgeState, mac: Mac): void {
  const old = br.dev.mac;
  for (const vlan of localVlans(br, null)) {
    const f = brFdbFind(br, old, vlan);
    if (f?.local && f.dst === null && !f.addedByUser) fdbDeleteLocal(br, null, f);
    fdbAddLocal(br, null, mac, vlan);
  }
}

/** What goes with a port: what was learned there, or with `all` everything (br_fdb_delete_by_port). */
export function brFdbDeleteByPort(br: BridgeState, port: NetDevice, vlan: number, all: boolean): void {
  for (const f of fdbEntries(br)) {
    if (f.dst !== port) continue;
    if (!all && (f.isStatic || f.externLearn || (vlan !== 0 && f.vlan !== vlan))) continue;
    if (f.local) fdbDeleteLocal(br, port, f);
    else fdbDelete(br, f);
  }
}

/** Arms the cleanup if nothing waits for it. Linux runs it all the time; with nothing to age that cannot be told apart. */
export function scheduleCleanup(br: BridgeState): void {
  if (br.gc !== null) return;
  const { queue } = br.dev.ns;
  br.gc = queue.schedule(queue.now + Math.max(holdTime(br), 10 * MILLISECOND), brFdbCleanup, br);
}

/** Runs the cleanup now, as a change of the ageing time does. */
export function cleanupNow(br: BridgeState): void {
  const { queue } = br.dev.ns;
  queue.cancel(br.gc);
  br.gc = queue.schedule(queue.now, brFdbCleanup, br);
}

/** Removes entries that nobody refreshed for the ageing time, and comes again when the next will be due, 10 ms from now at the earliest (br_fdb_cleanup). */
function brFdbCleanup(br: BridgeState): void {
  br.gc = null;
  const { ns } = br.dev;
  const { now } = ns.queue;
  const hold = holdTime(br);
  let next = Infinity;
  for (const f of fdbEntries(br)) {
    if (f.isStatic || f.externLearn) continue;
    if (f.updated + hold > now) next = Math.min(next, f.updated + hold - now);
    else fdbDelete(br, f);
  }
  if (next !== Infinity) br.gc = ns.queue.schedule(now + Math.max(next, 10 * MILLISECOND), brFdbCleanup, br);
  ns.recorder.flush(ns.machine.name, ns.name, `${br.dev.name} forgot addresses that were silent for the ageing time`);
}
