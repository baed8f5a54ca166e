import { setup } from 'xstate';
import { compile } from './compile.ts';

/** States of a TCP socket (RFC 9293 section 3.3.2, Linux's enum of net/tcp_states.h). NEW_SYN_RECV is a request that a listener keeps for itself. */
export type TcpMachineState =
  | 'CLOSED' | 'LISTEN' | 'SYN_SENT' | 'SYN_RECV' | 'NEW_SYN_RECV' | 'ESTABLISHED' | 'FIN_WAIT1' | 'FIN_WAIT2' | 'CLOSE_WAIT' | 'CLOSING' | 'LAST_ACK'
  | 'TIME_WAIT';

/**
 * CONNECT, LISTEN, CLOSE, SHUTDOWN: what the program asks. ABORT: it closes with data unread, or with SO_LINGER 0. RCV_*: a segment that was found
 * acceptable. RETRANSMIT: the retransmission timer ran out, GIVE_UP: once too often. TIMER: FIN_WAIT2 or TIME_WAIT is over.
 * ICMP_ERROR: an ICMP error, or the route, says that there is no way. KEEPALIVE_FAILED: no answer to the probes.
 */
export type TcpEvent =
  | 'CONNECT' | 'LISTEN' | 'CLOSE' | 'SHUTDOWN' | 'ABORT'
  | 'RCV_SYN' | 'RCV_SYN_ACK' | 'RCV_ACK_OF_SYN' | 'RCV_ACK_OF_FIN' | 'RCV_FIN' | 'RCV_RST'
  | 'RETRANSMIT' | 'GIVE_UP' | 'TIMER' | 'ICMP_ERROR';

/** What the guards ask about, all of it known before the event is served. */
export interface TcpFacts {
  /** The accept queue of the listener is longer than its backlog. */
  readonly acceptQueueFull: boolean;
  /** As many requests as the backlog already wait for their third segment. */
  readonly requestQueueFull: boolean;
  /** The program has closed the socket: nobody will read (SOCK_DEAD). */
  readonly orphan: boolean;
  /** A SYN to a socket in TIME_WAIT is newer than what the old connection sent. */
  readonly newerSyn: boolean;
}

export type TcpGuard = keyof TcpFacts;

export type TcpAction =
  | 'sendSyn' | 'sendSynAck' | 'sendAck' | 'sendFin' | 'sendReset' | 'retransmit'
  | 'newRequest' | 'dropSyn' | 'dropAck' | 'makeChild' | 'established' | 'wakeReader' | 'wakeWriter' | 'armFinTimeout' | 'armTimeWait'
  | 'refused' | 'reset' | 'timedOut' | 'unreachable' | 'closeRequests' | 'handToListener' | 'done';

/** One sentence for each action: what it does, and where Linux does it. */
export const TCP_ACTIONS: Readonly<Record<TcpAction, string>> = {
  sendSyn: 'Choose a sequence number and send SYN (tcp_connect).',
  sendSynAck: 'Answer with SYN and ACK (tcp_v4_send_synack).',
  sendAck: 'Acknowledge at once (tcp_send_ack).',
  sendFin: 'Send FIN behind the last byte of data (tcp_send_fin).',
  sendReset: 'Send RST (tcp_send_active_reset).',
  retransmit: 'Send the oldest segment that was not acknowledged again (tcp_retransmit_timer).',
  newRequest: 'Remember the request and answer with SYN and ACK (tcp_conn_request).',
  dropSyn: 'Drop the SYN: the listener has no room (ListenOverflows).',
  dropAck: 'Drop the ACK that would complete the handshake: the accept queue is full (ListenOverflows).',
  makeChild: 'Make a socket of the request and put it into the accept queue (tcp_v4_syn_recv_sock).',
  established: 'Take windows and options as agreed; start measuring (tcp_finish_connect, tcp_init_transfer).',
  wakeReader: 'Wake the program that waits to read.',
  wakeWriter: 'Wake the program that waits to write, or for the connection.',
  armFinTimeout: 'Wait for the other end’s FIN no longer than tcp_fin_timeout (tcp_time_wait).',
  armTimeWait: 'Stay for 60 seconds, so that segments on their way die out (tcp_time_wait, TCP_TIMEWAIT_LEN).',
  refused: 'The program is told ECONNREFUSED (tcp_reset).',
  reset: 'The program is told ECONNRESET, or EPIPE when it has read the end already (tcp_reset).',
  timedOut: 'The program is told ETIMEDOUT, or the last ICMP error (tcp_write_err).',
  unreachable: 'The program is told what the ICMP error means (tcp_v4_err).',
  closeRequests: 'Drop the requests, reset the connections that nobody accepted (inet_csk_listen_stop).',
  handToListener: 'Let the listener of the port answer the SYN (TCP_TW_SYN).',
  done: 'Forget the socket (tcp_done).',
};

export const TCP_GUARDS: Readonly<Record<TcpGuard, (facts: TcpFacts) => boolean>> = {
  acceptQueueFull: (facts) => facts.acceptQueueFull,
  requestQueueFull: (facts) => facts.requestQueueFull,
  orphan: (facts) => facts.orphan,
  newerSyn: (facts) => facts.newerSyn,
};

