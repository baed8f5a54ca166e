import { MILLISECOND, SECOND, type SimTime } from '../sim/time.ts';
import type { Ipv4 } from '../wire/address.ts';
import { ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED } from '../wire/icmp.ts';
import type { InetPeer } from './inet-state.ts';
import type { NetDevice } from './net-device.ts';
import type { NetNamespace } from './net-namespace.ts';
import { sysctlInt } from './sysctl.ts';
import { JIFFY } from './timer-wheel.ts';

/** Highest ICMP type that the kernel knows (NR_ICMP_TYPES). */
export const NR_ICMP_TYPES = 18;
/** XRLIM_BURST_FACTOR: so many errors may come at once after a silence. */
const XRLIM_BURST_FACTOR = 6;
/** ip_rt_error_cost, ip_rt_error_burst. */
const RT_ERROR_COST: SimTime = SECOND;
const RT_ERROR_BURST: SimTime = 5 * SECOND;
/** ip_rt_redirect_number, ip_rt_redirect_load, ip_rt_redirect_silence with HZ 250. */
const RT_REDIRECT_NUMBER = 9;
const RT_REDIRECT_LOAD: SimTime = 20 * MILLISECOND;
const RT_REDIRECT_SILENCE: SimTime = 20.48 * SECOND;
/** A token of icmp_msgs_per_sec is looked for at most this often (HZ / 50). */
const ICMP_GLOBAL_TICK: SimTime = 20 * MILLISECOND;

/** What is remembered of a host; a new one begins with a full bucket (inet_getpeer). */
export function inetPeer(ns: NetNamespace, address: Ipv4): InetPeer {
  let peer = ns.inet.peers.get(address);
  if (!peer) {
    peer = { rateTokens: 0, rateLast: ns.queue.now - 60 * SECOND, redirects: 0, fragments: 0 };
    ns.inet.peers.set(address, peer);
  }
  return peer;
}

/** May a route error be told to this sender now? (the token bucket in ip_error) */
export function peerErrorAllowed(ns: NetNamespace, address: Ipv4): boolean {
  const peer = inetPeer(ns, address);
  const { now } = ns.queue;
  peer.rateTokens = Math.min(peer.rateTokens + now - peer.rateLast, RT_ERROR_BURST);
  peer.rateLast = now;
  if (peer.rateTokens < RT_ERROR_COST) return false;
  peer.rateTokens -= RT_ERROR_COST;
  return true;
}

/** Is a redirect to this sender due, or did it ignore enough of them? (ip_rt_send_redirect) */
export function peerRedirectDue(ns: NetNamespace, address: Ipv4): boolean {
  const peer = inetPeer(ns, address);
  const { now } = ns.queue;
  if (now > peer.rateLast + RT_REDIRECT_SILENCE) {
    peer.rateTokens = 0;
    peer.redirects = 0;
  }
  if (peer.redirects >= RT_REDIRECT_NUMBER) {
    peer.rateLast = now;
    return false;
  }
  return peer.redirects === 0 || now > peer.rateLast + RT_REDIRECT_LOAD * 2 ** peer.redirects;
}

export function peerRedirectSent(ns: NetNamespace, address: Ipv4): void {
  const peer = inetPeer(ns, address);
  peer.rateLast = ns.queue.now;
  peer.redirects++;
}

/** Types that are never limited: those outside of the mask, and path MTU discovery (icmpv4_mask_allow). */
function maskAllows(ns: NetNamespace, type: number, code: number): boolean {
  if (type > NR_ICMP_TYPES) return true;
  if (type === ICMP_DEST_UNREACH && code === ICMP_FRAG_NEEDED) return true;
  return ((1 << type) & sysctlInt(ns, 'net.ipv4.icmp_ratemask')) === 0;
}

/** What the limit for the whole host says (icmpv4_global_allow). `limited`: the limit for each host is to be asked as well. */
export function icmpGlobalAllow(ns: NetNamespace, type: number, code: number): 'unlimited' | 'limited' | 'refused' {
  if (maskAllows(ns, type, code)) return 'unlimited';
  if (globalCredit(ns)) return 'limited';
  ns.count('Icmp.OutRateLimitGlobal');
  return 'refused';
}

/** icmp_global_allow */
function globalCredit(ns: NetNamespace): boolean {
  const { inet } = ns;
  if (inet.icmpCredit > 0) return true;
  const { now } = ns.queue;
  const delta = Math.min(now - inet.icmpStamp, SECOND);
  if (delta < ICMP_GLOBAL_TICK) return false;
  const more = Math.floor((sysctlInt(ns, 'net.ipv4.icmp_msgs_per_sec') * delta) / SECOND);
  if (more === 0) return false;
  inet.icmpCredit = Math.min(inet.icmpCredit + more, sysctlInt(ns, 'net.ipv4.icmp_msgs_burst'));
  inet.icmpStamp = now;
  return true;
}

/** The limit for one host, and the token that the message costs (icmpv4_xrlim_allow, inet_peer_xrlim_allow). */
export function icmpPeerAllow(ns: NetNamespace, out: NetDevice, address: Ipv4): boolean {
  if (out.kind !== 'loopback' && !xrlimAllow(ns, address)) {
    ns.count('Icmp.OutRateLimitHost');
    return false;
  }
  // Linux takes 0 to 2 tokens, one on average, so that nobody can measure others' traffic by them.
  ns.inet.icmpCredit -= ns.world.random.below(3);
  return true;
}

function xrlimAllow(ns: NetNamespace, address: Ipv4): boolean {
  const timeout = sysctlInt(ns, 'net.ipv4.icmp_ratelimit') * MILLISECOND;
  const peer = inetPeer(ns, address);
  const { now } = ns.queue;
  // Filled, and cut, once a tick: what ip_error took for the same message is left alone. Without a limit (0) the bucket is emptied all
  // the same, and ip_error's errors are taken from it, too.
  if (Math.floor(now / JIFFY) !== Math.floor(peer.rateLast / JIFFY)) {
    peer.rateTokens = Math.min(peer.rateTokens + now - peer.rateLast, XRLIM_BURST_FACTOR * timeout);
    peer.rateLast = now;
  }
  if (peer.rateTokens < timeout) return false;
  peer.rateTokens -= timeout;
  return true;
}
