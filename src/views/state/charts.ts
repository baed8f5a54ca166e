import {
  NEIGHBOUR_ACTIONS, NEIGHBOUR_TABLE, neighbourMachine, TCP_ACTIONS, TCP_CONNTRACK_ACTIONS, TCP_CONNTRACK_TABLE, tcpConntrackMachine, tcpMachine, TCP_TABLE,
} from '../../core/index.ts';

/** A protocol machine as the page draws it. */
export interface Chart {
  /** What has such a state: `Neighbour entry`. */
  readonly noun: string;
  readonly width: number;
  readonly height: number;
  readonly at: Readonly<Record<string, readonly [x: number, y: number]>>;
  /** Which states follow one another, each pair once. */
  readonly edges: readonly (readonly [from: string, to: string])[];
  readonly describe: (state: string) => string;
  readonly next: (state: string) => readonly { readonly event: string; readonly target: string | null; readonly actions: string }[];
}

interface Row {
  readonly target: string | null;
  readonly guard: string | null;
  readonly actions: readonly string[];
}
type Table = Readonly<Record<string, Readonly<Partial<Record<string, readonly Row[]>>>>>;

interface Drawn {
  readonly noun: string;
  readonly width?: number;
  readonly height: number;
  readonly at: Chart['at'];
  readonly table: Table;
  readonly actions: Readonly<Record<string, string>>;
  readonly states: Readonly<Record<string, { readonly description?: string | undefined } | undefined>>;
  /** Events that are left out of the picture, of the list, or of both. */
  readonly quiet: RegExp;
  /** Rows under these guards are left out of the list: they say the same in every state. */
  readonly quietGuards?: readonly string[];
  /** Transitions into these states come from nearly everywhere: they are drawn from the current state only. */
  readonly sinks?: readonly string[];
}

function chart({ noun, width = 350, height, at, table, actions, states, quiet, quietGuards = [], sinks = [] }: Drawn): Chart {
  const edges = new Map<string, readonly [string, string]>();
  for (const [state, events] of Object.entries(table)) {
    for (const [event, rows] of Object.entries(events)) {
      if (quiet.test(event)) continue;
      for (const { target } of rows ?? []) if (target !== null && target !== state && !sinks.includes(target)) edges.set(`${state} ${target}`, [state, target]);
    }
  }
  return {
    noun, width, height, at, edges: [...edges.values()], describe: (state) => states[state]?.description ?? '',
    next: (state) => together(Object.entries(table[state] ?? {}).flatMap(([event, rows]) => (quiet.test(event) ? [] : (rows ?? []).filter(({ guard }) => guard === null || !quietGuards.includes(guard)).map((row) => ({
      event: row.guard === null ? event : `${event} [${row.guard}]`, target: row.target,
      actions: row.actions.map((action) => actions[action] ?? action).filter((text) => !text.startsWith('Remember')).slice(0, 2).join(' '),
    }))))),
  };
}

/** Events that do the same as one line. */
function together(ways: ReturnType<Chart['next']>): ReturnType<Chart['next']> {
  const lines = new Map<string, ReturnType<Chart['next']>[number]>();
  for (const way of ways) {
    const key = `${way.target} ${way.actions}`;
    const line = lines.get(key);
    lines.set(key, line ? { ...line, event: `${line.event}, ${way.event}` } : way);
  }
  return [...lines.values()];
}

/** Asking on top, knowing in the middle, checking below, the fixed ones aside. */
const NEIGHBOUR = chart({
  noun: 'Neighbour entry', height: 212, table: NEIGHBOUR_TABLE.table, actions: NEIGHBOUR_ACTIONS, states: neighbourMachine.states, quiet: /^(SET_|CONFIRM$)/,
  at: {
    NONE: [56, 26], INCOMPLETE: [174, 26], FAILED: [292, 26], REACHABLE: [56, 104], STALE: [174, 104], PROBE: [292, 182], DELAY: [174, 182], PERMANENT: [292, 104], NOARP: [56, 182],
  },
});

/** Opening on top, the connection in the middle; who closes first goes down on the left, the other on the right. */
const TCP = chart({
  noun: 'TCP socket', height: 320, table: TCP_TABLE.table, actions: TCP_ACTIONS, states: tcpMachine.states, quiet: /^(ABORT|GIVE_UP|ICMP_ERROR)$/, sinks: ['CLOSED'],
  at: {
    CLOSED: [174, 22], LISTEN: [292, 22], SYN_SENT: [56, 70], NEW_SYN_RECV: [292, 82], SYN_RECV: [174, 82], ESTABLISHED: [174, 142],
    FIN_WAIT1: [56, 200], FIN_WAIT2: [56, 256], CLOSING: [174, 214], TIME_WAIT: [115, 302], CLOSE_WAIT: [292, 200], LAST_ACK: [292, 256],
  },
});

const TRACKER = chart({
  noun: 'Tracked TCP connection', height: 268, table: TCP_CONNTRACK_TABLE.table, actions: TCP_CONNTRACK_ACTIONS, states: tcpConntrackMachine.states, quiet: /_NONE$/, quietGuards: ['outOfWindow', 'behindWindow'], sinks: ['CLOSE', 'SYN_SENT'],
  at: {
    NONE: [174, 22], SYN_SENT: [56, 70], SYN_SENT2: [292, 70], SYN_RECV: [174, 84], ESTABLISHED: [174, 138], FIN_WAIT: [56, 192], CLOSE_WAIT: [174, 198], LAST_ACK: [292, 192], TIME_WAIT: [174, 248], CLOSE: [292, 248],
  },
});

const SEEN: Readonly<Record<string, string>> = {
  UNREPLIED: 'Packets have passed in one direction; nobody has answered.',
  REPLIED: 'Packets have passed in both directions.',
  ASSURED: 'Packets have kept passing in both directions; the entry stays when the table is full.',
};
/** Protocols without states of their own: only what was seen counts. */
const PLAIN: Chart = {
  noun: 'Tracked connection', width: 350, height: 60, at: { UNREPLIED: [56, 30], REPLIED: [174, 30], ASSURED: [292, 30] }, edges: [['UNREPLIED', 'REPLIED'], ['REPLIED', 'ASSURED']],
  describe: (state) => SEEN[state] ?? '',
  next: (state) => (state === 'UNREPLIED' ? [{ event: 'a reply', target: 'REPLIED', actions: 'The timeout becomes that of an answered connection.' }] : state === 'REPLIED' ? [{ event: 'more of both', target: 'ASSURED', actions: 'Only for UDP.' }] : []),
};

export const CHARTS = { neighbour: NEIGHBOUR, tcp: TCP, tracker: TRACKER, plain: PLAIN } as const;
export type ChartName = keyof typeof CHARTS;
