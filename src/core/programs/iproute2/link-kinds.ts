import type { BridgeOptions, BridgePortOptions } from '../../kernel/rows.ts';
import { NotSimulated } from '../../shell/process.ts';
import { type Args, Failure, invalidArgument, matches, parseUnsigned } from './args.ts';
import { BRIDGE_OPTIONS, BRIDGE_SLAVE_OPTIONS, VLAN_OPTIONS } from './usage-bridge.ts';

type Writable<Row> = { -readonly [Key in keyof Row]?: Row[Key] };

interface NumberOption {
  readonly word: string;
  readonly max: number;
  /** Writes the value; absent: it cannot be set here, only named with the value that it has. */
  readonly set?: (options: Writable<BridgeOptions>, value: number) => void;
  readonly fixed?: number;
}

const U8 = 0xff;
const U16 = 0xffff;
const U32 = 0xffff_ffff;

/** bridge_parse_opt's words, in its order. */
const BRIDGE: readonly NumberOption[] = [
  { word: 'forward_delay', max: U32, set: (o, v) => { o.forwardDelay = v; } },
  { word: 'hello_time', max: U32, set: (o, v) => { o.helloTime = v; } },
  { word: 'max_age', max: U32, set: (o, v) => { o.maxAge = v; } },
  { word: 'ageing_time', max: U32, set: (o, v) => { o.ageingTime = v; } },
  { word: 'stp_state', max: U32, set: (o, v) => { o.stp = v !== 0; } },
  { word: 'priority', max: U16, set: (o, v) => { o.priority = v; } },
  { word: 'vlan_filtering', max: U8, set: (o, v) => { o.vlanFiltering = v !== 0; } },
  { word: 'vlan_protocol', max: U16 },
  { word: 'group_fwd_mask', max: U16, set: (o, v) => { o.groupFwdMask = v; } },
  { word: 'group_address', max: U16 },
  { word: 'fdb_flush', max: U16 },
  { word: 'vlan_default_pvid', max: U16, set: (o, v) => { o.vlanDefaultPvid = v; } },
  { word: 'vlan_stats_enabled', max: U8, fixed: 0 },
  { word: 'vlan_stats_per_port', max: U8, fixed: 0 },
  { word: 'mcast_router', max: U8, fixed: 1 },
  { word: 'mcast_snooping', max: U8, set: (o, v) => { o.mcastSnooping = v !== 0; } },
  { word: 'mcast_vlan_snooping', max: U8, fixed: 0 },
  { word: 'mcast_query_use_ifaddr', max: U8, fixed: 0 },
  { word: 'mcast_querier', max: U8, fixed: 0 },
  ...['mcast_hash_elasticity', 'mcast_hash_max', 'mcast_last_member_count', 'mcast_startup_query_count', 'mcast_last_member_interval',
    'mcast_membership_interval', 'mcast_querier_interval', 'mcast_query_interval', 'mcast_query_response_interval',
    'mcast_startup_query_interval'].map((word) => ({ word, max: U32 })),
  { word: 'mcast_stats_enabled', max: U8, fixed: 0 },
  { word: 'mcast_igmp_version', max: U8, fixed: 2 },
  { word: 'mcast_mld_version', max: U8, fixed: 1 },
  { word: 'no_linklocal_learn', max: U8, fixed: 0 },
  { word: 'nf_call_iptables', max: U8, fixed: 0 },
  { word: 'nf_call_ip6tables', max: U8, fixed: 0 },
  { word: 'nf_call_arptables', max: U8, fixed: 0 },
];

/** The words behind `type bridge`. */
export function parseBridgeOptions(args: Args): Partial<BridgeOptions> {
  const options: Writable<BridgeOptions> = {};
  for (; args.more; args.shift()) {
    const option = BRIDGE.find(({ word }) => matches(args.word, word));
    if (!option) throw new Failure(`${matches(args.word, 'help') ? '' : `bridge: unknown command "${args.word}"?\n`}${BRIDGE_OPTIONS}`);
    if (option.set === undefined && option.fixed === undefined) throw new NotSimulated(`ip link ... type bridge ${option.word}`);
    const value = parseUnsigned(args.next(), option.max);
    if (value === null) invalidArgument(`invalid ${option.word}`, args.word);
    if (option.word === 'stp_state' && value !== 0) throw new NotSimulated(`ip link ... type bridge stp_state ${args.word}`);
    if (option.set) option.set(options, value);
    else if (value !== option.fixed) throw new NotSimulated(`ip link ... type bridge ${option.word} ${args.word}`);
  }
  return options;
}

