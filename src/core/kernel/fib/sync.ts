import type { Ipv4 } from '../../wire/address.ts';
import type { NetDevice } from '../net-device.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { FibRoute } from './fib-state.ts';
import { fibTableRoutes } from './fib-table.ts';
import { refreshRoute, removeRoute } from './insert.ts';
import { inDeviceOf } from './in-device.ts';
import { RT_TABLE_MAIN, SCOPE } from './scope.ts';

function allRoutes(ns: NetNamespace): FibRoute[] {
  return ns.fib.tableOrder.flatMap(fibTableRoutes);
}

/** Removes the routes that were marked dead (fib_flush). */
function fibFlush(ns: NetNamespace): void {
  ns.fib.flushing = true;
  for (const table of ns.fib.tableOrder) {
    for (const route of fibTableRoutes(table)) if (route.dead) removeRoute(ns, table, route);
  }
  ns.fib.flushing = false;
}

/**
 * Next hops of a device stop working (fib_sync_down_dev). With `force` also those of own addresses, which otherwise outlive a
 * device that is only down. True when a route lost its last next hop.
 */
export function fibSyncDownDev(ns: NetNamespace, dev: NetDevice, event: 'down' | 'unregister' | 'carrier', force: boolean): boolean {
  let lost = false;
  for (const route of allRoutes(ns)) {
    if (!route.hops.some((hop) => hop.dev === dev)) continue;
    let dead = 0;
    for (const hop of route.hops) {
      if (hop.dead) dead++;
      else if (hop.dev === dev && (force || hop.scope !== SCOPE.nowhere)) {
        if (event !== 'carrier') hop.dead = true;
        hop.linkdown = true;
        dead++;
      }
    }
    if (event === 'unregister') dead = route.hops.length;
    if (dead === route.hops.length && event !== 'carrier') {
      route.dead = true;
      lost = true;
    }
    if (!route.dead) refreshRoute(ns, route);
  }
  return lost;
}

/** Next hops of a device work again (fib_sync_up): `what` says which flag goes. */
export function fibSyncUp(ns: NetNamespace, dev: NetDevice, what: 'dead' | 'linkdown'): void {
  if (!dev.up || !inDeviceOf(ns, dev)) return;
  for (const route of allRoutes(ns)) {
    for (const hop of route.hops) {
      if (hop.dev !== dev) continue;
      if (what === 'dead') hop.dead = false;
      if (what === 'linkdown' || dev.carrier) hop.linkdown = false;
    }
    refreshRoute(ns, route);
  }
}

/** IPv4 ends on a device: its routes go, and its neighbours (fib_disable_ip). */
export function fibDisableIp(ns: NetNamespace, dev: NetDevice, event: 'down' | 'unregister', force: boolean): void {
  if (fibSyncDownDev(ns, dev, event, force)) fibFlush(ns);
  ns.fib.invalidate();
  for (const hear of ns.fib.onDisable) hear(dev);
}

/** An own address has gone: routes of table main that would use it as their source go, too (fib_sync_down_addr). */
export function fibSyncDownAddr(ns: NetNamespace, local: Ipv4): void {
  const main = ns.fib.tables.get(RT_TABLE_MAIN);
  if (!main) return;
  ns.fib.flushing = true;
  for (const route of fibTableRoutes(main)) if (route.row.prefsrc === local) removeRoute(ns, main, route);
  ns.fib.flushing = false;
}
