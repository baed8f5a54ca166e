import { SECOND } from '../../../sim/time.ts';
import { NO_READS } from '../../../trace/change.ts';
import type { DropReason } from '../../../trace/drop-reason.ts';
import { formatIpv4, formatMac, isMulticastMac, MAC_ZERO, type Ipv4, type Mac } from '../../../wire/address.ts';
import { KernelError } from '../../errno.ts';
import type { FdbRow } from '../../rows.ts';
import type { SkBuff } from '../../sk-buff.ts';
import type { VxlanFdbEntry, VxlanFdbState, VxlanRdst, VxlanState } from './vxlan-state.ts';

/** FDB_AGE_INTERVAL: how often the device looks for entries that are too old. */
const AGE_INTERVAL = 10 * SECOND;

/** All zeros, or a group: what several destinations may serve. */
export function isForMany(mac: Mac): boolean {
  return mac === MAC_ZERO || isMulticastMac(mac);
}

/** Where the frames of an entry go, as it is asked for. */
export interface VxlanTarget {
  readonly dst: Ipv4;
  readonly port: number;
  readonly vni: number;
  readonly ifindex: number;
}

function rowKey(vx: VxlanState, mac: Mac, { dst, port, vni, ifindex }: VxlanTarget): string {
  return `vxlan:${vx.dev.ifindex}/${formatMac(mac)}/${formatIpv4(dst)}/${port}/${vni}/${ifindex}`;
}

/** The row of one destination of an entry, as it is now (vxlan_fdb_info): what is as the device says is left out. */
function rowOf(vx: VxlanState, f: VxlanFdbEntry, { dst, port, vni, ifindex }: VxlanRdst): FdbRow {
  return {
    bridge: 0, ifindex: vx.dev.ifindex, mac: f.mac, vlan: 0, state: f.state === 'default' ? 'permanent' : f.state, addedByUser: f.addedByUser,
    externLearn: f.externLearn, sticky: f.sticky, updated: f.updated, used: f.used,
    remote: {
      dst, port: port === vx.config.dstport ? null : port, vni: vni === vx.config.vni ? null : vni, via: ifindex,
      byDefault: f.state === 'default', router: f.router,
    },
  };
}

function commit(vx: VxlanState, f: VxlanFdbEntry, rd: VxlanRdst): void {
  vx.dev.ns.tables.fdb.put(rd.key, rowOf(vx, f, rd));
}

/** All rows of a device, as the kernel lists them: the newest entry first, its destinations as they were appended (vxlan_fdb_dump). */
export function vxlanFdbRows(vx: VxlanState): FdbRow[] {
  return [...vx.fdb.values()].reverse().flatMap((f) => f.remotes.map((rd) => rowOf(vx, f, rd)));
}

/** Writes every row anew, as when the device has come into another namespace. */
export function vxlanFdbCommitAll(vx: VxlanState): void {
  for (const f of vx.fdb.values()) {
    for (const rd of f.remotes) {
      rd.key = rowKey(vx, f.mac, rd);
      commit(vx, f, rd);
    }
  }
}

function append(vx: VxlanState, f: VxlanFdbEntry, target: VxlanTarget): VxlanRdst | null {
  const key = rowKey(vx, f.mac, target);
  if (f.remotes.some((rd) => rd.key === key)) return null;
  const rd: VxlanRdst = { dst: target.dst, port: target.port, vni: target.vni, ifindex: target.ifindex, key };
  f.remotes.push(rd);
  return rd;
}

export interface VxlanFdbSpec {
  readonly mac: Mac;
  readonly target: VxlanTarget;
  readonly state: VxlanFdbState;
  readonly externLearn?: boolean;
  readonly router?: boolean;
  readonly sticky?: boolean;
  readonly addedByUser?: boolean;
}

