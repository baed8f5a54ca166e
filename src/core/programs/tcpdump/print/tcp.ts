import { NotSimulated } from '../../../shell/process.ts';
import { readU32 } from '../../../wire/bytes.ts';
import { internetChecksum, pseudoHeaderSum } from '../../../wire/checksum.ts';
import { IPPROTO_TCP, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, TCP_URG } from '../../../wire/packet.ts';
import { checksumShouldBe, type IpPayload } from './ip.ts';
import { has, ipText, need, portText, type Printer, Truncated, u16, u32, u8 } from './printer.ts';
import { printHttp } from './http.ts';

const HEADER = 20;
/** In the order in which print-tcp.c names them. */
const FLAGS: readonly [flag: number, letter: string][] = [[1, 'F'], [2, 'S'], [4, 'R'], [8, 'P'], [16, '.'], [32, 'U'], [64, 'E'], [128, 'W']];
const OPTIONS: Readonly<Record<number, string>> = {
  0: 'eol', 1: 'nop', 2: 'mss', 3: 'wscale', 4: 'sackOK', 5: 'sack', 6: 'echo', 7: 'echoreply', 8: 'TS', 11: 'cc', 12: 'ccnew', 13: 'ccecho', 19: 'md5', 20: 'scps',
  28: 'uto', 29: 'tcp-ao', 30: 'mptcp', 34: 'tfo', 254: 'exp',
};
const MPTCP = 30;

/**
 * Ports whose data the real tcpdump takes apart: FTP, SSH, telnet, SMTP, WHOIS, name servers, BGP, NetBIOS, RTSP, LDP, PPTP, NFS, OpenFlow, Redis and
 * so on, as in print-tcp.c, whichever end has the port.
 */
const TAKEN_APART = new Set([21, 22, 23, 25, 43, 53, 139, 179, 323, 445, 502, 554, 587, 639, 646, 1723, 2000, 2049, 5060, 6379, 6633, 6653, 8554, 10288, 17754]);
const HTTP = new Set([80, 8080, 3128]);

/** Sequence numbers of a conversation are told from where it began (print-tcp.c keeps them in a hash). */
export interface Conversation {
  seq: number;
  ack: number;
}

/** Both numbers as they are printed, and what SACK blocks count from. */
interface Relative {
  readonly seq: number;
  readonly ack: number;
  readonly rev: boolean;
  readonly thseq: number;
  readonly thack: number;
}

function relative(p: Printer, ip: number, sport: number, dport: number, seq: number, ack: number, flags: number): Relative {
  if (p.options.absolute || (flags & TCP_ACK) === 0) return { seq, ack, rev: false, thseq: 0, thack: 0 };
  const src = readU32(p.bytes, ip + 12);
  const dst = readU32(p.bytes, ip + 16);
  const rev = sport === dport ? src > dst : sport > dport;
  const key = rev ? `${dst}-${src}-${dport}-${sport}` : `${src}-${dst}-${sport}-${dport}`;
  const { conversations } = p.options;
  const known = conversations?.get(key);
  if (known === undefined || (flags & TCP_SYN) !== 0) {
    const begun = rev ? { ack: seq, seq: (ack - 1) >>> 0 } : { seq, ack: (ack - 1) >>> 0 };
    conversations?.set(key, begun);
    return { seq, ack, rev, thseq: begun.seq, thack: begun.ack };
  }
  const from = rev ? [known.ack, known.seq] : [known.seq, known.ack];
  return { seq: (seq - from[0]!) >>> 0, ack: (ack - from[1]!) >>> 0, rev, thseq: known.seq, thack: known.ack };
}

