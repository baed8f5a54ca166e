import { icmpIn, portsIn, tcpIn, type XtMatcher } from '../xt-param.ts';
import type { IcmpMatch, MultiportMatch, TcpMatch, UdpMatch } from '../xt-rule.ts';
import type { TcpOption } from '../../../../wire/packet.ts';
import { portFits, within } from './range.ts';

/** nft_payload of the TCP header, and xt_tcp for what it has left: no header, as in later fragments, no match. */
export function tcpMatch({ sport, dport, flags, option }: TcpMatch): XtMatcher {
  return (par) => {
    const tcp = tcpIn(par);
    if (tcp === null || !portFits(sport, tcp.sport) || !portFits(dport, tcp.dport)) return false;
    if (flags !== null && ((tcp.flags & flags.mask) === flags.set) === flags.invert) return false;
    return option === null || tcp.options.some((has) => optionNumber(has) === option.number) !== option.invert;
  };
}

const OPTION_NUMBERS: Readonly<Record<Exclude<TcpOption['kind'], 'unknown'>, number>> = { eol: 0, nop: 1, mss: 2, 'window-scale': 3, 'sack-permitted': 4, sack: 5, timestamps: 8 };

function optionNumber(option: TcpOption): number {
  return option.kind === 'unknown' ? option.type : OPTION_NUMBERS[option.kind];
}

export function udpMatch({ sport, dport }: UdpMatch): XtMatcher {
  return (par) => {
    const ports = portsIn(par);
    return ports !== null && portFits(sport, ports.sport) && portFits(dport, ports.dport);
  };
}

/** Type 255: any. */
const ANY_TYPE = 255;

/** icmp_match: a header cut short is dropped, whatever the rules say. */
export function icmpMatch({ type, code, invert }: IcmpMatch): XtMatcher {
  return (par) => {
    if (par.ip.offset !== 0) return false;
    const icmp = icmpIn(par);
    if (icmp === null) {
      par.hotdrop = true;
      return false;
    }
    return (type === ANY_TYPE || (icmp.type === type && within(icmp.code, code))) !== invert;
  };
}

/** multiport_mt */
export function multiportMatch({ of, ranges, invert }: MultiportMatch): XtMatcher {
  const hits = (port: number): boolean => ranges.some((range) => within(port, range));
  return (par) => {
    const ports = portsIn(par);
    if (ports === null) return false;
    const hit = (of !== 'dports' && hits(ports.sport)) || (of !== 'sports' && hits(ports.dport));
    return hit !== invert;
  };
}
