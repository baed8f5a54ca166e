import { littleEndian } from '../../../wire/address.ts';
import { IPPROTO_ICMP, IPPROTO_TCP } from '../../../wire/packet.ts';
import type { ConntrackTuple } from '../../rows.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import type { NfConn } from '../conntrack/nf-conn.ts';
import { ctEvictFor, ctTupleTaken } from '../conntrack/taken.ts';
import { hashTuple, inverted } from '../conntrack/tuple.ts';
import type { NatRange } from '../xtables/xt-rule.ts';
import { jhash4 } from './jhash.ts';
import type { Manip } from './manip.ts';

/** A half-open choice: what was chosen, and how. */
export interface Chosen {
  readonly tuple: ConntrackTuple;
  readonly why: string;
}

/** NF_NAT_MAX_ATTEMPTS */
const MAX_ATTEMPTS = 128;
/** NF_NAT_HARDER_THRESH: so few attempts before the end, a closed connection may have to make room. */
const HARDER_THRESHOLD = 32;

/** Somebody else expects replies with these addresses already (nf_nat_used_tuple). */
function used(ns: NetNamespace, ct: NfConn, tuple: ConntrackTuple): boolean {
  return ctTupleTaken(ns, ct, inverted(ct.protocol, tuple));
}

function isRandom({ random, randomFully }: NatRange): boolean {
  return random || randomFully;
}

function addressInRange({ addresses }: NatRange, address: number): boolean {
  return addresses === null || (address >= addresses[0] && address <= addresses[1]);
}

/** nf_in_range: about the source, whatever is being changed. */
function inRange(range: NatRange, protocol: number, tuple: ConntrackTuple): boolean {
  return addressInRange(range, tuple.src) && (range.ports === null || portInRange(range.ports, protocol, tuple, 'src'));
}

/** l4proto_in_range */
function portInRange([min, max]: readonly [number, number], protocol: number, tuple: ConntrackTuple, manip: Manip): boolean {
  const port = protocol === IPPROTO_ICMP || manip === 'src' ? tuple.sport : tuple.dport;
  return port >= min && port <= max;
}

/** The source that a connection from the same address and port was given (find_appropriate_src); null when there is none in range. */
function appropriateSource(ns: NetNamespace, ct: NfConn, tuple: ConntrackTuple, range: NatRange): ConntrackTuple | null {
  for (let other = ns.nf.ct.bySource.get(sourceHash(ct.protocol, tuple)) ?? null; other !== null; other = other.nextBySource) {
    const { original } = other;
    if (other.protocol !== ct.protocol || other.zone !== ct.zone || original.src !== tuple.src || original.sport !== tuple.sport) continue;
    const mapped = inverted(other.protocol, other.reply);
    const result = { src: mapped.src, sport: mapped.sport, dst: tuple.dst, dport: tuple.dport };
    if (inRange(range, ct.protocol, result)) return result;
  }
  return null;
}

/** hash_by_src; which bucket it is does not matter. */
export function sourceHash(protocol: number, { src, sport }: ConntrackTuple): number {
  return hashTuple(src, 0, sport, 0, protocol) | 0;
}

/** An address of the range, by a hash of the addresses, so that a client keeps its own (find_best_ips_proto). */
function chooseAddress(tuple: ConntrackTuple, range: NatRange, zone: number, manip: Manip): ConntrackTuple {
  const { addresses, persistent } = range;
  if (addresses === null) return tuple;
  const [min, max] = addresses;
  let address = min;
  if (min !== max) {
    const hash = jhash4(littleEndian(tuple.src), 0, 0, 0, persistent ? 0 : (littleEndian(tuple.dst) ^ zone) >>> 0);
    address = min + Math.floor((hash * (max - min + 1)) / 0x1_0000_0000);
  }
  return manip === 'src' ? { ...tuple, src: address } : { ...tuple, dst: address };
}

