import type { PortMatch, TcpMatch, UdpMatch } from '../../../kernel/netfilter/xtables/xt-rule.ts';
import type { HeadSoFar, Instance, OptionCall, OptionDef } from '../extension.ts';
import { type Look, type MatchKind, bang } from '../kind.ts';
import { UINT16_MAX, wholeNumber } from '../numbers.ts';
import { parsePort, portName } from '../ports.ts';
import { fail } from '../xtables-error.ts';

const PORTS: readonly OptionDef[] = [
  { name: 'source-port', arg: true }, { name: 'sport', id: 'source-port', arg: true }, { name: 'destination-port', arg: true }, { name: 'dport', id: 'destination-port', arg: true },
];

function parsePorts(call: OptionCall, protocol: string): PortMatch {
  const { arg, invert } = call;
  const colon = arg.indexOf(':');
  if (colon < 0) {
    const port = parsePort(arg, protocol);
    return { range: [port, port], invert };
  }
  const [from, to] = [arg.slice(0, colon), arg.slice(colon + 1)];
  const range = [from === '' ? 0 : parsePort(from, protocol), to === '' ? UINT16_MAX : parsePort(to, protocol)] as const;
  if (range[0] > range[1]) fail('invalid portrange (min > max)');
  // iptables-nft says "greater than" for that, and reads it back so (add_nft_tcpudp).
  if (invert && range[0] === 0 && range[1] > 0 && range[1] < UINT16_MAX) return { range: [range[1] + 1, UINT16_MAX], invert: false };
  return { range, invert };
}

function isEvery({ range }: PortMatch): boolean {
  return range[0] === 0 && range[1] === UINT16_MAX;
}

/** The two port options; `every` tells that one named all ports. */
interface PortOptions {
  sport: PortMatch | null;
  dport: PortMatch | null;
  readonly given: Set<string>;
  onlyNever: boolean;
}

function portOption(ports: PortOptions, call: OptionCall, protocol: string): void {
  if (ports.given.has(call.id)) fail(`Only one \`--${call.id}' allowed`);
  ports.given.add(call.id);
  const parsed = parsePorts(call, protocol);
  // A range of all ports becomes no expression in nf_tables, whatever its sign.
  if (isEvery(parsed)) ports.onlyNever ||= parsed.invert;
  else if (call.id === 'source-port') ports.sport = parsed;
  else ports.dport = parsed;
}

const FLAG_NAMES: readonly (readonly [name: string, bits: number])[] = [['FIN', 1], ['SYN', 2], ['RST', 4], ['PSH', 8], ['ACK', 16], ['URG', 32], ['ALL', 63], ['NONE', 0]];

function parseFlags(text: string): number {
  let bits = 0;
  for (const name of text.split(',').filter((word) => word !== '')) {
    const found = FLAG_NAMES.find(([known]) => known === name.toUpperCase()) ?? fail(`Unknown TCP flag \`${name}'`);
    bits |= found[1];
  }
  return bits;
}

function flagNames(bits: number): string {
  const names = FLAG_NAMES.filter(([name, bit]) => name !== 'ALL' && bit !== 0 && (bits & bit) !== 0).map(([name]) => name);
  return names.length === 0 ? 'NONE' : names.join(',');
}

const SYN_MASK = 1 | 2 | 4 | 16;

function beginTcp(): Instance<TcpMatch> {
  const ports: PortOptions = { sport: null, dport: null, given: new Set(), onlyNever: false };
  let flags: TcpMatch['flags'] = null;
  let option: TcpMatch['option'] = null;
  return {
    option(call) {
      if (call.id === 'source-port' || call.id === 'destination-port') portOption(ports, call, 'tcp');
      else if (call.id === 'tcp-option') {
        if (option) fail("Only one `--tcp-option' allowed");
        option = { number: wholeNumber(call.arg, 1, 255) ?? fail(`Bad TCP option "${call.arg}"`), invert: call.invert };
      } else {
        if (flags) fail("Only one of `--syn' or `--tcp-flags'  allowed");
        flags = call.id === 'syn' ? { mask: SYN_MASK, set: 2, invert: call.invert } : tcpFlags(call);
      }
    },
    finish(head) {
      needsProtocol(head, 6, 'TCP', ports.given.size > 0 || flags !== null || option !== null);
      const { sport, dport } = ports;
      if (ports.onlyNever && sport === null && dport === null && flags === null && option === null) return null;
      return { name: 'tcp', sport, dport, flags, option };
    },
  };
}

