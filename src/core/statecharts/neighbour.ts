import { setup } from 'xstate';
import { compile } from './compile.ts';

/** States of a neighbour entry (RFC 4861 section 7.3.2, and Linux's NUD_* of linux/neighbour.h). */
export type NeighbourState = 'NONE' | 'INCOMPLETE' | 'REACHABLE' | 'STALE' | 'DELAY' | 'PROBE' | 'FAILED' | 'PERMANENT' | 'NOARP';

/**
 * SEND: a packet wants to go there. TIMER: the entry's timer ran out. SOLICITED_REPLY: an ARP reply for this host alone.
 * UNSOLICITED: any other ARP packet that tells a MAC. CONFIRM: an upper layer saw progress. SET_*: the administrator's wish.
 */
export type NeighbourEvent = 'SEND' | 'TIMER' | 'SOLICITED_REPLY' | 'UNSOLICITED' | 'CONFIRM' | `SET_${NeighbourState}`;

/** What the guards ask about, all of it known before the event is served. */
export interface NeighbourFacts {
  /** mcast_solicit + app_solicit is not 0: there is a way to ask for an unknown address. */
  readonly canProbe: boolean;
  /** ucast_solicit + app_solicit + mcast_resolicit is not 0: there is a way to ask again for a known one. */
  readonly canReprobe: boolean;
  /** Fewer probes went out than this state allows. */
  readonly probesLeft: boolean;
  /** Confirmed within the reachable time. */
  readonly confirmedRecently: boolean;
  /** Confirmed within delay_first_probe_time. */
  readonly confirmedInDelay: boolean;
  /** Used within delay_first_probe_time. */
  readonly usedRecently: boolean;
  /** The event tells another MAC than the known one, and it may not replace it (NEIGH_UPDATE_F_OVERRIDE is not set). */
  readonly addressRefused: boolean;
  /** The event tells the known MAC, or none. */
  readonly addressSame: boolean;
}

export type NeighbourGuard = keyof NeighbourFacts;

export type NeighbourAction =
  | 'noteUsed' | 'noteConfirmed' | 'noteUpdated' | 'setAddress' | 'startProbes' | 'resetProbes'
  | 'stopTimer' | 'armRetrans' | 'armReachable' | 'rearmReachable' | 'armDelay' | 'armNow'
  | 'queue' | 'transmit' | 'drop' | 'probe' | 'sendQueued' | 'reportFailure';

/** One sentence for each action: what it does, and where Linux does it. */
export const NEIGHBOUR_ACTIONS: Readonly<Record<NeighbourAction, string>> = {
  noteUsed: 'Remember that the entry was used now (neigh_event_send).',
  noteConfirmed: 'Remember that the neighbour was confirmed now.',
  noteUpdated: 'Remember that the entry changed now; locktime counts from here.',
  setAddress: 'Take the MAC address that the event tells.',
  startProbes: 'Count probes from ucast_solicit on, so that only broadcast ones follow (__neigh_event_send).',
  resetProbes: 'Count probes from 0, so that the first ones are unicast.',
  stopTimer: 'Stop the timer (neigh_del_timer).',
  armRetrans: 'Set the timer to retrans_time.',
  armReachable: 'Set the timer to the reachable time.',
  rearmReachable: 'Set the timer to the last confirmation plus the reachable time.',
  armDelay: 'Set the timer to delay_first_probe_time.',
  armNow: 'Let the timer run out at once.',
  queue: 'Put the packet into the queue of the entry; the oldest ones make room (arp_queue).',
  transmit: 'Put the MAC before the packet and hand it to the device (neigh_resolve_output).',
  drop: 'Drop the packet: there is no way to ask for the address.',
  probe: 'Ask for the address: by ARP, or app_solicit times at user space (neigh_probe, arp_solicit).',
  sendQueued: 'Send what waited in the queue.',
  reportFailure: 'Tell each waiting packet’s sender that the host is unreachable (neigh_invalidate, arp_error_report).',
};

export const NEIGHBOUR_GUARDS: Readonly<Record<NeighbourGuard, (facts: NeighbourFacts) => boolean>> = {
  canProbe: (facts) => facts.canProbe,
  canReprobe: (facts) => facts.canReprobe,
  probesLeft: (facts) => facts.probesLeft,
  confirmedRecently: (facts) => facts.confirmedRecently,
  confirmedInDelay: (facts) => facts.confirmedInDelay,
  usedRecently: (facts) => facts.usedRecently,
  addressRefused: (facts) => facts.addressRefused,
  addressSame: (facts) => facts.addressSame,
};