/** print-tcp.c */
export function printTcp(p: Printer, payload: IpPayload): void {
  p.protocol = 'tcp';
  const { ip, at, length } = payload;
  const from = ipText(p, ip + 12);
  const to = ipText(p, ip + 16);
  if (!has(p, at, 4)) {
    p.out += `${from} > ${to}: [|tcp]`;
    return;
  }
  const sport = u16(p, at);
  const dport = u16(p, at + 2);
  p.out += `${from}.${portText(p, sport, 'tcp')} > ${to}.${portText(p, dport, 'tcp')}: `;
  if (!has(p, at, HEADER)) {
    p.out += ' [|tcp]';
    return;
  }
  const headerLength = (u8(p, at + 12) >> 4) * 4;
  if (headerLength < HEADER) {
    p.out += ` tcp ${(length - headerLength) >>> 0} [bad hdr length ${headerLength}, too short, < ${HEADER}]`;
    return;
  }
  const flags = u8(p, at + 13);
  if (p.options.quiet) {
    p.out += `tcp ${(length - headerLength) >>> 0}`;
    if (headerLength > length) p.out += ` [bad hdr length ${headerLength}, too long, > ${length}]`;
    return;
  }
  const letters = FLAGS.filter(([flag]) => (flags & flag) !== 0).map(([, letter]) => letter).join('');
  p.out += `Flags [${letters || 'none'}]`;
  const numbers = relative(p, ip, sport, dport, u32(p, at + 4), u32(p, at + 8), flags);
  if (headerLength > length) {
    p.out += ` [bad hdr length ${headerLength}, too long, > ${length}]`;
    return;
  }
  if (p.options.verbose > 0 && p.options.checksums && !payload.fragmented && has(p, at, length)) printChecksum(p, payload);
  printSegment(p, payload, flags, headerLength, numbers, [sport, dport]);
}

function printChecksum(p: Printer, { ip, at, length }: IpPayload): void {
  const field = u16(p, at + 16);
  const sum = internetChecksum(p.bytes, at, at + length, pseudoHeaderSum(readU32(p.bytes, ip + 12), readU32(p.bytes, ip + 16), IPPROTO_TCP, length));
  const hex = (n: number): string => n.toString(16).padStart(4, '0');
  p.out += `, cksum 0x${hex(field)} ${sum === 0 ? '(correct)' : `(incorrect -> 0x${hex(checksumShouldBe(field, sum))})`}`;
}

function printSegment(p: Printer, { at, length }: IpPayload, flags: number, headerLength: number, numbers: Relative, ports: readonly [number, number]): void {
  const data = length - headerLength;
  if (p.options.verbose > 1 || data > 0 || (flags & (TCP_SYN | TCP_FIN | TCP_RST)) !== 0) {
    p.out += `, seq ${numbers.seq}`;
    if (data > 0) p.out += `:${(numbers.seq + data) >>> 0}`;
  }
  if ((flags & TCP_ACK) !== 0) p.out += `, ack ${numbers.ack}`;
  p.out += `, win ${u16(p, at + 14)}`;
  if ((flags & TCP_URG) !== 0) p.out += `, urg ${u16(p, at + 18)}`;
  if (headerLength > HEADER && !printOptions(p, at + HEADER, headerLength - HEADER, numbers)) return;
  p.out += `, length ${data}`;
  if (data === 0) return;
  printData(p, at + headerLength, data, flags, ports);
}

/** The data, where the port says what it is. */
function printData(p: Printer, at: number, length: number, flags: number, [sport, dport]: readonly [number, number]): void {
  if ((flags & TCP_RST) !== 0 && p.options.verbose > 0) return printResetData(p, at, length);
  for (const port of [sport, dport]) {
    if (TAKEN_APART.has(port)) throw new NotSimulated(`tcpdump's printing of TCP port ${port} (but tcpdump -q)`);
  }
  if (HTTP.has(sport) || HTTP.has(dport)) {
    p.out += ': ';
    printHttp(p, at, length);
  }
}

/** As much of a text as is printed. */
const MAX_RST_DATA = 30;

/** RFC 1122 4.2.2.12: text that says why (print_tcp_rst_data). */
function printResetData(p: Printer, at: number, length: number): void {
  const end = at + Math.min(length, MAX_RST_DATA);
  p.out += `${has(p, at, length) ? ' [RST' : ' [!RST'}${length > MAX_RST_DATA ? '+' : ''} `;
  for (let i = at; i < end && has(p, i, 1); i++) p.out += visible(u8(p, i));
  p.out += ']';
}

