import { printIp } from './ip.ts';
import { type Printer, u8 } from './printer.ts';
import { NotSimulated } from '../../../shell/process.ts';
import type { CapturedFrame } from './frame.ts';

/** A packet without any header of a link (print-raw.c). */
export function printRaw(p: Printer, frame: CapturedFrame): number {
  p.protocol = 'raw';
  if (p.options.link) p.out += 'ip: ';
  if (u8(p, 0) >> 4 === 6) throw new NotSimulated("tcpdump's printing of IPv6");
  printIp(p, 0, frame.length);
  return 0;
}
