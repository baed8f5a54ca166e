import { formatIpv4, formatMac } from '../../../wire/address.ts';
import { readMac, readU16, readU32 } from '../../../wire/bytes.ts';

/** What the options ask of the printed text. */
export interface PrintOptions {
  /** -e: the link-level header too. */
  readonly link: boolean;
  /** -v, -vv, -vvv. */
  readonly verbose: number;
  /** -n given at least once: no names for addresses and ports. */
  readonly numeric: boolean;
  /** -q. */
  readonly quiet: boolean;
  /** -x and -X and -A, each counted; what is not said in words is then not dumped. */
  readonly hex: number;
  readonly hexAscii: number;
  readonly ascii: number;
  /** -S: absolute sequence numbers. */
  readonly absolute: boolean;
  /** False for -K. */
  readonly checksums: boolean;
  /** Where conversations of TCP began, kept from packet to packet; absent: each packet stands alone. */
  readonly conversations?: Map<string, { seq: number; ack: number }>;
  /** The name of a host, or null. */
  readonly hostName: (ip: number) => string | null;
  /** The name of a service, or null. */
  readonly serviceName: (port: number, protocol: 'udp' | 'tcp') => string | null;
}

/** The bytes end where more are needed; the printer of the innermost protocol ends its line with `[|protocol]`. */
export class Truncated extends Error {}

/** A packet that is being printed. `end` is where its captured bytes end for the protocol at work; it moves in as headers give lengths. */
export interface Printer {
  readonly options: PrintOptions;
  readonly bytes: Uint8Array;
  end: number;
  /** Name of the protocol at work, for `[|icmp]`. */
  protocol: string;
  out: string;
}

export function newPrinter(options: PrintOptions, bytes: Uint8Array): Printer {
  return { options, bytes, end: bytes.length, protocol: '', out: '' };
}

/** Throws Truncated unless `length` bytes are there. */
export function need(p: Printer, at: number, length: number): void {
  if (at + length > p.end) throw new Truncated();
}

export function has(p: Printer, at: number, length: number): boolean {
  return at + length <= p.end;
}

export function u8(p: Printer, at: number): number {
  need(p, at, 1);
  return p.bytes[at]!;
}
export function u16(p: Printer, at: number): number {
  need(p, at, 2);
  return readU16(p.bytes, at);
}
export function u32(p: Printer, at: number): number {
  need(p, at, 4);
  return readU32(p.bytes, at);
}

/** A host's name or address. */
export function ipText(p: Printer, at: number): string {
  const ip = u32(p, at);
  return (p.options.numeric ? null : p.options.hostName(ip)) ?? formatIpv4(ip);
}

/** A MAC; without -n its vendor and `Broadcast` are named, and the addresses of a lab have no vendor. */
export function macText(p: Printer, at: number): string {
  need(p, at, 6);
  const mac = readMac(p.bytes, at);
  if (p.options.numeric) return formatMac(mac);
  return mac === 0xffff_ffff_ffff ? 'Broadcast' : `${formatMac(mac)} (oui ${vendor(mac)})`;
}

/** The few vendors that tcpdump knows (oui.c), of those that somebody might use in a lab. */
const VENDORS: Readonly<Record<number, string>> = { 0x000000: 'Ethernet', 0x00000c: 'Cisco', 0x00005e: 'IANA', 0x080007: 'Apple' };
function vendor(mac: number): string {
  return VENDORS[Math.floor(mac / 0x100_0000)] ?? 'Unknown';
}

export function portText(p: Printer, port: number, protocol: 'udp' | 'tcp'): string {
  return (p.options.numeric ? null : p.options.serviceName(port, protocol)) ?? String(port);
}
