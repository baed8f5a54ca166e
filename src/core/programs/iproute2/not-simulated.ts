/** What iproute2 offers and this program refuses by name, in one place for the parsers and for `hopscope lint`. */

/** Kinds of devices that Linux has and this kernel has not. */
export const LINK_KINDS_NOT_SIMULATED: readonly string[] = ['amt', 'bareudp', 'bond', 'dsa', 'dummy', 'erspan', 'geneve',
  'gtp', 'ifb', 'ip6erspan', 'ip6gre', 'ip6gretap', 'ip6tnl', 'ipoib', 'ipvlan', 'ipvtap', 'macsec', 'macvlan', 'macvtap',
  'netdevsim', 'nlmon', 'rmnet', 'sit', 'team', 'vcan', 'vrf', 'vti', 'vti6', 'vxcan', 'wwan', 'wireguard', 'xfrm', 'virt_wifi',
  'hsr', 'can', 'batadv', 'lowpan'];

/** Words of `ip link`, refused when written out. */
export const LINK_WORDS: readonly string[] = ['xdp', 'xdpgeneric', 'xdpdrv', 'xdpoffload', 'trailers', 'carrier', 'vf', 'mode', 'state',
  'protodown', 'protodown_reason', 'gso_max_size', 'gso_max_segs', 'gro_max_size', 'parentdev', 'link-netns', 'link-netnsid'];
/** Words of `ip link` that may be abbreviated. */
export const LINK_WORDS_SHORT: readonly string[] = ['numtxqueues', 'numrxqueues', 'addrgenmode', 'dynamic'];

export const ADDR_WORDS: readonly string[] = ['anycast', 'home', 'nodad', 'mngtmpaddr', 'autojoin', 'proto'];

export const ROUTE_WORDS: readonly string[] = ['expires', 'nhid', 'encap', 'rttvar', 'ssthresh', 'congctl', 'ttl-propagate',
  'fastopen_no_cookie', 'rtt'];
export const ROUTE_WORDS_SHORT: readonly string[] = ['hoplimit', 'reordering', 'rto_min', 'window', 'cwnd', 'initcwnd', 'initrwnd',
  'features', 'quickack', 'realms'];

export const RULE_WORDS: readonly string[] = ['l3mdev', 'uidrange', 'tun_id'];
export const RULE_WORDS_SHORT: readonly string[] = ['realms', 'nat', 'map-to', 'suppress_ifgroup', 'sup_group'];

export const NEIGH_WORDS_SHORT: readonly string[] = ['use', 'managed'];

/** Words behind `type vxlan`: of tunnels that are no IPv4 ones, or carry more than the header of RFC 7348. */
export const VXLAN_WORDS: readonly string[] = ['external', 'vnifilter', 'gbp', 'remcsumtx', 'remcsumrx'];

/** Words behind `type ipip`, `gre` and `gretap`: tunnels without ends of their own, in UDP, of MPLS. */
export const TUNNEL_WORDS: readonly string[] = ['external', 'fou', 'gue', 'mplsip', 'mpls/ipv4', '6rd-prefix', '6rd-relay_prefix', '6rd-reset'];
/** Modes of `ip tunnel`. */
export const TUNNEL_MODES: readonly string[] = ['sit', 'ipv6/ip', 'isatap', 'vti', 'any', 'ip6ip6', 'ip6gre', 'ipip6', 'vti6', 'any/ipv6', 'ipv4/ipv6', 'ipv6/ipv6', 'ip/ipv6',
  'gre/ipv6', 'ip6gretap'];

/** By command, for the linter: the words as they are written in full. */
export const WORDS_NOT_SIMULATED: Readonly<Record<string, readonly string[]>> = {
  'ip link': [...LINK_WORDS, ...LINK_WORDS_SHORT, 'index', 'broadcast', 'brd', 'property', 'xstats', 'afstats', 'replace'],
  'ip address': [...ADDR_WORDS, 'save', 'showdump', 'restore'],
  'ip route': [...ROUTE_WORDS, ...ROUTE_WORDS_SHORT, 'as', 'save', 'restore', 'showdump'],
  'ip rule': [...RULE_WORDS, ...RULE_WORDS_SHORT, 'save', 'restore'],
  'ip neighbor': NEIGH_WORDS_SHORT,
  'ip neighbour': NEIGH_WORDS_SHORT,
  'ip netns': ['attach'],
  'ip tunnel': ['prl', '6rd'],
  'ip monitor': ['file', 'all-nsid'],
  'bridge link': ['mcast_router', 'backup_port', 'nobackup_port', 'learning_sync'],
  'bridge vlan': ['tunnel_info', 'tunnelshow', 'set', 'global'],
  'bridge monitor': ['file'],
};