export const TCP_STATES: readonly TcpMachineState[] = [
  'CLOSED', 'LISTEN', 'SYN_SENT', 'SYN_RECV', 'NEW_SYN_RECV', 'ESTABLISHED', 'FIN_WAIT1', 'FIN_WAIT2', 'CLOSE_WAIT', 'CLOSING', 'LAST_ACK', 'TIME_WAIT',
];

interface Row {
  target?: TcpMachineState;
  guard?: TcpGuard;
  actions: TcpAction[];
}
type Rows = { [E in TcpEvent]?: Row[] };

const to = (target: TcpMachineState, ...actions: TcpAction[]): Row[] => [{ target, actions }];
const stay = (...actions: TcpAction[]): Row[] => [{ actions }];
const AGAIN = { RETRANSMIT: stay('retransmit'), GIVE_UP: to('CLOSED', 'timedOut', 'done') } as const satisfies Rows;
const RESET = { RCV_RST: to('CLOSED', 'reset', 'done') } as const satisfies Rows;
const ABORT = { ABORT: to('CLOSED', 'sendReset', 'done') } as const satisfies Rows;
const SOFT_ERROR = { ICMP_ERROR: to('CLOSED', 'unreachable', 'done') } as const satisfies Rows;

/** The shared words of a state, for whoever draws the machine. */
export interface TcpMeta {
  /** The state's name in RFC 9293, or null when only Linux has it. */
  readonly rfc: string | null;
  /** The kernel function that leads here. */
  readonly kernel: string;
}

const machine = setup({
  types: {
    context: {} as TcpFacts,
    input: {} as TcpFacts,
    events: {} as { type: TcpEvent },
    meta: {} as TcpMeta,
    tags: {} as 'synchronized' | 'receives' | 'sends' | 'timer',
  },
  guards: Object.fromEntries(Object.entries(TCP_GUARDS).map(([name, holds]) =>
    [name, ({ context }: { context: TcpFacts }) => holds(context)])) as Record<TcpGuard, ({ context }: { context: TcpFacts }) => boolean>,
  actions: Object.fromEntries(Object.keys(TCP_ACTIONS).map((name) => [name, () => undefined])) as Record<TcpAction, () => void>,
});

/**
 * A TCP socket (RFC 9293 section 3.3.2, as Linux's net/ipv4/tcp*.c goes through it). It is the one definition: the kernel runs the table compiled
 * from it, and the page draws it. `synchronized`: both ends agree on sequence numbers. `receives`, `sends`: data may come, may be sent.
 */
