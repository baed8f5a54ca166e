import { formatIpv4, type ConntrackRow, type LinkRow, type NeighRow, type RowRef, type SocketRow, type State, type Step } from '../core/index.ts';
import { placeOf } from './flights.ts';
import type { Run } from './player.ts';
import { tableOf } from './topology.ts';

/** A row whose life is a state machine. */
export interface Stateful {
  readonly ref: RowRef;
  readonly chart: 'neighbour' | 'tcp' | 'tracker' | 'plain';
  readonly state: string;
  readonly text: string;
}

/** Entries beyond these are left out of the choice; who is picked in a table is always in it. */
const MOST = 300;

/** Every neighbour entry, TCP socket and tracked connection at a state. */
export function statefulRows(run: Run, state: State): readonly Stateful[] {
  const places = run.topology.machines.flatMap((machine) => machine.namespaces.map((namespace) => namespace.id));
  return places.flatMap((place) => [...neighbours(state, place), ...sockets(state, place), ...connections(state, place)]);
}

function neighbours(state: State, place: string): Stateful[] {
  const links = tableOf<LinkRow>(state, place, 'link');
  return [...tableOf<NeighRow>(state, place, 'neigh')].slice(0, MOST).flatMap(([key, row]): Stateful[] => {
    const link = links.get(String(row.ifindex));
    if (!link || link.kind === 'loopback') return [];
    return [{ ref: { table: `${place}#neigh`, key }, chart: 'neighbour', state: row.state, text: `${place}: neighbour ${formatIpv4(row.ip)} dev ${link.name}` }];
  });
}

function sockets(state: State, place: string): Stateful[] {
  return [...tableOf<SocketRow>(state, place, 'socket')].filter(([, row]) => row.protocol === 'tcp').slice(0, MOST).map(([key, row]): Stateful => ({
    ref: { table: `${place}#socket`, key }, chart: 'tcp', state: row.state,
    text: `${place}: socket ${row.local === 0 ? '*' : formatIpv4(row.local)}:${row.localPort}${row.remotePort === 0 ? '' : ` → ${formatIpv4(row.remote)}:${row.remotePort}`}`,
  }));
}

function connections(state: State, place: string): Stateful[] {
  return [...tableOf<ConntrackRow>(state, place, 'conntrack')].slice(0, MOST).map(([key, row]): Stateful => {
    const { src, sport, dst, dport } = row.original;
    const ports = row.protocol === 6 || row.protocol === 17;
    return {
      ref: { table: `${place}#conntrack`, key }, chart: row.tcpState === null ? 'plain' : 'tracker', state: row.tcpState ?? (row.assured ? 'ASSURED' : row.seenReply ? 'REPLIED' : 'UNREPLIED'),
      text: `${place}: connection ${formatIpv4(src)}${ports ? `:${sport}` : ''} → ${formatIpv4(dst)}${ports ? `:${dport}` : ''}`,
    };
  });
}

/** What a step did to a machine: which row, from which state, driven by what; null when it is about none. */
export function transitionOf(step: Step): { readonly ref: RowRef; readonly from: string; readonly event: string } | null {
  const place = placeOf(step);
  switch (step.kind) {
    case 'neigh.state': {
      const change = step.changes.find(({ table }) => table === `${place}#neigh`);
      return change ? { ref: { table: change.table, key: change.key }, from: step.from, event: step.event } : null;
    }
    case 'tcp.state': return { ref: { table: `${place}#socket`, key: step.socket }, from: step.from, event: step.event };
    case 'conntrack.state': return { ref: { table: `${place}#conntrack`, key: step.entry }, from: step.from, event: step.event };
    case 'conntrack.in': return step.entry === null ? null : { ref: { table: `${place}#conntrack`, key: step.entry }, from: '', event: '' };
    default: return null;
  }
}

/** The row that changed its state last, up to a step, among rows that are there. */
export function lastTransition(run: Run, seq: number, there: (ref: RowRef) => boolean): RowRef | null {
  for (let at = seq; at >= run.first; at--) {
    const ref = transitionOf(run.trace.steps[at]!)?.ref;
    if (ref && there(ref)) return ref;
  }
  return null;
}
