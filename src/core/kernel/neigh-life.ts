import { SECOND } from '../sim/time.ts';
import { dropSkb } from './dev.ts';
import type { Machine } from './machine.ts';
import type { Neighbour, NeighTable, WaitingPacket } from './neigh-table.ts';
import type { NetDevice } from './net-device.ts';
import type { NetNamespace } from './net-namespace.ts';

/** The table that counts for the whole computer. */
function shared(machine: Machine): NeighTable {
  return machine.root.neighbours;
}

/** Made by hand or by a daemon: never collected (exempt_from_gc). */
function exempt(entry: Neighbour): boolean {
  return entry.state === 'PERMANENT' || entry.extern;
}

function* collectable(machine: Machine): Generator<[NetNamespace, Neighbour]> {
  for (const ns of [machine.root, ...machine.namespaces.values()]) {
    for (const { entries } of ns.neighbours.devices.values()) {
      // A running timer holds the entry (NUD_IN_TIMER).
      for (const entry of entries.values()) if (!exempt(entry) && entry.timer === null) yield [ns, entry];
    }
  }
}

/** Room for one more entry, made if need be (neigh_alloc). False when the table is full: "neighbor table overflow". */
export function neighAlloc(ns: NetNamespace): boolean {
  const { machine, queue: { now } } = ns;
  const table = shared(machine);
  const { gc_thresh2, gc_thresh3 } = table.limits;
  const entries = table.gcEntries;
  if (entries >= gc_thresh3 || (entries >= gc_thresh2 && now > table.lastFlush + 5 * SECOND)) {
    if (!forcedGc(machine) && table.gcEntries >= gc_thresh3) return false;
  }
  return true;
}

/** Counts the entry among those that may be collected, or no longer (neigh_update_gc_list). */
export function neighRecount(ns: NetNamespace, entry: Neighbour): void {
  const counts = !entry.dead && !exempt(entry);
  if (counts === entry.counted) return;
  entry.counted = counts;
  const table = shared(ns.machine);
  table.gcEntries += counts ? 1 : -1;
  if (table.gcEntries >= table.limits.gc_thresh1 && table.gcTimer === null) schedulePeriodic(ns.machine);
}

export function stopTimer(ns: NetNamespace, entry: Neighbour): void {
  ns.queue.cancel(entry.timer);
  entry.timer = null;
}

/** Empties the queue of the entry and gives what was in it. */
export function takeQueue(entry: Neighbour): WaitingPacket[] {
  const waiting = entry.queue;
  entry.queue = [];
  entry.queueBytes = 0;
  return waiting;
}

/** Takes an entry out of the table (neigh_remove_one): its timer stops, and what waited dies. */
export function neighRemove(ns: NetNamespace, entry: Neighbour): void {
  entry.dead = true;
  stopTimer(ns, entry);
  for (const { skb } of takeQueue(entry)) dropSkb(skb, entry.dev, 'neigh_destroy', 'NEIGH_DEAD');
  // Who hears of it still finds the entry, for its times.
  ns.tables.neigh.delete(entry.key);
  ns.neighbours.devices.get(entry.dev.ifindex)?.entries.delete(entry.ip);
  neighRecount(ns, entry);
}

/** Forgets the neighbours of a device (neigh_flush_dev). */
export function neighFlushDev(ns: NetNamespace, dev: NetDevice, keepPermanent: boolean): void {
  for (const entry of [...(ns.neighbours.devices.get(dev.ifindex)?.entries.values() ?? [])]) {
    if (!keepPermanent || entry.state !== 'PERMANENT') neighRemove(ns, entry);
  }
}

/** neigh_forced_gc: entries that failed, or did not change for 5 seconds. True when there were any. */
function forcedGc(machine: Machine): boolean {
  const table = shared(machine);
  const { now } = machine.world.queue;
  table.lastFlush = now;
  const wanted = table.gcEntries - table.limits.gc_thresh2;
  let removed = 0;
  for (const [ns, entry] of [...collectable(machine)]) {
    if (entry.state !== 'FAILED' && entry.state !== 'NOARP' && now - entry.updated <= 5 * SECOND) continue;
    neighRemove(ns, entry);
    if (++removed >= wanted) break;
  }
  return removed > 0;
}

function schedulePeriodic(machine: Machine): void {
  const table = shared(machine);
  const interval = table.default.parms.base_reachable_time / 2;
  table.gcTimer = machine.world.queue.schedule(machine.world.queue.now + interval, periodicWork, machine);
}

/** neigh_periodic_work: from gc_thresh1 entries on, those that failed, or were not used for gc_stale_time, go. */
function periodicWork(machine: Machine): void {
  const table = shared(machine);
  const { now } = machine.world.queue;
  table.gcTimer = null;
  if (table.gcEntries < table.limits.gc_thresh1) return;
  for (const [ns, entry] of [...collectable(machine)]) {
    const used = Math.max(entry.used, entry.confirmed);
    if (entry.state === 'FAILED' || now >= used + entry.settings.parms.gc_stale_time) {
      neighRemove(ns, entry);
      ns.recorder.flush(machine.name, ns.name, 'an unused neighbour entry was collected');
    }
  }
  if (table.gcEntries >= table.limits.gc_thresh1) schedulePeriodic(machine);
}
