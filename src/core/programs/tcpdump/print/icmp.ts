import { internetChecksum } from '../../../wire/checksum.ts';
import {
  ICMP_ADDRESSREPLY, ICMP_DEST_UNREACH, ICMP_ECHO, ICMP_ECHOREPLY, ICMP_FRAG_NEEDED, ICMP_PARAMETERPROB, ICMP_PORT_UNREACH, ICMP_PROT_UNREACH,
  ICMP_REDIRECT, ICMP_ROUTER_ADVERT, ICMP_TIME_EXCEEDED, ICMP_TIMESTAMP, ICMP_TIMESTAMPREPLY, isIcmpError,
} from '../../../wire/icmp.ts';
import { IPPROTO_TCP, IPPROTO_UDP } from '../../../wire/packet.ts';
import { checksumShouldBe, type IpPayload } from './ip.ts';
import { has, ipText, need, portText, type Printer, Truncated, u16, u32, u8 } from './printer.ts';

const NAMES: Readonly<Record<number, string>> = {
  0: 'echo reply', 4: 'source quench', 8: 'echo request', 10: 'router solicitation', 13: 'time stamp request', 14: 'time stamp reply', 15: 'information request',
  16: 'information reply', 17: 'address mask request',
};
const UNREACHABLE: Readonly<Record<number, (host: string) => string>> = {
  0: (h) => `net ${h} unreachable`, 1: (h) => `host ${h} unreachable`, 5: (h) => `${h} unreachable - source route failed`,
  6: (h) => `net ${h} unreachable - unknown`, 7: (h) => `host ${h} unreachable - unknown`, 8: (h) => `${h} unreachable - source host isolated`,
  9: (h) => `net ${h} unreachable - admin prohibited`, 10: (h) => `host ${h} unreachable - admin prohibited`,
  11: (h) => `net ${h} unreachable - tos prohibited`, 12: (h) => `host ${h} unreachable - tos prohibited`,
  13: (h) => `host ${h} unreachable - admin prohibited filter`, 14: (h) => `host ${h} unreachable - host precedence violation`,
  15: (h) => `host ${h} unreachable - precedence cutoff`,
};
const REDIRECTS = ['redirect %s to net', 'redirect %s to host', 'redirect-tos %s to net', 'redirect-tos %s to host'];

type PrintDatagram = (p: Printer, at: number, length: number) => void;

/** print-icmp.c */
export function printIcmp(p: Printer, payload: IpPayload, printQuoted: PrintDatagram): void {
  p.protocol = 'icmp';
  const { at, length } = payload;
  let text: string;
  try {
    text = describe(p, at, u8(p, at));
  } catch (error) {
    // Where these are cut off, tcpdump still knows where the link-level header ended; elsewhere it gives up.
    const known = has(p, at, 1) && [ICMP_ROUTER_ADVERT, ICMP_TIME_EXCEEDED, ICMP_TIMESTAMPREPLY].includes(u8(p, at));
    if (!(error instanceof Truncated) || !known) throw error;
    p.out += ' [|icmp]';
    return;
  }
  const type = u8(p, at);
  p.out += `ICMP ${text}, length ${length}`;
  if (p.options.verbose > 0 && !payload.fragmented && has(p, at, length)) {
    const sum = internetChecksum(p.bytes, at, at + length);
    if (sum !== 0) p.out += ` (wrong icmp cksum ${u16(p, at + 2).toString(16)} (->${checksumShouldBe(u16(p, at + 2), sum).toString(16)})!)`;
  }
  if (p.options.verbose > 0 && isIcmpError(type)) printQuote(p, at + 8, printQuoted);
}

/** The quoted datagram, on a line of its own; its bytes may be fewer than its length says. */
function printQuote(p: Printer, at: number, printQuoted: PrintDatagram): void {
  p.out += '\n\t';
  printQuoted(p, at, u16(p, at + 2));
}

