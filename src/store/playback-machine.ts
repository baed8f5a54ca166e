import { assign, setup } from 'xstate';

/** Playing speeds, slowest first; 1 is the default. */
export const SPEEDS = [0.25, 0.5, 1, 2, 4] as const;

export interface PlaybackContext {
  /** The `seq`s at which the player can stand, ascending: those of the chosen granularity, and every beat. */
  readonly stops: readonly number[];
  /** The `seq`s of the beats, ascending. */
  readonly beats: readonly number[];
  /** Beats whose question still waits for an answer. */
  readonly unanswered: ReadonlySet<number>;
  /** Index into `stops`. */
  readonly at: number;
  readonly speed: number;
}

export type PlaybackEvent =
  | { readonly type: 'LOAD'; readonly stops: readonly number[]; readonly beats: readonly number[]; readonly unanswered: ReadonlySet<number>; readonly seq: number }
  | { readonly type: 'UNLOAD' }
  /** Another granularity: the player stays at the same moment, or at the last stop before it. */
  | { readonly type: 'STOPS'; readonly stops: readonly number[] }
  | { readonly type: 'STEP' | 'BACK' | 'NEXT_BEAT' | 'PREVIOUS_BEAT' | 'START' | 'END' }
  | { readonly type: 'PLAY' | 'PAUSE' | 'TOGGLE' }
  | { readonly type: 'SEEK'; readonly seq: number }
  | { readonly type: 'SCRUB'; readonly index: number }
  | { readonly type: 'SCRUB_END' }
  /** The picture has come to rest at the current stop. */
  | { readonly type: 'ARRIVED' }
  | { readonly type: 'ANSWER'; readonly seq: number }
  | { readonly type: 'SPEED'; readonly speed: number }
  | { readonly type: 'FASTER' | 'SLOWER' };

/** Index of the last stop at or before `seq`; 0 when there is none. */
export function stopAt(stops: readonly number[], seq: number): number {
  let low = 0;
  let high = stops.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (stops[middle]! <= seq) low = middle;
    else high = middle - 1;
  }
  return low;
}

function seqOf({ stops, at }: PlaybackContext): number {
  return stops[at] ?? -1;
}

function beatFrom(context: PlaybackContext, direction: 1 | -1): number {
  const seq = seqOf(context);
  const beat = direction === 1 ? context.beats.find((other) => other > seq) : context.beats.findLast((other) => other < seq);
  if (beat !== undefined) return stopAt(context.stops, beat);
  return direction === 1 ? context.stops.length - 1 : 0;
}

function clamp(index: number, stops: readonly number[]): number {
  return Math.max(0, Math.min(index, stops.length - 1));
}

function nextSpeed(speed: number, by: 1 | -1): number {
  const index = SPEEDS.findIndex((other) => other >= speed);
  return SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, (index < 0 ? SPEEDS.length - 1 : index) + by))]!;
}

const machine = setup({
  types: { context: {} as PlaybackContext, events: {} as PlaybackEvent },
  guards: {
    atEnd: ({ context }) => context.at >= context.stops.length - 1,
    asks: ({ context }) => context.unanswered.has(seqOf(context)),
    atBeat: ({ context }) => context.beats.includes(seqOf(context)),
  },
  actions: {
    load: assign(({ event }) =>
      event.type === 'LOAD' ? { stops: event.stops, beats: event.beats, unanswered: event.unanswered, at: stopAt(event.stops, event.seq) } : {}),
    unload: assign({ stops: [], beats: [], unanswered: new Set<number>(), at: 0 }),
    changeStops: assign(({ context, event }) => (event.type === 'STOPS' ? { stops: event.stops, at: stopAt(event.stops, seqOf(context)) } : {})),
    forward: assign(({ context }) => ({ at: clamp(context.at + 1, context.stops) })),
    back: assign(({ context }) => ({ at: clamp(context.at - 1, context.stops) })),
    nextBeat: assign(({ context }) => ({ at: beatFrom(context, 1) })),
    previousBeat: assign(({ context }) => ({ at: beatFrom(context, -1) })),
    toStart: assign({ at: 0 }),
    toEnd: assign(({ context }) => ({ at: context.stops.length - 1 })),
    seek: assign(({ context, event }) => (event.type === 'SEEK' ? { at: stopAt(context.stops, event.seq) } : {})),
    scrub: assign(({ context, event }) => (event.type === 'SCRUB' ? { at: clamp(event.index, context.stops) } : {})),
    answer: assign(({ context, event }) => {
      if (event.type !== 'ANSWER') return {};
      const unanswered = new Set(context.unanswered);
      unanswered.delete(event.seq);
      return { unanswered };
    }),
    setSpeed: assign(({ event }) => (event.type === 'SPEED' ? { speed: event.speed } : {})),
    faster: assign(({ context }) => ({ speed: nextSpeed(context.speed, 1) })),
    slower: assign(({ context }) => ({ speed: nextSpeed(context.speed, -1) })),
  },
});

