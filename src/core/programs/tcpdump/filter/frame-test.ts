import { readU16, readU32 } from '../../../wire/bytes.ts';
import type { LinkType } from '../print/frame.ts';

/** What a filter looks at. */
export interface FilteredFrame {
  readonly bytes: Uint8Array;
  /** Length on the wire. */
  readonly length: number;
  /** Null in a file. */
  readonly direction: 'in' | 'out' | null;
}

/** A test of a frame, compiled from an expression. */
export type Test = (frame: FilteredFrame) => boolean;
/** A number computed from a frame. */
export type Value = (frame: FilteredFrame) => number;

/** A filter that looks beyond the end of a frame refuses the frame, whatever the rest of it says (BPF returns 0). */
export class BeyondEnd extends Error {}

/** Tests whose outcome is known without a frame. */
export const ALWAYS: Test = () => true;
export const NEVER: Test = () => false;

export function and(...tests: Test[]): Test {
  if (tests.includes(NEVER)) return NEVER;
  const open = tests.filter((test) => test !== ALWAYS);
  return open.length === 0 ? ALWAYS : (frame) => open.every((test) => test(frame));
}
export function or(...tests: Test[]): Test {
  if (tests.includes(ALWAYS)) return ALWAYS;
  const open = tests.filter((test) => test !== NEVER);
  return open.length === 0 ? NEVER : (frame) => open.some((test) => test(frame));
}
export function not(test: Test): Test {
  if (test === ALWAYS) return NEVER;
  return test === NEVER ? ALWAYS : (frame) => !test(frame);
}

/** Loads 1, 2 or 4 bytes. */
export function load(frame: FilteredFrame, at: number, size: number): number {
  if (at < 0 || at + size > frame.bytes.length) throw new BeyondEnd();
  if (size === 1) return frame.bytes[at]!;
  return size === 2 ? readU16(frame.bytes, at) : readU32(frame.bytes, at);
}

/** Where the headers are at a point of the expression; `vlan` moves what comes after it. */
export interface Offsets {
  readonly linkType: LinkType;
  /** Of the field that says what follows. */
  type: number;
  /** Of the header that follows. */
  net: number;
}

export function initialOffsets(linkType: LinkType): Offsets {
  switch (linkType) {
    case 'EN10MB': return { linkType, type: 12, net: 14 };
    case 'LINUX_SLL2': return { linkType, type: 0, net: 20 };
    case 'LINUX_SLL': return { linkType, type: 14, net: 16 };
    // Nothing says what it is but the packet itself.
    case 'RAW': return { linkType, type: -1, net: 0 };
  }
}

export function etherType(offsets: Offsets, wanted: number): Test {
  const at = offsets.type;
  if (offsets.linkType === 'RAW') {
    const version = wanted === 0x0800 ? 4 : wanted === 0x86dd ? 6 : null;
    return version === null ? NEVER : (frame) => load(frame, 0, 1) >> 4 === version;
  }
  return (frame) => load(frame, at, 2) === wanted;
}

const IP = 0x0800;
const IP6 = 0x86dd;

/** `ip proto N`. */
export function ipProto(offsets: Offsets, protocol: number): Test {
  const at = offsets.net + 9;
  return and(etherType(offsets, IP), (frame) => load(frame, at, 1) === protocol);
}

/** `ip6 proto N`, also behind a fragment header. */
export function ip6Proto(offsets: Offsets, protocol: number): Test {
  const { net } = offsets;
  return and(etherType(offsets, IP6), (frame) => {
    const next = load(frame, net + 6, 1);
    return next === protocol || (next === 44 && load(frame, net + 40, 1) === protocol);
  });
}

export function unfragmented(offsets: Offsets): Test {
  const at = offsets.net + 6;
  return (frame) => (load(frame, at, 2) & 0x1fff) === 0;
}

/** Offset of what follows the IPv4 header. */
export function afterIp(offsets: Offsets): (frame: FilteredFrame) => number {
  const { net } = offsets;
  return (frame) => net + (load(frame, net, 1) & 15) * 4;
}

/** Bytes of a header: the masked word at `at`. */
export function word(at: number, value: number, mask: number): Test {
  return (frame) => (load(frame, at, 4) & mask) >>> 0 === value;
}
