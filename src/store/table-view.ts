import {
  formatIpv4, formatMac, isMulticastMac,
  type AddrRow, type FdbRow, type LinkRow, type NeighRow, type NextHop, type ProxyNeighRow, type RouteRow, type RuleRow, type State, type SysctlRow, type VlanRow,
} from '../core/index.ts';
import { tableOf } from './topology.ts';

/** A table as the reader sees it: named columns, rows of text with the key they have in the trace. */
export interface TableView {
  readonly title: string;
  /** The command that would show it. */
  readonly command: string;
  readonly columns: readonly string[];
  readonly rows: readonly { readonly key: string; readonly cells: readonly string[] }[];
}

/** Tables that a reader can open, in the order of the tabs. */
export const TABLES = ['neigh', 'fdb', 'route', 'addr', 'link', 'rule', 'proxy', 'vlan', 'sysctl'] as const;
export type TableId = (typeof TABLES)[number];

export const TABLE_TITLES: Readonly<Record<TableId, string>> = {
  neigh: 'Neighbours', fdb: 'FDB', route: 'Routes', addr: 'Addresses', link: 'Links', rule: 'Rules', proxy: 'Proxy', vlan: 'VLANs', sysctl: 'Sysctls',
};

const COMMANDS: Readonly<Record<TableId, string>> = {
  neigh: 'ip neigh show nud all', fdb: 'bridge fdb show', route: 'ip route show table all', addr: 'ip addr show', link: 'ip link show', rule: 'ip rule show',
  proxy: 'ip neigh show proxy', vlan: 'bridge vlan show', sysctl: 'sysctl -a',
};

interface Shape {
  readonly columns: readonly string[];
  readonly cells: (row: never, dev: (ifindex: number) => string) => string[];
  /** Rows with a lower rank are shown first; without it, and within a rank, the kernel's order. */
  readonly rank?: (row: never) => number;
}

const RT_TABLE_LOCAL = 255;
const ROUTE_TABLES: Readonly<Record<number, string>> = { 255: 'local', 254: 'main', 253: 'default' };

export function routeTableName(table: number): string {
  return ROUTE_TABLES[table] ?? String(table);
}

const SHAPES: Readonly<Record<TableId, Shape>> = {
  neigh: {
    columns: ['address', 'dev', 'lladdr', 'state'],
    cells: (row: NeighRow, dev) => [formatIpv4(row.ip), dev(row.ifindex), row.mac === null ? '—' : formatMac(row.mac), row.state],
  },
  fdb: {
    columns: ['mac', 'dev', 'vlan', 'state', 'bridge'],
    cells: (row: FdbRow, dev) => [formatMac(row.mac), dev(row.ifindex), row.vlan === 0 ? '' : String(row.vlan), row.state, row.bridge === 0 ? '' : dev(row.bridge)],
    rank: (row: FdbRow) => (row.state !== 'permanent' ? 0 : isMulticastMac(row.mac) ? 2 : 1),
  },
  route: {
    columns: ['destination', 'via', 'dev', 'src', 'scope', 'metric', 'table', 'proto'],
    cells: (row: RouteRow, dev) => [
      `${row.type === 'unicast' ? '' : `${row.type} `}${row.prefixLength === 0 ? 'default' : prefix(row.dst, row.prefixLength)}`,
      hops(row.nexthops, (hop) => (hop.via === null ? '' : formatIpv4(hop.via))),
      hops(row.nexthops, (hop) => `${hop.ifindex === 0 ? '' : dev(hop.ifindex)}${hop.dead ? ' dead' : hop.linkdown ? ' linkdown' : ''}`),
      row.prefsrc === null ? '' : formatIpv4(row.prefsrc), row.scope, row.priority === 0 ? '' : String(row.priority), routeTableName(row.table), row.protocol,
    ],
    rank: (row: RouteRow) => (row.table === RT_TABLE_LOCAL ? 1 : 0),
  },
  addr: {
    columns: ['address', 'dev', 'broadcast', 'scope', ''],
    cells: (row: AddrRow, dev) => [
      `${formatIpv4(row.local)}${row.address === row.local ? '' : ` peer ${formatIpv4(row.address)}`}/${row.prefixLength}`,
      dev(row.ifindex), row.broadcast === null ? '' : formatIpv4(row.broadcast), row.scope, row.secondary ? 'secondary' : '',
    ],
  },
  link: {
    columns: ['#', 'name', 'kind', 'state', 'mac', 'mtu', 'master'],
    cells: (row: LinkRow, dev) => [
      String(row.ifindex), row.name, row.kind === 'nic' ? 'cable' : row.kind, row.up ? (row.carrier ? 'up' : 'no carrier') : 'down', formatMac(row.mac), String(row.mtu), row.master === 0 ? '' : dev(row.master),
    ],
  },
  rule: {
    columns: ['priority', 'selector', 'action'],
    cells: (row: RuleRow) => [String(row.priority), selector(row), row.action === 'lookup' ? `lookup ${routeTableName(row.table)}` : row.action],
  },
  proxy: { columns: ['address', 'dev'], cells: (row: ProxyNeighRow, dev) => [formatIpv4(row.ip), dev(row.ifindex)] },
  vlan: {
    columns: ['dev', 'vlan', 'flags'],
    cells: (row: VlanRow, dev) => [dev(row.ifindex), String(row.vid), [row.pvid ? 'PVID' : '', row.untagged ? 'Egress Untagged' : ''].filter(Boolean).join(' ')],
  },
  sysctl: { columns: ['name', 'value'], cells: (row: SysctlRow) => [row.name, row.value] },
};

function prefix(ip: number, length: number): string {
  return length === 32 ? formatIpv4(ip) : `${formatIpv4(ip)}/${length}`;
}

function hops(nexthops: readonly NextHop[], text: (hop: NextHop) => string): string {
  return nexthops.map(text).filter((piece) => piece !== '').join(', ');
}

function selector(row: RuleRow): string {
  const parts = [
    `${row.not ? 'not ' : ''}from ${row.srcLength === 0 ? 'all' : prefix(row.src, row.srcLength)}`,
    row.dstLength === 0 ? '' : `to ${prefix(row.dst, row.dstLength)}`,
    row.fwmark === 0 ? '' : `fwmark 0x${row.fwmark.toString(16)}`,
    row.iif === null ? '' : `iif ${row.iif}`,
    row.oif === null ? '' : `oif ${row.oif}`,
  ];
  return parts.filter((part) => part !== '').join(' ');
}

function deviceNamer(state: State, place: string): (ifindex: number) => string {
  const links = tableOf<LinkRow>(state, place, 'link');
  return (ifindex) => links.get(String(ifindex))?.name ?? `if${ifindex}`;
}

/** One row as text, for whoever names it by table and key; null when it is not there. */
export function rowCells(state: State, tableId: string, row: object): readonly string[] {
  const [place, table] = tableId.split('#') as [string, TableId];
  const shape = SHAPES[table];
  return shape ? shape.cells(row as never, deviceNamer(state, place)) : [];
}

/** A table of a namespace at a state. Sysctls show only what a command has set, and forwarding. */
export function tableView(state: State, place: string, table: TableId): TableView {
  const shape = SHAPES[table];
  const dev = deviceNamer(state, place);
  const rank = shape.rank ?? (() => 0);
  const rows = [...tableOf(state, place, table)].sort(([, a], [, b]) => rank(a as never) - rank(b as never)).map(([key, row]) => ({ key, cells: shape.cells(row as never, dev) }));
  return { title: TABLE_TITLES[table], command: COMMANDS[table], columns: shape.columns, rows };
}