interface Row {
  target?: NeighbourState;
  guard?: NeighbourGuard;
  actions: NeighbourAction[];
}
type Rows = { [E in NeighbourEvent]?: Row[] };

export const NEIGHBOUR_STATES: readonly NeighbourState[] =
  ['NONE', 'INCOMPLETE', 'REACHABLE', 'STALE', 'DELAY', 'PROBE', 'FAILED', 'PERMANENT', 'NOARP'];

/** NUD_VALID: the MAC is known. NUD_CONNECTED: and trusted. */
const VALID = new Set<NeighbourState>(['REACHABLE', 'STALE', 'DELAY', 'PROBE', 'PERMANENT', 'NOARP']);
const CONNECTED = new Set<NeighbourState>(['REACHABLE', 'PERMANENT', 'NOARP']);

/** Rows of `__neigh_update` to a state in which the MAC is known. */
function toValid(from: NeighbourState, to: NeighbourState): Row[] {
  const confirm: NeighbourAction[] = CONNECTED.has(to) ? ['noteConfirmed'] : [];
  const refused: Row = { guard: 'addressRefused', actions: confirm };
  if (from === to) return [refused, { actions: [...confirm, 'setAddress'] }];
  const timer: NeighbourAction[] = ['stopTimer'];
  if (to === 'PROBE') timer.push('resetProbes');
  if (to === 'REACHABLE') timer.push('armReachable');
  if (to === 'DELAY' || to === 'PROBE') timer.push('armNow');
  const row: Row = { target: to, actions: [...confirm, 'setAddress', 'noteUpdated', ...timer] };
  if (VALID.has(from)) return [refused, row];
  row.actions.push('sendQueued');
  return [row];
}

/** Rows of `__neigh_update` to a state in which the MAC is not known. */
function toInvalid(from: NeighbourState, to: NeighbourState): Row[] {
  const actions: NeighbourAction[] = ['stopTimer'];
  if (to === 'FAILED' && (from === 'INCOMPLETE' || from === 'PROBE')) actions.push('noteUpdated', 'reportFailure');
  return [from === to ? { actions } : { target: to, actions }];
}

/** What an administrator may do in every state (RTM_NEWNEIGH, NEIGH_UPDATE_F_ADMIN). */
function admin(from: NeighbourState): Rows {
  const rows: Rows = {};
  for (const to of NEIGHBOUR_STATES) rows[`SET_${to}`] = VALID.has(to) ? toValid(from, to) : toInvalid(from, to);
  return rows;
}

/** What an ARP packet does to an entry that was not set by hand (arp_process, neigh_update). */
function learned(from: NeighbourState): Rows {
  const stale = toValid(from, 'STALE');
  // The MAC that is already known, told by somebody who was not asked, is no news.
  if (VALID.has(from)) stale.splice(1, 0, { guard: 'addressSame', actions: [] });
  return { SOLICITED_REPLY: toValid(from, 'REACHABLE'), UNSOLICITED: stale };
}

const ASK: Row[] = [
  { guard: 'canProbe', target: 'INCOMPLETE', actions: ['noteUsed', 'startProbes', 'noteUpdated', 'armRetrans', 'queue', 'probe'] },
  { target: 'FAILED', actions: ['noteUsed', 'noteUpdated', 'drop'] },
];
const CONFIRM: Row[] = [{ actions: ['noteConfirmed'] }];
const TRANSMIT: Row[] = [{ actions: ['transmit'] }];
const USE: Row[] = [{ actions: ['noteUsed', 'transmit'] }];
const PROBE_AGAIN: Row[] = [
  { guard: 'probesLeft', actions: ['armRetrans', 'probe'] },
  { target: 'FAILED', actions: ['noteUpdated', 'reportFailure'] },
];

function common(from: NeighbourState): Rows {
  return { CONFIRM, ...admin(from), ...learned(from) };
}

/** The shared words of a state, for whoever draws the machine. */
export interface NeighbourMeta {
  /** The state's name in RFC 4861, or null when only Linux has it. */
  readonly rfc: string | null;
  /** The kernel function that leads here. */
  readonly kernel: string;
}

const machine = setup({
  types: {
    context: {} as NeighbourFacts,
    input: {} as NeighbourFacts,
    events: {} as { type: NeighbourEvent },
    meta: {} as NeighbourMeta,
    tags: {} as 'valid' | 'connected' | 'timer',
  },
  guards: Object.fromEntries(Object.entries(NEIGHBOUR_GUARDS).map(([name, holds]) =>
    [name, ({ context }: { context: NeighbourFacts }) => holds(context)])) as Record<NeighbourGuard, ({ context }: { context: NeighbourFacts }) => boolean>,
  actions: Object.fromEntries(Object.keys(NEIGHBOUR_ACTIONS).map((name) => [name, () => undefined])) as Record<NeighbourAction, () => void>,
});

