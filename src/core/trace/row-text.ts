import { formatIpv4, formatMac, type Ipv4, type Mac } from '../wire/address.ts';
import type { Change, RowRef } from './change.ts';
import { historyOf } from './history.ts';
import { namesOf } from './names.ts';
import { protocolName } from './packet-name.ts';
import type { NudState, RouteType } from './step.ts';
import type { Trace } from './trace.ts';

/** What the sentences need of the rows; the whole rows are the kernel's. */
interface RouteShape {
  readonly table: number;
  readonly dst: Ipv4;
  readonly prefixLength: number;
  readonly type: RouteType;
  readonly priority: number;
  readonly nexthops: readonly { readonly ifindex: number; readonly via: Ipv4 | null }[];
}
interface RuleShape {
  readonly priority: number;
  readonly src: Ipv4;
  readonly srcLength: number;
  readonly table: number;
  readonly action: string;
}
interface NeighShape {
  readonly ip: Ipv4;
  readonly mac: Mac | null;
  readonly state: NudState;
  readonly ifindex: number;
}
interface FdbShape {
  readonly mac: Mac;
  readonly ifindex: number;
  readonly state: string;
  readonly remote?: { readonly dst: Ipv4 };
}
interface AddrShape {
  readonly local: Ipv4;
  readonly prefixLength: number;
  readonly ifindex: number;
}

interface XtRuleShape {
  readonly table: string;
  readonly chain: string;
  readonly rule: { readonly text: string };
}
interface XtChainShape {
  readonly table: string;
  readonly chain: string;
  readonly policy: string | null;
  readonly rules: readonly number[];
}
interface TupleShape {
  readonly src: Ipv4;
  readonly dst: Ipv4;
  readonly sport: number;
  readonly dport: number;
}
interface ConntrackShape {
  readonly protocol: number;
  readonly original: TupleShape;
  readonly reply: TupleShape;
  readonly seenReply: boolean;
  readonly assured: boolean;
  readonly tcpState: string | null;
}
interface SocketShape {
  readonly protocol: string;
  readonly state: string;
  readonly local: Ipv4;
  readonly localPort: number;
  readonly remote: Ipv4;
  readonly remotePort: number;
}

const TABLES: Readonly<Record<number, string>> = { 253: 'default', 254: 'main', 255: 'local' };

/** `10.0.0.0/8`, `10.0.0.1`, `default`: as ip(8) writes a destination. */
export function formatPrefix(ip: Ipv4, length: number): string {
  if (length === 0) return 'default';
  return length === 32 ? formatIpv4(ip) : `${formatIpv4(ip)}/${length}`;
}

export function tableName(id: number): string {
  return TABLES[id] ?? String(id);
}

/** Behind an IPIP or GRE device a neighbour is told by the other end of the tunnel, which is an address of IPv4. */
function lladdr(trace: Trace, place: string, ifindex: number, mac: Mac, seq: number): string {
  const link = historyOf(trace).rowAt({ table: `${place}#link`, key: String(ifindex) }, seq) as { readonly kind: string } | null;
  return link?.kind === 'ipip' || link?.kind === 'gre' ? formatIpv4(mac) : formatMac(mac);
}

/** A row as the tools would print it, in short, at the time of step `seq`; null when it does not exist then. */
export function rowText(trace: Trace, ref: RowRef, seq: number): string | null {
  const row = historyOf(trace).rowAt(ref, seq);
  return row === null ? null : formatRow(trace, ref, row, seq);
}

