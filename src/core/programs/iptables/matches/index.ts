import type { XtMatch, XtMatchName } from '../../../kernel/netfilter/xtables/xt-rule.ts';
import type { MatchExtension } from '../extension.ts';
import type { Look, MatchKind } from '../kind.ts';
import { addrtype } from './addrtype.ts';
import { conntrack, state } from './conntrack.ts';
import { icmp } from './icmp.ts';
import { iprange } from './iprange.ts';
import { limit } from './limit.ts';
import { connmark, mark } from './mark.ts';
import { multiport } from './multiport.ts';
import { owner } from './owner.ts';
import { physdev } from './physdev.ts';
import { recent } from './recent.ts';
import { set } from './set.ts';
import { comment, length, mac, rpfilter, ttl } from './small-matches.ts';
import { statistic } from './statistic.ts';
import { tcp, udp } from './tcp-udp.ts';

const KINDS: { readonly [N in XtMatchName]: MatchKind<N> } = {
  tcp, udp, icmp, conntrack, state, addrtype, mark, connmark, multiport, iprange, limit, statistic, comment, set, mac, physdev, recent, length, ttl, rpfilter, owner,
};

/** Matches that iptables has and that are not simulated. */
const NOT_SIMULATED: ReadonlySet<string> = new Set([
  'ah', 'bpf', 'cgroup', 'cluster', 'connbytes', 'connlabel', 'connlimit', 'cpu', 'dccp', 'devgroup', 'dscp', 'ecn', 'esp', 'hashlimit', 'helper', 'ipcomp', 'ipvs',
  'nfacct', 'osf', 'pkttype', 'policy', 'quota', 'rateest', 'realm', 'sctp', 'socket', 'string', 'tcpmss', 'time', 'tos', 'u32',
]);

/** The extension of a name; `not-simulated` for one that only the real iptables has, null for one that nobody has. */
export function findMatch(name: string): MatchExtension | 'not-simulated' | null {
  if (Object.hasOwn(KINDS, name)) return KINDS[name as XtMatchName].extension as MatchExtension;
  return NOT_SIMULATED.has(name) ? 'not-simulated' : null;
}

/** ` -m tcp --dport 80` */
export function saveMatch(match: XtMatch): string {
  return ` -m ${match.name}${(KINDS[match.name] as { save(value: XtMatch): string }).save(match)}`;
}

/** ` tcp dpt:80` */
export function printMatch(match: XtMatch, look: Look): string {
  return (KINDS[match.name] as { print(value: XtMatch, look: Look): string }).print(match, look);
}
