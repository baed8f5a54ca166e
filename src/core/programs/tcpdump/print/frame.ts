import { printEthernet } from './ether.ts';
import { asciiDump, hexAsciiDump, hexDump } from './hex.ts';
import { newPrinter, type Printer, type PrintOptions, Truncated } from './printer.ts';
import { printRaw } from './raw.ts';
import { printSll, printSll2 } from './sll2.ts';

/** DLT_EN10MB; what the pseudo-device `any` gives, DLT_LINUX_SLL2; an IPIP device, DLT_RAW; a GRE device, DLT_LINUX_SLL. */
export type LinkType = 'EN10MB' | 'LINUX_SLL2' | 'RAW' | 'LINUX_SLL';

/** A frame as captured: `bytes` may be fewer than `length`. */
export interface CapturedFrame {
  readonly linkType: LinkType;
  readonly bytes: Uint8Array;
  readonly length: number;
  /** Name of the device, for `any`; null when it is not known, as in a file. */
  readonly interfaceName: string | null;
}

const PRINTERS: Readonly<Record<LinkType, (p: Printer, frame: CapturedFrame) => number>> = {
  EN10MB: (p, frame) => printEthernet(p, frame.length), LINUX_SLL2: printSll2, LINUX_SLL: printSll, RAW: printRaw,
};

/** The line (or lines) of one frame, after its time stamp, without the newline at the end. */
export function printFrame(options: PrintOptions, frame: CapturedFrame): string {
  const p = newPrinter(options, frame.bytes);
  let header = 0;
  try {
    header = PRINTERS[frame.linkType](p, frame);
  } catch (error) {
    if (!(error instanceof Truncated)) throw error;
    p.out += ` [|${p.protocol}]`;
    // The printer gave up before it could say where the link-level header ends.
    header = 0;
  }
  const { hex, hexAscii, ascii } = options;
  const inner = frame.bytes.subarray(Math.min(header, frame.bytes.length));
  if (hexAscii > 0) p.out += hexAsciiDump(hexAscii > 1 ? frame.bytes : inner, '\n\t');
  else if (hex > 0) p.out += hexDump(hex > 1 ? frame.bytes : inner, '\n\t');
  else if (ascii > 1) p.out += asciiDump(frame.bytes);
  else if (ascii > 0 && inner.length > 0) p.out += asciiDump(inner);
  return p.out;
}
