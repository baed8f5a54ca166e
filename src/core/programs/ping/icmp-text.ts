import { formatIpv4 } from '../../wire/address.ts';
import {
  ICMP_ADDRESS, ICMP_ADDRESSREPLY, ICMP_DEST_UNREACH, ICMP_ECHO, ICMP_ECHOREPLY, ICMP_FRAG_NEEDED, ICMP_PARAMETERPROB, ICMP_REDIRECT,
  ICMP_SOURCE_QUENCH, ICMP_TIME_EXCEEDED, ICMP_TIMESTAMP, ICMP_TIMESTAMPREPLY,
} from '../../wire/icmp.ts';

const UNREACHABLE = [
  'Destination Net Unreachable', 'Destination Host Unreachable', 'Destination Protocol Unreachable', 'Destination Port Unreachable',
  'Frag needed and DF set', 'Source Route Failed', 'Destination Net Unknown', 'Destination Host Unknown', 'Source Host Isolated',
  'Destination Net Prohibited', 'Destination Host Prohibited', 'Destination Net Unreachable for Type of Service',
  'Destination Host Unreachable for Type of Service', 'Packet filtered', 'Precedence Violation', 'Precedence Cutoff',
];
const REDIRECTS = ['Redirect Network', 'Redirect Host', 'Redirect Type of Service and Network', 'Redirect Type of Service and Host'];
const EXCEEDED = ['Time to live exceeded', 'Frag reassembly time exceeded'];
const OTHERS: Readonly<Record<number, string>> = {
  [ICMP_ECHOREPLY]: 'Echo Reply', [ICMP_ECHO]: 'Echo Request', [ICMP_SOURCE_QUENCH]: 'Source Quench', [ICMP_TIMESTAMP]: 'Timestamp',
  [ICMP_TIMESTAMPREPLY]: 'Timestamp Reply', [ICMP_ADDRESS]: 'Address Mask Request', [ICMP_ADDRESSREPLY]: 'Address Mask Reply',
};

/** How ping words an ICMP message. `info` is the MTU, the pointer or the gateway, as the type has it; `name` prints an address. */
export function describeIcmp(type: number, code: number, info: number, name: (ip: number) => string = formatIpv4): string {
  switch (type) {
    case ICMP_DEST_UNREACH:
      if (code === ICMP_FRAG_NEEDED) return `${UNREACHABLE[code]} (mtu = ${info})`;
      return UNREACHABLE[code] ?? `Dest Unreachable, Bad Code: ${code}`;
    case ICMP_REDIRECT:
      return `${REDIRECTS[code] ?? `Redirect, Bad Code: ${code}`}(New nexthop: ${name(info)})`;
    case ICMP_TIME_EXCEEDED:
      return EXCEEDED[code] ?? `Time exceeded, Bad Code: ${code}`;
    case ICMP_PARAMETERPROB:
      return `Parameter problem: pointer = ${info}`;
    default:
      return OTHERS[type] ?? `Bad ICMP type: ${type}`;
  }
}