function describe(p: Printer, at: number, type: number): string {
  const code = u8(p, at + 1);
  switch (type) {
    case ICMP_ECHO:
    case ICMP_ECHOREPLY:
      return `echo ${type === ICMP_ECHO ? 'request' : 'reply'}, id ${u16(p, at + 4)}, seq ${u16(p, at + 6)}`;
    case ICMP_DEST_UNREACH:
      return unreachable(p, at, code);
    case ICMP_REDIRECT: {
      need(p, at + 8, 20);
      const to = ipText(p, at + 24);
      return `${(REDIRECTS[code] ?? `redirect-#${code} %s to`).replace('%s', () => to)} ${ipText(p, at + 4)}`;
    }
    case ICMP_ROUTER_ADVERT:
      return routerAdvertisement(p, at);
    case ICMP_TIME_EXCEEDED:
      need(p, at + 8, 20);
      return ['time exceeded in-transit', 'ip reassembly time exceeded'][code] ?? `time exceeded-#${code}`;
    case ICMP_PARAMETERPROB:
      return `parameter problem - ${code !== 0 ? `code ${code}` : `octet ${u8(p, at + 4)}`}`;
    case ICMP_ADDRESSREPLY:
      return `address mask is 0x${u32(p, at + 8).toString(16).padStart(8, '0')}`;
    case ICMP_TIMESTAMP:
      return `time stamp query id ${u16(p, at + 4)} seq ${u16(p, at + 6)}`;
    case ICMP_TIMESTAMPREPLY:
      need(p, at + 16, 4);
      return `time stamp reply id ${u16(p, at + 4)} seq ${u16(p, at + 6)}: org ${clock(u32(p, at + 8))}, recv ${clock(u32(p, at + 12))}, xmit ${clock(u32(p, at + 16))}`;
    default:
      return NAMES[type] ?? `type-#${type}`;
  }
}

/** Milliseconds as hours, minutes and seconds. */
function clock(ms: number): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  const seconds = Math.floor(ms / 1000);
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}.${String(ms % 1000).padStart(3, '0')}`;
}

function unreachable(p: Printer, at: number, code: number): string {
  const quote = at + 8;
  need(p, quote + 16, 4);
  const host = ipText(p, quote + 16);
  const protocol = u8(p, quote + 9);
  if (code === ICMP_PROT_UNREACH) return `${host} protocol ${protocol} unreachable`;
  if (code === ICMP_FRAG_NEEDED) {
    const mtu = u16(p, at + 6);
    return `${host} unreachable - need to frag${mtu !== 0 ? ` (mtu ${mtu})` : ''}`;
  }
  if (code !== ICMP_PORT_UNREACH) return (UNREACHABLE[code] ?? ((h: string) => `${h} unreachable - #${code}`))(host);
  const port = u16(p, quote + (u8(p, quote) & 15) * 4 + 2);
  if (protocol === IPPROTO_TCP) return `${host} tcp port ${portText(p, port, 'tcp')} unreachable`;
  if (protocol === IPPROTO_UDP) return `${host} udp port ${portText(p, port, 'udp')} unreachable`;
  return `${host} protocol ${protocol} port ${port} unreachable`;
}

function routerAdvertisement(p: Printer, at: number): string {
  const count = u8(p, at + 4);
  const size = u8(p, at + 5);
  const lifetime = u16(p, at + 6);
  const two = (n: number): string => String(n).padStart(2, '0');
  let text = 'router advertisement lifetime ';
  if (lifetime < 60) text += String(lifetime);
  else if (lifetime < 3600) text += `${Math.floor(lifetime / 60)}:${two(lifetime % 60)}`;
  else text += `${Math.floor(lifetime / 3600)}:${two(Math.floor((lifetime % 3600) / 60))}:${two(lifetime % 60)}`;
  text += ` ${count}:`;
  if (size !== 2) return `${text} [size ${size}]`;
  for (let i = 0; i < count; i++) text += ` {${ipText(p, at + 8 + 8 * i)} ${u32(p, at + 12 + 8 * i)}}`;
  return text;
}
