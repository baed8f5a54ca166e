import type { Ipv4 } from '../../wire/address.ts';
import { IPPROTO_TCP, IPPROTO_UDP, type Ipv4Header, type Packet } from '../../wire/packet.ts';
import { inDevConf } from '../dev-conf.ts';
import type { NetNamespace } from '../net-namespace.ts';
import { sysctlInt } from '../sysctl.ts';
import type { FibHop, FibRoute } from './fib-state.ts';
import { inetSelectAddr } from './in-device.ts';

/** What a flow is told from others by. */
export interface FlowKeys {
  readonly src: Ipv4;
  readonly dst: Ipv4;
  readonly protocol: number;
  readonly sport: number;
  readonly dport: number;
}

/** The ports of the transport header behind an IP header; 0 where there is none, and in fragments. */
export function portsOf(ip: Ipv4Header, packet: Packet): { sport: number; dport: number } {
  const next = packet[packet.indexOf(ip) + 1];
  if (ip.mf || ip.offset !== 0 || !next || !('sport' in next)) return { sport: 0, dport: 0 };
  return { sport: next.sport, dport: next.dport };
}

/** The flow that a packet belongs to; an ICMP error belongs to that of the datagram it quotes (ip_multipath_l3_keys). */
export function flowKeysOf(ip: Ipv4Header, packet: Packet): FlowKeys {
  const at = packet.indexOf(ip);
  const icmp = packet[at + 1];
  const quoted = packet[at + 2];
  if (icmp?.kind === 'icmp' && quoted?.kind === 'ipv4') return { src: quoted.src, dst: quoted.dst, protocol: quoted.protocol, ...portsOf(quoted, packet) };
  return { src: ip.src, dst: ip.dst, protocol: ip.protocol, ...portsOf(ip, packet) };
}

/** fib_multipath_hash_fields: which fields of the (outer) packet policy 3 hashes. */
const FIELD_SRC = 1;
const FIELD_DST = 2;
const FIELD_PROTOCOL = 4;
const FIELD_SPORT = 16;
const FIELD_DPORT = 32;

/** Which fields net.ipv4.fib_multipath_hash_policy takes. Policy 2 wants inner headers; without a tunnel it is policy 0. */
function fieldsOf(ns: NetNamespace): number {
  const policy = sysctlInt(ns, 'net.ipv4.fib_multipath_hash_policy');
  if (policy === 1) return FIELD_SRC | FIELD_DST | FIELD_PROTOCOL | FIELD_SPORT | FIELD_DPORT;
  return policy === 3 ? sysctlInt(ns, 'net.ipv4.fib_multipath_hash_fields') : FIELD_SRC | FIELD_DST;
}

function mix(hash: number, word: number): number {
  let h = (hash ^ word) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return (h ^ (h >>> 16)) | 0;
}

/** A hash of 31 bits of the flow (fib_multipath_hash). Linux seeds its own with a random number, so only its spread is comparable. */
export function multipathHash(ns: NetNamespace, keys: FlowKeys): number {
  const fields = fieldsOf(ns);
  let hash = (ns.fib.hashSeed ??= ns.world.random.u32()) | 0;
  if (fields & FIELD_SRC) hash = mix(hash, keys.src);
  if (fields & FIELD_DST) hash = mix(hash, keys.dst);
  if (fields & FIELD_PROTOCOL) hash = mix(hash, keys.protocol);
  const ports = keys.protocol === IPPROTO_TCP || keys.protocol === IPPROTO_UDP;
  if (ports && fields & FIELD_SPORT) hash = mix(hash, keys.sport);
  if (ports && fields & FIELD_DPORT) hash = mix(hash, keys.dport << 16);
  return hash >>> 1;
}

/**
 * The next hop of a multipath route for this hash (fib_select_multipath): each alive one owns a share of the 31 bits by its
 * weight. With a source already chosen, a next hop whose device has that address goes before the share.
 */
export function selectHop(ns: NetNamespace, route: FibRoute, hash: number, src: Ipv4): FibHop {
  const alive = route.hops.filter((hop) => usable(ns, hop));
  const total = alive.reduce((sum, hop) => sum + hop.weight, 0);
  let weight = 0;
  let best: FibHop | null = null;
  let bestScore = -1;
  for (const hop of alive) {
    weight += hop.weight;
    if (!reachable(ns, hop)) continue;
    const upperBound = Math.round((weight * 0x8000_0000) / total) - 1;
    let score = hash <= upperBound ? 1 : 0;
    if (src !== 0 && inetSelectAddr(ns, hop.dev, hop.via ?? 0, route.scope) === src) score += 2;
    if (score > bestScore) {
      best = hop;
      bestScore = score;
    }
  }
  return best ?? route.hops[0]!;
}

function usable(ns: NetNamespace, hop: FibHop): boolean {
  return !hop.dead && !(hop.linkdown && inDevConf(ns, hop.dev, 'ignore_routes_with_linkdown') !== 0);
}

/** With fib_multipath_use_neigh: not when the gateway is known not to answer (fib_good_nh). */
function reachable(ns: NetNamespace, hop: FibHop): boolean {
  if (sysctlInt(ns, 'net.ipv4.fib_multipath_use_neigh') === 0 || hop.via === null) return true;
  const state = ns.tables.neigh.get(`${hop.dev.ifindex}/${hop.via}`)?.state;
  return state === undefined || (state !== 'NONE' && state !== 'INCOMPLETE' && state !== 'FAILED');
}