const moves = {
  STEP: { target: '#playback.stepping', actions: 'forward' },
  BACK: { target: '#playback.stepping', actions: 'back' },
  NEXT_BEAT: { target: '#playback.stepping', actions: 'nextBeat' },
  PREVIOUS_BEAT: { target: '#playback.stepping', actions: 'previousBeat' },
  START: { target: '#playback.stepping', actions: 'toStart' },
  END: { target: '#playback.stepping', actions: 'toEnd' },
  SEEK: { target: '#playback.stepping', actions: 'seek' },
  SCRUB: { target: '#playback.seeking', actions: 'scrub' },
} as const;

const play = [
  { guard: 'atEnd', target: '#playback.playing', actions: 'toStart' },
  { target: '#playback.playing', actions: 'forward' },
] as const;

/**
 * What the player is doing. Stepping is the unit: playing is stepping by itself until the next beat, the end, or a pause. The
 * machine owns intent and place; the picture animates between places and says ARRIVED when it rests.
 */
export const playbackMachine = machine.createMachine({
  id: 'playback',
  context: { stops: [], beats: [], unanswered: new Set(), at: 0, speed: 1 },
  initial: 'idle',
  on: {
    LOAD: { target: '.settle', actions: 'load' },
    UNLOAD: { target: '.idle', actions: 'unload' },
    SPEED: { actions: 'setSpeed' },
    FASTER: { actions: 'faster' },
    SLOWER: { actions: 'slower' },
    ANSWER: { actions: 'answer' },
    STOPS: { actions: 'changeStops' },
  },
  states: {
    idle: { description: 'Nothing is loaded.' },
    settle: {
      description: 'Where to rest: at a question, at the end, or just here.',
      always: [{ guard: 'asks', target: 'waiting' }, { guard: 'atEnd', target: 'ended' }, { target: 'paused' }],
    },
    paused: { on: { ...moves, PLAY: play, TOGGLE: play } },
    stepping: {
      description: 'On the way to the next stop because somebody asked for it.',
      on: { ...moves, PLAY: 'playing', TOGGLE: 'settle', PAUSE: 'settle', ARRIVED: 'settle' },
    },
    playing: {
      description: 'On the way, and going on by itself after every stop but a beat.',
      on: {
        ...moves,
        PAUSE: 'settle',
        TOGGLE: 'settle',
        ARRIVED: [
          { guard: 'asks', target: 'waiting' },
          { guard: 'atEnd', target: 'ended' },
          { guard: 'atBeat', target: 'paused' },
          { target: 'playing', reenter: true, actions: 'forward' },
        ],
      },
    },
    seeking: {
      description: 'The scrubber is held: the picture follows at once.',
      on: { ...moves, SCRUB: { actions: 'scrub' }, SCRUB_END: 'settle', ARRIVED: 'settle' },
    },
    waiting: {
      description: 'A question waits for an answer; stepping on passes it by.',
      on: { ...moves, PLAY: play, TOGGLE: play, ANSWER: { target: 'settle', actions: 'answer' } },
    },
    ended: { on: { ...moves, PLAY: play, TOGGLE: play } },
  },
});
