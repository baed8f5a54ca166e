import { encode, frameLength } from './codec.ts';
import { headerFields } from './layout.ts';
import type { Header, HeaderKind, Packet, TcpOption } from './packet.ts';
import { formatTcpOption } from './tcp.ts';

/** One difference between two packets. For a header that came or went as a whole, `field` is null. */
export interface FieldChange {
  readonly change: 'changed' | 'added' | 'removed';
  readonly kind: HeaderKind;
  /** Index of the header: in the packet before for `removed`, in the packet after otherwise. */
  readonly index: number;
  /** Index of the header in the packet before; -1 for `added`. */
  readonly before: number;
  readonly field: string | null;
  readonly label: string | null;
  readonly old: string | null;
  readonly new: string | null;
}

function sameBytes(x: Uint8Array | null, y: Uint8Array | null): boolean {
  if (x === null || y === null) return x === y;
  return x.length === y.length && x.every((byte, i) => byte === y[i]);
}

/** True when both headers say the same. Derived fields (lengths, checksums) do not count. */
export function sameHeader(x: Header, y: Header): boolean {
  if (x === y) return true;
  if (x.kind !== y.kind) return false;
  const a = x as unknown as Record<string, unknown>;
  const b = y as unknown as Record<string, unknown>;
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((key) => {
    const left = a[key];
    const right = b[key];
    return left instanceof Uint8Array || right instanceof Uint8Array ? sameBytes((left ?? null) as Uint8Array | null, (right ?? null) as Uint8Array | null) : sameValue(left, right);
  });
}

/** A value of a header that is not bytes: a number, a flag, or TCP's list of options. */
function sameValue(left: unknown, right: unknown): boolean {
  if (left === right || !Array.isArray(left) || !Array.isArray(right)) return left === right;
  return left.length === right.length && left.every((option, i) => sameOption(option as TcpOption, right[i] as TcpOption));
}

function sameOption(a: TcpOption, b: TcpOption): boolean {
  return a === b || formatTcpOption(a) === formatTcpOption(b);
}

/** True when both packets say the same, header by header. */
export function samePacket(x: Packet, y: Packet): boolean {
  return x === y || (x.length === y.length && x.every((header, i) => sameHeader(header, y[i]!)));
}

/**
 * Pairs up the headers of two packets in order, so that as many as possible are equal, then as many as possible of one kind:
 * an encapsulated packet keeps its inner headers and gains outer ones.
 */
function align(before: Packet, after: Packet): [number, number][] {
  const rows = before.length + 1;
  const columns = after.length + 1;
  const best = new Array<number>(rows * columns).fill(0);
  const score = (i: number, j: number): number => (before[i]!.kind !== after[j]!.kind ? -1 : sameHeader(before[i]!, after[j]!) ? 100 : 1);
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      const pair = score(i, j);
      best[i * columns + j] = Math.max(best[(i + 1) * columns + j]!, best[i * columns + j + 1]!, pair > 0 ? pair + best[(i + 1) * columns + j + 1]! : 0);
    }
  }
  const pairs: [number, number][] = [];
  for (let i = 0, j = 0; i < before.length && j < after.length;) {
    const here = best[i * columns + j]!;
    const pair = score(i, j);
    if (pair > 0 && here === pair + best[(i + 1) * columns + j + 1]!) pairs.push([i++, j++]);
    else if (here === best[(i + 1) * columns + j]!) i++;
    else j++;
  }
  return pairs;
}

function fieldsOf(packet: Packet, bytes: Uint8Array, index: number): ReturnType<typeof headerFields> {
  return headerFields(packet[index]!, bytes, frameLength(packet) - frameLength(packet, index));
}

/** What distinguishes `after` from `before`: headers added and removed, and every field that changed, derived ones included. */
export function diffPackets(before: Packet, after: Packet): FieldChange[] {
  if (before === after) return [];
  const oldBytes = encode(before);
  const newBytes = encode(after);
  const pairs = align(before, after);
  const changes: FieldChange[] = [];
  before.forEach((header, i) => {
    if (!pairs.some(([x]) => x === i)) changes.push({ change: 'removed', kind: header.kind, index: i, before: i, field: null, label: null, old: null, new: null });
  });
  after.forEach((header, j) => {
    const pair = pairs.find(([, y]) => y === j);
    if (!pair) return void changes.push({ change: 'added', kind: header.kind, index: j, before: -1, field: null, label: null, old: null, new: null });
    const [i] = pair;
    const olds = new Map(fieldsOf(before, oldBytes, i).map((field) => [field.field, field]));
    const news = new Map(fieldsOf(after, newBytes, j).map((field) => [field.field, field]));
    for (const name of new Set([...olds.keys(), ...news.keys()])) {
      const old = olds.get(name);
      const now = news.get(name);
      const label = (now ?? old)!.label;
      if (old?.value !== now?.value) changes.push({ change: 'changed', kind: header.kind, index: j, before: i, field: name, label, old: old?.value ?? null, new: now?.value ?? null });
    }
    const left = before[i]!;
    const right = header;
    if (left.kind === 'data' && right.kind === 'data' && left.bytes.length === right.bytes.length && !sameBytes(left.bytes, right.bytes)) {
      changes.push({ change: 'changed', kind: 'data', index: j, before: i, field: 'bytes', label: 'Data', old: `${left.bytes.length} bytes`, new: `${right.bytes.length} other bytes` });
    }
  });
  return changes;
}