/** A byte as `cat -v` shows it (fn_print_char). */
function visible(byte: number): string {
  const low = byte & 0x7f;
  return `${byte > 0x7f ? 'M-' : ''}${low < 0x20 || low === 0x7f ? `^${String.fromCharCode(low ^ 0x40)}` : String.fromCharCode(low)}`;
}

/** The list in brackets; false when it is bad, which ends the line. */
function printOptions(p: Printer, at: number, length: number, numbers: Relative): boolean {
  p.out += ', options [';
  let comma = '';
  let place = at;
  const end = at + length;
  try {
    while (place < end) {
      p.out += comma;
      const type = u8(p, place);
      const single = type === 0 || type === 1;
      const size = single ? 1 : u8(p, place + 1);
      if (!single && (size < 2 || size > end - place)) throw new BadOption();
      if (type === MPTCP) throw new NotSimulated("tcpdump's printing of MPTCP");
      p.out += OPTIONS[type] ?? `unknown-${type}`;
      const used = printOption(p, type, place + (single ? 1 : 2), size, end, numbers) + (single ? 1 : 2);
      if (used !== size) p.out += `[len ${size}]`;
      place += used;
      comma = ',';
      if (type === 0) break;
    }
  } catch (error) {
    if (error instanceof BadOption) {
      p.out += `[bad opt]${comma === '' ? '' : '>'}`;
      return false;
    }
    if (!(error instanceof Truncated)) throw error;
    p.out += ` [|tcp]${comma === '' ? '' : '>'}`;
    return false;
  }
  p.out += ']';
  return true;
}

class BadOption extends Error {}

/** What follows the name of an option; gives how many of its bytes that were. */
function printOption(p: Printer, type: number, at: number, size: number, end: number, { rev, thseq, thack }: Relative): number {
  const take = (length: number): number => {
    if (at + length > end) throw new BadOption();
    need(p, at, length);
    return length;
  };
  const hex = (from: number, to: number): string => Array.from({ length: to - from }, (_, i) => u8(p, at + from + i).toString(16).padStart(2, '0')).join('');
  switch (type) {
    case 0: case 1: case 4: return 0;
    case 2: take(2); p.out += ` ${u16(p, at)}`; return 2;
    case 3: take(1); p.out += ` ${u8(p, at)}`; return 1;
    case 5: {
      const length = size - 2;
      if (length % 8 !== 0) p.out += ' invalid sack';
      else {
        p.out += ` ${length / 8} `;
        for (let i = 0; i < length; i += 8) {
          const base = rev ? thseq : thack;
          p.out += `{${(u32(p, at + i) - base) >>> 0}:${(u32(p, at + i + 4) - base) >>> 0}}`;
        }
      }
      return length;
    }
    case 6: case 7: case 11: case 12: case 13: take(4); p.out += ` ${u32(p, at)}`; return 4;
    case 8: take(8); p.out += ` val ${u32(p, at)} ecr ${u32(p, at + 4)}`; return 8;
    case 19: take(16); p.out += ` can't check - ${hex(0, 16)}`; return 16;
    case 20: take(2); p.out += ` cap ${hex(0, 1)} id ${u8(p, at + 1)}`; return 2;
    case 28: {
      take(2);
      const value = u16(p, at);
      p.out += ` 0x${value.toString(16)} ${(value & 1) !== 0 ? (value >> 1) * 60 : value >> 1}`;
      return 2;
    }
    case 29: return printAuthentication(p, at, size - 2, hex);
    case 34: case 254: throw new NotSimulated("tcpdump's printing of TCP Fast Open");
    default:
      if (size > 2) p.out += ` 0x${hex(0, size - 2)}`;
      return size - 2;
  }
}

function printAuthentication(p: Printer, at: number, length: number, hex: (from: number, to: number) => string): number {
  if (length < 2) p.out += ' (invalid)';
  else {
    p.out += ` keyid ${u8(p, at)} rnextkeyid ${u8(p, at + 1)}`;
    if (length > 2) p.out += ` mac 0x${hex(2, length)}`;
  }
  return length;
}
