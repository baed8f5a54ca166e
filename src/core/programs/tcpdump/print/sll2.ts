import { etherTypeName } from './ether-names.ts';
import { printType } from './ether.ts';
import type { CapturedFrame } from './frame.ts';
import { macText, need, type Printer, u16, u32, u8 } from './printer.ts';

/** The header that Linux gives to frames of `any` (LINKTYPE_LINUX_SLL2). */
export const SLL2_HLEN = 20;

/** Packet types: for us, broadcast, multicast, for somebody else, sent by us. */
const TYPES = ['In', 'B', 'M', 'P', 'Out'];

/** print-sll.c */
export function printSll2(p: Printer, frame: CapturedFrame): number {
  p.protocol = 'sll2';
  need(p, 0, SLL2_HLEN);
  const index = u32(p, 4);
  const name = (frame.interfaceName ?? `ifindex ${index}`).padEnd(5);
  p.out += `${name} ${(TYPES[u8(p, 10)] ?? '??').padEnd(3)} `;
  const type = u16(p, 0);
  const printHeader = (): void => {
    p.out += `ifindex ${index} `;
    if (u8(p, 11) === 6) p.out += `${macText(p, 12)} `;
    if (!p.options.quiet) p.out += `ethertype ${etherTypeName(type) ?? 'Unknown'} (0x${type.toString(16).padStart(4, '0')}), `;
    p.out += `length ${frame.length}: `;
  };
  if (p.options.link) printHeader();
  return printType(p, type, SLL2_HLEN, frame.length, () => {
    if (!p.options.link) printHeader();
  });
}

/** The older header, which devices get that have one of their own that nobody knows (LINKTYPE_LINUX_SLL). */
export const SLL_HLEN = 16;

/** print-sll.c, of the first version. */
export function printSll(p: Printer, frame: CapturedFrame): number {
  p.protocol = 'sll';
  need(p, 0, SLL_HLEN);
  const type = u16(p, 14);
  const printHeader = (): void => {
    p.out += `${(TYPES[u16(p, 0)] ?? '?').padStart(3)} `;
    if (u16(p, 4) === 6) p.out += `${macText(p, 6)} `;
    if (!p.options.quiet) p.out += `ethertype ${etherTypeName(type) ?? 'Unknown'} (0x${type.toString(16).padStart(4, '0')})`;
    p.out += p.options.quiet ? '' : `, length ${frame.length}: `;
  };
  if (p.options.link) printHeader();
  return printType(p, type, SLL_HLEN, frame.length, () => {
    if (!p.options.link) printHeader();
  });
}
