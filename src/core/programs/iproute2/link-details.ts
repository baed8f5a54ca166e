import { formatMac, MAC_ZERO, type Mac } from '../../wire/address.ts';
import type { NetNamespace } from '../../kernel/net-namespace.ts';
import { tunnelMtuLimits } from '../../kernel/devices/ip-tunnel/ip-tunnel.ts';
import type { BridgeOptions, BridgePortOptions, LinkRow, TunnelKind } from '../../kernel/rows.ts';
import type { Ip } from './ip-context.ts';
import { deviceOf, infoKind, type LinkMap } from './links.ts';
import type { LinkView } from './link-show.ts';
import { printTunnel } from './link-tunnel.ts';
import { printVxlan } from './link-vxlan-show.ts';
import type { Printer } from './printer.ts';

/** Queues of a veth: one for each processor; a machine of ours has two. */
const PROCESSORS = 2;

/** What `-d` adds to a link: promiscuity, limits, the options of its kind and of its bridge port, queues and offload sizes. */
export function printLinkDetails(ip: Ip, p: Printer, links: LinkMap, row: LinkRow, view: LinkView): void {
  const bridged = row.port !== null ? 1 : 0;
  p.any('promiscuity', row.promiscuity, ` promiscuity ${row.promiscuity} `);
  p.any('allmulti', bridged + (row.allmulti ? 1 : 0), ` allmulti ${bridged + (row.allmulti ? 1 : 0)} `);
  const [min, max] = mtuLimits(ip, row);
  p.any('min_mtu', min, `minmtu ${min} `);
  p.any('max_mtu', max, `maxmtu ${max} `);
  printLinkInfo(ip, p, links, row);
  if (view === 'link') p.any('inet6_addr_gen_mode', 'eui64', 'addrgenmode eui64 ');
  const queues = infoKind(row) === 'veth' ? PROCESSORS : 1;
  p.any('num_tx_queues', queues, `numtxqueues ${queues} `);
  p.any('num_rx_queues', queues, `numrxqueues ${queues} `);
  p.any('gso_max_size', 65536, 'gso_max_size 65536 ');
  p.any('gso_max_segs', 65535, 'gso_max_segs 65535 ');
  const tsoMaxSize = deviceOf(ip.ns, row)!.tsoMaxSize;
  p.any('tso_max_size', tsoMaxSize, `tso_max_size ${tsoMaxSize} `);
  p.any('tso_max_segs', 65535, 'tso_max_segs 65535 ');
  p.any('gro_max_size', 65536, 'gro_max_size 65536 ');
}

function mtuLimits(ip: Ip, row: LinkRow): readonly [number, number] {
  const tunnel = deviceOf(ip.ns, row)?.tunnel;
  if (tunnel) return tunnelMtuLimits(tunnel);
  if (row.kind === 'loopback') return [0, 0];
  return row.kind === 'vlan' ? [0, 65535] : [68, 65535];
}

function printLinkInfo(ip: Ip, p: Printer, links: LinkMap, row: LinkRow): void {
  const kind = infoKind(row);
  if (kind === null) return;
  p.openObject('linkinfo');
  p.text(p.newline);
  p.any('info_kind', kind, `    ${kind} `);
  if (row.kind === 'bridge' && row.bridge) {
    p.openObject('info_data');
    printBridge(p, row.bridge, bridgeIdOf(ip.ns, row));
    p.closeObject();
  }
  if (row.kind === 'vlan' && row.vlanId !== null) printVlan(p, row.vlanId);
  if (row.tunnel) {
    p.openObject('info_data');
    printTunnel(p, links, row.kind as TunnelKind, row.tunnel);
    p.closeObject();
  }
  if (row.vxlan) {
    p.openObject('info_data');
    printVxlan(p, row.vxlan, links.name(row.vxlan.link));
    p.closeObject();
  }
  const master = links.get(row.master);
  if (row.port && master?.bridge) {
    p.text(p.newline);
    p.any('info_slave_kind', 'bridge', '    bridge_slave ');
    p.openObject('info_slave_data');
    printPort(p, row.port, bridgeIdOf(ip.ns, master));
    p.closeObject();
  }
  p.closeObject();
}

