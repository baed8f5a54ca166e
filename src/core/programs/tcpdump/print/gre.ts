import { NotSimulated } from '../../../shell/process.ts';
import { ETH_P_IP, ETH_P_TEB } from '../../../wire/packet.ts';
import { printEthernet } from './ether.ts';
import { etherTypeName } from './ether-names.ts';
import { type Printer, Truncated, u16, u32 } from './printer.ts';

const FLAGS: readonly [bit: number, name: string][] = [
  [0x8000, 'checksum present'], [0x4000, 'routing present'], [0x2000, 'key present'], [0x1000, 'sequence# present'], [0x0800, 'source routing present'],
  [0x0080, 'acknum present'],
];
/** What follows only where a flag says so. */
const CHECKSUM = 0x8000;
const ROUTING = 0x4000;
const KEY = 0x2000;
const SEQUENCE = 0x1000;

type PrintIp = (p: Printer, at: number, length: number) => void;

/** GRE, of which `length` bytes are there (print-gre.c). */
export function printGre(p: Printer, at: number, length: number, printIp: PrintIp): void {
  p.protocol = 'gre';
  try {
    printVersion(p, at, length, printIp);
  } catch (error) {
    // What is cut off inside is the affair of the layer that it belongs to.
    if (!(error instanceof Truncated) || p.protocol !== 'gre') throw error;
    p.out += ' [|gre]';
  }
}

function printVersion(p: Printer, at: number, length: number, printIp: PrintIp): void {
  const flags = u16(p, at);
  const version = flags & 7;
  p.out += `GREv${version}`;
  if (version === 1) throw new NotSimulated("tcpdump's printing of GREv1 (PPTP)");
  if (version !== 0) {
    p.out += ' ERROR: unknown-version';
    return;
  }
  if ((flags & ROUTING) !== 0) throw new NotSimulated("tcpdump's printing of GRE with source routes");
  printHeader(p, at, length, flags, printIp);
}

function printHeader(p: Printer, start: number, length: number, flags: number, printIp: PrintIp): void {
  const { verbose, link } = p.options;
  if (verbose > 0) p.out += `, Flags [${FLAGS.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name).join(', ') || 'none'}]`;
  const protocol = u16(p, start + 2);
  let at = start + 4;
  if ((flags & CHECKSUM) !== 0) {
    if (verbose > 0) p.out += `, sum 0x${u16(p, at).toString(16)}`;
    p.out += `, off 0x${u16(p, at + 2).toString(16)}`;
    at += 4;
  }
  if ((flags & KEY) !== 0) {
    p.out += `, key=0x${u32(p, at).toString(16)}`;
    at += 4;
  }
  if ((flags & SEQUENCE) !== 0) {
    p.out += `, seq ${u32(p, at)}`;
    at += 4;
  }
  if (link) p.out += `, proto ${etherTypeName(protocol) ?? 'unknown'} (0x${protocol.toString(16).padStart(4, '0')})`;
  p.out += `, length ${length}${verbose > 0 ? '\n\t' : ': '}`;
  const left = length - (at - start);
  if (protocol === ETH_P_IP) printIp(p, at, left);
  else if (protocol === ETH_P_TEB) printEthernet(p, left, at);
  else if (protocol === 0x86dd || protocol === 0x8847 || protocol === 0x883e || protocol === 0x00fe || protocol === 0x8881) throw new NotSimulated(`tcpdump's printing of ${etherTypeName(protocol) ?? 'this protocol'} in GRE`);
  else p.out += `gre-proto-0x${protocol.toString(16)}`;
}
