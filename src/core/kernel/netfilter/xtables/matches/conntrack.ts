import { SECOND } from '../../../../sim/time.ts';
import type { NfConn } from '../../conntrack/nf-conn.ts';
import type { CtInfo } from '../../../sk-buff.ts';
import type { SkBuff } from '../../../sk-buff.ts';
import type { XtMatcher } from '../xt-param.ts';
import type { ConnmarkMatch, ConntrackMatch, CtStateName, CtStatusName, StateMatch } from '../xt-rule.ts';
import { addressFits, portFits, within } from './range.ts';

/** The state that a rule asks for, of a packet: what connection tracking has not looked at, or could not place, is INVALID. */
export function ctStateOf(skb: SkBuff): 'INVALID' | 'NEW' | 'RELATED' | 'ESTABLISHED' | 'UNTRACKED' {
  if (skb.ctinfo === 'UNTRACKED') return 'UNTRACKED';
  if (skb.ct === null || skb.ctinfo === null) return 'INVALID';
  return STATE_OF[skb.ctinfo];
}

const STATE_OF = {
  NEW: 'NEW', ESTABLISHED: 'ESTABLISHED', ESTABLISHED_REPLY: 'ESTABLISHED', RELATED: 'RELATED', RELATED_REPLY: 'RELATED', UNTRACKED: 'UNTRACKED',
} as const satisfies Record<CtInfo, CtStateName>;

function isReply(ctinfo: CtInfo | null): boolean {
  return ctinfo === 'ESTABLISHED_REPLY' || ctinfo === 'RELATED_REPLY';
}

/** state_mt */
export function stateMatch({ states, invert }: StateMatch): XtMatcher {
  return ({ skb }) => states.includes(ctStateOf(skb)) !== invert;
}

/** connmark_mt: without a connection there is no mark, and no match. */
export function connmarkMatch({ mark, mask, invert }: ConnmarkMatch): XtMatcher {
  return ({ skb }) => skb.ct !== null && (((skb.ct.mark & mask) >>> 0) === mark) !== invert;
}

/** conntrack_mt: without a connection only its state can be asked. */
export function conntrackMatch(match: ConntrackMatch): XtMatcher {
  const { state } = match;
  const parts: ((ct: NfConn, skb: SkBuff, now: number) => boolean)[] = partsOf(match);
  return ({ ns, skb }) => {
    const { ct } = skb;
    if (state !== null && hasState(skb, ct, state.states) === state.invert) return false;
    if (ct === null) return state !== null;
    const { now } = ns.queue;
    for (const fits of parts) if (!fits(ct, skb, now)) return false;
    return true;
  };
}

function hasState(skb: SkBuff, ct: NfConn | null, states: readonly CtStateName[]): boolean {
  return states.includes(ctStateOf(skb)) || (ct !== null && ((ct.srcNat && states.includes('SNAT')) || (ct.dstNat && states.includes('DNAT'))));
}

function partsOf(match: ConntrackMatch): ((ct: NfConn, skb: SkBuff, now: number) => boolean)[] {
  const { direction, origsrc, origdst, replsrc, repldst, origsrcport, origdstport, replsrcport, repldstport, proto, status, expire } = match;
  const parts: ((ct: NfConn, skb: SkBuff, now: number) => boolean)[] = [];
  if (direction !== null) parts.push((_ct, { ctinfo }) => isReply(ctinfo) === (direction === 'REPLY'));
  if (origsrc) parts.push(({ original }) => addressFits(origsrc, original.src));
  if (origdst) parts.push(({ original }) => addressFits(origdst, original.dst));
  if (replsrc) parts.push(({ reply }) => addressFits(replsrc, reply.src));
  if (repldst) parts.push(({ reply }) => addressFits(repldst, reply.dst));
  if (proto) parts.push(({ protocol }) => (protocol === proto.protocol) !== proto.invert);
  if (origsrcport) parts.push(({ original }) => portFits(origsrcport, original.sport));
  if (origdstport) parts.push(({ original }) => portFits(origdstport, original.dport));
  if (replsrcport) parts.push(({ reply }) => portFits(replsrcport, reply.sport));
  if (repldstport) parts.push(({ reply }) => portFits(repldstport, reply.dport));
  if (status) parts.push((ct) => status.statuses.some((name) => hasStatus(ct, name)) !== status.invert);
  if (expire) parts.push((ct, _skb, now) => within(Math.max(0, Math.trunc((ct.expires - now) / SECOND)), expire.range) !== expire.invert);
  return parts;
}

/** NONE is no bit at all, so no connection has it. */
function hasStatus(ct: NfConn, name: CtStatusName): boolean {
  switch (name) {
    case 'NONE': return false;
    case 'EXPECTED': return ct.master !== 0;
    case 'SEEN_REPLY': return ct.seenReply;
    case 'ASSURED': return ct.assured;
    case 'CONFIRMED': return ct.confirmed;
  }
}
