import { setup } from 'xstate';
import { compile } from './compile.ts';

/** enum tcp_conntrack, as conntrack(8) spells them. */
export type TcpConntrackStateName =
  | 'NONE' | 'SYN_SENT' | 'SYN_RECV' | 'ESTABLISHED' | 'FIN_WAIT' | 'CLOSE_WAIT' | 'LAST_ACK' | 'TIME_WAIT' | 'CLOSE' | 'SYN_SENT2';

/** What a segment is to the tracker (enum tcp_bit_set, get_conntrack_index): RST before SYN before FIN before ACK. */
export type TcpPacketIndex = 'SYN' | 'SYNACK' | 'FIN' | 'ACK' | 'RST' | 'NONE';

/** A segment in the direction of the packet that began the connection, or against it. */
export type TcpConntrackEvent = `${'ORIGINAL' | 'REPLY'}_${TcpPacketIndex}`;

/** What the guards ask about, all of it known before the event is served. */
export interface TcpConntrackFacts {
  /** One end has closed, or this end has just sent RST: a SYN may begin anew. */
  readonly aborted: boolean;
  /** The SYN+ACK acknowledges a SYN that was let through unjudged: both ends agree, and the tracker did not. */
  readonly syncedAgain: boolean;
  /** The ACK may be a challenge (RFC 5961) to a SYN that was let through. */
  readonly challengeAck: boolean;
  readonly simultaneousOpen: boolean;
  /** The RST's sequence number lies before what the other end has acknowledged (and tcp_ignore_invalid_rst is 0). */
  readonly rstTooOld: boolean;
  /** It is not exactly the next one either, so the other end may answer with a challenge. */
  readonly rstInexact: boolean;
  /** The RST answers a packet that was let through unjudged. */
  readonly rstExplained: boolean;
  /** tcp_in_window: the segment cannot belong to this connection. */
  readonly outOfWindow: boolean;
  /** tcp_in_window: it may, but says nothing new. */
  readonly behindWindow: boolean;
}

export type TcpConntrackGuard = keyof TcpConntrackFacts;

export type TcpConntrackAction =
  | 'checkWindow' | 'follow' | 'noteClosing' | 'noteSimultaneous' | 'assure' | 'forgetUnanswered' | 'note' | 'noteLate' | 'resync' | 'reopen' | 'forgetChallenge' | 'ignore' | 'invalid';

/** One sentence for each action: what it does, and where Linux does it. */
export const TCP_CONNTRACK_ACTIONS: Readonly<Record<TcpConntrackAction, string>> = {
  checkWindow: 'The segment has to lie within what both ends allow (tcp_in_window).',
  follow: 'The segment counts: the state and its timeout are taken (nf_conntrack_tcp_packet).',
  noteClosing: 'Remember that this end sent the first FIN (IP_CT_TCP_FLAG_CLOSE_INIT).',
  noteSimultaneous: 'Remember that both ends have sent a SYN (IP_CT_TCP_SIMULTANEOUS_OPEN).',
  assure: 'Once an answer was seen the entry is ASSURED, and is not given up when the table is full.',
  forgetUnanswered: 'If nobody had answered before, the entry is deleted at once (nf_ct_kill_acct).',
  note: 'Remember the segment, in case an answer proves it right.',
  noteLate: 'Remember a RST or FIN that was refused: two of them shorten the timeout (nf_tcp_handle_invalid).',
  resync: 'Take over what the unjudged SYN has said.',
  reopen: 'Delete the entry and look again: the segment begins a new connection.',
  forgetChallenge: 'The challenge has been seen.',
  ignore: 'Let the segment pass as ESTABLISHED, and learn nothing from it.',
  invalid: 'The segment belongs to no connection: INVALID.',
};

export const TCP_CONNTRACK_GUARDS: Readonly<Record<TcpConntrackGuard, (facts: TcpConntrackFacts) => boolean>> = {
  aborted: (facts) => facts.aborted,
  syncedAgain: (facts) => facts.syncedAgain,
  challengeAck: (facts) => facts.challengeAck,
  simultaneousOpen: (facts) => facts.simultaneousOpen,
  rstTooOld: (facts) => facts.rstTooOld,
  rstInexact: (facts) => facts.rstInexact,
  rstExplained: (facts) => facts.rstExplained,
  outOfWindow: (facts) => facts.outOfWindow,
  behindWindow: (facts) => facts.behindWindow,
};

export const TCP_CONNTRACK_STATES: readonly TcpConntrackStateName[] =
  ['NONE', 'SYN_SENT', 'SYN_RECV', 'ESTABLISHED', 'FIN_WAIT', 'CLOSE_WAIT', 'LAST_ACK', 'TIME_WAIT', 'CLOSE', 'SYN_SENT2'];

