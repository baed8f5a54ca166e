import { SECOND, type SimTime } from '../sim/time.ts';
import type { Timer } from '../sim/event-queue.ts';
import type { World } from './machine.ts';
import { rtmsgIfinfo } from './netlink/rtmsg.ts';
import { commitLink, type NetDevice } from './net-device.ts';
import type { OperState } from './rows.ts';

/** State of net/core/link_watch.c: carrier changes that the layers above have not been told of. */
export interface Linkwatch {
  readonly pending: Set<NetDevice>;
  /** Changes that are not urgent wait until here: they are served once a second at most. */
  nextEvent: SimTime;
  timer: Timer | null;
}

export function createLinkwatch(): Linkwatch {
  return { pending: new Set(), nextEvent: 0, timer: null };
}

/** netif_carrier_on. */
export function netifCarrierOn(dev: NetDevice): void {
  if (dev.carrier) return;
  dev.carrier = true;
  countChange(dev);
  fireEvent(dev);
}

/** netif_carrier_off. */
export function netifCarrierOff(dev: NetDevice): void {
  if (!dev.carrier) return;
  dev.carrier = false;
  countChange(dev);
  fireEvent(dev);
}

function countChange(dev: NetDevice): void {
  dev.stats.carrierChanges = (dev.stats.carrierChanges ?? 0) + 1;
}

/** linkwatch_fire_event. */
export function fireEvent(dev: NetDevice): void {
  if (!dev.registered) return;
  // IFF_LOWER_UP is seen at once; the operational state and the queue follow when the work runs.
  commitLink(dev);
  dev.ns.world.linkwatch.pending.add(dev);
}

export function linkwatchForget(dev: NetDevice): void {
  dev.ns.world.linkwatch.pending.delete(dev);
}

/**
 * linkwatch_urgent_event: devices over another one, and queues that must begin to work, do not wait. Linux tells "over another one"
 * by the other's number being different, though that may count in another namespace.
 */
function isUrgent(dev: NetDevice): boolean {
  if (!dev.up) return false;
  return (dev.peer !== null && dev.peer.ifindex !== dev.ifindex) || (dev.carrier && !dev.active);
}

/** RFC 2863 state by the carrier (default_operstate). The device below is looked up by its number in the *own* namespace, as Linux does. */
export function defaultOperstate(dev: NetDevice): OperState {
  if (dev.carrier) return 'UP';
  if (!dev.peer || dev.peer.ifindex === dev.ifindex) return 'DOWN';
  const lower = dev.ns.devices.get(dev.peer.ifindex);
  if (!lower) return 'DOWN';
  return lower.carrier ? 'DOWN' : 'LOWERLAYERDOWN';
}

function doDev(dev: NetDevice): void {
  dev.operstate = defaultOperstate(dev);
  if (dev.up) dev.active = dev.carrier;
  commitLink(dev);
  netdevStateChange(dev);
}

/** Those above hear of it first, then user space; of a device that is down nobody does (netdev_state_change). */
export function netdevStateChange(dev: NetDevice): void {
  if (!dev.up) return;
  dev.ns.notify('carrier', dev);
  rtmsgIfinfo(dev);
}

/** Serves what is pending for one device (linkwatch_sync_dev): the kernel does so when the device itself is asked for. */
export function linkwatchSyncDev(dev: NetDevice): void {
  const { world } = dev.ns;
  if (!world.linkwatch.pending.delete(dev)) return;
  doDev(dev);
  world.recorder.flush(dev.ns.machine.name, dev.ns.name, 'the carrier changed');
}

/**
 * What Linux leaves to its work queue when a request has changed carriers, to be called at the end of the request: urgent changes
 * now, the others now or, when some were served less than a second ago, then (linkwatch_schedule_work).
 */
export function linkwatchRun(world: World): void {
  const watch = world.linkwatch;
  while (watch.pending.size > 0) {
    const due = [...watch.pending].filter((dev) => watch.nextEvent <= world.queue.now || isUrgent(dev));
    if (due.length === 0) break;
    if (watch.nextEvent <= world.queue.now && !due.every(isUrgent)) watch.nextEvent = world.queue.now + SECOND;
    for (const dev of due) {
      watch.pending.delete(dev);
      doDev(dev);
    }
  }
  if (watch.pending.size > 0 && watch.timer === null) watch.timer = world.queue.schedule(watch.nextEvent, linkwatchEvent, world);
}

function linkwatchEvent(world: World): void {
  world.linkwatch.timer = null;
  const first = world.linkwatch.pending.values().next().value;
  linkwatchRun(world);
  if (first) world.recorder.flush(first.ns.machine.name, first.ns.name, 'the carrier changed');
}
