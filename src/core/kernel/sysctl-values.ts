import { allDevConf, defaultDevConf, type DevConf, type DevConfName } from './dev-conf.ts';
import type { Machine } from './machine.ts';

/** A setting of one integer: its value in a new namespace and what may be written. */
export interface IntSysctl {
  readonly initial: number;
  readonly min: number;
  readonly max: number;
}

export const INT_MIN = -0x8000_0000;
export const INT_MAX = 0x7fff_ffff;
/** Ticks of the kernel's clock a second: a time in seconds must fit into an integer as ticks. */
const HZ = 250;
const int = (initial: number, min = INT_MIN, max = INT_MAX): IntSysctl => ({ initial, min, max });
const byte = (initial: number, min = 0, max = 255): IntSysctl => ({ initial, min, max });

/** Settings of a namespace that are one integer, by their whole names. `icmp_ratelimit` in milliseconds, `ipfrag_time` and `mtu_expires` in seconds. */
const INTEGERS = {
  'net.core.somaxconn': int(4096, 0),
  'net.ipv4.fib_multipath_hash_fields': int(7, 1, 0xfff),
  'net.ipv4.fib_multipath_hash_policy': byte(0, 0, 3),
  'net.ipv4.fib_multipath_use_neigh': byte(0, 0, 1),
  'net.ipv4.fwmark_reflect': byte(0),
  'net.ipv4.icmp_echo_ignore_all': byte(0, 0, 1),
  'net.ipv4.icmp_echo_ignore_broadcasts': byte(1, 0, 1),
  'net.ipv4.icmp_errors_use_inbound_ifaddr': byte(0, 0, 1),
  'net.ipv4.icmp_ignore_bogus_error_responses': byte(1, 0, 1),
  'net.ipv4.icmp_msgs_burst': int(50, 0),
  'net.ipv4.icmp_msgs_per_sec': int(1000, 0),
  'net.ipv4.icmp_ratelimit': int(1000, 0),
  'net.ipv4.icmp_ratemask': int(6168),
  'net.ipv4.igmp_link_local_mcast_reports': byte(1, 0, 1),
  'net.ipv4.igmp_max_memberships': int(20),
  'net.ipv4.igmp_max_msf': int(10),
  'net.ipv4.igmp_qrv': int(2, 1),
  'net.ipv4.ip_default_ttl': byte(64, 1, 255),
  'net.ipv4.ip_dynaddr': byte(0),
  'net.ipv4.ip_forward': int(0),
  'net.ipv4.ip_forward_update_priority': byte(1, 0, 1),
  'net.ipv4.ip_forward_use_pmtu': byte(0),
  'net.ipv4.ip_no_pmtu_disc': byte(0),
  'net.ipv4.ip_nonlocal_bind': byte(0),
  'net.ipv4.ip_unprivileged_port_start': int(1024, 0, 65535),
  'net.ipv4.ipfrag_high_thresh': int(4194304, 0, Number.MAX_SAFE_INTEGER),
  'net.ipv4.ipfrag_low_thresh': int(3145728, 0, Number.MAX_SAFE_INTEGER),
  'net.ipv4.ipfrag_max_dist': int(64, 0),
  'net.ipv4.ipfrag_time': int(30, INT_MIN, Math.trunc(INT_MAX / HZ)),
  'net.ipv4.route.min_adv_mss': int(256),
  'net.ipv4.route.min_pmtu': int(552, 68),
  'net.ipv4.route.mtu_expires': int(600),
  'net.ipv4.tcp_abort_on_overflow': byte(0),
  'net.ipv4.tcp_dsack': byte(1),
  'net.ipv4.tcp_early_retrans': byte(3, 0, 4),
  'net.ipv4.tcp_fin_timeout': int(60, INT_MIN, Math.trunc(INT_MAX / HZ)),
  'net.ipv4.tcp_invalid_ratelimit': int(500),
  'net.ipv4.tcp_keepalive_intvl': int(75, INT_MIN, Math.trunc(INT_MAX / HZ)),
  'net.ipv4.tcp_keepalive_probes': byte(9),
  'net.ipv4.tcp_keepalive_time': int(7200, INT_MIN, Math.trunc(INT_MAX / HZ)),
  'net.ipv4.tcp_max_syn_backlog': int(2048),
  'net.ipv4.tcp_max_tw_buckets': int(131072),
  'net.ipv4.tcp_min_snd_mss': int(48, 48, 65535),
  'net.ipv4.tcp_orphan_retries': byte(0),
  'net.ipv4.tcp_pingpong_thresh': byte(1, 1),
  'net.ipv4.tcp_reordering': int(3),
  'net.ipv4.tcp_retries1': byte(3),
  'net.ipv4.tcp_retries2': byte(15),
  'net.ipv4.tcp_rfc1337': byte(0),
  'net.ipv4.tcp_rto_max_ms': int(120000, 1000, 120000),
  'net.ipv4.tcp_rto_min_us': int(200000, 1),
  'net.ipv4.tcp_sack': byte(1),
  'net.ipv4.tcp_slow_start_after_idle': byte(1),
  'net.ipv4.tcp_syn_linear_timeouts': byte(4, 0, 127),
  'net.ipv4.tcp_syn_retries': byte(6, 1, 127),
  'net.ipv4.tcp_synack_retries': byte(5),
  'net.ipv4.tcp_syncookies': byte(1),
  'net.ipv4.tcp_timestamps': byte(1),
  'net.ipv4.tcp_tw_reuse': byte(2, 0, 2),
  'net.ipv4.tcp_tw_reuse_delay': int(1000, 1),
  'net.ipv4.tcp_window_scaling': byte(1),
} as const satisfies Record<string, IntSysctl>;

