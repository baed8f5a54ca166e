import { printEthernet } from './ether.ts';
import { type Printer, Truncated, u32, u8 } from './printer.ts';

const HEADER = 8;
/** The flag that says that there is a number. */
const VALID = 8;

/** What is said of the header before the frame. */
interface Words {
  readonly protocol: string;
  readonly tooShort: (length: number) => string;
  readonly flags: (flags: number) => string;
  readonly network: (p: Printer, at: number) => string;
}

const VXLAN: Words = {
  protocol: 'vxlan', tooShort: () => ' (invalid)', flags: (flags) => ((flags & VALID) !== 0 ? 'I' : 'invalid'),
  network: (p, at) => `vni ${u32(p, at + 4) >>> 8}`,
};
const OTV: Words = {
  protocol: 'otv', tooShort: (length) => `, [length ${length} < ${HEADER}] (invalid)`, flags: (flags) => ((flags & VALID) !== 0 ? 'I' : '.'),
  network: (p, at) => `overlay ${u32(p, at) & 0xff_ffff}, instance ${u32(p, at + 4) >>> 8}`,
};

/** VXLAN, of which `length` bytes are there (print-vxlan.c). */
export function printVxlan(p: Printer, at: number, length: number): void {
  printFrameInside(p, VXLAN, at, length);
}

/** OTV has the layout of VXLAN: this is how tcpdump prints VXLAN on Linux's own port 8472 (print-otv.c). */
export function printOtv(p: Printer, at: number, length: number): void {
  printFrameInside(p, OTV, at, length);
}

function printFrameInside(p: Printer, { protocol, tooShort, flags, network }: Words, at: number, length: number): void {
  p.protocol = protocol;
  p.out += protocol.toUpperCase();
  if (length < HEADER) {
    p.out += tooShort(length);
    return;
  }
  try {
    const first = u8(p, at);
    p.out += `, flags [${flags(first)}] (0x${first.toString(16).padStart(2, '0')}), ${network(p, at)}\n`;
  } catch (error) {
    if (!(error instanceof Truncated)) throw error;
    p.out += ` [|${protocol}]`;
    return;
  }
  printEthernet(p, length - HEADER, at + HEADER);
}
