import { NO_READS } from '../../trace/change.ts';
import { KernelError } from '../errno.ts';
import { backlogMark, hasBacklogSince, serveSince } from '../backlog.ts';
import { linkwatchRun } from '../linkwatch.ts';
import type { NetNamespace } from '../net-namespace.ts';

/**
 * Carries out one request of a program under the RTNL lock and records it: with what it changed, or with the errno when it
 * failed. What a failed request did before it failed stays done and is recorded with it, as in the kernel.
 * `request` is the message's name, `fn` the Linux function that serves it, `device` the device it is about.
 */
export function rtnl<Result>(ns: NetNamespace, request: string, fn: string, device: string | null, serve: () => Result): Result {
  const { world } = ns;
  const mark = backlogMark(world);
  try {
    const result = serve();
    if (world.linkwatch.pending.size > 0 && hasBacklogSince(world, mark)) {
      // What the request has sent (a gratuitous ARP) arrives before anybody hears that the carrier is there.
      record(ns, request, fn, device, null);
      serveSince(world, mark);
      linkwatchRun(world);
      world.recorder.flush(ns.machine.name, ns.name, 'the carrier changed');
      return result;
    }
    linkwatchRun(world);
    record(ns, request, fn, device, null);
    return result;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    linkwatchRun(ns.world);
    record(ns, request, fn, device, error);
    throw error;
  }
}

function record(ns: NetNamespace, request: string, fn: string, device: string | null, error: KernelError | null): void {
  if (!ns.recorder.on) return;
  ns.recorder.step({
    kind: 'netlink', machine: ns.machine.name, netns: ns.name, device, skb: 0, packet: null, cause: -1, fn, reads: NO_READS,
    request, error: error?.errno ?? null,
  });
}
