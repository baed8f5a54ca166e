import { internetChecksum } from '../../../wire/checksum.ts';
import { IPPROTO_GRE, IPPROTO_ICMP, IPPROTO_IGMP, IPPROTO_TCP, IPPROTO_UDP } from '../../../wire/packet.ts';
import { NotSimulated } from '../../../shell/process.ts';
import { printGre } from './gre.ts';
import { printIcmp } from './icmp.ts';
import { printIgmp } from './igmp.ts';
import { printIpOptions } from './ip-options.ts';
import { ipText, type Printer, u16, u8, has, Truncated } from './printer.ts';
import { protocolName, verboseProtocolName } from './protocols.ts';
import { printTcp } from './tcp.ts';
import { printUdp } from './udp.ts';

/** Protocols that tcpdump has a printer for and this one has not. */
const OTHER_PRINTERS = new Set([2, 9, 33, 41, 46, 50, 51, 55, 89, 103, 108, 112, 113, 132]);
const DCCP = 33;
const SCTP = 132;
const FLAGS: readonly [bit: number, name: string][] = [[0x2000, '+'], [0x4000, 'DF'], [0x8000, 'rsvd']];
const ECN = ['', ',ECT(1)', ',ECT(0)', ',CE'];

/** What the header must be to become this one with a good checksum: in_cksum_shouldbe of in_cksum.c. */
export function checksumShouldBe(field: number, computed: number): number {
  let shouldBe = field + computed;
  shouldBe = (shouldBe & 0xffff) + (shouldBe >>> 16);
  shouldBe = (shouldBe & 0xffff) + (shouldBe >>> 16);
  return shouldBe;
}

/** An IPv4 datagram of which `length` bytes are there, as the layer below says (print-ip.c). */
export function printIp(p: Printer, at: number, length: number): void {
  p.protocol = 'ip';
  const version = u8(p, at) >> 4;
  if (version !== 4) {
    p.out += version === 6 ? 'IP6, wrong link-layer encapsulation' : `IP${version}`;
    p.out += ' (invalid)';
    return;
  }
  if (!p.options.link) p.out += 'IP ';
  if (!has(p, at, 20)) return truncated(p);
  if (length < 20) {
    p.out += `truncated-ip ${length}`;
    return;
  }
  const headerLength = (u8(p, at) & 15) * 4;
  if (headerLength < 20) {
    p.out += `bad-hlen ${headerLength}`;
    return;
  }
  let total = u16(p, at + 2);
  if (length < total) p.out += `truncated-ip - ${total - length} bytes missing! `;
  if (total < headerLength) {
    if (total !== 0) {
      p.out += `bad-len ${total}`;
      return;
    }
    // A length of zero: taken for a segment that the device would have cut.
    total = length;
  }
  const end = p.end;
  p.end = Math.min(p.end, at + total);
  try {
    printDatagram(p, at, headerLength, total);
  } finally {
    p.end = end;
  }
}

function truncated(p: Printer): void {
  p.out += ' [|ip]';
}

function printDatagram(p: Printer, at: number, headerLength: number, total: number): void {
  const fragment = u16(p, at + 6);
  const offset = (fragment & 0x1fff) * 8;
  const protocol = u8(p, at + 9);
  if (p.options.verbose > 0 && !printHeader(p, at, headerLength)) return truncated(p);
  const from = ipText(p, at + 12);
  const to = ipText(p, at + 16);
  if (offset !== 0) {
    const name = p.options.numeric ? null : protocolName(protocol);
    p.out += `${from} > ${to}: ${name ?? `ip-proto-${protocol}`}`;
    return;
  }
  if (![IPPROTO_TCP, IPPROTO_UDP, SCTP, DCCP].includes(protocol)) p.out += `${from} > ${to}: `;
  if (!has(p, at, headerLength)) {
    p.out += ` [remaining caplen(${p.end - at}) < header length(${headerLength})]`;
    throw new Truncated();
  }
  printPayload(p, { ip: at, at: at + headerLength, length: total - headerLength, protocol, fragmented: (fragment & 0x2000) !== 0 });
}

/** The part in brackets of -v; false when the options are cut off. */
function printHeader(p: Printer, at: number, headerLength: number): boolean {
  const tos = u8(p, at + 1);
  const ttl = u8(p, at + 8);
  const fragment = u16(p, at + 6);
  const protocol = u8(p, at + 9);
  const flags = FLAGS.filter(([bit]) => fragment & bit).map(([, name]) => name);
  p.out += `(tos 0x${tos.toString(16)}${ECN[tos & 3]}`;
  if (ttl >= 1) p.out += `, ttl ${ttl}`;
  p.out += `, id ${u16(p, at + 4)}, offset ${(fragment & 0x1fff) * 8}, flags [${flags.join(', ') || 'none'}], proto ${verboseProtocolName(protocol)} (${protocol}), length ${u16(p, at + 2)}`;
  let whole = true;
  if (headerLength > 20) {
    p.out += ', options (';
    whole = printIpOptions(p, at + 20, headerLength - 20);
    p.out += whole ? ')' : ' [truncated-option])';
  }
  if (p.options.checksums && has(p, at, headerLength)) {
    const sum = internetChecksum(p.bytes, at, at + headerLength);
    if (sum !== 0) p.out += `, bad cksum ${u16(p, at + 10).toString(16)} (->${checksumShouldBe(u16(p, at + 10), sum).toString(16)})!`;
  }
  p.out += ')\n    ';
  if (!whole) p.out += `${ipText(p, at + 12)} > ${ipText(p, at + 16)}: `;
  return whole;
}

/** What follows an IPv4 header that is at `ip`. */
export interface IpPayload {
  readonly ip: number;
  readonly at: number;
  readonly length: number;
  readonly protocol: number;
  readonly fragmented: boolean;
}

/** ip_demux_print of print-ip-demux.c */
function printPayload(p: Printer, payload: IpPayload): void {
  switch (payload.protocol) {
    case IPPROTO_ICMP:
      return printIcmp(p, payload, printIp);
    case IPPROTO_IGMP:
      return printIgmp(p, payload);
    case IPPROTO_UDP:
      return printUdp(p, payload);
    case IPPROTO_TCP:
      return printTcp(p, payload);
    case 4:
      return printIp(p, payload.at, payload.length);
    case IPPROTO_GRE:
      return printGre(p, payload.at, payload.length, printIp);
    default: {
      if (OTHER_PRINTERS.has(payload.protocol)) throw new NotSimulated(`tcpdump's printing of ${verboseProtocolName(payload.protocol)}`);
      const name = p.options.numeric ? null : protocolName(payload.protocol);
      p.out += ` ${name ?? `ip-proto-${payload.protocol}`} ${payload.length}`;
    }
  }
}
