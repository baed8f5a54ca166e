import { internetChecksum } from '../../../wire/checksum.ts';
import { IGMP_LEAVE, IGMP_QUERY, IGMP_V1_REPORT, IGMP_V2_REPORT, IGMP_V3_REPORT, igmpFloat } from '../../../wire/igmp.ts';
import type { IpPayload } from './ip.ts';
import { has, ipText, type Printer, u16, u32, u8 } from './printer.ts';

const RECORDS: Readonly<Record<number, string>> = { 1: 'is_in', 2: 'is_ex', 3: 'to_in', 4: 'to_ex', 5: 'allow', 6: 'block' };
/** Max resp time of 10 s, which goes without saying. */
const USUAL_TIME = 100;

/** print-igmp.c */
export function printIgmp(p: Printer, { at, length }: IpPayload): void {
  p.protocol = 'igmp';
  if (p.options.quiet) {
    p.out += 'igmp';
    return;
  }
  printMessage(p, at, length);
  if (p.options.verbose > 0 && length >= 4 && has(p, at, length) && internetChecksum(p.bytes, at, at + length) !== 0) {
    p.out += ` bad igmp cksum ${u16(p, at + 2).toString(16)}!`;
  }
}

function printMessage(p: Printer, at: number, length: number): void {
  const type = u8(p, at);
  switch (type) {
    case IGMP_QUERY:
      p.out += 'igmp query';
      return length >= 12 ? printQuery3(p, at, length) : printQuery(p, at, length);
    case IGMP_V1_REPORT:
      p.out += `igmp v1 report ${ipText(p, at + 4)}`;
      if (length !== 8) p.out += ` [len ${length}]`;
      return;
    case IGMP_V2_REPORT:
      p.out += `igmp v2 report ${ipText(p, at + 4)}`;
      return;
    case IGMP_V3_REPORT:
      p.out += 'igmp v3 report';
      return printReport3(p, at, length);
    case IGMP_LEAVE:
      p.out += `igmp leave ${ipText(p, at + 4)}`;
      return;
    default:
      p.out += `igmp-${type}`;
  }
}

function printQuery(p: Printer, at: number, length: number): void {
  const time = u8(p, at + 1);
  p.out += time !== 0 ? ' v2' : ' v1';
  if (time !== 0 && time !== USUAL_TIME) p.out += ` [max resp time ${time}]`;
  if (u32(p, at + 4) !== 0) p.out += ` [gaddr ${ipText(p, at + 4)}]`;
  if (length !== 8) p.out += ` [len ${length}]`;
}

function printQuery3(p: Printer, at: number, length: number): void {
  p.out += ' v3';
  if ((length & 3) !== 0) {
    p.out += ` [invalid len ${length}]`;
    return;
  }
  const code = u8(p, at + 1);
  if (code !== USUAL_TIME) p.out += ` [max resp time ${timeText(igmpFloat(code))}]`;
  if (u32(p, at + 4) === 0) return;
  p.out += ` [gaddr ${ipText(p, at + 4)}`;
  const count = u16(p, at + 10);
  if (length < 12 + 4 * count) p.out += ' [invalid number of sources]';
  else if (count > 0 && p.options.verbose > 1) {
    p.out += ' {';
    for (let i = 0; i < count; i++) p.out += ` ${ipText(p, at + 12 + 4 * i)}`;
    p.out += ' }';
  } else if (count > 0) p.out += `, ${count} source(s)`;
  p.out += ']';
}

/** Tenths of a second. */
function timeText(time: number): string {
  if (time < 600) return `${(time / 10).toFixed(1)}s`;
  return `${Math.floor(time / 600)}m${time % 600 === 0 ? '' : `${Math.floor((time % 600) / 10)}s`}`;
}

function printReport3(p: Printer, at: number, length: number): void {
  if (length < 16 || (length & 3) !== 0) {
    p.out += ` [invalid len ${length}]`;
    return;
  }
  const groups = u16(p, at + 6);
  p.out += `, ${groups} group record(s)`;
  if (p.options.verbose === 0) return;
  let next = 8;
  for (let i = 0; i < groups; i++) {
    if (length < next + 8) {
      p.out += ' [invalid number of groups]';
      return;
    }
    const type = u8(p, at + next);
    p.out += ` [gaddr ${ipText(p, at + next + 4)}`;
    p.out += ` ${RECORDS[type] ?? ` [v3-report-#${type}]`}`;
    const sources = u16(p, at + next + 2);
    if (length < next + 8 + 4 * sources) {
      p.out += ` [invalid number of sources ${sources}]`;
      return;
    }
    if (p.options.verbose === 1) p.out += `, ${sources} source(s)`;
    else {
      p.out += ' {';
      for (let j = 0; j < sources; j++) p.out += ` ${ipText(p, at + next + 8 + 4 * j)}`;
      p.out += ' }';
    }
    p.out += ']';
    next += 8 + 4 * sources;
  }
}
