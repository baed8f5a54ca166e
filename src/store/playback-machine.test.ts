import fc from 'fast-check';
import { createActor } from 'xstate';
import { describe, expect, it } from 'vitest';
import { playbackMachine, stopAt, type PlaybackEvent } from './playback-machine.ts';

function started(options: { stops?: number[]; beats?: number[]; unanswered?: number[]; seq?: number } = {}) {
  const actor = createActor(playbackMachine);
  actor.start();
  actor.send({ type: 'LOAD', stops: options.stops ?? [10, 20, 30, 40, 50], beats: options.beats ?? [10, 30], unanswered: new Set(options.unanswered ?? []), seq: options.seq ?? 10 });
  const seq = (): number => actor.getSnapshot().context.stops[actor.getSnapshot().context.at]!;
  return { actor, seq, mode: () => actor.getSnapshot().value };
}

describe('playbackMachine', () => {
  it('is idle until something is loaded', () => {
    const actor = createActor(playbackMachine).start();
    expect(actor.getSnapshot().value).toBe('idle');
    actor.send({ type: 'STEP' });
    expect(actor.getSnapshot().value).toBe('idle');
  });

  it('steps, and rests when the picture has arrived', () => {
    const { actor, seq, mode } = started();
    actor.send({ type: 'STEP' });
    expect([seq(), mode()]).toEqual([20, 'stepping']);
    actor.send({ type: 'ARRIVED' });
    expect(mode()).toBe('paused');
    actor.send({ type: 'BACK' });
    actor.send({ type: 'BACK' });
    expect(seq()).toBe(10);
  });

  it('plays to the next beat and stops there', () => {
    const { actor, seq, mode } = started();
    actor.send({ type: 'PLAY' });
    expect([seq(), mode()]).toEqual([20, 'playing']);
    actor.send({ type: 'ARRIVED' });
    expect([seq(), mode()]).toEqual([30, 'playing']);
    actor.send({ type: 'ARRIVED' });
    expect([seq(), mode()]).toEqual([30, 'paused']);
  });

  it('waits at a question until it is answered, or stepped past', () => {
    const { actor, seq, mode } = started({ unanswered: [10, 30] });
    expect(mode()).toBe('waiting');
    actor.send({ type: 'ANSWER', seq: 10 });
    expect(mode()).toBe('paused');
    actor.send({ type: 'SEEK', seq: 30 });
    actor.send({ type: 'ARRIVED' });
    expect(mode()).toBe('waiting');
    actor.send({ type: 'STEP' });
    expect(seq()).toBe(40);
  });

  it('begins again when played at the end', () => {
    const { actor, seq, mode } = started({ seq: 50 });
    expect(mode()).toBe('ended');
    actor.send({ type: 'PLAY' });
    expect([seq(), mode()]).toEqual([10, 'playing']);
  });

  it('keeps the moment when the granularity changes', () => {
    const { actor, seq } = started({ seq: 30 });
    actor.send({ type: 'STOPS', stops: [10, 25, 28, 50] });
    expect(seq()).toBe(28);
  });

  it('never leaves its stops, whatever comes', () => {
    const events: fc.Arbitrary<PlaybackEvent> = fc.oneof(
      fc.constantFrom<PlaybackEvent>(...(['STEP', 'BACK', 'NEXT_BEAT', 'PREVIOUS_BEAT', 'START', 'END', 'PLAY', 'PAUSE', 'TOGGLE', 'ARRIVED', 'SCRUB_END', 'FASTER', 'SLOWER'] as const).map((type) => ({ type }))),
      fc.integer({ min: -5, max: 99 }).map((seq): PlaybackEvent => ({ type: 'SEEK', seq })),
      fc.integer({ min: -5, max: 99 }).map((index): PlaybackEvent => ({ type: 'SCRUB', index })),
      fc.integer({ min: 0, max: 60 }).map((seq): PlaybackEvent => ({ type: 'ANSWER', seq })),
    );
    fc.assert(
      fc.property(fc.array(events, { maxLength: 60 }), (list) => {
        const { actor } = started({ unanswered: [30] });
        for (const event of list) actor.send(event);
        const { context, value } = actor.getSnapshot();
        expect(context.at).toBeGreaterThanOrEqual(0);
        expect(context.at).toBeLessThan(context.stops.length);
        if (value === 'ended') expect(context.at).toBe(context.stops.length - 1);
      }),
    );
  });
});

describe('stopAt', () => {
  it('finds the last stop at or before a moment', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(1000), { minLength: 1 }), fc.nat(1100), (values, seq) => {
        const stops = values.sort((a, b) => a - b);
        expect(stopAt(stops, seq)).toBe(Math.max(0, stops.findLastIndex((stop) => stop <= seq)));
      }),
    );
  });
});
