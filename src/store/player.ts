import { createActor } from 'xstate';
import { createStore, type StoreApi } from 'zustand/vanilla';
import { level, rulesWalked, type Granularity, type Lab, type Step, type Trace } from '../core/index.ts';
import type { Captions } from './captions.ts';
import { playbackMachine, type PlaybackContext, type PlaybackEvent } from './playback-machine.ts';
import { indexScenes, type SceneIndex } from './scene.ts';
import { firstSeq, stopsOf, type StoryBeat } from './timeline.ts';
import { topologyOf, type Topology } from './topology.ts';
import { PANELS, type Panel, type View } from './url.ts';

/** A finished simulation, ready to be shown. */
export interface Run {
  readonly lab: Lab;
  readonly trace: Trace;
  readonly beats: readonly StoryBeat[];
  readonly topology: Topology;
  readonly scenes: SceneIndex;
  readonly captions: Captions;
  /** `seq` of the first step of the lab. */
  readonly first: number;
  /** What was not as the lab promises. */
  readonly problems: readonly string[];
}

export type Mode = 'idle' | 'paused' | 'stepping' | 'playing' | 'seeking' | 'waiting' | 'ended';

/** What the reader has picked out: a namespace or a device on the map, a header field, a row of a table. */
export type Selection =
  | { readonly kind: 'namespace'; readonly place: string }
  | { readonly kind: 'device'; readonly place: string; readonly device: string }
  | { readonly kind: 'field'; readonly header: number; readonly field: string }
  | { readonly kind: 'row'; readonly table: string; readonly key: string };

export interface PinnedTable {
  readonly place: string;
  readonly table: string;
}

export interface PlayerState {
  readonly run: Run | null;
  readonly mode: Mode;
  readonly granularity: Granularity;
  readonly stops: readonly number[];
  /** Index into `stops`. */
  readonly at: number;
  /** `seq` of the stop; -1 when nothing is loaded. */
  readonly seq: number;
  /** `seq` of the stop before the last move, for the animation between the two. */
  readonly from: number;
  readonly speed: number;
  /** At a walk through rules, in granularity `rules`: which one of them. */
  readonly rule: number;
  /** Chosen option by the beat's seq. */
  readonly answers: ReadonlyMap<number, number>;
  readonly panel: Panel;
  /** What the map shows of a lab with tunnels; see viewOf. */
  readonly view: View;
  readonly selection: Selection | null;
  /** The table that the reader has chosen to watch; null while the panel follows the steps. */
  readonly pinned: PinnedTable | null;
  /** What was picked out, oldest first, and where in it the selection stands. */
  readonly history: readonly Selection[];
  readonly historyAt: number;
}

/** One player: its state, and the few ways to change it. The workbench, the embed page and the tests each make their own. */
export interface Player {
  readonly store: StoreApi<PlayerState>;
  readonly send: (event: PlaybackEvent) => void;
  load(run: Run, options?: { seq?: number | null; granularity?: Granularity }): void;
  setGranularity(granularity: Granularity): void;
  setPanel(panel: Panel): void;
  setView(view: View): void;
  /** A row or a place that is picked also decides which table is watched. */
  select(selection: Selection | null): void;
  pin(pinned: PinnedTable | null): void;
  /** To what was picked out before, or after that. */
  recall(direction: 1 | -1): void;
  answer(seq: number, option: number): void;
  /** One step of the finest kind, whatever the granularity. */
  micro(direction: 1 | -1): void;
  /** To any step, whatever the granularity; the panel that is open stays. */
  goTo(seq: number): void;
  /** To where the next or the previous packet is first seen. */
  packet(direction: 1 | -1): void;
  /** To a rule of the walk that the current step is. */
  setRule(rule: number): void;
  /** To the start, every question open again. */
  reset(): void;
  dispose(): void;
}

