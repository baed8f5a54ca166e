import { fail } from './xtables-error.ts';
import { wholeNumber } from './numbers.ts';

/** Debian's /etc/protocols: `number name,alias ...`; capitals of aliases are as the file has them. */
const ETC_PROTOCOLS = `
0 ip,IP 1 icmp,ICMP 2 igmp,IGMP 3 ggp,GGP 4 ipencap,IP-ENCAP 5 st,ST 6 tcp,TCP 8 egp,EGP 9 igp,IGP 12 pup,PUP 17 udp,UDP 20 hmp,HMP 22 xns-idp,XNS-IDP
27 rdp,RDP 29 iso-tp4,ISO-TP4 33 dccp,DCCP 36 xtp,XTP 37 ddp,DDP 38 idpr-cmtp,IDPR-CMTP 41 ipv6,IPv6 43 ipv6-route,IPv6-Route 44 ipv6-frag,IPv6-Frag
45 idrp,IDRP 46 rsvp,RSVP 47 gre,GRE 50 esp,IPSEC-ESP 51 ah,IPSEC-AH 57 skip,SKIP 58 ipv6-icmp,IPv6-ICMP 59 ipv6-nonxt,IPv6-NoNxt 60 ipv6-opts,IPv6-Opts
73 rspf,RSPF,CPHB 81 vmtp,VMTP 88 eigrp,EIGRP 89 ospf,OSPFIGP 93 ax.25,AX.25 94 ipip,IPIP 97 etherip,ETHERIP 98 encap,ENCAP 103 pim,PIM 108 ipcomp,IPCOMP
112 vrrp,VRRP 115 l2tp,L2TP 124 isis,ISIS 132 sctp,SCTP 133 fc,FC 135 mobility-header,Mobility-Header 136 udplite,UDPLite 137 mpls-in-ip,MPLS-in-IP
138 manet 139 hip,HIP 140 shim6,Shim6 141 wesp,WESP 142 rohc,ROHC 143 ethernet,Ethernet
`;

const BY_NUMBER = new Map<number, string>();
const BY_NAME = new Map<string, number>([['hopopt', 0]]);
for (const entry of ETC_PROTOCOLS.trim().split(/\s+(?=\d+ )/)) {
  const [number, names] = entry.split(' ') as [string, string];
  BY_NUMBER.set(Number(number), names.split(',')[0]!);
  for (const name of names.split(',')) BY_NAME.set(name, Number(number));
}

/** Names that iptables knows without /etc/protocols (xtables_chain_protos). */
const CHAIN_PROTOCOLS: ReadonlyMap<string, number> = new Map([
  ['tcp', 6], ['sctp', 132], ['udp', 17], ['udplite', 136], ['icmp', 1], ['icmpv6', 58], ['ipv6-icmp', 58], ['esp', 50], ['ah', 51], ['ipv6-mh', 135], ['mh', 135],
  ['all', 0],
]);
const CHAIN_NAMES = new Map<number, string>();
for (const [name, number] of CHAIN_PROTOCOLS) if (!CHAIN_NAMES.has(number)) CHAIN_NAMES.set(number, name);

/** The number of a protocol given by number or name (xtables_parse_protocol). */
export function parseProtocol(text: string): number {
  const known = CHAIN_PROTOCOLS.get(text) ?? BY_NAME.get(text) ?? wholeNumber(text, 0, 255);
  return known ?? fail(`unknown protocol "${text}" specified`);
}

/** proto_to_name with /etc/protocols; null when the number has no name. 0 is `all`. */
export function protocolName(number: number): string | null {
  return number === 0 ? 'all' : (BY_NUMBER.get(number) ?? CHAIN_NAMES.get(number) ?? null);
}

/** The names that are known without a lookup, as `iptables -vA` prints them. */
export function chainProtocolName(number: number): string | null {
  return CHAIN_NAMES.get(number) ?? null;
}
