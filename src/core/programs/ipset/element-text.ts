import type { IpSetPart, IpSetType } from '../../kernel/netlink/ipset.ts';
import { kindsOf } from '../../kernel/netlink/ipset.ts';
import { NotSimulated, type Process } from '../../shell/process.ts';
import { formatIpv4, formatMac, network, parseIpv4, parseMac } from '../../wire/address.ts';
import { protocolName, parseProtocol } from '../iptables/protocols.ts';
import { resolveHost } from '../lib/resolve.ts';
import { servicePort } from '../lib/services.ts';
import { Complaint, syntaxError } from './complaint.ts';
import { icmpName, parseIcmp } from './icmp-names.ts';

const [ICMP, TCP] = [1, 6];
const WITH_PORTS: readonly string[] = ['tcp', 'udp', 'sctp', 'udplite'];

/** A number between two others, or the tool's complaint. */
export function parseNumber(text: string, low: number, high: number): number {
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(text)) syntaxError(`'${text}' is invalid as number`);
  const number = /^0\d/.test(text) ? parseInt(text, 8) : Number(text);
  if (!(number >= low && number <= high)) syntaxError(`'${text}' is out of range ${low}-${high}`);
  return number;
}

function address(process: Process, text: string): number {
  const ip = parseIpv4(text);
  if (ip !== null) return ip;
  const host = resolveHost(process, text, true);
  if (typeof host === 'string') syntaxError(`cannot parse ${text}: resolving to IPv4 address failed`);
  return host.ip;
}

/** `A`, `A/B` or `A-C` as an inclusive range; `cidr` where one was written. */
function addressRange(process: Process, text: string): { from: number; to: number; cidr: number | null } {
  const slash = text.indexOf('/');
  if (slash >= 0) {
    const cidr = parseNumber(text.slice(slash + 1), 0, 32);
    const from = network(address(process, text.slice(0, slash)), cidr);
    return { from, to: from + 2 ** (32 - cidr) - 1, cidr };
  }
  const dash = parseIpv4(text) === null ? text.indexOf('-') : -1;
  const [from, to] = dash < 0 ? [address(process, text), null] : [address(process, text.slice(0, dash)), address(process, text.slice(dash + 1))];
  if (to === null) return { from, to: from, cidr: null };
  return { from: Math.min(from, to), to: Math.max(from, to), cidr: null };
}

/** The range that a `range` option of `create` names. */
export function parseAddressRange(process: Process, text: string): readonly [number, number] {
  const { from, to } = addressRange(process, text);
  return [from, to];
}

function* hosts(process: Process, text: string, step: number): Generator<IpSetPart> {
  const { from, to } = addressRange(process, text);
  for (let ip = from; ip <= to; ip += step) yield { kind: 'ip', ip };
}

/** A range of addresses as the fewest networks, in order (ip_set_range_to_cidr). */
function* networks(process: Process, text: string): Generator<IpSetPart> {
  const { from, to, cidr } = addressRange(process, text);
  if (cidr !== null) return yield { kind: 'net', ip: from, cidr };
  for (let ip = from; ip <= to;) {
    let length = 32;
    while (length > 1 && network(ip, length - 1) === ip && ip + 2 ** (33 - length) - 1 <= to) length--;
    yield { kind: 'net', ip, cidr: length };
    ip += 2 ** (32 - length);
  }
}

function portNumber(text: string, protocol: string): number {
  const named = /^\d/.test(text) ? null : servicePort(text);
  if (named && (named.protocol === null || named.protocol === protocol)) return named.port;
  try {
    return parseNumber(text, 0, 65_535);
  } catch (error) {
    if (!(error instanceof Complaint)) throw error;
    throw new Complaint(`${error.message}\nSyntax error: '${protocol}' is invalid as number\ncannot parse '${text}' as a ${protocol} port`);
  }
}

function protocolNumber(text: string): number {
  try {
    return parseProtocol(text);
  } catch {
    return syntaxError(`cannot parse '${text}' as a protocol`);
  }
}

