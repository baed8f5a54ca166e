import { formatIpv4, type Ipv4, netmask, parseIpv4 } from '../../../wire/address.ts';
import { readMac } from '../../../wire/bytes.ts';
import {
  afterIp, and, BeyondEnd, etherType, ip6Proto, ipProto, load, not, type Offsets, or, type Test, unfragmented, word,
} from './frame-test.ts';
import { FilterError, macOf, numberOf, type Token } from './lexer.ts';
import { ETHER_PROTO_NAMES, ETHER_TYPES, IP_PROTOCOLS } from './names.ts';

/** The words before a name: what it names. */
export interface Qualifiers {
  readonly protocol: string | null;
  readonly direction: 'src' | 'dst' | 'src or dst' | 'src and dst' | null;
  readonly type: 'host' | 'net' | 'port' | 'portrange' | 'proto' | null;
}

/** A port by its name; `protocol` is null when TCP and UDP both have it. */
export interface Service {
  readonly port: number;
  readonly protocol: 'tcp' | 'udp' | 'sctp' | null;
}

/** What the expression is compiled for. */
export interface FilterContext {
  readonly resolveHost: (name: string) => Ipv4 | null;
  readonly service: (name: string) => Service | null;
  readonly ipProtocol: (name: string) => number | null;
  /** Netmask of the device, for `ip broadcast`; null when unknown. */
  readonly netmask: Ipv4 | null;
  /** False for a file. */
  readonly live: boolean;
}

function bothWays(direction: Qualifiers['direction'], src: Test, dst: Test): Test {
  switch (direction) {
    case 'src': return src;
    case 'dst': return dst;
    case 'src and dst': return and(src, dst);
    default: return or(src, dst);
  }
}

/** `host` and `net`, over the protocols that carry IPv4 addresses. */
function addressTest(offsets: Offsets, q: Qualifiers, value: Ipv4, mask: Ipv4, what: string): Test {
  const { net } = offsets;
  const at = (type: number, src: number, dst: number): Test => and(etherType(offsets, type), bothWays(q.direction, word(net + src, value, mask), word(net + dst, value, mask)));
  const ip = at(ETHER_TYPES['ip']!, 12, 16);
  const arp = at(ETHER_TYPES['arp']!, 14, 24);
  const rarp = at(ETHER_TYPES['rarp']!, 14, 24);
  switch (q.protocol) {
    case null: return or(ip, arp, rarp);
    case 'ip': return ip;
    case 'arp': return arp;
    case 'rarp': return rarp;
    case 'ether': throw new FilterError('illegal link layer address');
    case 'ip6': throw new FilterError(`'ip6' modifier applied to ip ${what}`);
    default: throw new FilterError(`'${q.protocol}' modifier applied to ${what}`);
  }
}

function etherHost(offsets: Offsets, direction: Qualifiers['direction'], mac: number): Test {
  if (offsets.linkType !== 'EN10MB') throw new FilterError('ethernet addresses supported only on ethernet/FDDI/token ring/802.11/ATM LANE/Fibre Channel');
  const is = (at: number): Test => (frame) => {
    if (frame.bytes.length < at + 6) throw new BeyondEnd();
    return readMac(frame.bytes, at) === mac;
  };
  return bothWays(direction, is(6), is(0));
}

function portTest(offsets: Offsets, q: Qualifiers, low: number, high: number): Test {
  const protocols = q.protocol === null ? ['tcp', 'udp', 'sctp'] : [q.protocol];
  const number = (name: string): number => {
    if (name !== 'tcp' && name !== 'udp' && name !== 'sctp') throw new FilterError(`illegal qualifier of 'port${low === high ? '' : 'range'}'`);
    return IP_PROTOCOLS[name]!;
  };
  const numbers = protocols.map(number);
  const within = (port: number): boolean => port >= low && port <= high;
  const start = afterIp(offsets);
  const { net } = offsets;
  const over4 = and(
    or(...numbers.map((protocol) => ipProto(offsets, protocol))), unfragmented(offsets),
    bothWays(q.direction, (frame) => within(load(frame, start(frame), 2)), (frame) => within(load(frame, start(frame) + 2, 2))),
  );
  const over6 = and(
    or(...numbers.map((protocol) => ip6Proto(offsets, protocol))),
    bothWays(q.direction, (frame) => within(load(frame, net + 40, 2)), (frame) => within(load(frame, net + 42, 2))),
  );
  return or(over4, over6);
}