function printVlan(p: Printer, id: number): void {
  p.openObject('info_data');
  p.any('protocol', '802.1Q', 'protocol 802.1Q ');
  p.any('id', id, `id ${id} `);
  p.openArray('flags');
  p.value(null, 'REORDER_HDR');
  p.closeArray();
  p.text('<REORDER_HDR> ');
  p.closeObject();
}

/** The address in a bridge's identifier: its MAC, but 0 while nobody chose one and it has no port to take one from. */
export function bridgeIdMac(ns: NetNamespace, bridge: LinkRow): Mac {
  const device = ns.devices.get(bridge.ifindex);
  return device && (device.macChosen || device.ports.length > 0) ? bridge.mac : MAC_ZERO;
}

/** `8000.2:0:0:0:0:9`: priority in four hex digits, the bytes of the MAC without leading zeros (br_dump_bridge_id). */
function bridgeIdOf(ns: NetNamespace, bridge: LinkRow): string {
  const bytes = formatMac(bridgeIdMac(ns, bridge)).split(':').map((byte) => Number.parseInt(byte, 16).toString(16));
  return `${(bridge.bridge?.priority ?? 0).toString(16).padStart(4, '0')}.${bytes.join(':')}`;
}

function number(p: Printer, key: string, label: string, value: number): void {
  p.any(key, value, `${label} ${value} `);
}

function timer(p: Printer, key: string): void {
  p.seconds(key, 0, `${key} ${'0.00'.padStart(7)} `);
}

function hex(value: number): string {
  return value === 0 ? '0' : `0x${value.toString(16)}`;
}

/** bridge_print_opt. The timers stand still: they say how much of a second is left, which no command of ours depends on. */
function printBridge(p: Printer, bridge: BridgeOptions, id: string): void {
  number(p, 'forward_delay', 'forward_delay', bridge.forwardDelay);
  number(p, 'hello_time', 'hello_time', bridge.helloTime);
  number(p, 'max_age', 'max_age', bridge.maxAge);
  number(p, 'ageing_time', 'ageing_time', bridge.ageingTime);
  number(p, 'stp_state', 'stp_state', bridge.stp ? 1 : 0);
  number(p, 'priority', 'priority', bridge.priority);
  number(p, 'vlan_filtering', 'vlan_filtering', bridge.vlanFiltering ? 1 : 0);
  if (bridge.vlanFiltering) p.any('vlan_protocol', '802.1Q', 'vlan_protocol 802.1Q ');
  p.any('bridge_id', id, `bridge_id ${id} `);
  p.any('root_id', id, `designated_root ${id} `);
  for (const key of ['root_port', 'root_path_cost', 'topology_change', 'topology_change_detected']) number(p, key, key, 0);
  for (const key of ['hello_timer', 'tcn_timer', 'topology_change_timer', 'gc_timer']) timer(p, key);
  if (bridge.vlanFiltering) {
    number(p, 'vlan_default_pvid', 'vlan_default_pvid', bridge.vlanDefaultPvid);
    number(p, 'vlan_stats_enabled', 'vlan_stats_enabled', 0);
    number(p, 'vlan_stats_per_port', 'vlan_stats_per_port', 0);
  }
  p.any('group_fwd_mask', hex(bridge.groupFwdMask), `group_fwd_mask ${hex(bridge.groupFwdMask)} `);
  p.any('group_addr', '01:80:c2:00:00:00', 'group_address 01:80:c2:00:00:00 ');
  number(p, 'mcast_snooping', 'mcast_snooping', bridge.mcastSnooping ? 1 : 0);
  for (const [key, label, value] of MULTICAST) number(p, key, label, value);
}