/** Makes a run of what the simulation gave. */
export function makeRun(lab: Lab, trace: Trace, beats: readonly StoryBeat[], captions: Captions, problems: readonly string[] = []): Run {
  const topology = topologyOf(lab, trace);
  const scenes = indexScenes(trace, topology);
  return { lab, trace, beats, topology, scenes, captions, first: firstSeq(trace), problems };
}

const EMPTY: PlayerState = {
  run: null, mode: 'idle', granularity: 'stack', stops: [], at: 0, seq: -1, from: -1, speed: 1, rule: 0, answers: new Map(), panel: 'packet', view: 'both', selection: null, pinned: null, history: [], historyAt: -1,
};

export function createPlayer(initial: Partial<Pick<PlayerState, 'granularity' | 'panel' | 'view'>> = {}): Player {
  const store = createStore<PlayerState>(() => ({ ...EMPTY, ...initial }));
  const actor = createActor(playbackMachine);
  const subscription = actor.subscribe(({ value, context }) => follow(store, value as Mode, context));
  actor.start();
  const send = (event: PlaybackEvent): void => {
    if (!stepWithin(store, event)) actor.send(event);
  };
  const player: Player = {
    store, send,
    load(run, options = {}) {
      const granularity = options.granularity ?? store.getState().granularity;
      const stops = stopsOf(run.trace, granularity, run.beats);
      const seq = options.seq ?? stops[0] ?? -1;
      const { panel } = store.getState();
      store.setState({ run, granularity, answers: new Map(), selection: null, pinned: null });
      const unanswered = new Set(run.beats.filter((beat) => beat.ask).map((beat) => beat.seq));
      send({ type: 'LOAD', stops: withStop(stops, seq), beats: run.beats.map((beat) => beat.seq), unanswered, seq });
      // A link to a moment says which panel it means; the story has its say only where the link has none.
      if (typeof options.seq === 'number' && panel !== EMPTY.panel) store.setState({ panel });
    },
    setGranularity(granularity) {
      const { run } = store.getState();
      store.setState({ granularity });
      if (run) send({ type: 'STOPS', stops: stopsOf(run.trace, granularity, run.beats) });
    },
    setPanel: (panel) => store.setState({ panel }),
    setView: (view) => store.setState(({ run }) => (run && run.topology.overlays.length > 0 ? { view } : {})),
    select: (selection) => store.setState((state) => picked(state, selection)),
    recall: (direction) => store.setState((state) => {
      const historyAt = state.historyAt + direction;
      const selection = state.history[historyAt];
      return selection ? { selection, historyAt, pinned: pinnedBy(selection, state.pinned) } : {};
    }),
    pin: (pinned) => store.setState({ pinned }),
    answer(seq, option) {
      store.setState(({ answers }) => ({ answers: new Map(answers).set(seq, option) }));
      send({ type: 'ANSWER', seq });
    },
    micro: (direction) => moveByOne(store, send, direction),
    goTo(seq) {
      const { panel } = store.getState();
      moveTo(store, send, seq);
      store.setState({ panel });
    },
    setRule: (rule) => store.setState({ rule }),
    packet: (direction) => moveToPacket(store, send, direction),
    reset() {
      const { run } = store.getState();
      if (run) player.load(run);
    },
    dispose() {
      subscription.unsubscribe();
      actor.stop();
    },
  };
  return player;
}

/** What the map shows: without tunnels there is nothing to choose. */
export function viewOf({ run, view }: Pick<PlayerState, 'run' | 'view'>): View {
  return run && run.topology.overlays.length > 0 ? view : 'both';
}

/** Mirrors the machine into the store, and opens the panel that the story wants at a beat. */
function follow(store: StoreApi<PlayerState>, mode: Mode, { stops, at, speed }: PlaybackContext): void {
  const seq = stops[at] ?? -1;
  const before = store.getState();
  const moved = seq !== before.seq;
  const shown = moved ? panelOf(before.run?.beats.find((beat) => beat.seq === seq)?.show ?? null) : null;
  store.setState({
    mode, stops, at, seq, speed,
    ...(shown === null || before.panel === 'none' ? {} : { panel: shown }),
    ...(moved ? { rule: seq < before.seq && before.run ? Math.max(0, rulesAt(before.run, seq) - 1) : 0, from: before.seq, selection: before.selection?.kind === 'field' ? null : before.selection } : {}),
  });
}

