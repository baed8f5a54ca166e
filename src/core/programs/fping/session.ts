import type { RawSocket } from '../../kernel/sockets/raw.ts';
import type { Process } from '../../shell/process.ts';
import type { SimTime } from '../../sim/time.ts';
import type { Ipv4 } from '../../wire/address.ts';
import type { EventQueue, PingEvent } from './events.ts';
import type { FpingOptions } from './options.ts';

/** What is counted of a target, over the whole run or since the last report. Times in ns. */
export interface Counts {
  sent: number;
  received: number;
  min: number;
  max: number;
  total: number;
}

export const noCounts = (): Counts => ({ sent: 0, received: 0, min: 0, max: 0, total: 0 });

/** One address to ping. */
export interface Target {
  /** How it is shown. */
  readonly host: string;
  readonly ip: Ipv4;
  /** How long the next answer is waited for, in ns. */
  timeout: number;
  counts: Counts;
  /** Since the last report. */
  split: Counts;
  /** By the number of the request: the round trip in ns; nothing for one that has no answer. */
  readonly times: Map<number, number>;
  /** What waits for answers, by the number of the request. */
  readonly timeouts: Map<number, PingEvent>;
}

/** Which request had a sequence number (SEQMAP_VALUE). */
export interface Sent {
  readonly target: Target;
  readonly index: number;
  readonly at: SimTime;
}

/** One run of fping. */
export interface Session {
  readonly process: Process;
  readonly options: FpingOptions;
  readonly socket: RawSocket;
  readonly ident: number;
  readonly data: Uint8Array;
  readonly targets: readonly Target[];
  /** Names that no address was found for. */
  readonly unknown: number;
  /** Width of the longest name. */
  readonly width: number;
  readonly pings: EventQueue;
  readonly timeouts: EventQueue;
  /** By sequence number. */
  readonly sent: Map<number, Sent>;
  nextSequence: number;
  readonly startedAt: SimTime;
  lastSentAt: SimTime | null;
  nextReportAt: SimTime;
  /** SIGQUIT, SIGINT. */
  snapshot: boolean;
  finish: boolean;
  readonly totals: { alive: number; timeouts: number; requests: number; replies: number; others: number; counts: Counts };
}

/** Sequence numbers are used in turn, this many of them, and not again within this time (seqmap.c). */
export const SEQUENCES = 65_535;
export const SEQUENCE_LIFE_SECONDS = 10;

/** Writes on stderr unless -q forbids it. */
export function warn({ process, options }: Pick<Session, 'process' | 'options'>, text: string): void {
  if (!options.quiet) process.stderr.write(text);
}

/** The request that a sequence number stands for; null when there was none, or too long ago. */
export function requestOf(session: Session, sequence: number): Sent | null {
  const sent = session.sent.get(sequence);
  return sent === undefined || session.process.now - sent.at >= SEQUENCE_LIFE_SECONDS * 1_000_000_000 ? null : sent;
}