function* ports(text: string, bitmap: boolean): Generator<IpSetPart> {
  const colon = text.indexOf(':');
  const [name, rest] = colon < 0 ? ['tcp', text] : [text.slice(0, colon), text.slice(colon + 1)];
  const protocol = colon < 0 ? TCP : protocolNumber(name);
  if (protocol === ICMP && !bitmap) {
    const port = parseIcmp(rest) ?? syntaxError(`cannot parse '${rest}' as an ICMP type/code`);
    return yield { kind: 'port', protocol, port };
  }
  if (!WITH_PORTS.includes(name) && !bitmap) {
    if (rest !== '0') syntaxError(`Protocol ${name} can be used with pseudo port value 0 only.`);
    return yield { kind: 'port', protocol, port: 0 };
  }
  const dash = rest.indexOf('-');
  const from = portNumber(dash < 0 ? rest : rest.slice(0, dash), name);
  const to = dash < 0 ? from : portNumber(rest.slice(dash + 1), name);
  for (let port = Math.min(from, to); port <= Math.max(from, to); port++) yield { kind: 'port', protocol: bitmap ? 0 : protocol, port };
}

function expandWord(process: Process, kind: IpSetPart['kind'], word: string, facts: { bitmap: boolean; step: number }): Iterable<IpSetPart> {
  switch (kind) {
    case 'ip': return hosts(process, word, facts.step);
    case 'net': return networks(process, word);
    case 'port': return ports(word, facts.bitmap);
    case 'mac': return [{ kind, mac: parseMac(word) ?? syntaxError(`cannot parse ${word} as MAC address`) }];
    case 'iface':
      if (word.startsWith('physdev:')) throw new NotSimulated('ipset: physdev: of hash:net,iface');
      return [{ kind, name: word }];
    case 'set': return [{ kind, name: word }];
  }
}

const ORDINALS = ['First', 'Second', 'Third'];

/** Every element that an argument names, ranges spelled out. `netmask`: of hash:ip. */
export function* parseElements(process: Process, type: IpSetType, text: string, netmask: number): Generator<IpSetPart[]> {
  const kinds = kindsOf(type);
  const words = text.split(',');
  if (words.length > kinds.length) syntaxError(`Elem separator in ${text}, but settype ${type} supports none.`);
  const optional = type === 'bitmap:ip,mac' ? 1 : kinds.length;
  if (words.length < Math.min(optional, kinds.length)) syntaxError(`${ORDINALS[words.length]} element is missing from ${text}.`);
  const facts = { bitmap: type === 'bitmap:port', step: 2 ** (32 - netmask) };
  yield* product(kinds.map((kind, at) => (words[at] === undefined ? [{ kind: 'mac', mac: null } as const] : [...single(process, kind, words[at], facts, kinds.length)])), []);
  function* single(one: Process, kind: IpSetPart['kind'], word: string, of: typeof facts, dimensions: number): Generator<IpSetPart> {
    let count = 0;
    for (const part of expandWord(one, kind, word, of)) {
      // The kernel goes through them one by one, and this first one it refuses.
      if (dimensions === 1 && part.kind === 'ip' && part.ip === 0) {
        yield part;
        return;
      }
      // More than the kernel takes at once (IPSET_MAX_RANGE) for one dimension of several; a single one is stopped by maxelem anyhow.
      if (++count > (dimensions === 1 ? 1_048_577 : 65_536)) throw new NotSimulated(`ipset: a range of so many elements (${word})`);
      yield part;
    }
  }
}

function* product(lists: readonly (readonly IpSetPart[])[], before: readonly IpSetPart[]): Generator<IpSetPart[]> {
  const [first, ...rest] = lists;
  if (!first) return yield [...before];
  for (const part of first) yield* product(rest, [...before, part]);
}

/** One dimension as `ipset list` prints it. */
function partText(part: IpSetPart, type: IpSetType): string {
  switch (part.kind) {
    case 'ip': return formatIpv4(part.ip);
    case 'net': return part.cidr === 32 ? formatIpv4(part.ip) : `${formatIpv4(part.ip)}/${part.cidr}`;
    case 'port': {
      if (type === 'bitmap:port') return String(part.port);
      const name = protocolName(part.protocol) ?? String(part.protocol);
      return `${name}:${part.protocol === ICMP ? icmpName(part.port) : part.port}`;
    }
    case 'mac': return part.mac === null ? '' : formatMac(part.mac).toUpperCase();
    default: return part.name;
  }
}

/** An element as `ipset list` prints it, without its options. */
export function elementText(parts: readonly IpSetPart[], type: IpSetType): string {
  return parts.map((part) => partText(part, type)).filter((text) => text !== '').join(',');
}