/** A new entry (vxlan_fdb_update_create). ENOSPC when the device may learn no more. */
export function vxlanFdbCreate(vx: VxlanState, spec: VxlanFdbSpec): VxlanFdbEntry {
  const { maxAddress } = vx.config;
  if (maxAddress !== 0 && vx.fdb.size >= maxAddress) throw new KernelError('ENOSPC');
  const { now } = vx.dev.ns.queue;
  const f: VxlanFdbEntry = {
    mac: spec.mac, state: spec.state, externLearn: spec.externLearn ?? false, router: spec.router ?? false, sticky: spec.sticky ?? false, addedByUser: spec.addedByUser ?? false,
    updated: now, used: now, remotes: [],
  };
  vx.fdb.set(spec.mac, f);
  commit(vx, f, append(vx, f, spec.target)!);
  if (ages(f)) scheduleAgeing(vx);
  return f;
}

/** Changes an entry that is there, as NLM_F_REPLACE or NLM_F_APPEND ask (vxlan_fdb_update_existing). */
export function vxlanFdbUpdate(vx: VxlanState, f: VxlanFdbEntry, spec: VxlanFdbSpec, mode: 'replace' | 'append' | 'change'): void {
  const many = isForMany(f.mac);
  const { now } = vx.dev.ns.queue;
  // A controller's entry does not take over what somebody has written by hand.
  if (!spec.externLearn || !f.addedByUser) {
    f.state = spec.state;
    f.externLearn = spec.externLearn ?? false;
    f.router = spec.router ?? false;
    f.sticky = spec.sticky ?? false;
    f.addedByUser = spec.addedByUser ?? false;
    f.updated = now;
  }
  if (mode === 'replace') {
    if (many) throw new KernelError('EOPNOTSUPP', 'Cannot replace non-unicast fdb entries');
    const [first] = f.remotes;
    if (first !== undefined && first.key !== rowKey(vx, f.mac, spec.target)) {
      f.remotes.shift();
      vx.dev.ns.tables.fdb.delete(first.key);
      append(vx, f, spec.target);
    }
  }
  if (mode === 'append' && many) append(vx, f, spec.target);
  for (const rd of f.remotes) commitIfChanged(vx, f, rd);
  if (ages(f)) scheduleAgeing(vx);
}

function commitIfChanged(vx: VxlanState, f: VxlanFdbEntry, rd: VxlanRdst): void {
  const before = vx.dev.ns.tables.fdb.get(rd.key);
  const after = rowOf(vx, f, rd);
  if (before && before.state === after.state && before.externLearn === after.externLearn && before.sticky === after.sticky && before.remote!.router === after.remote!.router && before.remote!.byDefault === after.remote!.byDefault) return;
  vx.dev.ns.tables.fdb.put(rd.key, after);
}

/** The whole entry goes (vxlan_fdb_destroy). */
export function vxlanFdbDestroy(vx: VxlanState, f: VxlanFdbEntry): void {
  vx.fdb.delete(f.mac);
  for (const rd of f.remotes) vx.dev.ns.tables.fdb.delete(rd.key);
}

/** One destination goes, and with the last one the entry (__vxlan_fdb_delete). ENOENT when there is no entry; a destination that it has not is no error. */
export function vxlanFdbDelete(vx: VxlanState, mac: Mac, target: VxlanTarget | null): void {
  const f = vx.fdb.get(mac);
  if (f === undefined) throw new KernelError('ENOENT');
  if (target !== null) {
    const key = rowKey(vx, mac, target);
    const at = f.remotes.findIndex((rd) => rd.key === key);
    if (at < 0) return;
    if (f.remotes.length > 1) {
      f.remotes.splice(at, 1);
      vx.dev.ns.tables.fdb.delete(key);
      return;
    }
  }
  vxlanFdbDestroy(vx, f);
}

/** `bridge fdb flush`: what meets every condition that is set (vxlan_fdb_delete_bulk). */
export function vxlanFdbFlush(vx: VxlanState, { permanent, isStatic, externLearn }: { readonly permanent?: boolean; readonly isStatic?: boolean; readonly externLearn?: boolean }): void {
  for (const f of [...vx.fdb.values()]) {
    const stays = f.state === 'permanent' || f.state === 'default';
    const noarp = f.state === 'permanent' || f.state === 'static';
    if (permanent !== undefined && stays !== permanent) continue;
    if (isStatic !== undefined && noarp !== isStatic) continue;
    if (externLearn !== undefined && f.externLearn !== externLearn) continue;
    vxlanFdbDestroy(vx, f);
  }
}

