/** Names of offsets and values that byte tests may use (pcap-filter(7)). */
export const CONSTANTS: Readonly<Record<string, number>> = {
  icmptype: 0, icmpcode: 1, 'icmp-echoreply': 0, 'icmp-unreach': 3, 'icmp-sourcequench': 4, 'icmp-redirect': 5, 'icmp-echo': 8, 'icmp-routeradvert': 9,
  'icmp-routersolicit': 10, 'icmp-timxceed': 11, 'icmp-paramprob': 12, 'icmp-tstamp': 13, 'icmp-tstampreply': 14, 'icmp-ireq': 15, 'icmp-ireqreply': 16,
  'icmp-maskreq': 17, 'icmp-maskreply': 18, tcpflags: 13, 'tcp-fin': 1, 'tcp-syn': 2, 'tcp-rst': 4, 'tcp-push': 8, 'tcp-ack': 16, 'tcp-urg': 32,
  'tcp-ece': 64, 'tcp-cwr': 128,
};

/** Keywords that stand for an IP protocol. */
export const IP_PROTOCOLS: Readonly<Record<string, number>> = {
  icmp: 1, igmp: 2, igrp: 9, pim: 103, vrrp: 112, carp: 112, ah: 51, esp: 50, sctp: 132, tcp: 6, udp: 17,
};
/** Keywords that stand for an EtherType. */
export const ETHER_TYPES: Readonly<Record<string, number>> = { ip: 0x0800, ip6: 0x86dd, arp: 0x0806, rarp: 0x8035 };

/** Names that `ether proto` knows besides. */
export const ETHER_PROTO_NAMES: Readonly<Record<string, number>> = { ...ETHER_TYPES, loopback: 0x9000, pup: 0x0200 };

/** Primitives of libpcap that are about networks we do not have; each stops with an error that names it. */
export const UNSUPPORTED = new Set([
  'fddi', 'tr', 'wlan', 'atalk', 'aarp', 'decnet', 'iso', 'clnp', 'esis', 'isis', 'stp', 'ipx', 'netbeui', 'lat', 'moprc', 'mopdl', 'mpls', 'pppoed',
  'pppoes', 'geneve', 'lane', 'oamf4', 'oam', 'metac', 'bcc', 'sc', 'ilmic', 'connectmsg', 'vpi', 'vci', 'type', 'subtype', 'dir', 'hopcount', 'sio', 'opc',
  'dpc', 'sls', 'fisu', 'lssu', 'msu', 'gateway', 'protochain', 'ifname', 'on', 'rnr', 'rulenum', 'reason', 'rset', 'srnr', 'subrulenum',
  'action', 'byte', 'ra', 'ta', 'addr1', 'addr2', 'addr3', 'addr4', 'radio', 'csum',
]);
