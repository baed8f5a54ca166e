/** A capture in the pcapng format (draft-ietf-opsawg-pcapng). */
export interface Capture {
  readonly interfaces: readonly CaptureInterface[];
  readonly packets: readonly CapturedPacket[];
}
export interface CaptureInterface {
  readonly name: string;
  /** Most bytes kept of a packet; 0 or absent for no limit. */
  readonly snaplen?: number;
  /** What its packets begin with: an Ethernet header unless it says LINKTYPE_RAW, an IP header. */
  readonly linkType?: number;
}
export interface CapturedPacket {
  /** Index in `interfaces`. */
  readonly interface: number;
  /** Nanoseconds since the epoch of the capture. */
  readonly ns: number;
  readonly bytes: Uint8Array;
  readonly direction?: 'in' | 'out';
  readonly comment?: string;
}

const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const ENHANCED_PACKET = 6;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const LINKTYPE_ETHERNET = 1;
/** The packets of an IPIP or GRE device begin with their IP header. */
export const LINKTYPE_RAW = 101;
const OPT_COMMENT = 1;
const IF_NAME = 2;
const IF_TSRESOL = 9;
const EPB_FLAGS = 2;

const pad4 = (length: number): number => (length + 3) & ~3;

function u16(value: number): number[] {
  return [value & 255, (value >>> 8) & 255];
}
function u32(value: number): number[] {
  return [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, (value >>> 24) & 255];
}

function option(code: number, value: ArrayLike<number>): number[] {
  const bytes = Array.from(value);
  while (bytes.length % 4 !== 0) bytes.push(0);
  return [...u16(code), ...u16(value.length), ...bytes];
}
function options(list: readonly number[][]): number[] {
  return list.length === 0 ? [] : [...list.flat(), ...u16(0), ...u16(0)];
}

/** A block: type, length, body padded to four bytes, length again. */
function block(type: number, fixed: readonly number[], payload: Uint8Array, opts: readonly number[]): Uint8Array {
  const length = 12 + fixed.length + pad4(payload.length) + opts.length;
  const out = new Uint8Array(length);
  out.set(u32(type), 0);
  out.set(u32(length), 4);
  out.set(fixed, 8);
  out.set(payload, 8 + fixed.length);
  out.set(opts, 8 + fixed.length + pad4(payload.length));
  out.set(u32(length), length - 4);
  return out;
}

const NONE = new Uint8Array(0);

function sectionHeader(): Uint8Array {
  // Version 1.0; a section length of -1 says that it is not given.
  return block(SECTION_HEADER, [...u32(BYTE_ORDER_MAGIC), ...u16(1), ...u16(0), ...u32(0xffff_ffff), ...u32(0xffff_ffff)], NONE, []);
}

function interfaceDescription(device: CaptureInterface): Uint8Array {
  const opts = options([option(IF_NAME, new TextEncoder().encode(device.name)), option(IF_TSRESOL, [9])]);
  return block(INTERFACE_DESCRIPTION, [...u16(device.linkType ?? LINKTYPE_ETHERNET), ...u16(0), ...u32(device.snaplen ?? 0)], NONE, opts);
}

function enhancedPacket(packet: CapturedPacket, snaplen: number): Uint8Array {
  const kept = snaplen > 0 && packet.bytes.length > snaplen ? packet.bytes.subarray(0, snaplen) : packet.bytes;
  const list: number[][] = [];
  if (packet.comment !== undefined) list.push(option(OPT_COMMENT, new TextEncoder().encode(packet.comment).subarray(0, 0xffff)));
  if (packet.direction) list.push(option(EPB_FLAGS, u32(packet.direction === 'in' ? 1 : 2)));
  const fixed = [...u32(packet.interface), ...u32(Math.floor(packet.ns / 0x1_0000_0000)), ...u32(packet.ns % 0x1_0000_0000), ...u32(kept.length), ...u32(packet.bytes.length)];
  return block(ENHANCED_PACKET, fixed, kept, options(list));
}