export const tcpMachine = machine.createMachine({
  id: 'tcp',
  initial: 'CLOSED',
  context: ({ input }) => input,
  states: {
    CLOSED: {
      description: 'No connection. The socket may be bound, but nothing is sent or answered for it.',
      meta: { rfc: 'CLOSED', kernel: 'tcp_done' },
      on: { CONNECT: to('SYN_SENT', 'sendSyn'), LISTEN: to('LISTEN') },
    },
    LISTEN: {
      description: 'A program waits for connections to this port.',
      meta: { rfc: 'LISTEN', kernel: 'inet_csk_listen_start' },
      on: {
        LISTEN: stay(),
        RCV_SYN: [{ guard: 'requestQueueFull', actions: ['dropSyn'] }, { guard: 'acceptQueueFull', actions: ['dropSyn'] }, { actions: ['newRequest'] }],
        CLOSE: to('CLOSED', 'closeRequests', 'done'), SHUTDOWN: to('CLOSED', 'closeRequests', 'wakeReader'), ABORT: to('CLOSED', 'closeRequests', 'done'),
      },
    },
    SYN_SENT: {
      description: 'SYN was sent; the answer is awaited, and SYN is repeated meanwhile.',
      tags: ['timer'],
      meta: { rfc: 'SYN-SENT', kernel: 'tcp_connect' },
      on: {
        ...AGAIN, ...SOFT_ERROR,
        RCV_SYN_ACK: to('ESTABLISHED', 'established', 'sendAck', 'wakeWriter'), RCV_SYN: to('SYN_RECV', 'sendSynAck'),
        RCV_RST: to('CLOSED', 'refused', 'done'), CLOSE: to('CLOSED', 'done'), SHUTDOWN: to('CLOSED', 'reset', 'done'), ABORT: to('CLOSED', 'done'),
      },
    },
    SYN_RECV: {
      description: 'Both ends sent SYN at once; the acknowledgement of ours is awaited.',
      tags: ['timer', 'synchronized'],
      meta: { rfc: 'SYN-RECEIVED', kernel: 'tcp_rcv_synsent_state_process' },
      on: {
        ...AGAIN, ...RESET, ...ABORT, ...SOFT_ERROR,
        RCV_ACK_OF_SYN: to('ESTABLISHED', 'established', 'wakeWriter'), CLOSE: to('FIN_WAIT1', 'sendFin'), SHUTDOWN: to('FIN_WAIT1', 'sendFin'),
      },
    },
    NEW_SYN_RECV: {
      description: 'A listener answered a SYN and waits for the third segment; there is no socket yet. ss shows it as SYN-RECV.',
      tags: ['timer', 'synchronized'],
      meta: { rfc: 'SYN-RECEIVED', kernel: 'inet_csk_reqsk_queue_hash_add' },
      on: {
        RCV_SYN: stay('sendSynAck'), RETRANSMIT: stay('sendSynAck'),
        RCV_ACK_OF_SYN: [{ guard: 'acceptQueueFull', actions: ['dropAck'] }, { target: 'ESTABLISHED', actions: ['makeChild', 'established', 'wakeReader'] }],
        RCV_RST: to('CLOSED', 'done'), GIVE_UP: to('CLOSED', 'done'), CLOSE: to('CLOSED', 'done'),
      },
    },
    ESTABLISHED: {
      description: 'The connection is open in both directions.',
      tags: ['synchronized', 'receives', 'sends'],
      meta: { rfc: 'ESTABLISHED', kernel: 'tcp_finish_connect' },
      on: {
        ...AGAIN, ...RESET, ...ABORT,
        RCV_FIN: to('CLOSE_WAIT', 'wakeReader'), CLOSE: to('FIN_WAIT1', 'sendFin'), SHUTDOWN: to('FIN_WAIT1', 'sendFin'),
      },
    },
    FIN_WAIT1: {
      description: 'This end has finished sending; its FIN is not acknowledged yet. Data may still come.',
      tags: ['synchronized', 'receives', 'timer'],
      meta: { rfc: 'FIN-WAIT-1', kernel: 'tcp_close_state' },
      on: {
        ...AGAIN, ...RESET, ...ABORT,
        RCV_ACK_OF_FIN: [{ guard: 'orphan', target: 'FIN_WAIT2', actions: ['armFinTimeout'] }, { target: 'FIN_WAIT2', actions: ['wakeWriter'] }],
        RCV_FIN: to('CLOSING', 'sendAck', 'wakeReader'), CLOSE: stay(), SHUTDOWN: stay(),
      },
    },
    FIN_WAIT2: {
      description: 'The other end knows that this one has finished, and goes on by itself.',
      tags: ['synchronized', 'receives'],
      meta: { rfc: 'FIN-WAIT-2', kernel: 'tcp_rcv_state_process' },
      on: {
        ...RESET, ...ABORT,
        RCV_FIN: to('TIME_WAIT', 'sendAck', 'wakeReader', 'armTimeWait'), CLOSE: stay('armFinTimeout'), SHUTDOWN: stay(), TIMER: to('CLOSED', 'done'),
      },
    },
    CLOSE_WAIT: {
      description: 'The other end has finished. The program here may still send, until it closes.',
      tags: ['synchronized', 'sends'],
      meta: { rfc: 'CLOSE-WAIT', kernel: 'tcp_fin' },
      on: { ...AGAIN, ...RESET, ...ABORT, CLOSE: to('LAST_ACK', 'sendFin'), SHUTDOWN: to('LAST_ACK', 'sendFin') },
    },
    CLOSING: {
      description: 'Both ends finished at once; the acknowledgement of our FIN is awaited.',
      tags: ['synchronized', 'timer'],
      meta: { rfc: 'CLOSING', kernel: 'tcp_fin' },
      on: { ...AGAIN, ...RESET, ...ABORT, RCV_ACK_OF_FIN: to('TIME_WAIT', 'armTimeWait'), CLOSE: stay(), SHUTDOWN: stay() },
    },
    LAST_ACK: {
      description: 'Both ends have finished; the acknowledgement of our FIN is awaited.',
      tags: ['synchronized', 'timer'],
      meta: { rfc: 'LAST-ACK', kernel: 'tcp_close_state' },
      on: { ...AGAIN, ...RESET, ...ABORT, RCV_ACK_OF_FIN: to('CLOSED', 'done'), CLOSE: stay(), SHUTDOWN: stay() },
    },
    TIME_WAIT: {
      description: 'Everything is acknowledged. The pair of ports stays taken for a minute, so that late segments cannot be mistaken for new ones.',
      tags: ['synchronized', 'timer'],
      meta: { rfc: 'TIME-WAIT', kernel: 'tcp_time_wait' },
      on: {
        RCV_SYN: [{ guard: 'newerSyn', target: 'CLOSED', actions: ['handToListener', 'done'] }, { actions: ['sendAck'] }],
        RCV_FIN: stay('sendAck', 'armTimeWait'), RCV_RST: to('CLOSED', 'done'), TIMER: to('CLOSED', 'done'), CLOSE: stay(), SHUTDOWN: stay(), ABORT: stay(),
      },
    },
  },
});

export interface TcpVocabulary {
  readonly state: TcpMachineState;
  readonly event: TcpEvent;
  readonly guard: TcpGuard;
  readonly action: TcpAction;
}

/** The same machine as a lookup table. */
export const TCP_TABLE = compile<TcpVocabulary>(tcpMachine);
