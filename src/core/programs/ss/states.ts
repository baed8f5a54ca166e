import type { SocketRow } from '../../kernel/rows.ts';

/** States as ss(8) knows them, with what it prints of each (sstate_name). */
export const STATE_TEXT = {
  established: 'ESTAB', 'syn-sent': 'SYN-SENT', 'syn-recv': 'SYN-RECV', 'fin-wait-1': 'FIN-WAIT-1', 'fin-wait-2': 'FIN-WAIT-2', 'time-wait': 'TIME-WAIT',
  closed: 'UNCONN', 'close-wait': 'CLOSE-WAIT', 'last-ack': 'LAST-ACK', listening: 'LISTEN', closing: 'CLOSING',
} as const;
export type StateName = keyof typeof STATE_TEXT;
export type States = ReadonlySet<StateName>;

const ALL = Object.keys(STATE_TEXT) as StateName[];
const without = (...names: StateName[]): States => new Set(ALL.filter((name) => !names.includes(name)));

/** What a word after `state` stands for (scan_state). */
export const STATE_GROUPS: Readonly<Record<string, States>> = {
  all: new Set(ALL), connected: without('closed', 'listening'), synchronized: without('closed', 'listening', 'syn-sent'), bucket: new Set(['syn-recv', 'time-wait']),
  big: without('syn-recv', 'time-wait'), established: new Set(['established']), close: new Set(['closed']), listen: new Set(['listening']), unconnected: new Set(['closed']),
  'fin-wait-{1,2}': new Set(['fin-wait-1', 'fin-wait-2']),
};

/** The states of a word; null when there is none of that name. */
export function statesOf(word: string): States | null {
  const lower = word.toLowerCase();
  if (STATE_GROUPS[lower]) return STATE_GROUPS[lower];
  return ALL.includes(lower as StateName) ? new Set([lower as StateName]) : null;
}

const OF_ROW: Readonly<Record<SocketRow['state'], StateName>> = {
  UNCONN: 'closed', CLOSED: 'closed', LISTEN: 'listening', SYN_SENT: 'syn-sent', SYN_RECV: 'syn-recv', NEW_SYN_RECV: 'syn-recv', ESTABLISHED: 'established',
  FIN_WAIT1: 'fin-wait-1', FIN_WAIT2: 'fin-wait-2', CLOSE_WAIT: 'close-wait', CLOSING: 'closing', LAST_ACK: 'last-ack', TIME_WAIT: 'time-wait',
};

export function stateOf(row: SocketRow): StateName {
  return OF_ROW[row.state];
}