/** A pcapng file: one section, times in nanoseconds, direction and comment on each packet that has them. Throws RangeError for a packet of no interface. */
export function writePcapng(capture: Capture): Uint8Array {
  const blocks = [sectionHeader(), ...capture.interfaces.map(interfaceDescription)];
  for (const packet of capture.packets) {
    const device = capture.interfaces[packet.interface];
    if (!device) throw new RangeError(`packet of interface ${packet.interface}, but there are ${capture.interfaces.length}`);
    blocks.push(enhancedPacket(packet, device.snaplen ?? 0));
  }
  const out = new Uint8Array(blocks.reduce((length, bytes) => length + bytes.length, 0));
  let at = 0;
  for (const bytes of blocks) {
    out.set(bytes, at);
    at += bytes.length;
  }
  return out;
}

function readOptions(view: DataView, from: number, to: number): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  for (let at = from; at + 4 <= to;) {
    const code = view.getUint16(at, true);
    const length = view.getUint16(at + 2, true);
    if (code === 0 || at + 4 + length > to) break;
    found.set(code, new Uint8Array(view.buffer, view.byteOffset + at + 4, length).slice());
    at += 4 + pad4(length);
  }
  return found;
}

/** Seconds of one unit of an interface's time stamps, as `if_tsresol` gives it, in nanoseconds. */
function resolution(value: number | undefined): number {
  if (value === undefined) return 1000;
  return (value & 0x80 ? 2 ** -(value & 0x7f) : 10 ** -value) * 1e9;
}

/** Reads a little-endian pcapng file. Throws Error that says what is wrong with the file. */
export function readPcapng(bytes: Uint8Array): Capture {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const interfaces: CaptureInterface[] = [];
  const units: number[] = [];
  const packets: CapturedPacket[] = [];
  for (let at = 0; at < bytes.length;) {
    if (at + 12 > bytes.length) throw new Error(`pcapng: block at ${at} is cut off`);
    const type = view.getUint32(at, true);
    if (at === 0 && type !== SECTION_HEADER) throw new Error('pcapng: the file does not begin with a section header');
    if (type === SECTION_HEADER && view.getUint32(at + 8, true) !== BYTE_ORDER_MAGIC) throw new Error('pcapng: only little-endian files are read');
    const length = view.getUint32(at + 4, true);
    if (length < 12 || length % 4 !== 0 || at + length > bytes.length || view.getUint32(at + length - 4, true) !== length) {
      throw new Error(`pcapng: block at ${at} has a wrong length ${length}`);
    }
    if (type === INTERFACE_DESCRIPTION) {
      const opts = readOptions(view, at + 16, at + length - 4);
      const snaplen = view.getUint32(at + 12, true);
      const name = new TextDecoder('utf-8', { ignoreBOM: true }).decode(opts.get(IF_NAME) ?? NONE);
      const linkType = view.getUint16(at + 8, true);
      interfaces.push({ name, ...(snaplen > 0 ? { snaplen } : {}), ...(linkType === LINKTYPE_ETHERNET ? {} : { linkType }) });
      units.push(resolution(opts.get(IF_TSRESOL)?.[0]));
    } else if (type === ENHANCED_PACKET) {
      packets.push(readPacket(view, at, length, units));
    }
    at += length;
  }
  return { interfaces, packets };
}

function readPacket(view: DataView, at: number, length: number, units: readonly number[]): CapturedPacket {
  const device = view.getUint32(at + 8, true);
  const unit = units[device];
  if (unit === undefined) throw new Error(`pcapng: packet of interface ${device}, which is not described`);
  const ticks = view.getUint32(at + 12, true) * 0x1_0000_0000 + view.getUint32(at + 16, true);
  const kept = view.getUint32(at + 20, true);
  if (28 + kept + 4 > length) throw new Error(`pcapng: packet at ${at} is longer than its block`);
  const opts = readOptions(view, at + 28 + pad4(kept), at + length - 4);
  const flags = opts.get(EPB_FLAGS)?.[0] ?? 0;
  const comment = opts.get(OPT_COMMENT);
  return {
    interface: device, ns: Math.round(ticks * unit), bytes: new Uint8Array(view.buffer, view.byteOffset + at + 28, kept).slice(),
    ...((flags & 3) === 1 ? { direction: 'in' as const } : (flags & 3) === 2 ? { direction: 'out' as const } : {}),
    ...(comment ? { comment: new TextDecoder('utf-8', { ignoreBOM: true }).decode(comment) } : {}),
  };
}
