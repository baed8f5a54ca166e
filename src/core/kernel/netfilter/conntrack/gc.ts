import { SECOND } from '../../../sim/time.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import { ctKill } from './alloc.ts';
import type { NfConn } from './nf-conn.ts';

/** GC_SCAN_INTERVAL_MAX: with few entries the collector looks once a minute. */
const INTERVAL = 60 * SECOND;

/** The collector shall look within a minute; it sleeps while there is nothing to collect. */
export function ctGcSoon(ns: NetNamespace): void {
  const { ct } = ns.nf;
  if (ct.gc === null && ct.confirmed.size > 0) ct.gc = ns.queue.schedule((Math.floor(ns.queue.now / INTERVAL) + 1) * INTERVAL, gcWorker, ns);
}

/** tcp_can_early_drop, and whatever is not assured (gc_worker_can_early_drop). */
function canEarlyDrop(ct: NfConn): boolean {
  const state = ct.tcp?.state;
  return !ct.assured || state === 'FIN_WAIT' || state === 'LAST_ACK' || state === 'TIME_WAIT' || state === 'CLOSE' || state === 'CLOSE_WAIT';
}

/** gc_worker: what has run out goes; after the table was full, also what nobody would miss, until it is at 95 %. */
function gcWorker(ns: NetNamespace): void {
  const { ct } = ns.nf;
  ct.gc = null;
  const limit = ct.gcEarlyDrop ? Math.trunc(ns.machine.root.nf.ct.settings.max / 100) * 95 : 0;
  ct.gcEarlyDrop = false;
  for (const entry of ct.confirmed.values()) {
    if (entry.expires <= ns.queue.now || (limit > 0 && ct.count >= limit && canEarlyDrop(entry))) ctKill(ns, entry);
  }
  ctGcSoon(ns);
  ns.recorder.flush(ns.machine.name, ns.name, 'connections that have run out were collected');
}

/** The namespace is deleted: the collector stops. */
export function ctGcStop(ns: NetNamespace): void {
  ns.queue.cancel(ns.nf.ct.gc);
  ns.nf.ct.gc = null;
}