/** What the kernel's table says: a state, or that the segment is invalid or to be ignored (sIV, sIG). */
type Cell = TcpConntrackStateName | 'IV' | 'IG';

const SHORT: Readonly<Record<string, Cell>> = {
  NO: 'NONE', SS: 'SYN_SENT', SR: 'SYN_RECV', ES: 'ESTABLISHED', FW: 'FIN_WAIT', CW: 'CLOSE_WAIT', LA: 'LAST_ACK', TW: 'TIME_WAIT', CL: 'CLOSE', S2: 'SYN_SENT2',
  IV: 'IV', IG: 'IG',
};

/** tcp_conntracks: by kind of segment, then by state in the order of TCP_CONNTRACK_STATES. */
const TABLE: Readonly<Record<'ORIGINAL' | 'REPLY', Readonly<Record<TcpPacketIndex, string>>>> = {
  ORIGINAL: {
    SYN: 'SS SS IG IG IG IG IG SS SS S2',
    SYNACK: 'IV IV SR IV IV IV IV IV IV SR',
    FIN: 'IV IV FW FW LA LA LA TW CL IV',
    ACK: 'ES IV ES ES CW CW TW TW CL IV',
    RST: 'IV CL CL CL CL CL CL CL CL CL',
    NONE: 'IV IV IV IV IV IV IV IV IV IV',
  },
  REPLY: {
    SYN: 'IV S2 IV IV IV IV IV SS IV S2',
    SYNACK: 'IV SR IG IG IG IG IG IG IG SR',
    FIN: 'IV IV FW FW LA LA LA TW CL IV',
    ACK: 'IV IG SR ES CW CW TW TW CL IG',
    RST: 'IV CL CL CL CL CL CL CL CL CL',
    NONE: 'IV IV IV IV IV IV IV IV IV IV',
  },
};

export const TCP_PACKETS: readonly TcpPacketIndex[] = ['SYN', 'SYNACK', 'FIN', 'ACK', 'RST', 'NONE'];

/** The cell of the kernel's table. */
export function tcpConntracks(direction: 'ORIGINAL' | 'REPLY', index: TcpPacketIndex, state: TcpConntrackStateName): Cell {
  return SHORT[TABLE[direction][index].split(' ')[TCP_CONNTRACK_STATES.indexOf(state)]!]!;
}

interface Row {
  target?: TcpConntrackStateName;
  guard?: TcpConntrackGuard;
  actions: TcpConntrackAction[];
}

const INVALID: Row = { actions: ['invalid'] };
/** Whoever closes has these states before it: a RST there needs no window (tcp_can_early_drop). */
const CLOSING = new Set<TcpConntrackStateName>(['FIN_WAIT', 'CLOSE_WAIT', 'LAST_ACK', 'TIME_WAIT', 'CLOSE']);

/** The two ways in which the window refuses a segment. A SYN after a SYN is never too high: it begins a new window. */
function windowRows(from: TcpConntrackStateName, index: TcpPacketIndex): Row[] {
  const late: TcpConntrackAction[] = index === 'RST' || index === 'FIN' ? ['noteLate'] : [];
  const behind: Row = { guard: 'behindWindow', actions: ['checkWindow', 'ignore'] };
  return index === 'SYN' && from === 'SYN_SENT' ? [behind] : [{ guard: 'outOfWindow', actions: ['checkWindow', ...late, 'invalid'] }, behind];
}

/** A segment that counts. */
function follow(from: TcpConntrackStateName, to: TcpConntrackStateName, more: readonly TcpConntrackAction[] = [], guard?: TcpConntrackGuard): Row {
  const actions: TcpConntrackAction[] = ['checkWindow', ...more, 'follow'];
  if (to === 'FIN_WAIT' && from !== to) actions.push('noteClosing');
  if (to === 'ESTABLISHED' && (from === 'SYN_RECV' || from === 'ESTABLISHED')) actions.push('assure');
  return { ...(from === to ? {} : { target: to }), ...(guard === undefined ? {} : { guard }), actions };
}

/** nf_conntrack_tcp_packet, the case TCP_CONNTRACK_CLOSE for a RST. */
function resetRows(from: TcpConntrackStateName): Row[] {
  const close: Row = from === 'CLOSE' ? { actions: ['follow', 'forgetUnanswered'] } : { target: 'CLOSE', actions: ['follow', 'forgetUnanswered'] };
  if (CLOSING.has(from)) return [close];
  return [
    { guard: 'rstTooOld', actions: ['invalid'] },
    { ...close, guard: 'rstExplained' },
    ...windowRows(from, 'RST'),
    ...(from === 'ESTABLISHED' ? [{ guard: 'rstInexact' as const, actions: ['checkWindow' as const, 'follow' as const, 'forgetUnanswered' as const] }] : []),
    { ...close, actions: ['checkWindow', ...close.actions] },
  ];
}

