import { XT_MISS } from '../../../trace/xt-miss.ts';
import type { Errno } from '../../errno.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import type { SkBuff } from '../../sk-buff.ts';
import type { NfHookState, NfVerdict } from '../hooks.ts';
import { ipRouteMeHarder } from '../route-me-harder.ts';
import { ACTION, codeOf, HEAD_MORE, HEAD_PROTOCOL, HEAD_SRC, MORE_HEADER, MORE_MATCHES, STRIDE, type XtCode } from './compile.ts';
import { isTerminal } from './targets/index.ts';
import { beginWalk, correctWalk, endWalk, note, noteMatch, type Walk } from './walk.ts';
import { lengthOf, newParam, type XtParam } from './xt-param.ts';
import type { XtTableName } from './xt-rule.ts';
import type { XtChain } from './xt-state.ts';

/**
 * Takes a packet through the rules that one table has at a hook (nft_do_chain). A table, or a built-in chain, that was never made lets
 * everything pass. The table `nat` is asked by NAT, for the packet that begins a connection.
 */
export function xtDoTable(ns: NetNamespace, table: XtTableName, skb: SkBuff, state: NfHookState): NfVerdict {
  const chain = ns.nf.xt.tables.get(table)?.chains.get(state.hook);
  return chain?.base ? xtDoChain(ns, chain, skb, state) : 'accept';
}

/** The same for a built-in chain that is at hand. */
export function xtDoChain(ns: NetNamespace, base: XtChain, skb: SkBuff, state: NfHookState): NfVerdict {
  const par = newParam(ns, skb, state, base.table.name);
  const walk = ns.recorder.on ? beginWalk(par, base) : null;
  return walkChains(par, base, walk);
}

/** mangle OUTPUT: a packet whose mark, addresses or TOS were changed looks for its route again (nf_route_table_hook4). */
export function xtDoRouteChain(ns: NetNamespace, base: XtChain, skb: SkBuff, state: NfHookState): NfVerdict {
  const { mark } = skb;
  const before = skb.packet[0];
  const verdict = xtDoChain(ns, base, skb, state);
  if (verdict !== 'accept' || (skb.mark === mark && skb.packet[0] === before)) return verdict;
  const after = skb.packet[0];
  const same = before?.kind === 'ipv4' && after?.kind === 'ipv4' && before.src === after.src && before.dst === after.dst && before.tos === after.tos;
  if (skb.mark === mark && same) return verdict;
  const error: Errno | null = ipRouteMeHarder(ns, state.sk, skb);
  return error === null ? verdict : 'drop';
}

/** Where the walk goes on after a chain of the user (struct nft_jumpstack). */
interface Return {
  readonly chain: XtChain;
  readonly code: XtCode;
  readonly at: number;
}

function walkChains(par: XtParam, base: XtChain, walk: Walk | null): NfVerdict {
  const stack: Return[] = [];
  let chain = base;
  let code = codeOf(chain);
  let at = 0;
  for (;;) {
    at = nextMatch(par, chain, code, at, walk);
    if (par.hotdrop) return endWalk(par, base, walk, 'drop', false);
    if (at >= code.count) {
      const back = stack.pop();
      if (back === undefined) return byPolicy(par, base, walk);
      ({ chain, code, at } = back);
      continue;
    }
    const entry = chain.rules[at]!;
    entry.packets++;
    entry.bytes += lengthOf(par);
    if (walk !== null) noteMatch(walk, chain, at, entry);
    const action = code.actions[at]!;
    at++;
    if (action === ACTION.next) continue;
    if (action === ACTION.jump || action === ACTION.goto) {
      if (action === ACTION.jump) stack.push({ chain, code, at });
      chain = entry.chain!;
      code = codeOf(chain);
      at = 0;
    } else if (action === ACTION.return) {
      const back = stack.pop();
      if (back === undefined) return byPolicy(par, base, walk);
      ({ chain, code, at } = back);
    } else if (action !== ACTION.call) return endWalk(par, base, walk, action === ACTION.accept ? 'accept' : 'drop', false);
    else {
      const verdict = callTarget(par, base, walk, code, at - 1);
      if (verdict !== 'continue') return verdict;
    }
  }
}

/** A target that ends the walk has it recorded first: what it does follows from it. */
function callTarget(par: XtParam, base: XtChain, walk: Walk | null, code: XtCode, at: number): NfVerdict | 'continue' {
  const call = code.calls[at]!;
  const entry = par.entry!;
  if (walk === null || !isTerminal(entry.rule.target)) {
    const verdict = call(par);
    return verdict === 'continue' ? verdict : endWalk(par, base, walk, verdict, false);
  }
  const expected = entry.rule.target.name === 'REJECT' ? 'drop' : 'accept';
  endWalk(par, base, walk, expected, false);
  const verdict = call(par);
  if (verdict !== expected) correctWalk(walk, verdict === 'continue' ? 'accept' : verdict);
  return verdict === 'continue' ? 'accept' : verdict;
}

/** After the last rule of a built-in chain, or its RETURN (nft_do_chain, nft_update_chain_stats). */
function byPolicy(par: XtParam, base: XtChain, walk: Walk | null): NfVerdict {
  const { policy, counts } = base.base!;
  if (counts) {
    base.packets++;
    base.bytes += lengthOf(par);
  }
  return endWalk(par, base, walk, policy === 'ACCEPT' ? 'accept' : 'drop', true);
}

/** The next rule from `at` on that the packet matches; the number of rules when there is none. */
function nextMatch(par: XtParam, chain: XtChain, code: XtCode, at: number, walk: Walk | null): number {
  const { heads, destinations, masks, count } = code;
  const dst = par.ip.dst | 0;
  const src = par.ip.src | 0;
  const { protocol } = par.ip;
  let i = at;
  while (i < count) {
    const from = i;
    // The destination tells most rules of a long chain apart.
    while (i < count && (dst & masks[i]!) !== destinations[i]!) i++;
    if (i > from) {
      if (walk !== null) note(walk, chain, from, i - from, XT_MISS.dst);
      if (i >= count) return i;
    }
    const head = i * STRIDE;
    let miss: number = XT_MISS.matched;
    if ((src & heads[head + HEAD_SRC + 1]!) !== heads[head + HEAD_SRC]!) miss = XT_MISS.src;
    else {
      const wanted = heads[head + HEAD_PROTOCOL]!;
      if (wanted !== 0 && wanted !== protocol) miss = XT_MISS.protocol;
      else {
        const more = heads[head + HEAD_MORE]!;
        if (more !== 0) miss = missOf(par, chain, code, i, more);
      }
    }
    if (miss === XT_MISS.matched) {
      par.entry = chain.rules[i]!;
      return i;
    }
    if (walk !== null) note(walk, chain, i, 1, miss);
    if (par.hotdrop) return i;
    i++;
  }
  return i;
}

/** What the flat numbers do not say: the rest of the header, then the matches in their order. */
function missOf(par: XtParam, chain: XtChain, code: XtCode, at: number, more: number): number {
  par.entry = chain.rules[at]!;
  if ((more & MORE_HEADER) !== 0) {
    const miss = code.headers[at]!(par);
    if (miss !== XT_MISS.matched) return miss;
  }
  if ((more & MORE_MATCHES) !== 0) for (const { run, miss } of code.matches[at]!) if (!run(par)) return miss;
  return XT_MISS.matched;
}
