import { describe, expect, it } from 'vitest';
import { historyOf } from '../core/index.ts';
import { rewritesOf } from './rewrites.ts';
import { natRun, ROUTER_ENTRY, ROUTER_RULE } from './testing/nat-trace.ts';

const run = natRun();
const { steps } = run.trace;

describe('rewritesOf', () => {
  it('leads from a rewritten source to the step, the rule, the entry and the decision', () => {
    const seq = steps.findIndex((step) => step.kind === 'dev.rx' && step.machine === 'server');
    const [nat, ttl, ...more] = rewritesOf(run, seq);
    expect(more).toEqual([]);
    expect(nat).toMatchObject({ rule: ROUTER_RULE, entry: ROUTER_ENTRY, setup: steps.findIndex((step) => step.kind === 'nat.setup') });
    expect(nat!.fields).toMatchObject([{ old: '192.168.1.10', now: '203.0.113.1' }]);
    expect(ttl!.step.kind).toBe('ip.forward');
    expect(ttl!.fields).toMatchObject([{ old: '64', now: '63' }]);
  });

  it('leads from the reply to the rule that was asked for the request', () => {
    const seq = steps.findIndex((step) => step.kind === 'nat.rewrite' && step.direction === 'reply');
    expect(rewritesOf(run, seq)).toMatchObject([{ rule: ROUTER_RULE, fields: [{ old: '203.0.113.1', now: '192.168.1.10' }] }]);
  });

  it('knows nothing of a packet that is as it was made', () => {
    expect(rewritesOf(run, steps.findIndex((step) => step.kind === 'dev.xmit'))).toEqual([]);
  });
});

describe('the other way, from a row to its steps', () => {
  it('serves rules and connections', () => {
    const history = historyOf(run.trace);
    const kinds = (seqs: readonly number[]): string[] => seqs.map((seq) => steps[seq]!.kind);
    expect(kinds(history.readers(ROUTER_RULE))).toEqual(['nf.table', 'nat.setup']);
    expect(kinds(history.readers(ROUTER_ENTRY))).toEqual(['conntrack.in', 'nat.rewrite', 'conntrack.confirm', 'conntrack.in', 'nat.rewrite']);
    expect(kinds(history.writers(ROUTER_ENTRY))).toEqual(['conntrack.in', 'nat.setup', 'conntrack.confirm', 'conntrack.in']);
  });
});