function rowsFor(from: TcpConntrackStateName, direction: 'ORIGINAL' | 'REPLY', index: TcpPacketIndex): Row[] {
  const to = tcpConntracks(direction, index, from);
  if (to === 'IV') return [INVALID];
  if (to === 'IG') return [...(index === 'SYNACK' ? [follow(from, 'SYN_RECV', ['resync'], 'syncedAgain')] : []), { actions: ['note', 'ignore'] }];
  if (index === 'RST') return resetRows(from);
  if (to === 'SYN_SENT' && (from === 'TIME_WAIT' || from === 'CLOSE')) return [{ guard: 'aborted', target: to, actions: ['reopen'] }, { actions: ['note', 'ignore'] }];
  const rows = windowRows(from, index);
  if (from === 'LAST_ACK' && index === 'ACK') rows.unshift({ guard: 'challengeAck', actions: ['forgetChallenge', 'ignore'] });
  if (to === 'SYN_RECV' && direction === 'REPLY' && index === 'ACK') rows.push(follow(from, 'ESTABLISHED', [], 'simultaneousOpen'));
  return [...rows, follow(from, to, to === 'SYN_SENT2' ? ['noteSimultaneous'] : [])];
}

function on(from: TcpConntrackStateName): { [E in TcpConntrackEvent]?: Row[] } {
  const rows: { [E in TcpConntrackEvent]?: Row[] } = {};
  for (const direction of ['ORIGINAL', 'REPLY'] as const) for (const index of TCP_PACKETS) rows[`${direction}_${index}`] = rowsFor(from, direction, index);
  return rows;
}

/** The shared words of a state, for whoever draws the machine. */
export interface TcpConntrackMeta {
  /** The setting below net.netfilter that says how long an entry stays in this state; null for none. */
  readonly timeout: string | null;
}

const machine = setup({
  types: {
    context: {} as TcpConntrackFacts,
    input: {} as TcpConntrackFacts,
    events: {} as { type: TcpConntrackEvent },
    meta: {} as TcpConntrackMeta,
    tags: {} as 'closing',
  },
  guards: Object.fromEntries(Object.entries(TCP_CONNTRACK_GUARDS).map(([name, holds]) =>
    [name, ({ context }: { context: TcpConntrackFacts }) => holds(context)])) as Record<TcpConntrackGuard, ({ context }: { context: TcpConntrackFacts }) => boolean>,
  actions: Object.fromEntries(Object.keys(TCP_CONNTRACK_ACTIONS).map((name) => [name, () => undefined])) as Record<TcpConntrackAction, () => void>,
});

const DESCRIPTIONS: Readonly<Record<TcpConntrackStateName, string>> = {
  NONE: 'The entry is new; no segment has counted yet.',
  SYN_SENT: 'A SYN has passed; nobody has answered.',
  SYN_RECV: 'SYN and SYN+ACK have passed.',
  ESTABLISHED: 'The handshake is complete, or the tracker came in the middle of a connection.',
  FIN_WAIT: 'One end has sent FIN.',
  CLOSE_WAIT: 'That FIN was acknowledged; the other end may still send.',
  LAST_ACK: 'Both ends have sent FIN.',
  TIME_WAIT: 'The last FIN was acknowledged; late segments still find the entry.',
  CLOSE: 'One end has sent RST.',
  SYN_SENT2: 'A SYN has passed from each end: a simultaneous open.',
};

function timeoutOf(state: TcpConntrackStateName): string | null {
  if (state === 'NONE') return null;
  return `nf_conntrack_tcp_timeout_${state === 'SYN_SENT2' ? 'syn_sent' : state.toLowerCase()}`;
}

/**
 * What connection tracking makes of the segments that pass (Linux net/netfilter/nf_conntrack_proto_tcp.c). It is the one definition:
 * the kernel runs the table compiled from it, and the page draws it. Rows: the kernel's tcp_conntracks; guards: what the code around asks.
 */
export const tcpConntrackMachine = machine.createMachine({
  id: 'tcp-conntrack',
  initial: 'NONE',
  context: ({ input }) => input,
  states: Object.fromEntries(TCP_CONNTRACK_STATES.map((state) => [state, {
    description: DESCRIPTIONS[state],
    meta: { timeout: timeoutOf(state) },
    ...(CLOSING.has(state) ? { tags: ['closing' as const] } : {}),
    on: on(state),
  }])),
});

export interface TcpConntrackVocabulary {
  readonly state: TcpConntrackStateName;
  readonly event: TcpConntrackEvent;
  readonly guard: TcpConntrackGuard;
  readonly action: TcpConntrackAction;
}

/** The same machine as a lookup table. */
export const TCP_CONNTRACK_TABLE = compile<TcpConntrackVocabulary>(tcpConntrackMachine);