/** What else a bridge has, as this kernel begins it; none of it can be set here. */
const MULTICAST: readonly (readonly [key: string, label: string, value: number])[] = [
  ['no_linklocal_learn', 'no_linklocal_learn', 0],
  ['mcast_vlan_snooping', 'mcast_vlan_snooping', 0],
  ['mcast_router', 'mcast_router', 1],
  ['mcast_query_use_ifaddr', 'mcast_query_use_ifaddr', 0],
  ['mcast_querier', 'mcast_querier', 0],
  ['mcast_hash_elasticity', 'mcast_hash_elasticity', 16],
  ['mcast_hash_max', 'mcast_hash_max', 4096],
  ['mcast_last_member_cnt', 'mcast_last_member_count', 2],
  ['mcast_startup_query_cnt', 'mcast_startup_query_count', 2],
  ['mcast_last_member_intvl', 'mcast_last_member_interval', 100],
  ['mcast_membership_intvl', 'mcast_membership_interval', 26000],
  ['mcast_querier_intvl', 'mcast_querier_interval', 25500],
  ['mcast_query_intvl', 'mcast_query_interval', 12500],
  ['mcast_query_response_intvl', 'mcast_query_response_interval', 1000],
  ['mcast_startup_query_intvl', 'mcast_startup_query_interval', 3124],
  ['mcast_stats_enabled', 'mcast_stats_enabled', 0],
  ['mcast_igmp_version', 'mcast_igmp_version', 2],
  ['mcast_mld_version', 'mcast_mld_version', 1],
  ['nf_call_iptables', 'nf_call_iptables', 0],
  ['nf_call_ip6tables', 'nf_call_ip6tables', 0],
  ['nf_call_arptables', 'nf_call_arptables', 0],
];

function flag(p: Printer, key: string, label: string, value: boolean): void {
  p.any(key, value, `${label} ${value ? 'on' : 'off'} `);
}

/** bridge_slave_print_opt. */
function printPort(p: Printer, port: BridgePortOptions, id: string): void {
  const portId = port.priority * 1024 + port.no;
  p.any('state', port.state, `state ${port.state} `);
  number(p, 'priority', 'priority', port.priority);
  number(p, 'cost', 'cost', port.cost);
  flag(p, 'hairpin', 'hairpin', port.hairpin);
  flag(p, 'guard', 'guard', port.guard);
  flag(p, 'root_block', 'root_block', port.rootBlock);
  flag(p, 'fastleave', 'fastleave', port.fastleave);
  flag(p, 'learning', 'learning', port.learning);
  flag(p, 'flood', 'flood', port.flood);
  p.any('id', hex(portId), `port_id ${hex(portId)} `);
  p.any('no', hex(port.no), `port_no ${hex(port.no)} `);
  number(p, 'designated_port', 'designated_port', portId);
  number(p, 'designated_cost', 'designated_cost', 0);
  p.any('bridge_id', id, `designated_bridge ${id} `);
  p.any('root_id', id, `designated_root ${id} `);
  for (const key of ['hold_timer', 'message_age_timer', 'forward_delay_timer']) timer(p, key);
  number(p, 'topology_change_ack', 'topology_change_ack', 0);
  number(p, 'config_pending', 'config_pending', 0);
  flag(p, 'proxy_arp', 'proxy_arp', port.proxyArp);
  flag(p, 'proxy_arp_wifi', 'proxy_arp_wifi', port.proxyArpWifi);
  number(p, 'multicast_router', 'mcast_router', 1);
  p.text(`mcast_fast_leave ${port.fastleave ? 'on' : 'off'} `);
  flag(p, 'mcast_flood', 'mcast_flood', port.mcastFlood);
  flag(p, 'bcast_flood', 'bcast_flood', port.bcastFlood);
  flag(p, 'mcast_to_unicast', 'mcast_to_unicast', false);
  flag(p, 'neigh_suppress', 'neigh_suppress', port.neighSuppress);
  p.any('group_fwd_mask', '0', 'group_fwd_mask 0 ');
  p.any('group_fwd_mask_str', '0x0', 'group_fwd_mask_str 0x0 ');
  flag(p, 'vlan_tunnel', 'vlan_tunnel', false);
  flag(p, 'isolated', 'isolated', port.isolated);
  flag(p, 'locked', 'locked', false);
}