/** The same of any version of the row. */
export function formatRow(trace: Trace, ref: RowRef, row: object, seq: number): string {
  const [place, table] = ref.table.split('#') as [string, string];
  const names = namesOf(trace);
  const dev = (ifindex: number): string => names.ifindex(place, ifindex, seq);
  switch (table) {
    case 'route': {
      const { type, dst, prefixLength, nexthops, priority, table: id } = row as RouteShape;
      const hops = nexthops.map(({ ifindex, via }) => `${via === null ? '' : ` via ${formatIpv4(via)}`} dev ${dev(ifindex)}`).join(' nexthop');
      return `${type === 'unicast' ? '' : `${type} `}${formatPrefix(dst, prefixLength)}${hops}${priority === 0 ? '' : ` metric ${priority}`}${id === 254 ? '' : ` table ${tableName(id)}`}`;
    }
    case 'rule': {
      const { priority, src, srcLength, action, table: id } = row as RuleShape;
      return `${priority}: from ${srcLength === 0 ? 'all' : formatPrefix(src, srcLength)} ${action}${action === 'lookup' ? ` ${tableName(id)}` : ''}`;
    }
    case 'neigh': {
      const { ip, mac, state, ifindex } = row as NeighShape;
      return `${formatIpv4(ip)} dev ${dev(ifindex)}${mac === null ? '' : ` lladdr ${lladdr(trace, place, ifindex, mac, seq)}`} ${state}`;
    }
    case 'fdb': {
      const { mac, ifindex, state, remote } = row as FdbShape;
      return `${formatMac(mac)} dev ${dev(ifindex)}${remote ? ` dst ${formatIpv4(remote.dst)}` : ''}${state === 'learned' ? '' : ` ${state}`}`;
    }
    case 'addr': {
      const { local, prefixLength, ifindex } = row as AddrShape;
      return `${formatIpv4(local)}/${prefixLength} dev ${dev(ifindex)}`;
    }
    case 'xtrule': {
      const { table: name, chain, rule } = row as XtRuleShape;
      return `${name === 'filter' ? '' : `-t ${name} `}-A ${chain} ${rule.text}`.trimEnd();
    }
    case 'xtchain': {
      const { table: name, chain, policy, rules } = row as XtChainShape;
      return `${name} ${chain}${policy === null ? '' : ` (policy ${policy})`}, ${rules.length === 1 ? '1 rule' : `${rules.length} rules`}`;
    }
    case 'conntrack': return formatConnection(row as ConntrackShape);
    case 'socket': {
      const { protocol, state, local, localPort, remote, remotePort } = row as SocketShape;
      return `${protocol} ${state} ${formatIpv4(local)}:${localPort}${remotePort === 0 ? '' : ` → ${formatIpv4(remote)}:${remotePort}`}`;
    }
    default: {
      const shape = row as Record<string, unknown>;
      if (typeof shape.value === 'string') return `${ref.key} = ${shape.value}`;
      return typeof shape.name === 'string' ? shape.name : ref.key;
    }
  }
}

/** As conntrack(8) lists it, without what is not about the connection itself. */
function formatConnection({ protocol, original, reply, seenReply, assured, tcpState }: ConntrackShape): string {
  const tuple = ({ src, dst, sport, dport }: TupleShape): string => {
    const ports = protocol === 1 ? ` type=${dport >> 8} id=${sport}` : protocol === 6 || protocol === 17 ? ` sport=${sport} dport=${dport}` : '';
    return `src=${formatIpv4(src)} dst=${formatIpv4(dst)}${ports}`;
  };
  const name = protocolName(protocol).toLowerCase();
  return `${name}${tcpState === null ? '' : ` ${tcpState}`} ${tuple(original)}${seenReply ? '' : ' [UNREPLIED]'} ${tuple(reply)}${assured ? ' [ASSURED]' : ''}`;
}

const NOUNS: Readonly<Record<string, string>> = {
  link: 'device', addr: 'address', route: 'route', rule: 'rule', neigh: 'neighbour', proxy: 'proxy neighbour', fdb: 'forwarding entry', vlan: 'VLAN', sysctl: 'setting',
  xtrule: 'rule', xtchain: 'chain', conntrack: 'connection', socket: 'socket', ipset: 'set',
};

/** What a change of a row is, in words: `new address 10.0.0.1/24 dev eth0`, `device veth1: up false → true`, `route 10.0.0.0/24 dev eth0 is gone`. */
export function changeText(trace: Trace, change: Change, seq: number): string {
  const table = change.table.split('#')[1]!;
  const noun = NOUNS[table] ?? table;
  const { before, after } = change;
  if (after === null) return before === null ? `${noun} ${change.key} is gone` : `${noun} ${formatRow(trace, change, before, seq - 1)} is gone`;
  const text = formatRow(trace, change, after, seq);
  if (before === null) return `new ${noun} ${text}`;
  const fields = table === 'link' || table === 'sysctl' ? fieldChanges(before as Record<string, unknown>, after as Record<string, unknown>) : [];
  return fields.length === 0 ? `${noun} ${text}` : `${noun} ${table === 'sysctl' ? change.key : text}: ${fields.join(', ')}`;
}

function fieldChanges(before: Readonly<Record<string, unknown>>, after: Readonly<Record<string, unknown>>): string[] {
  const show = (key: string, value: unknown): string => (key === 'mac' ? formatMac(value as Mac) : String(value ?? 'none'));
  return Object.keys(after)
    .filter((key) => before[key] !== after[key] && (typeof after[key] !== 'object' || after[key] === null) && (typeof before[key] !== 'object' || before[key] === null))
    .map((key) => `${key} ${show(key, before[key])} → ${show(key, after[key])}`);
}

/** The same for all rows that a step wrote. */
export function changeTexts(trace: Trace, seq: number): string[] {
  return (trace.steps[seq]?.changes ?? []).map((change) => changeText(trace, change, seq));
}