function protoTest(offsets: Offsets, context: FilterContext, protocol: string | null, token: Token): Test {
  const isNumber = token.kind === 'number';
  if (protocol === 'ether') {
    const type = isNumber ? numberOf(token.text) : ETHER_PROTO_NAMES[token.text];
    if (type === undefined) throw new FilterError(`unknown ether proto '${token.text}'`);
    return etherType(offsets, type);
  }
  if (protocol !== null && protocol !== 'ip' && protocol !== 'ip6') throw new FilterError(`'${protocol}' modifier applied to proto`);
  const number = isNumber ? numberOf(token.text) : context.ipProtocol(token.text);
  if (number === null) throw new FilterError(`unknown ip proto '${token.text}'`);
  if (protocol === 'ip') return ipProto(offsets, number);
  if (protocol === 'ip6') return ip6Proto(offsets, number);
  return or(ipProto(offsets, number), ip6Proto(offsets, number));
}

function checkPort(port: number): number {
  if (port > 65535) throw new FilterError(`illegal port number ${port} > 65535`);
  return port;
}

function namedPort(context: FilterContext, q: Qualifiers, name: string, unknown: string): Service {
  const found = context.service(name);
  if (!found) throw new FilterError(unknown);
  if (q.protocol !== null && found.protocol !== null && q.protocol !== found.protocol) throw new FilterError(`port '${name}' is ${found.protocol}`);
  return { port: found.port, protocol: found.protocol };
}

function singlePort(offsets: Offsets, context: FilterContext, q: Qualifiers, token: Token): Test {
  if (token.kind === 'number') {
    const port = checkPort(numberOf(token.text));
    return portTest(offsets, q, port, port);
  }
  const { port, protocol } = namedPort(context, q, token.text, `unknown port '${token.text}'`);
  return portTest(offsets, { ...q, protocol: q.protocol ?? protocol }, port, port);
}

function portRange(offsets: Offsets, context: FilterContext, q: Qualifiers, token: Token): Test {
  const [low, high = low] = token.text.split('-').map((end) => {
    if (/^\d+$/.test(end)) return checkPort(Number(end));
    return namedPort(context, q, end, `unknown port in range '${token.text}'`).port;
  });
  return portTest(offsets, q, Math.min(low!, high!), Math.max(low!, high!));
}

/** A dotted number of one to four parts, left-aligned: 10.1 is 10.1.0.0, and how many bits it gives. */
function partialAddress(text: string): { value: Ipv4; bits: number } {
  const parts = text.split('.').map(Number);
  if (parts.some((part) => part > 255)) throw new FilterError(`invalid IPv4 address '${text}'`);
  const value = parts.reduce((sum, part) => sum * 256 + part, 0) * 256 ** (4 - parts.length);
  return { value, bits: 8 * parts.length };
}

/** `net A/N`, `net A mask M`, `net A`. */
export function netTest(offsets: Offsets, q: Qualifiers, address: string, mask: { bits: number } | { mask: Ipv4 } | null): Test {
  const { value, bits } = partialAddress(address);
  if (mask && 'bits' in mask && mask.bits > 32) throw new FilterError('mask length must be <= 32');
  const bitmask = mask === null ? netmask(bits) : 'bits' in mask ? netmask(mask.bits) : mask.mask;
  if ((value & ~bitmask) !== 0) {
    const shown = mask === null ? address : 'bits' in mask ? `${address}/${mask.bits}` : `${address} mask ${formatIpv4(mask.mask)}`;
    throw new FilterError(`non-network bits set in "${shown}"`);
  }
  return addressTest(offsets, q, value, bitmask, 'net');
}

/** A primitive that names something: `host bee`, `udp port 53`, `ether src MAC`. */
export function namedTest(offsets: Offsets, context: FilterContext, q: Qualifiers, token: Token): Test {
  if (token.kind === 'mac' && q.protocol !== 'ether') throw new FilterError('ethernet address used in non-ether expression');
  if (token.kind === 'address' && (q.type === 'port' || q.type === 'portrange' || q.type === 'proto')) throw new FilterError(`'${q.type}' modifier applied to ip host`);
  switch (q.type) {
    case 'port': return singlePort(offsets, context, q, token);
    case 'portrange': return portRange(offsets, context, q, token);
    case 'proto': return protoTest(offsets, context, q.protocol, token);
    case 'net':
      if (token.kind === 'word') throw new FilterError(`unknown network '${token.text}'`);
      return netTest(offsets, q, token.text, null);
    default: return hostTest(offsets, context, q, token);
  }
}

