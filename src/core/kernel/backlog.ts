import { MICROSECOND, type SimTime } from '../sim/time.ts';
import { dropSkb, netifRx } from './dev.ts';
import type { World } from './machine.ts';
import type { NetDevice } from './net-device.ts';
import type { SkBuff } from './sk-buff.ts';

/**
 * How long a frame takes from one device to the next. It is the same for loopback, veth and cable, so that frames are served
 * in the order they were sent, as the one backlog of a CPU serves them. A ping over four veths then takes about what it takes on Linux.
 */
export const LINK_LATENCY: SimTime = 10 * MICROSECOND;

/** net.core.netdev_max_backlog: more frames of a machine than this at once are dropped, which ends a broadcast storm. */
const NETDEV_MAX_BACKLOG = 1000;

/** The frames that arrive at one moment, in order; `skb.dev` is the device that they arrive at. */
export interface BacklogBatch {
  readonly at: SimTime;
  readonly skbs: SkBuff[];
}

/** Puts a frame on its way to a device of any machine (netif_rx, enqueue_to_backlog). False when the backlog is full. */
export function enqueueToBacklog(skb: SkBuff, to: NetDevice): boolean {
  const { machine } = to.ns;
  const { world } = machine;
  const at = world.queue.now + LINK_LATENCY;
  if (machine.backlogAt !== at) {
    machine.backlogAt = at;
    machine.backlogLength = 0;
  }
  skb.dev = to;
  if (++machine.backlogLength > NETDEV_MAX_BACKLOG) {
    to.stats.rxDropped++;
    dropSkb(skb, to, 'enqueue_to_backlog', 'CPU_BACKLOG');
    return false;
  }
  const batch = world.backlog;
  if (batch !== null && batch.at === at) {
    batch.skbs.push(skb);
    return true;
  }
  const fresh = { at, skbs: [skb] };
  world.backlog = fresh;
  world.queue.schedule(at, netRxAction, world, fresh);
  return true;
}

/** Where the backlog ends now; what is put there later can be served before anything else with `serveSince`. */
export function backlogMark({ backlog }: World): { readonly batch: BacklogBatch | null; readonly length: number } {
  return { batch: backlog, length: backlog?.skbs.length ?? 0 };
}

/** True when frames were put into the backlog after the mark. */
export function hasBacklogSince(world: World, mark: ReturnType<typeof backlogMark>): boolean {
  return world.backlog !== null && (world.backlog !== mark.batch || world.backlog.skbs.length > mark.length);
}

/** Serves at once what was put into the backlog after the mark: the soft interrupt of who sent it runs before the kernel's work queues do. */
export function serveSince(world: World, mark: ReturnType<typeof backlogMark>): void {
  const batch = world.backlog!;
  serve(world, batch.skbs.splice(batch === mark.batch ? mark.length : 0));
}

/** Serves one batch (net_rx_action). */
function netRxAction(world: World, batch: BacklogBatch): void {
  if (world.backlog === batch) world.backlog = null;
  serve(world, batch.skbs);
}

function serve(world: World, skbs: readonly SkBuff[]): void {
  for (let i = 0; i < skbs.length; i++) {
    const skb = skbs[i]!;
    const { dev } = skb;
    if (dev.up) netifRx(skb, dev);
    else dropSkb(skb, dev, 'process_backlog', dev.ns.dead ? 'NAMESPACE_GONE' : 'DEV_READY');
    world.recorder.flush(dev.ns.machine.name, dev.ns.name, 'changed while a frame was received');
  }
}
