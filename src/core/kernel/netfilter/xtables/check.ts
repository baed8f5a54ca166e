import { IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP } from '../../../wire/packet.ts';
import { KernelError } from '../../errno.ts';
import type { NfHook } from '../hooks.ts';
import { MAX_HITCOUNT } from './matches/recent.ts';
import type { XtMatch, XtRule, XtTableName, XtTarget } from './xt-rule.ts';

/** Where a match or target may be used; what is not here may be used everywhere. */
interface Place {
  readonly tables?: readonly XtTableName[];
  readonly hooks?: readonly NfHook[];
  /** The protocol that the rule has to ask for. */
  readonly protocol?: number;
}

const IN_SIDE = ['PREROUTING', 'INPUT', 'FORWARD'] as const;
const DESTINATION = ['PREROUTING', 'OUTPUT'] as const;

function placeOfMatch(match: XtMatch): Place | null {
  switch (match.name) {
    case 'tcp': return { protocol: IPPROTO_TCP };
    case 'udp': return { protocol: IPPROTO_UDP };
    case 'icmp': return { protocol: IPPROTO_ICMP };
    case 'mac': return { hooks: IN_SIDE };
    case 'owner': return { hooks: ['OUTPUT', 'POSTROUTING'] };
    case 'rpfilter': return { tables: ['raw', 'mangle'], hooks: ['PREROUTING'] };
    case 'addrtype':
      if (match.limitIface === 'in') return { hooks: IN_SIDE };
      return match.limitIface === 'out' ? { hooks: ['FORWARD', 'OUTPUT', 'POSTROUTING'] } : null;
    case 'physdev': return (match.out ?? match.isOut) !== null && (match.isBridged === null || match.isBridged.invert) ? { hooks: [...IN_SIDE, 'POSTROUTING'] } : null;
    default: return null;
  }
}

function placeOfTarget(target: XtTarget): Place | null {
  switch (target.name) {
    case 'REJECT': return { tables: ['filter'], hooks: ['INPUT', 'FORWARD', 'OUTPUT'], ...(target.with === 'tcp-reset' ? { protocol: IPPROTO_TCP } : {}) };
    case 'MASQUERADE': return { tables: ['nat'], hooks: ['POSTROUTING'] };
    case 'SNAT': return { tables: ['nat'], hooks: ['INPUT', 'POSTROUTING'] };
    case 'DNAT':
    case 'REDIRECT': return { tables: ['nat'], hooks: DESTINATION };
    case 'NETMAP': return { tables: ['nat'], hooks: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'] };
    case 'CT':
    case 'NOTRACK': return { tables: ['raw'], hooks: DESTINATION };
    case 'TCPMSS': return { protocol: IPPROTO_TCP, ...(target.mss === null ? { hooks: ['FORWARD', 'OUTPUT', 'POSTROUTING'] } : {}) };
    case 'TTL': return { tables: ['mangle'] };
    default: return null;
  }
}

/** Multiport wants a protocol that has ports (multiport_mt_check). */
const WITH_PORTS: readonly number[] = [IPPROTO_TCP, IPPROTO_UDP, 33, 132, 136];

function places(rule: XtRule): readonly Place[] {
  let found: Place[] | null = null;
  for (const match of rule.matches) {
    const place = placeOfMatch(match);
    if (place !== null) (found ??= []).push(place);
  }
  const place = placeOfTarget(rule.target);
  if (place !== null) (found ??= []).push(place);
  return found ?? ANYWHERE;
}
const ANYWHERE: readonly Place[] = [];

/** The hooks that a rule may be reached from; null: all. */
export function hooksOf(rule: XtRule): readonly NfHook[] | null {
  let allowed: readonly NfHook[] | null = null;
  for (const { hooks } of places(rule)) if (hooks !== undefined) allowed = allowed === null ? hooks : allowed.filter((hook) => hooks.includes(hook));
  return allowed;
}

/** Throws EINVAL for what the kernel's own checks refuse (xt_check_match, xt_check_target). `hook`: of the built-in chain it goes into. */
export function checkRule(rule: XtRule, table: XtTableName, hook: NfHook | null): void {
  for (const { tables, hooks, protocol } of places(rule)) {
    if (tables !== undefined && !tables.includes(table)) throw new KernelError('EINVAL');
    if (hook !== null && hooks !== undefined && !hooks.includes(hook)) throw new KernelError('EINVAL');
    if (protocol !== undefined && (rule.protocol?.number !== protocol || rule.protocol.invert)) throw new KernelError('EINVAL');
  }
  // Nothing but what is in no network at all.
  if ([rule.src, rule.dst].some((address) => address !== null && address.invert && address.mask === 0)) throw new KernelError('EINVAL');
  for (const match of rule.matches) checkMatch(match, rule);
}

function checkMatch(match: XtMatch, { protocol }: XtRule): void {
  if (match.name === 'multiport' && (protocol === null || protocol.invert || !WITH_PORTS.includes(protocol.number))) throw new KernelError('EINVAL');
  if (match.name === 'recent') checkRecent(match);
  if (match.name === 'owner' && [match.uid, match.gid].some((id) => id !== null && id.range[0] > id.range[1])) throw new KernelError('EINVAL');
}

/** recent_mt_check: --set and --remove take no conditions, and the list is a file's name. */
function checkRecent({ mode, seconds, hitcount, reap, ttl, list }: Extract<XtMatch, { name: 'recent' }>): void {
  const conditions = seconds !== null || hitcount !== null || reap || ttl;
  if (((mode === 'set' || mode === 'remove') && conditions) || (hitcount ?? 0) > MAX_HITCOUNT || list.includes('/')) throw new KernelError('EINVAL');
}

/** Does the rule want connections tracked while it exists (nf_ct_netns_get in its checks)? */
export function wantsTracking({ matches, target }: XtRule): boolean {
  switch (target.name) {
    case 'MASQUERADE':
    case 'SNAT':
    case 'DNAT':
    case 'REDIRECT':
    case 'NETMAP':
    case 'CONNMARK': return true;
    case 'CT':
      if (!target.notrack) return true;
  }
  return matches.some(({ name }) => name === 'conntrack' || name === 'state' || name === 'connmark');
}
