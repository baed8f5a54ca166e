import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { explain } from './explain.ts';
import { parseTrace, serializeTrace } from './format.ts';
import { historyOf } from './history.ts';
import { exchangesOf, journeysOf } from './journey.ts';
import { level, shownAt } from './levels.ts';
import { namesOf } from './names.ts';
import { sampleTrace } from './sample-trace.ts';
import { transcript } from './transcript.ts';

const trace = sampleTrace();
const titles = trace.steps.map((step) => explain(step, trace).title);

describe('journeys', () => {
  const journeys = journeysOf(trace);
  it('follow one packet each, with where it stayed and how it ended', () => {
    expect(journeys.map(({ id, parent, relation }) => [id, parent, relation])).toEqual([[1, 0, 'origin'], [2, 1, 'arp-for'], [3, 2, 'answer'], [4, 1, 'answer']]);
    expect(journeys[1]!.hops.map(({ place, in: from, out }) => [place, from, out])).toEqual([['node1/ns1', null, [{ device: 'veth1', peer: 'node1/ns2:veth2' }]], ['node1/ns2', 'veth2', []]]);
    expect(journeys[0]!.outcomes.map(({ kind, place }) => [kind, place])).toEqual([['delivered', 'node1/ns2']]);
    expect(journeys[3]!.outcomes).toEqual([{ kind: 'dropped', place: 'node1/ns2', seq: 15, reason: 'DEV_READY' }]);
  });
  it('are joined into one exchange through ARP and answers', () => {
    const exchanges = exchangesOf(trace, journeys);
    expect(exchanges).toHaveLength(1);
    expect(exchanges[0]!.steps).toEqual([...exchanges[0]!.steps].sort((a, b) => a - b));
    expect(exchanges[0]!.steps[0]).toBe(2);
  });
});

describe('captions', () => {
  it('name hosts and devices, not numbers', () => {
    expect(titles).toContain('ns1 does not know the MAC of 192.168.1.2: the packet waits');
    expect(titles).toContain('veth1 asks everybody: who has 192.168.1.2?');
    expect(titles).toContain('ns2 has 192.168.1.2: it will answer');
    expect(titles).toContain('ns1’s entry for 192.168.1.2: INCOMPLETE → REACHABLE');
    expect(titles).toContain('ping sends an echo request to 192.168.1.2 (ns2)');
    expect(titles).toContain('The echo reply is dropped at veth2 in ns2: DEV_READY');
  });
  it('never show what only a program understands', () => {
    for (const title of titles) expect(title).not.toMatch(/undefined|null|NaN|\[object/);
  });
  it('say which row decided', () => {
    const resolve = trace.steps.find((step) => step.kind === 'neigh.resolve')!;
    expect(explain(resolve, trace).text).toContain('INCOMPLETE');
  });
});

it('the transcript tells the exchange with its paths, in order', () => {
  const lines = transcript(trace, { granularity: 'stack' });
  expect(lines[0]).toBe('echo request 192.168.1.1 → 192.168.1.2, with an ARP request first');
  expect(lines).toContain('  ARP request: veth1 → veth2 (delivered to ns2)');
  expect(lines.at(-1)).toMatch(/\+0\.065 ms {2}ns2 {2}The echo reply is dropped/);
  expect(transcript(trace, { granularity: 'wire' }).length).toBeLessThan(lines.length);
  expect(transcript(trace, { granularity: 'stack', from: 3 })).toEqual([]);
});

describe('history', () => {
  const ref = { table: 'node1/ns1#neigh', key: `2/${0xc0a8_0102}` };
  it('knows a row at any moment, who wrote it and who read it', () => {
    const history = historyOf(trace);
    expect(history.rowAt(ref, 2)).toBeNull();
    expect(history.rowAt(ref, 3)).toMatchObject({ state: 'INCOMPLETE' });
    expect(history.rowAt(ref, trace.steps.length)).toMatchObject({ state: 'REACHABLE' });
    expect(history.writers(ref)).toEqual([3, 10]);
    expect(history.readers(ref)).toEqual([3]);
  });
  it('agrees with stateAt at every step', () => {
    for (const { seq } of trace.steps) expect(historyOf(trace).rowAt(ref, seq)).toBe(trace.stateAt(seq).get(ref.table)?.get(ref.key) ?? null);
  });
});

it('names know MACs from the moment the device exists', () => {
  expect(namesOf(trace).mac(0x0201_0001_0002, 0)).toBe('veth1');
  expect(namesOf(trace).mac(0x0201_0001_0009, 5)).toBe('02:01:00:01:00:09');
  expect(namesOf(trace).mac(0xffff_ffff_ffff, 5)).toBe('everybody');
});

it('every step shown on the wire is shown at the finer levels too', () => {
  for (const step of trace.steps) {
    expect(shownAt(step, 'rules')).toBe(true);
    if (level(step) === 'wire') expect(shownAt(step, 'stack')).toBe(true);
  }
});

describe('the trace as text', () => {
  const text = serializeTrace(trace);
  it('comes back as it was, sharing what it shared', () => {
    const result = parseTrace(text);
    if (!result.ok) throw new Error(result.error);
    expect(result.trace.steps).toEqual(trace.steps);
    expect(result.trace.skbs).toEqual(trace.skbs);
    expect(serializeTrace(result.trace)).toBe(text);
    const frames = result.trace.steps.filter((step) => step.skb === 2);
    expect(frames.length).toBeGreaterThan(2);
    expect(new Set(frames.map(({ packet }) => packet)).size).toBe(1);
  });
  it('of another version is refused with a sentence', () => {
    const result = parseTrace(text.replace('"version":1', '"version":7'));
    expect(result).toEqual({ ok: false, error: 'This trace has version 7; only version 1 can be read.' });
  });
  it('cut short or changed anywhere is refused, never thrown', () => {
    fc.assert(fc.property(fc.nat(text.length - 3), (length) => {
      expect(parseTrace(text.slice(0, length)).ok).toBe(false);
    }));
    fc.assert(fc.property(fc.nat(text.length - 1), fc.constantFrom('9', '"', '{', ']', 'x', '-'), (at, letter) => {
      expect(typeof parseTrace(text.slice(0, at) + letter + text.slice(at + 1)).ok).toBe('boolean');
    }));
    for (const wrong of ['', '[]', '{}', 'null', '{"version":1}', '{"version":1,"skbs":[[0,"origin",0]],"headers":[],"packets":[],"tables":[],"rows":[],"steps":[{"kind":"x"}]}']) {
      expect(parseTrace(wrong).ok).toBe(false);
    }
  });
});
