import type { XtTarget } from '../../../kernel/netfilter/xtables/xt-rule.ts';
import type { TargetExtension } from '../extension.ts';
import type { Kind, Look } from '../kind.ts';
import { LOG } from './log.ts';
import { CONNMARK, MARK } from './marks.ts';
import { DNAT, MASQUERADE, NETMAP, REDIRECT, SNAT } from './nat.ts';
import { CT, REJECT, SET, TCPMSS, TTL } from './small-targets.ts';

/** A target without options. */
function plain(name: 'ACCEPT' | 'DROP' | 'RETURN' | 'QUEUE' | 'NOTRACK' | 'TRACE', print = ''): Kind<XtTarget> {
  return { extension: { name, options: [], begin: () => ({ option: () => {}, finish: () => ({ name }) }) }, save: () => '', print: () => print };
}

const KINDS = new Map<string, Kind<XtTarget>>();
for (const kind of [REJECT, LOG, MARK, CONNMARK, MASQUERADE, SNAT, DNAT, REDIRECT, NETMAP, CT, TCPMSS, TTL, SET]) {
  const any = kind as unknown as Kind<XtTarget>;
  KINDS.set(any.extension.name, any);
}
for (const name of ['ACCEPT', 'DROP', 'RETURN', 'QUEUE', 'TRACE'] as const) KINDS.set(name, plain(name));
KINDS.set('NOTRACK', plain('NOTRACK', ' NOTRACK'));

/** Targets that iptables has and that are not simulated. */
const NOT_SIMULATED: ReadonlySet<string> = new Set([
  'AUDIT', 'CHECKSUM', 'CLASSIFY', 'CLUSTERIP', 'CONNSECMARK', 'DSCP', 'ECN', 'HMARK', 'IDLETIMER', 'LED', 'NFLOG', 'NFQUEUE', 'RATEEST', 'SECMARK', 'SYNPROXY',
  'TCPOPTSTRIP', 'TEE', 'TOS', 'TPROXY', 'ULOG', 'standard',
]);

/** The extension of a target's name; `not-simulated` for one that only the real iptables has, null for what can be a chain of the user. */
export function findTarget(name: string): TargetExtension | 'not-simulated' | null {
  return KINDS.get(name)?.extension ?? (NOT_SIMULATED.has(name) ? 'not-simulated' : null);
}

/** ` -j REJECT --reject-with tcp-reset`; nothing for a rule that only counts. */
export function saveTarget(target: XtTarget): string {
  if (target.name === 'chain') return ` -${target.goto ? 'g' : 'j'} ${target.chain}`;
  if (target.name === 'none') return '';
  return ` -j ${target.name}${KINDS.get(target.name)!.save(target)}`;
}

/** The name in the column `target` of `iptables -L`. */
export function targetName(target: XtTarget): string {
  if (target.name === 'chain') return target.chain;
  if (target.name === 'none') return '';
  return target.name === 'NOTRACK' ? 'CT' : target.name;
}

/** ` reject-with tcp-reset` */
export function printTarget(target: XtTarget, look: Look): string {
  return target.name === 'chain' || target.name === 'none' ? '' : KINDS.get(target.name)!.print(target, look);
}
