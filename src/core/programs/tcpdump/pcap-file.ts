import { MICROSECOND, SECOND, type SimTime } from '../../sim/time.ts';
import type { LinkType } from './print/frame.ts';

/** One record of a capture file. */
export interface PcapRecord {
  readonly at: SimTime;
  readonly bytes: Uint8Array;
  /** Length on the wire. */
  readonly length: number;
}
export interface PcapFile {
  readonly linkType: LinkType;
  readonly snaplen: number;
  readonly records: readonly PcapRecord[];
}

const MAGIC = 0xa1b2c3d4;
const NANO_MAGIC = 0xa1b23c4d;
const HEADER = 24;
const RECORD = 16;
const LINK_TYPES: Readonly<Record<LinkType, number>> = { EN10MB: 1, LINUX_SLL2: 276, RAW: 101, LINUX_SLL: 113 };

/** Our streams and files hold text; bytes are kept one a character. */
export function toText(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
export function toBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0) & 0xff);
}

/** The header of a pcap file, version 2.4, little-endian, times in microseconds. */
export function pcapHeader(linkType: LinkType, snaplen: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(HEADER));
  view.setUint32(0, MAGIC, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, snaplen, true);
  view.setUint32(20, LINK_TYPES[linkType], true);
  return new Uint8Array(view.buffer);
}

export function pcapRecord(record: PcapRecord): Uint8Array {
  const out = new Uint8Array(RECORD + record.bytes.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, Math.floor(record.at / SECOND), true);
  view.setUint32(4, Math.floor((record.at % SECOND) / MICROSECOND), true);
  view.setUint32(8, record.bytes.length, true);
  view.setUint32(12, record.length, true);
  out.set(record.bytes, RECORD);
  return out;
}

/** Reads a pcap file of either byte order. Throws Error in libpcap's words. */
export function readPcap(bytes: Uint8Array): PcapFile {
  if (bytes.length < 4) throw new Error(`truncated dump file; tried to read 4 file header bytes, only got ${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = [MAGIC, NANO_MAGIC].includes(view.getUint32(0, true));
  const magic = view.getUint32(0, little);
  if (magic !== MAGIC && magic !== NANO_MAGIC) throw new Error('unknown file format');
  if (bytes.length < HEADER) throw new Error(`truncated dump file; tried to read ${HEADER} file header bytes, only got ${bytes.length}`);
  const unit = magic === NANO_MAGIC ? 1 : MICROSECOND;
  const number = view.getUint32(20, little) & 0x03ff_ffff;
  const linkType = (Object.keys(LINK_TYPES) as LinkType[]).find((name) => LINK_TYPES[name] === number);
  if (!linkType) throw new Error(`packet printing is not supported for link type ${number}: use -w`);
  const records: PcapRecord[] = [];
  for (let at = HEADER; at < bytes.length;) {
    if (at + RECORD > bytes.length) throw new Error(`truncated dump file; tried to read ${RECORD} header bytes, only got ${bytes.length - at}`);
    const captured = view.getUint32(at + 8, little);
    if (at + RECORD + captured > bytes.length) throw new Error(`truncated dump file; tried to read ${captured} captured bytes, only got ${bytes.length - at - RECORD}`);
    records.push({
      at: view.getUint32(at, little) * SECOND + view.getUint32(at + 4, little) * unit, length: view.getUint32(at + 12, little),
      bytes: bytes.slice(at + RECORD, at + RECORD + captured),
    });
    at += RECORD + captured;
  }
  return { linkType, snaplen: view.getUint32(16, little), records };
}