/**
 * Neighbour Unreachability Detection of one entry of the ARP table (RFC 4861 section 7.3; Linux net/core/neighbour.c). It is the
 * one definition: the kernel runs the table compiled from it, and the page draws it.
 */
export const neighbourMachine = machine.createMachine({
  id: 'neighbour',
  initial: 'NONE',
  context: ({ input }) => input,
  states: {
    NONE: {
      description: 'The entry is new; nothing is known and nobody asked yet.',
      meta: { rfc: null, kernel: '___neigh_create' },
      on: { ...common('NONE'), SEND: ASK },
    },
    INCOMPLETE: {
      description: 'ARP requests are being broadcast, one each retrans_time; packets wait in a queue.',
      tags: ['timer'],
      meta: { rfc: 'INCOMPLETE', kernel: '__neigh_event_send' },
      on: { ...common('INCOMPLETE'), SEND: [{ actions: ['noteUsed', 'queue'] }], TIMER: PROBE_AGAIN },
    },
    REACHABLE: {
      description: 'The neighbour answered not long ago; packets go out at once.',
      tags: ['valid', 'connected', 'timer'],
      meta: { rfc: 'REACHABLE', kernel: 'neigh_update' },
      on: {
        ...common('REACHABLE'),
        SEND: TRANSMIT,
        TIMER: [
          { guard: 'confirmedRecently', actions: ['rearmReachable'] },
          { guard: 'usedRecently', target: 'DELAY', actions: ['noteUpdated', 'armDelay'] },
          { target: 'STALE', actions: ['noteUpdated'] },
        ],
      },
    },
    STALE: {
      description: 'The MAC is known but not confirmed lately. It is used, and the use starts a check.',
      tags: ['valid'],
      meta: { rfc: 'STALE', kernel: 'neigh_timer_handler' },
      on: { ...common('STALE'), SEND: [{ target: 'DELAY', actions: ['noteUsed', 'noteUpdated', 'armDelay', 'transmit'] }] },
    },
    DELAY: {
      description: 'A packet went to the unconfirmed MAC; if nothing confirms it within delay_first_probe_time, the host asks.',
      tags: ['valid', 'timer'],
      meta: { rfc: 'DELAY', kernel: '__neigh_event_send' },
      on: {
        ...common('DELAY'),
        SEND: USE,
        TIMER: [
          { guard: 'confirmedInDelay', target: 'REACHABLE', actions: ['noteUpdated', 'rearmReachable'] },
          { guard: 'canReprobe', target: 'PROBE', actions: ['noteUpdated', 'resetProbes', 'armRetrans', 'probe'] },
          { target: 'FAILED', actions: ['noteUpdated', 'reportFailure'] },
        ],
      },
    },
    PROBE: {
      description: 'Unicast ARP requests go to the known MAC, one each retrans_time; packets still go out.',
      tags: ['valid', 'timer'],
      meta: { rfc: 'PROBE', kernel: 'neigh_timer_handler' },
      on: { ...common('PROBE'), SEND: USE, TIMER: PROBE_AGAIN },
    },
    FAILED: {
      description: 'Nobody answered. Waiting packets were dropped; the next one starts over.',
      meta: { rfc: null, kernel: 'neigh_invalidate' },
      on: { ...common('FAILED'), SEND: ASK },
    },
    PERMANENT: {
      description: 'Set by hand: never asked for, never ageing.',
      tags: ['valid', 'connected'],
      meta: { rfc: null, kernel: 'neigh_add' },
      on: { CONFIRM, ...admin('PERMANENT'), SEND: TRANSMIT },
    },
    NOARP: {
      description: 'No resolution here: loopback, broadcast, multicast, or set by hand.',
      tags: ['valid', 'connected'],
      meta: { rfc: null, kernel: 'arp_constructor' },
      on: { CONFIRM, ...admin('NOARP'), SEND: TRANSMIT },
    },
  },
});

export interface NeighbourVocabulary {
  readonly state: NeighbourState;
  readonly event: NeighbourEvent;
  readonly guard: NeighbourGuard;
  readonly action: NeighbourAction;
}

/** The same machine as a lookup table. */
export const NEIGHBOUR_TABLE = compile<NeighbourVocabulary>(neighbourMachine);
