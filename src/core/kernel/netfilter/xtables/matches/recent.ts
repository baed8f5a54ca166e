import { SECOND } from '../../../../sim/time.ts';
import type { Ipv4 } from '../../../../wire/address.ts';
import type { XtMatcher, XtParam } from '../xt-param.ts';
import type { RecentMatch } from '../xt-rule.ts';
import type { RecentEntry, RecentList, XtEntry } from '../xt-state.ts';

/** ip_list_tot: addresses that a list remembers. */
const LIST_TOTAL = 100;
/** Stamps that an entry keeps unless a rule's hit count wants more (XT_RECENT_MAX_NSTAMPS is the most). */
const STAMPS = 32;
export const MAX_HITCOUNT = 65_535;

/** How many stamps the rule needs its list to keep. */
export function stampsFor({ hitcount }: RecentMatch): number {
  if (hitcount === null) return STAMPS;
  let stamps = 1;
  while (stamps < hitcount) stamps *= 2;
  return stamps;
}

/** recent_mt */
export function recentMatch(match: RecentMatch, _entry: XtEntry): XtMatcher {
  return (par) => {
    const list = par.ns.nf.xt.recent.get(match.list)!;
    const ttl = seenTtl(par);
    const address = (((match.side === 'source' ? par.ip.src : par.ip.dst) & match.mask) >>> 0);
    const found = list.entries.get(address);
    const entry = found !== undefined && (!match.ttl || found.ttl === 0 || found.ttl === ttl) ? found : null;
    if (entry === null) {
      if (match.mode !== 'set') return match.invert;
      newEntry(list, address, ttl, par.ns.queue.now);
      return !match.invert;
    }
    return known(match, list, entry, ttl, par.ns.queue.now);
  };
}

/** The TTL before this host counted it down. */
function seenTtl({ ip, state, skb }: XtParam): number {
  return state.out !== null && skb.sk === null ? ip.ttl + 1 : ip.ttl;
}

function known(match: RecentMatch, list: RecentList, entry: RecentEntry, ttl: number, now: number): boolean {
  let hit = true;
  if (match.mode === 'remove') list.entries.delete(entry.address);
  else if (match.mode !== 'set') {
    const since = now - (match.seconds ?? 0) * SECOND;
    hit = hits(match, entry, since);
    if (match.reap) reap(list, since);
  }
  const result = hit !== match.invert;
  if (match.mode === 'set' || (match.mode === 'update' && result)) {
    stamp(list, entry, now);
    entry.ttl = ttl;
  }
  return result;
}

/** Is there a stamp in the time that counts, or as many as the rule wants? */
function hits({ seconds, hitcount }: RecentMatch, entry: RecentEntry, since: number): boolean {
  let count = 0;
  for (const at of entry.stamps) {
    if (seconds !== null && seconds !== 0 && since > at) continue;
    count++;
    if (hitcount === null || hitcount === 0 || count >= hitcount) return true;
  }
  return false;
}

/** recent_entry_reap: the oldest goes when it is out of time. */
function reap(list: RecentList, since: number): void {
  const [oldest] = list.entries.values();
  if (oldest !== undefined && since > oldest.stamps[oldest.index - 1]!) list.entries.delete(oldest.address);
}

function newEntry(list: RecentList, address: Ipv4, ttl: number, now: number): void {
  if (list.entries.size >= LIST_TOTAL) list.entries.delete(list.entries.keys().next().value!);
  list.entries.set(address, { address, ttl, stamps: [now], index: 1 });
}

/** recent_entry_update: it is now the latest. */
function stamp(list: RecentList, entry: RecentEntry, now: number): void {
  if (entry.index >= list.stamps) entry.index = 0;
  entry.stamps[entry.index++] = now;
  list.entries.delete(entry.address);
  list.entries.set(entry.address, entry);
}