function hostTest(offsets: Offsets, context: FilterContext, q: Qualifiers, token: Token): Test {
  if (token.kind === 'mac') return etherHost(offsets, q.direction, macOf(token.text));
  if (q.protocol === 'ether') {
    throw new FilterError(token.kind === 'word' ? `unknown ether host '${token.text}'` : 'illegal link layer address');
  }
  if (token.kind === 'number') return addressTest(offsets, q, numberOf(token.text) >>> 0, 0xffff_ffff, 'host');
  const literal = token.kind === 'address' ? parseIpv4(token.text) : null;
  if (literal !== null) return addressTest(offsets, q, literal, 0xffff_ffff, 'host');
  if (token.kind === 'address') {
    const { value, bits } = partialAddress(token.text);
    return addressTest(offsets, q, value, netmask(bits), 'host');
  }
  const found = context.resolveHost(token.text);
  if (found === null) throw new FilterError(`unknown host '${token.text}'`);
  return addressTest(offsets, q, found, 0xffff_ffff, 'host');
}

/** `broadcast`, `ether broadcast`, `ip broadcast`. */
export function broadcastTest(offsets: Offsets, context: FilterContext, protocol: string | null): Test {
  if (protocol === null || protocol === 'ether') {
    if (offsets.linkType !== 'EN10MB') throw new FilterError('not a broadcast link');
    return etherHost(offsets, 'dst', 0xffff_ffff_ffff);
  }
  if (protocol !== 'ip') throw new FilterError('only link-layer/IP broadcast filters supported');
  if (context.netmask === null) throw new FilterError("netmask not known, so 'ip broadcast' not supported");
  const hostBits = ~context.netmask >>> 0;
  const at = offsets.net + 16;
  return and(etherType(offsets, ETHER_TYPES['ip']!), (frame) => {
    const host = (load(frame, at, 4) & hostBits) >>> 0;
    return host === 0 || host === hostBits;
  });
}

/** `multicast`, `ether multicast`, `ip multicast`. */
export function multicastTest(offsets: Offsets, protocol: string | null): Test {
  if (protocol === null || protocol === 'ether') {
    if (offsets.linkType !== 'EN10MB') throw new FilterError('link-layer multicast filters supported only on ethernet/FDDI/token ring/ARCNET/802.11/ATM LANE/Fibre Channel');
    return (frame) => (load(frame, 0, 1) & 1) === 1;
  }
  if (protocol !== 'ip') throw new FilterError('IP multicast filters supported only on ethernet/FDDI/token ring/ARCNET/802.11/ATM LANE/Fibre Channel');
  const at = offsets.net + 16;
  return and(etherType(offsets, ETHER_TYPES['ip']!), (frame) => load(frame, at, 1) >= 224);
}

const ICMPV6 = 58;

/** A protocol alone: `arp`, `icmp`. */
export function protocolTest(offsets: Offsets, name: string): Test | null {
  if (name === 'tcp' || name === 'udp' || name === 'sctp') return or(ipProto(offsets, IP_PROTOCOLS[name]!), ip6Proto(offsets, IP_PROTOCOLS[name]!));
  if (name === 'icmp6') return ip6Proto(offsets, ICMPV6);
  const protocol = IP_PROTOCOLS[name];
  if (protocol !== undefined) return ipProto(offsets, protocol);
  const type = ETHER_TYPES[name];
  return type === undefined ? null : etherType(offsets, type);
}

const VLAN_TYPES = [0x8100, 0x88a8, 0x9100];

/** `vlan [ID]`; what follows in the expression is about what is inside the tag. */
export function vlanTest(offsets: Offsets, id: number | null): Test {
  if (offsets.linkType !== 'EN10MB') throw new FilterError(`no VLAN support for ${{ LINUX_SLL2: 'Linux cooked v2', LINUX_SLL: 'Linux cooked v1', RAW: 'Raw IP' }[offsets.linkType]}`);
  if (id !== null && id > 4095) throw new FilterError(`VLAN tag ${id} greater than maximum 4095`);
  const at = offsets.type;
  offsets.type += 4;
  offsets.net += 4;
  return (frame) => VLAN_TYPES.includes(load(frame, at, 2)) && (id === null || (load(frame, at + 2, 2) & 0xfff) === id);
}

/** `inbound` and `outbound`. */
export function directionTest(context: FilterContext, wanted: 'in' | 'out', offsets: Offsets): Test {
  if (offsets.linkType === 'LINUX_SLL2') {
    const out: Test = (frame) => load(frame, 10, 1) === 4;
    return wanted === 'out' ? out : not(out);
  }
  if (offsets.linkType === 'LINUX_SLL') {
    const out: Test = (frame) => load(frame, 0, 2) === 4;
    return wanted === 'out' ? out : not(out);
  }
  if (!context.live) throw new FilterError(`inbound/outbound not supported on ${offsets.linkType === 'RAW' ? 'Raw IP' : 'Ethernet'} when reading savefiles`);
  return (frame) => frame.direction === wanted;
}


