import { natSetup } from '../../nat/targets.ts';
import type { XtTargetFn } from '../xt-param.ts';
import type { XtTarget } from '../xt-rule.ts';
import { connmarkTarget, ctTarget } from './conntrack.ts';
import { logTarget } from './log.ts';
import { markTarget, tcpmssTarget, traceTarget, ttlTarget } from './mangle.ts';
import { rejectTarget } from './reject.ts';
import { setTarget } from './set.ts';

/** The function that a target is; of those that are one, for the walk itself does what ACCEPT, DROP, RETURN and jumps say. */
export function compileTarget(target: XtTarget): XtTargetFn {
  switch (target.name) {
    case 'REJECT': return rejectTarget(target.with);
    case 'LOG': return logTarget(target);
    case 'MARK': return markTarget(target);
    case 'CONNMARK': return connmarkTarget(target);
    case 'MASQUERADE':
    case 'SNAT':
    case 'DNAT':
    case 'REDIRECT':
    case 'NETMAP': return ({ ns, skb, state, entry }) => natSetup(ns, skb, state, target, ns.recorder.on ? ns.tables.xtrule.ref(entry!.key) : null);
    case 'NOTRACK': return ctTarget({ notrack: true, zone: null });
    case 'CT': return ctTarget(target);
    case 'TCPMSS': return tcpmssTarget(target.mss);
    case 'TTL': return ttlTarget(target);
    case 'TRACE': return traceTarget;
    case 'SET': return setTarget(target);
    default: throw new Error(`${target.name} is no function`);
  }
}

/** True when nothing follows the target in the walk, so that the walk is over before it runs. */
export function isTerminal({ name }: XtTarget): boolean {
  return name === 'REJECT' || name === 'MASQUERADE' || name === 'SNAT' || name === 'DNAT' || name === 'REDIRECT' || name === 'NETMAP';
}
