import type { DropReason } from '../../trace/drop-reason.ts';
import { inDevConf } from '../dev-conf.ts';
import type { NetDevice } from '../net-device.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { FibMatch } from './fib-state.ts';
import { inDeviceOf } from './in-device.ts';
import { fibLookup, isFailure, LOOPBACK_IFINDEX, type FibKey } from './rules.ts';
import { SCOPE } from './scope.ts';

/** Whether the source of a packet is sound. `onLink`: the source is on the link of the device it came in by. */
export interface SourceVerdict {
  readonly reason: DropReason | null;
  readonly onLink: boolean;
}

const SOUND: SourceVerdict = Object.freeze({ reason: null, onLink: false });
const SOUND_ON_LINK: SourceVerdict = Object.freeze({ reason: null, onLink: true });
const OWN: SourceVerdict = Object.freeze({ reason: 'IP_LOCAL_SOURCE', onLink: false });
const INVALID: SourceVerdict = Object.freeze({ reason: 'IP_INVALID_SOURCE', onLink: false });
const FILTERED: SourceVerdict = Object.freeze({ reason: 'IP_RPFILTER', onLink: false });

/**
 * Could the source of this packet have come in by `dev` (fib_validate_source)? `oif` is the device that the packet will leave
 * by, 0 when it is for this host. With rp_filter off and no reason to look closer, only own addresses are refused.
 */
export function validateSource(ns: NetNamespace, key: FibKey, oif: number, dev: NetDevice): SourceVerdict {
  if (onlyOwnRefused(ns, oif, dev)) return ns.fib.local.has(key.src) ? OWN : SOUND;
  if (isUnfiltered(ns, oif, dev) && inDevConf(ns, dev, 'accept_local') !== 0) return SOUND;
  return fullCheck(ns, key, oif, dev, inDevConf(ns, dev, 'rp_filter'));
}

/** Nothing but an own address is refused as a source of packets from `dev` to `oif`. */
export function onlyOwnRefused(ns: NetNamespace, oif: number, dev: NetDevice): boolean {
  return !ns.fib.customLocalRoutes && !ns.fib.customRules && isUnfiltered(ns, oif, dev) && inDevConf(ns, dev, 'accept_local') === 0;
}

function isUnfiltered(ns: NetNamespace, oif: number, dev: NetDevice): boolean {
  return inDevConf(ns, dev, 'rp_filter') === 0 && (dev.ifindex !== oif || inDevConf(ns, dev, 'send_redirects') === 0);
}

/** __fib_validate_source: the route back to the source. */
function fullCheck(ns: NetNamespace, key: FibKey, oif: number, dev: NetDevice, rpFilter: number): SourceVerdict {
  const back: FibKey = {
    dst: key.src, src: key.dst, oif: 0, iif: oif || LOOPBACK_IFINDEX, mark: inDevConf(ns, dev, 'src_valid_mark') !== 0 ? key.mark : 0,
    tos: key.tos, protocol: 0, sport: 0, dport: 0, scope: SCOPE.global, ignoreLinkstate: false,
  };
  const answer = fibLookup(ns, back);
  if (isFailure(answer)) return rpFilter !== 0 ? FILTERED : SOUND;
  const { type } = answer.route.row;
  if (type !== 'unicast') {
    if (type !== 'local') return INVALID;
    if (inDevConf(ns, dev, 'accept_local') === 0) return OWN;
  }
  if (answer.route.hops.some((hop) => hop.dev === dev) || (type === 'local' && dev.kind === 'loopback')) return verdictOf(answer);
  if ((inDeviceOf(ns, dev)?.addresses.length ?? 0) === 0) return rpFilter !== 0 ? FILTERED : SOUND;
  if (rpFilter === 1) return FILTERED;
  // Loose: any way back will do; whether the source is also on this link is asked for the sake of redirects.
  const here = fibLookup(ns, { ...back, oif: dev.ifindex, ignoreLinkstate: true });
  return !isFailure(here) && here.route.row.type === 'unicast' ? verdictOf(here) : SOUND;
}

function verdictOf(match: FibMatch): SourceVerdict {
  return match.hop!.scope >= SCOPE.host ? SOUND_ON_LINK : SOUND;
}
