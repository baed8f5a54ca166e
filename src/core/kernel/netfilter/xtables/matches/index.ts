import type { XtMatcher } from '../xt-param.ts';
import type { XtMatch } from '../xt-rule.ts';
import type { XtEntry } from '../xt-state.ts';
import { addrtypeMatch, iprangeMatch } from './address.ts';
import { connmarkMatch, conntrackMatch, stateMatch } from './conntrack.ts';
import { lengthMatch, markMatch, ttlMatch } from './header.ts';
import { macMatch, physdevMatch } from './link.ts';
import { ownerMatch } from './owner.ts';
import { icmpMatch, multiportMatch, tcpMatch, udpMatch } from './ports.ts';
import { limitMatch, statisticMatch } from './rate.ts';
import { recentMatch } from './recent.ts';
import { rpfilterMatch } from './rpfilter.ts';
import { setMatch } from './set.ts';

/** The function that a match is. `known`: what it was before its rule was rewritten, with what it has counted. Null: it always matches. */
export function compileMatch(match: XtMatch, entry: XtEntry, known: XtMatcher | undefined): XtMatcher | null {
  if (known !== undefined) return known;
  switch (match.name) {
    case 'comment': return null;
    case 'tcp': return tcpMatch(match);
    case 'udp': return udpMatch(match);
    case 'icmp': return icmpMatch(match);
    case 'multiport': return multiportMatch(match);
    case 'conntrack': return conntrackMatch(match);
    case 'state': return stateMatch(match);
    case 'connmark': return connmarkMatch(match);
    case 'addrtype': return addrtypeMatch(match);
    case 'iprange': return iprangeMatch(match);
    case 'mark': return markMatch(match);
    case 'length': return lengthMatch(match);
    case 'ttl': return ttlMatch(match);
    case 'limit': return limitMatch(match);
    case 'statistic': return statisticMatch(match);
    case 'mac': return macMatch(match);
    case 'physdev': return physdevMatch(match);
    case 'owner': return ownerMatch(match);
    case 'rpfilter': return rpfilterMatch(match);
    case 'recent': return recentMatch(match, entry);
    case 'set': return setMatch(match);
  }
}
