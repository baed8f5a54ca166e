/**
 * What may differ between the real kernel and the simulator without being a difference: the whole list, each with its reason.
 * Everything else is compared strictly. docs/model.md prints it.
 */

export interface TextRule {
  readonly name: string;
  readonly reason: string;
  readonly pattern: RegExp;
  readonly replacement: string;
}

/** In what commands print. */
export const TEXT_RULES: readonly TextRule[] = [
  { name: 'time of a reply (ping)', reason: 'real time', pattern: /\btime[=<][\d.]+ ms/g, replacement: 'time=# ms' },
  { name: 'total time (ping)', reason: 'real time', pattern: /\btime \d+ms/g, replacement: 'time #ms' },
  { name: 'round-trip summary (ping)', reason: 'real time', pattern: /^rtt (\S+) = [\d./]+ ms/gm, replacement: 'rtt $1 = # ms' },
  { name: 'ipg/ewma (ping)', reason: 'real time', pattern: /\bipg\/ewma [\d./]+ ms/g, replacement: 'ipg/ewma # ms' },
  { name: 'time of a reply (arping, traceroute)', reason: 'real time', pattern: / {2}\d+\.\d{3} ?ms/g, replacement: '  # ms' },
  { name: 'time stamp (tcpdump)', reason: 'real time', pattern: /^(\d\d:\d\d:\d\d|\d{10}|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\.\d{6} /gm, replacement: '# ' },
  { name: 'IP identification (tcpdump)', reason: 'the kernel draws it at random', pattern: /\bid \d+, (offset|seq)/g, replacement: 'id #, $1' },
  { name: 'ephemeral port (tcpdump, nc, ss)', reason: 'the kernel draws it at random', pattern: /\b(\d+\.\d+\.\d+\.\d+[.:])(3276[89]|327[7-9]\d|32[89]\d\d|3[3-9]\d{3}|[45]\d{4}|60\d{3})\b/g, replacement: '$1#' },
  { name: 'UDP checksum (tcpdump -v)', reason: 'the kernel leaves it to the device', pattern: /\[(?:bad )?udp (?:ck)?sum[^\]]*\]/g, replacement: '[udp sum #]' },
  { name: 'checksum (tcpdump -v)', reason: 'covers what is drawn at random; the kernel leaves that of TCP to the device', pattern: /\bcksum 0x[0-9a-f]+ \([^)]*\)/g, replacement: 'cksum #' },
  { name: 'times of hosts (ping -T)', reason: 'real time', pattern: /(?<=^TS: (?:\t.*\n)*\t(?:\d+\.\d+\.\d+\.\d+\t)?)-?\d+( absolute)?$/gm, replacement: '#$1' },
  { name: 'ages (ip -s neigh, bridge -s fdb)', reason: 'real time', pattern: /\bused \d+\/\d+(\/\d+)?/g, replacement: 'used #' },
  { name: 'ages (ip -s -j neigh, bridge -s -j fdb)', reason: 'real time', pattern: /"(used|confirmed|updated)":\d+/g, replacement: '"$1":#' },
  { name: 'lifetimes (ip route get, ip addr)', reason: 'real time', pattern: /\b(expires|valid_lft|preferred_lft) \d+sec/g, replacement: '$1 #sec' },
  { name: 'running timers (ip -d link, brctl showstp)', reason: 'real time', pattern: /\b((?:hello|tcn|topology[ _]change|gc|hold|message[ _]age|forward[ _]delay)[ _]timer"?:?)\s*[\d.]+/g, replacement: '$1 #' },
  { name: 'ageing timer (brctl showmacs)', reason: 'real time', pattern: /^(\s+\d+\t[0-9a-f:]{17}\t\w+\t+\s*)[\d.]+/gm, replacement: '$1#' },
  { name: 'number of queues (ip -d link)', reason: 'the number of CPUs of this computer', pattern: /\b(num[rt]xqueues |"num_[rt]x_queues":)\d+/g, replacement: '$1#' },
];

export interface FieldRule {
  readonly table: 'link' | 'addr';
  readonly fields: readonly string[];
  readonly reason: string;
}

/** Fields of rows that are left out wherever they stand in the row. */
export const FIELD_RULES: readonly FieldRule[] = [
  { table: 'link', fields: ['link_netnsid'], reason: 'numbered in the order in which somebody looked at the device' },
  { table: 'addr', fields: ['link_netnsid'], reason: 'numbered in the order in which somebody looked at the device' },
  {
    table: 'link', reason: 'real time',
    fields: ['hello_timer', 'tcn_timer', 'topology_change_timer', 'gc_timer', 'hold_timer', 'message_age_timer', 'forward_delay_timer'],
  },
  { table: 'link', fields: ['num_tx_queues', 'num_rx_queues'], reason: 'the number of CPUs of this computer' },
  {
    table: 'link', reason: 'limits of this build of the kernel, never seen in a frame',
    fields: ['gso_max_size', 'gso_max_segs', 'tso_max_size', 'tso_max_segs', 'gro_max_size', 'gso_ipv4_max_size', 'gro_ipv4_max_size'],
  },
  { table: 'link', fields: ['inet6_addr_gen_mode'], reason: 'printed also where IPv6 is off' },
];

export type Row = Readonly<Record<string, unknown>>;

export interface RowRule {
  readonly table: 'neigh' | 'fdb';
  readonly name: string;
  readonly reason: string;
  readonly drops: (row: Row) => boolean;
}

/** Rows that are left out. */
export const ROW_RULES: readonly RowRule[] = [
  {
    table: 'neigh', name: 'NOARP entries that the kernel makes for itself',
    reason: 'a by-product of sending over lo, to a broadcast or a multicast address; dropped whenever the kernel likes',
    drops: (row) => isNoArp(row) && (row.dev === 'lo' || /^(ff:ff:ff:ff:ff:ff|01:00:5e:|33:33:)/.test(String(row.lladdr))),
  },
  {
    table: 'fdb', name: 'IPv6 multicast addresses of devices (33:33:...)', reason: 'the kernel subscribes to ff02::1 on every device, also where IPv6 is off',
    drops: (row) => String(row.mac).startsWith('33:33:'),
  },
];

function isNoArp(row: Row): boolean {
  return Array.isArray(row.state) && row.state.includes('NOARP');
}

/** Tables whose rows are compared in any order. */
export const UNORDERED: Readonly<Record<string, string>> = {
  neigh: 'listed in the order of a hash that the kernel seeds at boot',
  proxy: 'listed in the order of a hash that the kernel seeds at boot',
  fdb: 'the entries of a VXLAN device are listed in the order of a seeded hash',
};

/** Where real time makes the states of a neighbour differ: after so many seconds, these are the same. */
export const NEIGHBOUR_STATES: readonly { readonly after: number; readonly states: readonly string[]; readonly reason: string }[] = [
  { after: 4.5, states: ['DELAY', 'PROBE', 'REACHABLE'], reason: 'the unicast probe leaves 5 s after the first use of a STALE entry, and is answered at once: reading tables takes real time' },
  { after: 14, states: ['DELAY', 'PROBE', 'REACHABLE', 'STALE'], reason: 'a REACHABLE entry becomes STALE after a time that the kernel draws between 15 and 45 s' },
];

/** In frames. */
export const FRAME_RULES: readonly { readonly what: string; readonly reason: string }[] = [
  { what: 'MACs are compared as names of the devices that have them', reason: 'a bridge without ports has a random MAC' },
  { what: 'IP identification; for fragments only which belong together', reason: 'the kernel draws it at random' },
  { what: 'ICMP ids of echoes: numbered in order of appearance at a place in a step', reason: 'the kernel draws them at random' },
  { what: 'the first 16 bytes of the data of an echo', reason: 'ping puts the time there' },
  { what: 'times in a timestamp option', reason: 'real time' },
  { what: 'ports that are neither below 1024 nor written in the lab: numbered in order of appearance at a place in a step', reason: 'the kernel draws them at random' },
  { what: 'source ports of VXLAN', reason: 'a hash that the kernel seeds at boot' },
  { what: 'TCP sequence numbers: relative to the connection; windows, and options but MSS', reason: 'random, and tuned to the memory of the computer' },
  { what: 'checksums', reason: 'they cover what is random; the kernel leaves those of UDP and TCP to the device. The simulator’s own are proved by tshark' },
  { what: 'unicast ARP requests of the kernel, and their answers', reason: 'they leave 5 s after the first use of a STALE entry: reading tables takes real time' },
  { what: 'the order of frames at different places', reason: 'time stamps of several CPUs' },
];

/** In printed neighbour lines. */
export const NEIGHBOUR_LINES = 'compared in any order, for the same reason as the table';

export interface Legitimate {
  readonly where: string;
  readonly what: string;
  readonly reason: string;
}

/** Everything above as one list, for docs/model.md. */
export function legitimateList(): Legitimate[] {
  return [
    ...FRAME_RULES.map(({ what, reason }) => ({ where: 'frames', what, reason })),
    ...TEXT_RULES.map(({ name, reason }) => ({ where: 'printed text', what: name, reason })),
    { where: 'printed text', what: 'order of adjacent lines of `ip neigh`, `/proc/net/arp` and `arp`', reason: NEIGHBOUR_LINES },
    ...FIELD_RULES.map(({ table, fields, reason }) => ({ where: `table ${table}`, what: fields.map((field) => `\`${field}\``).join(', '), reason })),
    ...ROW_RULES.map(({ table, name, reason }) => ({ where: `table ${table}`, what: name, reason })),
    ...Object.entries(UNORDERED).map(([table, reason]) => ({ where: `table ${table}`, what: 'order of rows', reason })),
    ...NEIGHBOUR_STATES.map(({ after, states, reason }) => ({ where: 'table neigh', what: `${states.join(', ')} are the same ${after} s after an entry was first seen`, reason })),
  ];
}
