import type { ConntrackEntry } from '../../kernel/netlink/conntrack.ts';
import type { Ipv4 } from '../../wire/address.ts';
import { IPPROTO_ICMP, IPPROTO_TCP } from '../../wire/packet.ts';
import type { ConntrackOptions } from './options.ts';

/** True when the entry is one of those that the command line asks for. */
export function selects(options: ConntrackOptions, entry: ConntrackEntry): boolean {
  if (options.family === 'ipv6' || (options.protocol !== null && options.protocol !== entry.protocol)) return false;
  return addressesFit(options, entry) && numbersFit(options, entry) && flagsFit(options, entry) && natFits(options, entry);
}

function addressesFit({ addresses }: ConntrackOptions, { original, reply }: ConntrackEntry): boolean {
  const fits = (wanted: { address: Ipv4; mask: number } | undefined, address: Ipv4): boolean =>
    wanted === undefined || ((address & wanted.mask) >>> 0) === ((wanted.address & wanted.mask) >>> 0);
  return fits(addresses.s, original.src) && fits(addresses.d, original.dst) && fits(addresses.r, reply.src) && fits(addresses.q, reply.dst);
}

function numbersFit({ numbers }: ConntrackOptions, { protocol, original, reply }: ConntrackEntry): boolean {
  const fits = (wanted: number | undefined, value: number): boolean => wanted === undefined || wanted === value;
  if (protocol === IPPROTO_ICMP) return fits(numbers['icmp-type'], original.dport >> 8) && fits(numbers['icmp-code'], original.dport & 0xff) && fits(numbers['icmp-id'], original.sport);
  return fits(numbers.sport, original.sport) && fits(numbers.dport, original.dport) && fits(numbers['reply-port-src'], reply.sport) && fits(numbers['reply-port-dst'], reply.dport);
}

function flagsFit({ state, status, mark, zone }: ConntrackOptions, entry: ConntrackEntry): boolean {
  if (state !== null && (entry.protocol !== IPPROTO_TCP || entry.tcpState !== state)) return false;
  if (status !== null && ((status.includes('ASSURED') && !entry.assured) || (status.includes('SEEN_REPLY') && !entry.seenReply))) return false;
  if (zone !== null && entry.zone !== zone) return false;
  return mark === null || ((entry.mark & mark.mask) >>> 0) === mark.value;
}


/** Without an address: whether NAT has changed anything. The tool compares words that ICMP's id and type share, so ICMP behind NAT is always changed. */
function natFits({ nat }: ConntrackOptions, entry: ConntrackEntry): boolean {
  const { original, reply } = entry;
  const src = entry.natDone.src && (reply.dst !== original.src || reply.dport !== original.sport || entry.protocol === IPPROTO_ICMP);
  const dst = entry.natDone.dst && (reply.src !== original.dst || reply.sport !== original.dport || entry.protocol === IPPROTO_ICMP);
  const by = (changed: boolean, address: Ipv4 | null, to: Ipv4, from: Ipv4): boolean => changed && (address === null || (address === to && to !== from));
  if (nat.src !== undefined && !by(src, nat.src, reply.dst, original.src)) return false;
  if (nat.dst !== undefined && !by(dst, nat.dst, reply.src, original.dst)) return false;
  return nat.any === undefined || by(src, nat.any, reply.dst, original.src) || by(dst, nat.any, reply.src, original.dst);
}