/** What a device forgets when it goes down: all that is not written to stay (vxlan_flush in vxlan_stop). */
export function vxlanFdbFlushLearned(vx: VxlanState): void {
  for (const f of [...vx.fdb.values()]) if (f.state === 'learned') vxlanFdbDestroy(vx, f);
}

/** The entry that says where a frame for this MAC goes, used by now (vxlan_find_mac_tx). */
export function vxlanFindMac(vx: VxlanState, mac: Mac): VxlanFdbEntry | undefined {
  const f = vx.fdb.get(mac);
  if (f !== undefined) f.used = vx.dev.ns.queue.now;
  return f;
}

/** Learns behind which VTEP the sender of a frame is (vxlan_snoop). Null, or why the frame has to die. */
export function vxlanSnoop(vx: VxlanState, skb: SkBuff, from: Ipv4, mac: Mac): DropReason | null {
  if (isForMany(mac)) return 'MAC_INVALID_SOURCE';
  const f = vx.fdb.get(mac);
  const { now } = vx.dev.ns.queue;
  if (f === undefined) {
    if (!vx.dev.up) return null;
    const { maxAddress, dstport: port, vni } = vx.config;
    if (maxAddress !== 0 && vx.fdb.size >= maxAddress) return null;
    vxlanFdbCreate(vx, { mac, state: 'learned', target: { dst: from, port, vni, ifindex: 0 } });
    recordLearn(vx, skb, from, mac, false);
    return null;
  }
  f.updated = now;
  const rd = f.remotes[0]!;
  if (rd.dst === from && rd.ifindex === 0) return null;
  if (f.state !== 'learned') return 'VXLAN_ENTRY_EXISTS';
  vx.dev.ns.tables.fdb.delete(rd.key);
  rd.dst = from;
  rd.key = rowKey(vx, mac, rd);
  commit(vx, f, rd);
  recordLearn(vx, skb, from, mac, true);
  return null;
}

function recordLearn({ dev }: VxlanState, skb: SkBuff, remote: Ipv4, mac: Mac, moved: boolean): void {
  const { ns } = dev;
  if (!ns.recorder.on) return;
  ns.recorder.step({
    kind: 'vxlan.learn' as const, machine: ns.machine.name, netns: ns.name, device: dev.name, skb: skb.id, packet: skb.packet,
    cause: skb.cause, fn: 'vxlan_snoop', reads: NO_READS, mac, remote, moved,
  });
}

function ages(f: VxlanFdbEntry): boolean {
  return f.state === 'learned' && !f.externLearn;
}

/** Arms the collector for the next of its rounds, ten seconds apart from when the device came up. Without an entry to age a round cannot be told from none. */
export function scheduleAgeing(vx: VxlanState): void {
  if (vx.ageTimer !== null || vx.config.ageing === 0 || !vx.dev.up) return;
  const { queue } = vx.dev.ns;
  const rounds = Math.floor((queue.now - vx.openedAt) / AGE_INTERVAL) + 1;
  vx.ageTimer = queue.schedule(vx.openedAt + rounds * AGE_INTERVAL, vxlanCleanup, vx);
}

/** Takes away what nobody refreshed for the ageing time (vxlan_cleanup). */
function vxlanCleanup(vx: VxlanState): void {
  vx.ageTimer = null;
  const { ns } = vx.dev;
  const { now } = ns.queue;
  let next = now + AGE_INTERVAL;
  let left = false;
  for (const f of [...vx.fdb.values()]) {
    if (!ages(f)) continue;
    const timeout = f.updated + vx.config.ageing * SECOND;
    if (timeout <= now) {
      vxlanFdbDestroy(vx, f);
      continue;
    }
    left = true;
    next = Math.min(next, timeout);
  }
  vx.openedAt = next;
  if (left) vx.ageTimer = ns.queue.schedule(next, vxlanCleanup, vx);
  ns.recorder.flush(ns.machine.name, ns.name, `${vx.dev.name} forgot addresses that were silent for the ageing time`);
}