/** What becomes of the tuple so that no other connection has its like (get_unique_tuple). What comes out may be taken all the same: then there was nothing free. */
export function uniqueTuple(ns: NetNamespace, ct: NfConn, original: ConntrackTuple, range: NatRange, manip: Manip): Chosen {
  const { protocol } = ct;
  if (manip === 'src' && !isRandom(range)) {
    if (inRange(range, protocol, original)) {
      if (!used(ns, ct, original)) return { tuple: original, why: '' };
    } else {
      const known = appropriateSource(ns, ct, original, range);
      if (known !== null && !used(ns, ct, known)) return { tuple: known, why: 'The same source has been given this one before, so it keeps it' };
    }
  }
  const tuple = chooseAddress(original, range, ct.zone, manip);
  if (!isRandom(range)) {
    if (range.ports !== null) {
      const fits = range.basePort === null && portInRange(range.ports, protocol, tuple, manip);
      if (fits && (range.ports[0] === range.ports[1] || !used(ns, ct, tuple))) return { tuple, why: 'The port is in the range and free' };
    } else if (!used(ns, ct, tuple)) return { tuple, why: keepsPort(protocol, manip) };
  }
  return searchPort(ns, ct, tuple, range, manip);
}

function keepsPort(protocol: number, manip: Manip): string {
  if (manip === 'dst') return '';
  return protocol === IPPROTO_ICMP ? 'The id is free, so it stays' : 'The port is free, so it stays';
}

/** Where the search goes (the beginning of nf_nat_l4proto_unique_tuple); null: nothing may be changed. */
function searchRange(protocol: number, port: number, range: NatRange, manip: Manip): { min: number; size: number } | null {
  if (protocol !== IPPROTO_ICMP && protocol !== IPPROTO_TCP && protocol !== 17) return null;
  if (range.ports !== null) {
    const [a, b] = range.ports;
    return { min: Math.min(a, b), size: Math.abs(b - a) + 1 };
  }
  if (protocol === IPPROTO_ICMP) return { min: 0, size: 65536 };
  if (manip === 'dst') return null;
  if (port < 512) return { min: 1, size: 511 };
  return port < 1024 ? { min: 600, size: 424 } : { min: 1024, size: 64512 };
}

/** nf_nat_l4proto_unique_tuple */
function searchPort(ns: NetNamespace, ct: NfConn, tuple: ConntrackTuple, range: NatRange, manip: Manip): Chosen {
  const { protocol } = ct;
  const key = protocol === IPPROTO_ICMP || manip === 'src' ? 'sport' : 'dport';
  const start = tuple[key];
  const search = searchRange(protocol, start, range, manip);
  if (search === null) return { tuple, why: '' };
  const { random } = ns.world;
  let offset = 0;
  if (range.basePort !== null) offset = (start - range.basePort) & 0xffff;
  else if (isRandom(range) || manip === 'src') offset = random.below(0x1_0000);
  let tried = 0;
  for (let attempts = Math.min(search.size, MAX_ATTEMPTS); ; attempts = attempts >> 1) {
    for (let i = 0; i < attempts; i++, offset++) {
      const candidate = { ...tuple, [key]: search.min + (offset % search.size) };
      tried++;
      const harder = attempts - i <= HARDER_THRESHOLD;
      const reply = inverted(protocol, candidate);
      if (!(harder ? ctEvictFor(ns, ct, reply) : ctTupleTaken(ns, ct, reply))) {
        const name = protocol === IPPROTO_ICMP ? 'id' : 'port';
        const because = isRandom(range) ? 'the rule asks for a random one' : range.basePort !== null ? 'shifted with the range' : `${name} ${start} is taken or not in the range`;
        return { tuple: candidate, why: `A ${name} was searched, because ${because}; found at attempt ${tried}` };
      }
    }
    if (attempts >= search.size || attempts < 16) return { tuple: { ...tuple, [key]: search.min + ((offset - 1) % search.size) }, why: `No free port in ${tried} attempts` };
    offset = random.below(0x1_0000);
  }
}