/** A longer walk is one step; its panel shows the rules. */
const STEPPED_RULES = 40;

/** Rules that a step goes through one by one; 0 for every other step, and for a walk that is too long for it. */
export function rulesAt(run: Run, seq: number): number {
  const step = run.trace.steps[seq];
  const count = step?.kind === 'nf.table' ? rulesWalked(step) : 0;
  return count > STEPPED_RULES ? 0 : count;
}

/** In granularity `rules` a step forward or back goes to the next rule first. True when it has. */
function stepWithin(store: StoreApi<PlayerState>, { type }: PlaybackEvent): boolean {
  const { run, seq, rule, granularity } = store.getState();
  if (!run || granularity !== 'rules' || (type !== 'STEP' && type !== 'BACK')) return false;
  const next = rule + (type === 'STEP' ? 1 : -1);
  if (next < 0 || next >= rulesAt(run, seq)) return false;
  store.setState({ rule: next });
  return true;
}

/** How many picks the history keeps. */
const MEMORY = 50;

function picked({ pinned, history, historyAt }: PlayerState, selection: Selection | null): Partial<PlayerState> {
  if (selection === null) return { selection };
  const kept = [...history.slice(0, historyAt + 1), selection].slice(-MEMORY);
  return { selection, pinned: pinnedBy(selection, pinned), history: kept, historyAt: kept.length - 1 };
}

function pinnedBy(selection: Selection | null, pinned: PinnedTable | null): PinnedTable | null {
  if (selection?.kind === 'row') {
    const [place, table] = selection.table.split('#') as [string, string];
    return { place, table };
  }
  if (selection?.kind === 'namespace' || selection?.kind === 'device') return { place: selection.place, table: pinned?.table ?? 'neigh' };
  return pinned;
}

type Send = (event: PlaybackEvent) => void;

function moveByOne(store: StoreApi<PlayerState>, send: Send, direction: 1 | -1): void {
  const { run, seq } = store.getState();
  const target = run ? nearest(run.trace.steps, seq, direction, run.first, () => true) : null;
  if (target !== null) moveTo(store, send, target);
}

function moveTo(store: StoreApi<PlayerState>, send: Send, target: number): void {
  const { run, granularity } = store.getState();
  if (!run) return;
  send({ type: 'STOPS', stops: withStop(stopsOf(run.trace, granularity, run.beats), target) });
  send({ type: 'SEEK', seq: target });
}

function moveToPacket(store: StoreApi<PlayerState>, send: Send, direction: 1 | -1): void {
  const { run, seq } = store.getState();
  const skb = run?.trace.steps[seq]?.skb ?? 0;
  const target = run ? nearest(run.trace.steps, seq, direction, run.first, (step) => step.skb !== 0 && step.skb !== skb && level(step) === 'wire') : null;
  if (target !== null) send({ type: 'SEEK', seq: target });
}

/** The panel that a beat wants to be seen: its own name, or the tables for the name of a table. */
function panelOf(show: string | null): Panel | null {
  if (show === null) return null;
  return PANELS.find((panel) => panel === show) ?? 'tables';
}

function nearest(steps: readonly Step[], seq: number, direction: 1 | -1, first: number, fits: (step: Step) => boolean): number | null {
  for (let i = seq + direction; i >= first && i < steps.length; i += direction) if (fits(steps[i]!)) return i;
  return null;
}

/** The stops with one more, so that a link to any moment, and the finest steps, can be stood at whatever the granularity. */
function withStop(stops: readonly number[], seq: number): readonly number[] {
  if (seq < 0 || stops.includes(seq)) return stops;
  return [...stops, seq].sort((a, b) => a - b);
}
