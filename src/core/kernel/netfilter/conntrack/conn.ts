import type { SimTime } from '../../../sim/time.ts';
import type { ConntrackTuple } from '../../rows.ts';
import { JIFFY } from '../../timer-wheel.ts';
import type { CtCounter, NfConn, TcpTracking, TupleHash, ZoneDirection } from './nf-conn.ts';
import { hashTuple } from './tuple.ts';

/*
 * How connections are kept: there may be 100,000 of them, so addresses, ports, times and yes-or-no's are packed into small integers, which
 * cost no memory of their own. The rest of the kernel sees NfConn and TupleHash.
 */

class Tuple implements TupleHash {
  readonly ct: NfConn;
  readonly hash: number;
  next: TupleHash | null = null;
  readonly #src: number;
  readonly #dst: number;
  readonly #ports: number;

  constructor(ct: NfConn, protocol: number, { src, dst, sport, dport }: ConntrackTuple) {
    this.ct = ct;
    this.#src = src | 0;
    this.#dst = dst | 0;
    this.#ports = (sport << 16) | dport;
    this.hash = hashTuple(src, dst, sport, dport, protocol) | 0;
  }

  get src(): number {
    return this.#src >>> 0;
  }
  get dst(): number {
    return this.#dst >>> 0;
  }
  get sport(): number {
    return this.#ports >>> 16;
  }
  get dport(): number {
    return this.#ports & 0xffff;
  }
  get isReply(): boolean {
    return this.ct.original !== this;
  }
}

export function tupleHash(ct: NfConn, protocol: number, tuple: ConntrackTuple): TupleHash {
  return new Tuple(ct, protocol, tuple);
}

/** The bits of `Conn.#status`. */
const SEEN_REPLY = 1;
const ASSURED = 2;
const CONFIRMED = 4;
const SRC_NAT = 8;
const DST_NAT = 16;
const SRC_NAT_DONE = 32;
const DST_NAT_DONE = 64;
const FIXED_TIMEOUT = 128;
const NAT_CLASH = 256;
const DYING = 512;
const ECACHE = 1024;

/** Ticks fit into 31 bits: 99 days. */
const MOST_TICKS = 0x7fff_ffff;

function ticksOf(time: SimTime): number {
  return Math.min(Math.round(time / JIFFY), MOST_TICKS);
}

class Conn implements NfConn {
  readonly id: number;
  readonly protocol: number;
  readonly original: TupleHash;
  reply: TupleHash;
  readonly zone: number;
  readonly zoneDirection: ZoneDirection;
  mark = 0;
  masqIndex = 0;
  nextBySource: NfConn | null = null;
  readonly tcp: TcpTracking | null;
  readonly counters: { readonly original: CtCounter; readonly reply: CtCounter } | null;
  events = 0;
  refs = 0;
  #status = 0;
  #expires = 0;
  #timeout = 0;
  #streamAt = 0;

  constructor(id: number, protocol: number, original: ConntrackTuple, reply: ConntrackTuple, zone: number, zoneDirection: ZoneDirection, options: ConnOptions) {
    this.id = id;
    this.protocol = protocol;
    this.zone = zone;
    this.zoneDirection = zoneDirection;
    this.tcp = options.tcp;
    this.counters = options.counters ? { original: { packets: 0, bytes: 0 }, reply: { packets: 0, bytes: 0 } } : null;
    if (options.ecache) this.#status = ECACHE;
    this.original = new Tuple(this, protocol, original);
    this.reply = new Tuple(this, protocol, reply);
  }

  /** Without helpers nobody expects a connection. */
  get master(): number {
    return 0;
  }
  get expires(): SimTime {
    return this.#expires * JIFFY;
  }
  set expires(time: SimTime) {
    this.#expires = ticksOf(time);
  }
  get timeout(): SimTime {
    return this.#timeout * JIFFY;
  }
  set timeout(time: SimTime) {
    this.#timeout = ticksOf(time);
  }
  get streamAt(): SimTime {
    return this.#streamAt * JIFFY;
  }
  set streamAt(time: SimTime) {
    this.#streamAt = ticksOf(time);
  }
  get seenReply(): boolean {
    return (this.#status & SEEN_REPLY) !== 0;
  }
  set seenReply(value: boolean) {
    this.#set(SEEN_REPLY, value);
  }
  get assured(): boolean {
    return (this.#status & ASSURED) !== 0;
  }
  set assured(value: boolean) {
    this.#set(ASSURED, value);
  }
  get confirmed(): boolean {
    return (this.#status & CONFIRMED) !== 0;
  }
  set confirmed(value: boolean) {
    this.#set(CONFIRMED, value);
  }
  get srcNat(): boolean {
    return (this.#status & SRC_NAT) !== 0;
  }
  set srcNat(value: boolean) {
    this.#set(SRC_NAT, value);
  }
  get dstNat(): boolean {
    return (this.#status & DST_NAT) !== 0;
  }
  set dstNat(value: boolean) {
    this.#set(DST_NAT, value);
  }
  get srcNatDone(): boolean {
    return (this.#status & SRC_NAT_DONE) !== 0;
  }
  set srcNatDone(value: boolean) {
    this.#set(SRC_NAT_DONE, value);
  }
  get dstNatDone(): boolean {
    return (this.#status & DST_NAT_DONE) !== 0;
  }
  set dstNatDone(value: boolean) {
    this.#set(DST_NAT_DONE, value);
  }
  get fixedTimeout(): boolean {
    return (this.#status & FIXED_TIMEOUT) !== 0;
  }
  set fixedTimeout(value: boolean) {
    this.#set(FIXED_TIMEOUT, value);
  }
  get natClash(): boolean {
    return (this.#status & NAT_CLASH) !== 0;
  }
  set natClash(value: boolean) {
    this.#set(NAT_CLASH, value);
  }
  get dying(): boolean {
    return (this.#status & DYING) !== 0;
  }
  set dying(value: boolean) {
    this.#set(DYING, value);
  }
  get ecache(): boolean {
    return (this.#status & ECACHE) !== 0;
  }

  #set(bit: number, value: boolean): void {
    this.#status = value ? this.#status | bit : this.#status & ~bit;
  }
}

/** What a connection begins with. */
export interface ConnOptions {
  readonly tcp: TcpTracking | null;
  readonly counters: boolean;
  readonly ecache: boolean;
}

export function newConn(
  id: number, protocol: number, original: ConntrackTuple, reply: ConntrackTuple, zone: { readonly id: number; readonly direction: ZoneDirection }, options: ConnOptions,
): NfConn {
  return new Conn(id, protocol, original, reply, zone.id, zone.direction, options);
}