function tcpFlags(call: OptionCall): NonNullable<TcpMatch['flags']> {
  const comparison = call.next() ?? fail('--tcp-flags requires two args.');
  return { mask: parseFlags(call.arg), set: parseFlags(comparison), invert: call.invert };
}

function needsProtocol(head: HeadSoFar, number: number, name: string, used: boolean): void {
  if (used && head.protocol !== number) fail(`${name} match requires '-p ${name.toLowerCase()}'`);
}

function beginUdp(): Instance<UdpMatch> {
  const ports: PortOptions = { sport: null, dport: null, given: new Set(), onlyNever: false };
  return {
    option(call) { portOption(ports, call, 'udp'); },
    finish(head) {
      needsProtocol(head, 17, 'UDP', ports.given.size > 0);
      const { sport, dport } = ports;
      return ports.onlyNever && sport === null && dport === null ? null : { name: 'udp', sport, dport };
    },
  };
}

function savePorts(name: string, port: PortMatch | null): string {
  if (port === null) return '';
  const [from, to] = port.range;
  return `${bang(port.invert)} --${name} ${from === to ? from : `${from}:${to}`}`;
}

function printPorts(name: string, port: PortMatch | null, protocol: string, { numeric }: Look): string {
  if (port === null) return '';
  const [from, to] = port.range;
  const mark = port.invert ? '!' : '';
  const one = (value: number): string => portName(value, protocol, numeric);
  return from === to ? ` ${name}:${mark}${one(from)}` : ` ${name}s:${mark}${one(from)}:${one(to)}`;
}

function printFlags(flags: TcpMatch['flags'], numeric: boolean): string {
  if (flags === null) return '';
  const two = (bits: number): string => `0x${bits.toString(16).toUpperCase().padStart(2, '0')}`;
  const text = numeric ? `${two(flags.mask)}/${two(flags.set)}` : `${flagNames(flags.mask)}/${flagNames(flags.set)}`;
  return ` flags:${flags.invert ? '!' : ''}${text}`;
}

/** libxt_tcp: the ports, flags and options of TCP. */
export const tcp: MatchKind<'tcp'> = {
  extension: {
    name: 'tcp', legacy: true, begin: beginTcp,
    options: [...PORTS, { name: 'syn' }, { name: 'tcp-flags', arg: true }, { name: 'tcp-option', arg: true }],
  },
  save: ({ sport, dport, flags, option }) => savePorts('sport', sport) + savePorts('dport', dport)
    + (option ? `${bang(option.invert)} --tcp-option ${option.number}` : '')
    + (flags ? `${bang(flags.invert)} --tcp-flags ${flagNames(flags.mask)} ${flagNames(flags.set)}` : ''),
  print: ({ sport, dport, flags, option }, look) => ` tcp${printPorts('spt', sport, 'tcp', look)}${printPorts('dpt', dport, 'tcp', look)}`
    + (option ? ` option=${option.invert ? '!' : ''}${option.number}` : '') + printFlags(flags, look.numeric),
};

/** libxt_udp: the ports of UDP. */
export const udp: MatchKind<'udp'> = {
  extension: { name: 'udp', legacy: true, begin: beginUdp, options: PORTS },
  save: ({ sport, dport }) => savePorts('sport', sport) + savePorts('dport', dport),
  print: ({ sport, dport }, look) => ` udp${printPorts('spt', sport, 'udp', look)}${printPorts('dpt', dport, 'udp', look)}`,
};
