import { describe, expect, it } from 'vitest';
import { next, type Transition } from '../../../statecharts/compile.ts';
import {
  TCP_CONNTRACK_GUARDS, TCP_CONNTRACK_STATES, TCP_CONNTRACK_TABLE, type TcpConntrackAction, type TcpConntrackEvent, type TcpConntrackFacts, type TcpConntrackGuard,
  type TcpConntrackStateName, type TcpPacketIndex,
} from '../../../statecharts/tcp-conntrack.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import type { CtInfo } from '../../sk-buff.ts';
import type { NfConn } from './nf-conn.ts';
import { see, segment, trackingHost, type Flags } from './testing.ts';

/** A situation: the segment's numbers, and what the tracker remembers. */
interface Situation {
  /** Where the segment lies: in the window, beyond it, below it, or acknowledging what was never sent. */
  readonly place: 'in' | 'over' | 'below' | 'badAck';
  readonly last: { readonly index: TcpPacketIndex; readonly sameSide: boolean };
  /** The acknowledgement is exactly what the remembered segment asks for. */
  readonly answersLast: boolean;
  /** What the other end has acknowledged, against the segment's own number; null: nothing. */
  readonly maxAck: 'above' | 'below' | null;
  readonly assured: boolean;
  readonly closeInit: boolean;
  readonly challenge: boolean;
  readonly simultaneous: boolean;
}

const BASE: Situation = {
  place: 'in', last: { index: 'NONE', sameSide: true }, answersLast: false, maxAck: null, assured: true, closeInit: false, challenge: false, simultaneous: false,
};
const SITUATIONS: readonly Situation[] = [
  BASE,
  ...(['over', 'below', 'badAck'] as const).map((place) => ({ ...BASE, place })),
  { ...BASE, closeInit: true },
  { ...BASE, last: { index: 'SYN', sameSide: false }, answersLast: true },
  { ...BASE, last: { index: 'SYN', sameSide: false }, challenge: true },
  { ...BASE, simultaneous: true },
  { ...BASE, maxAck: 'above' },
  { ...BASE, maxAck: 'below' },
];

const NUMBERS = { client: { seq: 1000, ack: 5000 }, server: { seq: 5000, ack: 1000 } } as const;
const OFFSETS: Readonly<Record<Situation['place'], { seq: number; ack: number }>> = { in: { seq: 0, ack: 0 }, over: { seq: 50_000, ack: 0 }, below: { seq: -4000, ack: 0 }, badAck: { seq: 0, ack: 40_000 } };

/** Independent of the tracker's own code. A SYN makes its own window while the handshake lasts. */
function factsOf(state: TcpConntrackStateName, index: TcpPacketIndex, situation: Situation): TcpConntrackFacts {
  const { place, last, answersLast, maxAck, assured, closeInit, challenge, simultaneous } = situation;
  const newWindow = (index === 'SYN' || index === 'SYNACK') && (state === 'SYN_SENT' || state === 'SYN_RECV');
  const established = state === 'ESTABLISHED' && assured;
  const syncedAgain = index === 'SYNACK' && last.index === 'SYN' && !last.sameSide && answersLast;
  const over = place === 'over' && !newWindow;
  const badAck = place === 'badAck' && index !== 'SYN';
  return {
    aborted: closeInit, syncedAgain, challengeAck: state === 'LAST_ACK' && index === 'ACK' && last.index === 'SYN' && !last.sameSide && challenge,
    simultaneousOpen: simultaneous, rstTooOld: index === 'RST' && maxAck === 'above', rstInexact: index === 'RST' && established && maxAck !== null,
    rstExplained: index === 'RST' && last.index === 'SYN' && answersLast, outOfWindow: over || badAck, behindWindow: place === 'below',
  };
}

const FLAGS: Readonly<Record<TcpPacketIndex, Flags>> = { SYN: 'S', SYNACK: 'SA', FIN: 'F', ACK: 'A', RST: 'RA', NONE: '' };

interface Outcome {
  readonly ct: NfConn;
  readonly state: string;
  readonly ctinfo: CtInfo | null;
  readonly entries: number;
  readonly sameEntry: boolean;
}