/** Settings of one integer that exist only where br_netfilter is loaded. */
const BRIDGE_INTEGERS = {
  'net.bridge.bridge-nf-call-arptables': int(1),
  'net.bridge.bridge-nf-call-ip6tables': int(1),
  'net.bridge.bridge-nf-call-iptables': int(1),
  'net.bridge.bridge-nf-filter-pppoe-tagged': int(0),
  'net.bridge.bridge-nf-filter-vlan-tagged': int(0),
  'net.bridge.bridge-nf-pass-vlan-input-dev': int(0),
} as const satisfies Record<string, IntSysctl>;

export type IntSysctlName = keyof typeof INTEGERS | keyof typeof BRIDGE_INTEGERS;

/** Settings of a namespace that are a pair of integers. */
export type PairSysctlName = 'net.ipv4.ip_local_port_range' | 'net.ipv4.ping_group_range';

/** A directory that another layer puts under /proc/sys (`net/netfilter`). */
export interface SysctlDirectory {
  readonly names: () => readonly string[];
  /** Throws KernelError when it cannot be read, or does not take the text. */
  readonly read: (name: string) => string;
  readonly write: (name: string, text: string) => void;
  /** False for a file that nobody may write; without it all may be written. */
  readonly writable?: (name: string) => boolean;
}

/** The settings of a namespace, as numbers, for the kernel; `sysctl.ts` shows and takes them as text. */
export interface SysctlState {
  readonly specs: Readonly<Record<string, IntSysctl>>;
  readonly integers: Record<IntSysctlName, number>;
  readonly pairs: Record<PairSysctlName, [number, number]>;
  reservedPorts: string;
  /** net.ipv4.conf.all and .default. */
  readonly all: DevConf;
  readonly default: DevConf;
  /** net.ipv6.conf: IPv6 itself is not simulated; these are here because lab set-ups write them. By device name, and `all`, `default`. */
  readonly ipv6: Map<string, { disableIpv6: number; forwarding: number }>;
  /** Told of each setting that the kernel announces: a device's name, `all` or `default`, and its ifindex if it is one (inet_netconf_notify_devconf). */
  readonly announced: Set<(of: string, ifindex: number | null, name: DevConfName, value: number) => void>;
  /** Directories of other layers, by their path (`net/netfilter`). */
  readonly directories: Map<string, SysctlDirectory>;
}

const initialOf = (from: Record<string, IntSysctl>): Record<string, number> => Object.fromEntries(Object.entries(from).map(([name, spec]) => [name, spec.initial]));
const INITIAL_WITH_BR_NETFILTER = { ...initialOf(INTEGERS), ...initialOf(BRIDGE_INTEGERS) } as Record<IntSysctlName, number>;
/** Without br_netfilter nothing passes from the bridge to iptables, whatever the files would say. */
const INITIAL: Record<IntSysctlName, number> = { ...INITIAL_WITH_BR_NETFILTER, ...Object.fromEntries(Object.keys(BRIDGE_INTEGERS).map((name) => [name, 0])) };

/** What a new namespace begins with. Linux copies conf/all and conf/default from the first namespace; here they are the defaults. */
export function createSysctls(machine: Machine): SysctlState {
  const specs: Record<string, IntSysctl> = machine.options.brNetfilter ? { ...INTEGERS, ...BRIDGE_INTEGERS } : INTEGERS;
  const integers = { ...(machine.options.brNetfilter ? INITIAL_WITH_BR_NETFILTER : INITIAL) };
  return {
    specs, integers,
    pairs: { 'net.ipv4.ip_local_port_range': [32768, 60999], 'net.ipv4.ping_group_range': [1, 0] },
    reservedPorts: '',
    all: allDevConf(), default: defaultDevConf(),
    ipv6: new Map([['all', { disableIpv6: 1, forwarding: 0 }], ['default', { disableIpv6: 1, forwarding: 0 }]]),
    announced: new Set(),
    directories: new Map(),
  };
}
