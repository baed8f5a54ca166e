import { describe, expect, it } from 'vitest';
import { exchangeView } from './exchange-view.ts';
import { natRun, ROUTER_ENTRY, ROUTER_RULE } from './testing/nat-trace.ts';

describe('exchangeView', () => {
  const run = natRun();
  const last = run.trace.steps.length - 1;

  it('shows the same two ways from a step of the request and from a step of the reply', () => {
    const request = exchangeView(run, run.trace.steps.findIndex((step) => step.kind === 'dev.xmit'))!;
    const reply = exchangeView(run, last)!;
    for (const view of [request, reply]) {
      expect(view.request.legs.map(({ from, to, src, dst }) => [from, to, src, dst])).toEqual([
        ['laptop', 'router', '192.168.1.10:5001', '203.0.113.80:7'], ['router', 'server', '203.0.113.1:5001', '203.0.113.80:7'],
      ]);
      expect(view.reply!.legs.map(({ from, to, src, dst }) => [from, to, src, dst])).toEqual([
        ['server', 'router', '203.0.113.80:7', '203.0.113.1:5001'], ['router', 'laptop', '203.0.113.80:7', '192.168.1.10:5001'],
      ]);
      expect(view.odd).toEqual([]);
    }
  });

  it('marks what was rewritten on each leg', () => {
    const { request, reply } = exchangeView(run, last)!;
    expect(request.legs.map(({ changed }) => changed)).toEqual([{ src: false, dst: false }, { src: true, dst: false }]);
    expect(reply!.legs.map(({ changed }) => changed)).toEqual([{ src: false, dst: false }, { src: false, dst: true }]);
  });

  it('hangs both on the entry, with the rule that asked for it', () => {
    const [hinge] = exchangeView(run, last)!.hinges;
    expect(hinge).toMatchObject({ place: 'router', entry: ROUTER_ENTRY, translated: 'source', original: '192.168.1.10:5001 → 203.0.113.80:7', reply: '203.0.113.80:7 → 203.0.113.1:5001' });
    expect(hinge!.setups).toMatchObject([{ rule: ROUTER_RULE, text: '192.168.1.10:5001 → 203.0.113.1:5001' }]);
  });

  it('says when the reply is not taken for one of the connection', () => {
    const broken = natRun(false);
    const view = exchangeView(broken, broken.first + 1)!;
    expect(view.reply!.end).toMatchObject({ kind: 'dropped', place: 'router', reason: 'NETFILTER_DROP' });
    expect(view.odd).toEqual(['router does not take the reply for one of this connection, so it is not translated back.']);
  });

  it('is silent before anything is sent', () => {
    expect(exchangeView(run, run.first)).toBeNull();
  });
});