/** What becomes of a connection in a running tracker. */
function happen(ns: NetNamespace, state: TcpConntrackStateName, event: TcpConntrackEvent, situation: Situation): Outcome {
  see(ns, segment('client', 'S', { seq: 999 }));
  const ct = [...ns.nf.ct.confirmed.values()][0]!;
  const from = event.startsWith('REPLY') ? 'server' : 'client';
  const index = event.split('_')[1] as TcpPacketIndex;
  const seq = (NUMBERS[from].seq + OFFSETS[situation.place].seq) >>> 0;
  const ack = NUMBERS[from].ack + OFFSETS[situation.place].ack;
  Object.assign(ct, { seenReply: true, assured: situation.assured });
  const seen = { maxWin: 1000, scale: 0, windowScale: false, sackPermitted: false, closeInit: false, beLiberal: false, dataUnacknowledged: false, maxAckSet: false, maxAck: 0 };
  Object.assign(ct.tcp!.original, seen, { end: 1000, maxEnd: 2000, closeInit: situation.closeInit });
  Object.assign(ct.tcp!.reply, seen, { end: 5000, maxEnd: 6000 });
  const other = from === 'client' ? ct.tcp!.reply : ct.tcp!.original;
  if (situation.maxAck !== null) Object.assign(other, { maxAckSet: true, maxAck: seq + (situation.maxAck === 'above' ? 10 : -10) });
  Object.assign(ct.tcp!, {
    state, lastIndex: situation.last.index, lastReply: (from === 'server') === situation.last.sameSide, lastEnd: situation.answersLast ? ack : 123, lastWin: 1000,
    challenge: situation.challenge, simultaneous: situation.simultaneous,
  });
  const { skb } = see(ns, segment(from, FLAGS[index], { seq, ack: index === 'SYN' ? 0 : ack }));
  return { ct, state: ct.tcp!.state, ctinfo: skb.ctinfo, entries: ns.nf.ct.count, sameEntry: !ct.dying };
}

type Row = Transition<TcpConntrackStateName, TcpConntrackGuard, TcpConntrackAction>;

function expected(row: Row, state: TcpConntrackStateName, event: TcpConntrackEvent): Partial<Outcome> {
  if (row.actions.includes('reopen')) {
    // A SYN from the other side begins a connection of its own.
    return { state, ctinfo: 'NEW', entries: 1, sameEntry: false };
  }
  if (row.actions.includes('invalid')) return { state, ctinfo: null, entries: 1, sameEntry: true };
  return { state: row.target ?? state, ctinfo: event.startsWith('REPLY') ? 'ESTABLISHED_REPLY' : 'ESTABLISHED', entries: 1, sameEntry: true };
}

describe('every row of the machine, in a running tracker', () => {
  it.each(TCP_CONNTRACK_STATES)('from %s', (state) => {
    const missed: string[] = [];
    for (const [event, rows] of Object.entries(TCP_CONNTRACK_TABLE.table[state]) as [TcpConntrackEvent, readonly Row[]][]) {
      const index = event.split('_')[1] as TcpPacketIndex;
      // Without flags a segment is refused before the table is asked.
      for (const row of rows) {
        const situation = SITUATIONS.find((candidate) => next(TCP_CONNTRACK_TABLE, TCP_CONNTRACK_GUARDS, state, event, factsOf(state, index, candidate)) === row);
        if (situation === undefined) {
          missed.push(`${event} ${row.guard}`);
          continue;
        }
        const { ct, ...outcome } = happen(trackingHost('nothing'), state, event, situation);
        const name = `${state} ${event} ${row.guard}`;
        expect({ name, ...outcome }).toEqual({ name, ...expected(row, state, event) });
        if (row.actions.includes('noteClosing')) expect(ct.tcp![event.startsWith('REPLY') ? 'reply' : 'original'].closeInit).toBe(true);
        if (row.actions.includes('noteSimultaneous')) expect(ct.tcp!.simultaneous).toBe(true);
        if (row.actions.includes('forgetChallenge')) expect(ct.tcp!.challenge).toBe(false);
        if (row.actions.includes('note')) expect(ct.tcp!.lastIndex).toBe(index);
      }
    }
    expect(missed).toEqual([]);
  });

  it.each(['SYN_SENT', 'SYN_RECV', 'ESTABLISHED'] as const)('a RST that nobody had answered before deletes the entry in %s', (state) => {
    const ns = trackingHost();
    see(ns, segment('client', 'S', { seq: 999 }));
    const ct = [...ns.nf.ct.confirmed.values()][0]!;
    ct.tcp!.state = state;
    see(ns, segment('server', 'RA', { seq: 0, ack: 1000 }));
    expect([ct.dying, ns.nf.ct.count, ns.tables.conntrack.rows.size]).toEqual([true, 0, 0]);
  });

  it('a valid ACK makes it ASSURED, once both ends were heard', () => {
    const ns = trackingHost();
    see(ns, segment('client', 'S', { seq: 999 }));
    see(ns, segment('server', 'SA', { seq: 4999, ack: 1000 }));
    const ct = [...ns.nf.ct.confirmed.values()][0]!;
    expect([ct.tcp!.state, ct.assured]).toEqual(['SYN_RECV', false]);
    see(ns, segment('client', 'A', { seq: 1000, ack: 5000 }));
    expect([ct.tcp!.state, ct.assured]).toEqual(['ESTABLISHED', true]);
  });
});
