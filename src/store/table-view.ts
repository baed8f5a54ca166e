import {
  formatIpv4, formatMac, isMulticastMac,
  type AddrRow, type ConntrackRow, type ConntrackTuple, type FdbRow, type IpSetRow, type LinkRow, type NeighRow, type NextHop, type ProxyNeighRow, type RouteRow, type RuleRow, type SocketRow, type State, type SysctlRow, type VlanRow,
  type XtChainRow, type XtRuleRow,
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
export const TABLES = ['neigh', 'fdb', 'route', 'addr', 'link', 'rule', 'proxy', 'vlan', 'sysctl', 'xtrule', 'conntrack', 'socket', 'ipset'] as const;
export type TableId = (typeof TABLES)[number];

export const TABLE_TITLES: Readonly<Record<TableId, string>> = {
  neigh: 'Neighbours', fdb: 'FDB', route: 'Routes', addr: 'Addresses', link: 'Links', rule: 'Routing rules', proxy: 'Proxy', vlan: 'VLANs', sysctl: 'Sysctls',
  xtrule: 'iptables', conntrack: 'Connections', socket: 'Sockets', ipset: 'Sets',
};

const COMMANDS: Readonly<Record<TableId, string>> = {
  neigh: 'ip neigh show nud all', fdb: 'bridge fdb show', route: 'ip route show table all', addr: 'ip addr show', link: 'ip link show', rule: 'ip rule show',
  proxy: 'ip neigh show proxy', vlan: 'bridge vlan show', sysctl: 'sysctl -a',
  xtrule: 'iptables-save -c', conntrack: 'conntrack -L', socket: 'ss -tuan', ipset: 'ipset list',
};

interface Shape {
  readonly columns: readonly string[];
  /** Columns that are left out where no row has anything for them. */
  readonly optional?: readonly string[];
  readonly cells: (row: never, dev: (ifindex: number) => string, now: number | null) => string[];
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
    columns: ['mac', 'dev', 'dst', 'vlan', 'state', 'bridge'],
    optional: ['dst', 'vlan'],
    cells: (row: FdbRow, dev) => [
      formatMac(row.mac), dev(row.ifindex), remoteText(row, dev), row.vlan === 0 ? '' : String(row.vlan), row.state, row.remote ? 'self' : row.bridge === 0 ? '' : dev(row.bridge),
    ],
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
    columns: ['#', 'name', 'mtu', 'state', 'kind', 'mac', 'master'],
    cells: (row: LinkRow, dev) => [
      String(row.ifindex), row.name, String(row.mtu), row.up ? (row.carrier ? 'up' : 'no carrier') : 'down', `${row.kind === 'nic' ? 'cable' : row.kind}${vxlanText(row, dev)}${tunnelText(row, dev)}`,
      row.kind === 'ipip' || row.kind === 'gre' ? formatIpv4(row.mac) : formatMac(row.mac), row.master === 0 ? '' : dev(row.master),
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
  xtrule: { columns: ['chain', 'pkts', 'bytes', 'rule'], cells: (row: XtRuleRow | XtChainRow) => xtCells(row) },
  conntrack: {
    columns: ['proto, state', 'original, reply, flags', 'left, s'],
    cells: (row: ConntrackRow, _dev, now) => [
      `${PROTOCOLS[row.protocol] ?? row.protocol}\n${row.tcpState ?? (row.seenReply ? 'replied' : 'unreplied')}`, [tuple(row, row.original), tuple(row, row.reply), conntrackFlags(row)].filter((line) => line !== '').join('\n'),
      now === null ? '' : String(Math.max(0, Math.ceil((row.expires - now) / 1e9))),
    ],
  },
  socket: {
    columns: ['proto, state', 'local, peer', 'recv-q', 'send-q', 'pid'],
    cells: (row: SocketRow) => [
      `${row.protocol}\n${row.state}`, `${endpoint(row.local, row.localPort)}${row.device === null ? '' : `%${row.device}`}\n${endpoint(row.remote, row.remotePort)}`,
      String(row.receiveQueue), String(row.sendQueue), row.pid === 0 ? '' : String(row.pid),
    ],
  },
  ipset: { columns: ['name', 'type', 'references', 'members'], cells: (row: IpSetRow) => [row.name, row.type, String(row.references), row.members.join(', ')] },
};

const PROTOCOLS: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp' };

function endpoint(ip: number, port: number): string {
  return `${ip === 0 ? '*' : formatIpv4(ip)}:${port === 0 ? '*' : port}`;
}

function tuple({ protocol }: ConntrackRow, { src, dst, sport, dport }: ConntrackTuple): string {
  if (protocol === 6 || protocol === 17) return `${formatIpv4(src)}:${sport} → ${formatIpv4(dst)}:${dport}`;
  return `${formatIpv4(src)} → ${formatIpv4(dst)}${protocol === 1 ? ` type ${dport >> 8} id ${sport}` : ''}`;
}

function conntrackFlags(row: ConntrackRow): string {
  return [
    row.confirmed ? '' : 'unconfirmed', row.seenReply ? '' : 'UNREPLIED', row.assured ? 'ASSURED' : '', row.srcNat ? 'SNAT' : '', row.dstNat ? 'DNAT' : '',
    row.mark === 0 ? '' : `mark ${row.mark}`, row.zone === 0 ? '' : `zone ${row.zone}`, row.master === 0 ? '' : 'RELATED',
  ].filter((flag) => flag !== '').join(' ');
}

/** A rule as iptables -S prints it, with its counters; a chain's line has what its policy decided. */
function xtCells(row: XtRuleRow | XtChainRow): string[] {
  if ('rule' in row) return [row.chain, String(row.packets), String(row.bytes), row.rule.text === '' ? '(every packet)' : row.rule.text];
  const name = `${row.table} ${row.chain}`;
  return row.policy === null ? [name, '', '', row.rules.length === 0 ? 'no rules' : ''] : [name, String(row.packets), String(row.bytes), `policy ${row.policy}`];
}

const XT_ORDER = ['raw', 'mangle', 'nat', 'filter', 'security'];
/** Keys of chains, among the keys of rules. */
export const CHAIN_KEY = 'chain:';

/** Table by table, chain by chain: each chain's own line, then its rules in order. */
function xtRows(state: State, place: string): [string, object][] {
  const rules = tableOf<XtRuleRow>(state, place, 'xtrule');
  const chains = [...tableOf<XtChainRow>(state, place, 'xtchain')].sort(([, a], [, b]) => XT_ORDER.indexOf(a.table) - XT_ORDER.indexOf(b.table));
  return chains.flatMap(([key, chain]) => {
    const own = chain.rules.flatMap((handle): [string, object][] => {
      const row = rules.get(`${chain.table}/${handle}`);
      return row ? [[`${chain.table}/${handle}`, row]] : [];
    });
    const quiet = chain.policy === 'ACCEPT' && own.length === 0 && chain.packets === 0;
    return quiet ? [] : [[`${CHAIN_KEY}${key}`, chain] as [string, object], ...own];
  });
}

/** Where an entry of a VXLAN device leads: the other end, and below it what differs from what the device says. */
function remoteText({ remote }: FdbRow, dev: (ifindex: number) => string): string {
  if (!remote) return '';
  const number = [remote.port === null ? '' : `port ${remote.port}`, remote.vni === null ? '' : `vni ${remote.vni}`].filter((part) => part !== '').join(' ');
  return [formatIpv4(remote.dst), number, remote.via === 0 ? '' : `via ${dev(remote.via)}`, remote.byDefault ? 'by default' : ''].filter((line) => line !== '').join('\n');
}

/** What a VXLAN device was told, as `ip -d link` has it. */
function vxlanText({ vxlan }: LinkRow, dev: (ifindex: number) => string): string {
  if (!vxlan) return '';
  const parts = [
    `id ${vxlan.vni}`, vxlan.remote === null ? '' : `${vxlan.remote >= 0xe000_0000 ? 'group' : 'remote'} ${formatIpv4(vxlan.remote)}`, vxlan.local === null ? '' : `local ${formatIpv4(vxlan.local)}`,
    vxlan.link === 0 ? '' : `dev ${dev(vxlan.link)}`, `dstport ${vxlan.dstport}`, vxlan.learning ? '' : 'nolearning', vxlan.proxy ? 'proxy' : '', vxlan.rsc ? 'rsc' : '', vxlan.l2miss ? 'l2miss' : '', vxlan.l3miss ? 'l3miss' : '',
  ].filter((part) => part !== '');
  return `\n${parts.join('\n')}`;
}

function tunnelText({ tunnel }: LinkRow, dev: (ifindex: number) => string): string {
  if (!tunnel) return '';
  const address = (ip: number): string => (ip === 0 ? 'any' : formatIpv4(ip));
  const parts = [
    `local ${address(tunnel.local)}`, `remote ${address(tunnel.remote)}`, tunnel.link === 0 ? '' : `dev ${dev(tunnel.link)}`, `ttl ${tunnel.ttl === 0 ? 'inherit' : tunnel.ttl}`,
    tunnel.okey === null ? '' : `key ${tunnel.okey}`, tunnel.pmtudisc ? '' : 'nopmtudisc',
  ].filter((part) => part !== '');
  return `\n${parts.join('\n')}`;
}

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
  const [place, table] = tableId.split('#') as [string, string];
  const shape = SHAPES[tableNamed(table) ?? 'neigh'];
  const cells = tableNamed(table) ? shape.cells(row as never, deviceNamer(state, place), null) : [];
  return table === 'xtrule' ? [(row as XtRuleRow).table, ...cells] : cells;
}

/** The table of the panel that shows rows of a kernel table; chains stand among their rules. Null when none does. */
export function tableNamed(table: string): TableId | null {
  return table === 'xtchain' ? 'xtrule' : (TABLES.find((one) => one === table) ?? null);
}

/** A table of a namespace at a state. Sysctls show only what a command has set, and forwarding. `now`, in nanoseconds, is for what runs out. */
export function tableView(state: State, place: string, table: TableId, now: number | null = null): TableView {
  const shape = SHAPES[table];
  const dev = deviceNamer(state, place);
  const rank = shape.rank ?? (() => 0);
  const source = table === 'xtrule' ? xtRows(state, place) : [...tableOf(state, place, table)].sort(([, a], [, b]) => rank(a as never) - rank(b as never));
  const rows = source.map(([key, row]) => ({ key, cells: shape.cells(row as never, dev, now) }));
  const shown = shape.columns.map((column, index) => !shape.optional?.includes(column) || rows.some(({ cells }) => cells[index] !== ''));
  const kept = <T>(list: readonly T[]): readonly T[] => list.filter((_, index) => shown[index]);
  return { title: TABLE_TITLES[table], command: COMMANDS[table], columns: kept(shape.columns), rows: rows.map(({ key, cells }) => ({ key, cells: kept(cells) })) };
}
