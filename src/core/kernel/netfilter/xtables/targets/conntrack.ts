import { ctSetMark } from '../../conntrack/ct-targets.ts';
import type { XtTargetFn } from '../xt-param.ts';
import type { XtTarget } from '../xt-rule.ts';

type Target<Name> = Extract<XtTarget, { name: Name }>;

/** connmark_tg: the connection's mark and the packet's, one into the other. */
export function connmarkTarget({ mode, ctmark, ctmask, nfmask }: Target<'CONNMARK'>): XtTargetFn {
  return ({ ns, skb }) => {
    const { ct } = skb;
    if (ct === null) return 'continue';
    if (mode === 'restore') skb.mark = ((skb.mark & ~nfmask) ^ (ct.mark & ctmask)) >>> 0;
    else {
      const value = mode === 'set' ? ctmark : skb.mark & nfmask;
      const mark = ((ct.mark & ~ctmask) ^ value) >>> 0;
      ctSetMark(ns, ct, mark);
    }
    return 'continue';
  };
}

/** xt_ct_target: before connection tracking has looked, it can be told not to, or which zone to look in. */
export function ctTarget({ notrack, zone }: Pick<Target<'CT'>, 'notrack' | 'zone'>): XtTargetFn {
  return ({ skb }) => {
    if (skb.ct !== null || skb.ctinfo !== null) return 'continue';
    if (notrack) skb.ctinfo = 'UNTRACKED';
    else if (zone !== null) skb.ctZone = zone;
    return 'continue';
  };
}
