import { placeOf } from './flights.ts';
import type { Run } from './player.ts';

const hooked = new WeakMap<object, ReadonlySet<string>>();

/** Namespaces in which a packet meets netfilter at some time of the run: only these have hooks to be shown. */
export function hookedPlaces(run: Run): ReadonlySet<string> {
  let places = hooked.get(run.trace);
  if (!places) {
    places = new Set(run.trace.steps.filter((step) => step.kind === 'nf.table' || step.kind.startsWith('conntrack.') || step.kind.startsWith('nat.')).map(placeOf));
    hooked.set(run.trace, places);
  }
  return places;
}
