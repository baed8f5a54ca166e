import { formatIpv4, formatMac, network } from '../../../wire/address.ts';
import { IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP } from '../../../wire/packet.ts';
import { icmpIn, portsIn, type XtParam } from '../xtables/xt-param.ts';
import { kindsOf, type IpSet, type IpSetElement, type IpSetPart } from './ipset-state.ts';

/** The key of an element. The MAC address belongs to what is found, not to where it is sought (bitmap:ip,mac). */
export function keyOf(parts: readonly IpSetPart[]): string {
  return parts.map((part) => {
    switch (part.kind) {
      case 'ip': return formatIpv4(part.ip);
      case 'net': return `${formatIpv4(part.ip)}/${part.cidr}`;
      case 'port': return `${part.protocol}:${part.port}`;
      case 'mac': return '';
      default: return part.name;
    }
  }).join(',');
}

/** The element as the set stores it: networks and netmask applied. */
export function storedParts({ header }: IpSet, parts: readonly IpSetPart[]): IpSetPart[] {
  return parts.map((part, at) => {
    if (part.kind === 'net') return { ...part, ip: network(part.ip, part.cidr) };
    return part.kind === 'ip' && at === 0 ? { ...part, ip: network(part.ip, header.netmask) } : part;
  });
}

/** Prefix lengths of the networks in a set, the longest first. */
export function cidrsOf(set: IpSet): number[] {
  const found = new Set<number>();
  for (const { parts } of set.elements.values()) for (const part of parts) if (part.kind === 'net') found.add(part.cidr);
  return [...found].sort((a, b) => b - a);
}

/** The element that covers this one: the most specific network first (mtype_test_cidrs). */
export function findCovering(set: IpSet, parts: readonly IpSetPart[]): IpSetElement | undefined {
  const hosts = parts.every((part) => part.kind !== 'net' || part.cidr === 32);
  if (!hosts || !parts.some(({ kind }) => kind === 'net')) return sameMac(set.elements.get(keyOf(storedParts(set, parts))), parts);
  for (const cidr of cidrsOf(set)) {
    const found = set.elements.get(keyOf(storedParts(set, parts.map((part) => (part.kind === 'net' ? { ...part, cidr } : part)))));
    if (found) return found;
  }
  return undefined;
}

function sameMac(found: IpSetElement | undefined, parts: readonly IpSetPart[]): IpSetElement | undefined {
  const [wanted, has] = [parts[1], found?.parts[1]];
  if (wanted?.kind !== 'mac' || has?.kind !== 'mac' || wanted.mac === null || has.mac === null) return found;
  return formatMac(wanted.mac) === formatMac(has.mac) ? found : undefined;
}

/** ip_set_get_ip4_port: null where a packet has none. */
function portPart(par: XtParam, end: 'src' | 'dst', bitmap: boolean): IpSetPart | null {
  const { protocol, offset } = par.ip;
  if (protocol === IPPROTO_TCP || protocol === IPPROTO_UDP) {
    const ports = portsIn(par);
    return ports && { kind: 'port', protocol: bitmap ? 0 : protocol, port: end === 'src' ? ports.sport : ports.dport };
  }
  if (bitmap) return null;
  if (protocol !== IPPROTO_ICMP) return offset === 0 ? { kind: 'port', protocol, port: 0 } : null;
  const icmp = icmpIn(par);
  return icmp && { kind: 'port', protocol, port: icmp.type * 256 + icmp.code };
}

/** The element that a packet stands for; null when it has not all it takes. `cidr`: of networks. */
export function packetParts(set: IpSet, par: XtParam, dimensions: readonly ('src' | 'dst')[], cidr: number): IpSetPart[] | null {
  const kinds = kindsOf(set.header.type);
  const parts: IpSetPart[] = [];
  for (const [at, kind] of kinds.entries()) {
    const part = packetPart(kind, par, dimensions[at]!, cidr, kinds.length === 1);
    if (part === null) return null;
    parts.push(part);
  }
  return parts;
}

function packetPart(kind: IpSetPart['kind'], par: XtParam, end: 'src' | 'dst', cidr: number, bitmap: boolean): IpSetPart | null {
  switch (kind) {
    case 'ip': return { kind, ip: par.ip[end] };
    case 'net': return { kind, ip: par.ip[end], cidr };
    case 'port': return portPart(par, end, bitmap);
    case 'mac': return par.skb.eth ? { kind, mac: par.skb.eth[end] } : null;
    case 'iface': {
      const device = end === 'src' ? par.state.in : par.state.out;
      return device && { kind, name: device.name };
    }
    case 'set': return null;
  }
}