const PORT_FLAGS: Readonly<Record<string, keyof BridgePortOptions | null>> = {
  hairpin: 'hairpin', guard: 'guard', root_block: 'rootBlock', fastleave: 'fastleave', learning: 'learning', flood: 'flood',
  mcast_flood: 'mcastFlood', bcast_flood: 'bcastFlood', mcast_to_unicast: null, proxy_arp: 'proxyArp', proxy_arp_wifi: 'proxyArpWifi',
  mcast_fast_leave: 'fastleave', neigh_suppress: 'neighSuppress', vlan_tunnel: null, isolated: 'isolated', locked: null,
};

/** bridge_slave_parse_opt's words, in its order. */
const PORT_WORDS = ['fdb_flush', 'state', 'priority', 'cost', 'hairpin', 'guard', 'root_block', 'fastleave', 'learning', 'flood',
  'mcast_flood', 'bcast_flood', 'mcast_to_unicast', 'proxy_arp', 'proxy_arp_wifi', 'mcast_router', 'mcast_fast_leave', 'neigh_suppress',
  'group_fwd_mask', 'vlan_tunnel', 'isolated', 'locked', 'backup_port', 'nobackup_port'];

export const PORT_STATES = ['disabled', 'listening', 'learning', 'forwarding', 'blocking'] as const;

/** The words behind `type bridge_slave`. */
export function parsePortOptions(args: Args): Partial<BridgePortOptions> {
  const options: Record<string, unknown> = {};
  for (; args.more; args.shift()) {
    const word = PORT_WORDS.find((whole) => matches(args.word, whole));
    if (!word) {
      throw new Failure(`${matches(args.word, 'help') ? '' : `bridge_slave: unknown option "${args.word}"?\n`}${BRIDGE_SLAVE_OPTIONS}`);
    }
    if (word in PORT_FLAGS) readPortFlag(word, args, options);
    else if (word === 'state') options.state = PORT_STATES[readPortNumber('state', args, PORT_STATES.length - 1)];
    else if (word === 'priority') options.priority = readPortNumber('priority', args, U16);
    else if (word === 'cost') options.cost = readPortNumber('cost', args, U32);
    else throw new NotSimulated(`ip link ... type bridge_slave ${word}`);
  }
  return options as Partial<BridgePortOptions>;
}

function readPortNumber(word: string, args: Args, max: number): number {
  const value = parseUnsigned(args.next(), max);
  if (value === null) invalidArgument(`${word} is invalid`, args.word);
  return value;
}

function readPortFlag(word: string, args: Args, options: Record<string, unknown>): void {
  const value = args.next();
  if (value !== 'on' && value !== 'off') invalidArgument(`should be "on" or "off"`, `"${word}"`);
  const key = PORT_FLAGS[word];
  if (key) options[key] = value === 'on';
  else if (value === 'on') throw new NotSimulated(`ip link ... type bridge_slave ${word} on`);
}

/** The words behind `type vlan`; null when no id was given. */
export function parseVlanOptions(args: Args): number | null {
  let id: number | null = null;
  for (; args.more; args.shift()) {
    const word = args.word;
    if (matches(word, 'protocol')) {
      if (args.next().toLowerCase() !== '802.1q') throw new NotSimulated(`ip link ... type vlan protocol ${args.word}`);
    } else if (matches(word, 'id')) {
      id = parseUnsigned(args.next(), U16);
      if (id === null) invalidArgument('id is invalid', args.word);
    } else if (matches(word, 'reorder_hdr')) {
      if (args.next() !== 'on') throw new NotSimulated('ip link ... type vlan reorder_hdr off');
    } else if (['gvrp', 'mvrp', 'loose_binding', 'bridge_binding'].some((whole) => matches(word, whole))) {
      if (args.next() !== 'off') throw new NotSimulated(`ip link ... type vlan ${word} on`);
    } else if (matches(word, 'ingress-qos-map') || matches(word, 'egress-qos-map')) {
      throw new NotSimulated(`ip link ... type vlan ${word}`);
    } else if (matches(word, 'help')) throw new Failure(VLAN_OPTIONS);
    else throw new Failure(`vlan: unknown command "${word}"?\n${VLAN_OPTIONS}`);
  }
  return id;
}
