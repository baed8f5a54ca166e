import type { NfConn, TupleHash, ZoneDirection } from './nf-conn.ts';
import { hashTuple, type TupleKey } from './tuple.ts';

/** Which zone a packet is looked up in. */
export interface Zone {
  readonly id: number;
  readonly direction: ZoneDirection;
}
export const DEFAULT_ZONE: Zone = { id: 0, direction: 'both' };

/**
 * The hash of all tuples (nf_conntrack_hash): buckets of chains; it doubles before the chains grow long, so that a lookup costs the same at
 * any size. The bucket is the hash's upper bits, as in the kernel, so neighbours there are neighbours here.
 */
export interface TupleTable {
  buckets: (TupleHash | null)[];
  /** How many lower bits of the hash do not count. */
  shift: number;
  size: number;
}

const INITIAL_BITS = 6;

export function newTupleTable(): TupleTable {
  return { buckets: new Array<TupleHash | null>(2 ** INITIAL_BITS).fill(null), shift: 32 - INITIAL_BITS, size: 0 };
}

/** Adds a tuple at the head of its bucket. */
export function tableAdd(table: TupleTable, tuple: TupleHash): void {
  if (table.size >= table.buckets.length) grow(table);
  const bucket = tuple.hash >>> table.shift;
  tuple.next = table.buckets[bucket]!;
  table.buckets[bucket] = tuple;
  table.size++;
}

export function tableRemove(table: TupleTable, tuple: TupleHash): void {
  const bucket = tuple.hash >>> table.shift;
  let at: TupleHash | null = table.buckets[bucket]!;
  let before: TupleHash | null = null;
  while (at !== null && at !== tuple) {
    before = at;
    at = at.next;
  }
  if (at === null) return;
  if (before === null) table.buckets[bucket] = tuple.next;
  else before.next = tuple.next;
  tuple.next = null;
  table.size--;
}

function grow(table: TupleTable): void {
  const old = table.buckets;
  const shift = table.shift - 1;
  const buckets = new Array<TupleHash | null>(old.length * 2).fill(null);
  for (const first of old) {
    let head: TupleHash | null = first;
    while (head !== null) {
      const { next }: TupleHash = head;
      const bucket = head.hash >>> shift;
      head.next = buckets[bucket]!;
      buckets[bucket] = head;
      head = next;
    }
  }
  table.buckets = buckets;
  table.shift = shift;
}

/** The number of a zone in one direction (nf_ct_zone_id). */
function zoneId(id: number, direction: ZoneDirection, isReply: boolean): number {
  return direction === 'both' || (direction === 'reply') === isReply ? id : 0;
}

export function sameZone(ct: NfConn, zone: Zone, isReply: boolean): boolean {
  return zoneId(ct.zone, ct.zoneDirection, isReply) === zoneId(zone.id, zone.direction, isReply);
}

export function firstOf(table: TupleTable, hash: number): TupleHash | null {
  return table.buckets[hash >>> table.shift]!;
}

/** nf_ct_key_equal */
export function fitsKey(tuple: TupleHash, key: TupleKey, zone: Zone): boolean {
  return tuple.dport === key.dport && tuple.sport === key.sport && tuple.src === key.src && tuple.dst === key.dst && tuple.ct.protocol === key.protocol
    && sameZone(tuple.ct, zone, tuple.isReply);
}

export function hashKey({ src, dst, sport, dport, protocol }: TupleKey): number {
  return hashTuple(src, dst, sport, dport, protocol);
}
