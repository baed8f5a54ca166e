import { listSockets } from '../../kernel/netlink/sock-diag.ts';
import type { NetNamespace } from '../../kernel/net-namespace.ts';
import type { SocketRow } from '../../kernel/rows.ts';
import { NotSimulated, type Process, type Running } from '../../shell/process.ts';
import { formatIpv4 } from '../../wire/address.ts';
import { findNamespace } from '../iproute2/netns-find.ts';
import { getopt, type LongOption } from '../lib/getopt.ts';
import { serviceName } from '../lib/services.ts';
import { parseFilter, SsError, type Filter } from './filter.ts';
import { STATE_TEXT, stateOf, type StateName, type States } from './states.ts';
import { renderTable, type Line } from './table.ts';
import { SS_USAGE } from './usage.ts';

type Protocol = SocketRow['protocol'];

interface Options {
  readonly protocols: Set<Protocol>;
  /** `-x`, which never lists anything here. */
  unix: boolean;
  numeric: boolean;
  all: boolean;
  listening: boolean;
  processes: boolean;
  header: boolean;
  ipv6: boolean;
  ipv4: boolean;
  netns: string | null;
}

const LONG: readonly LongOption[] = [
  ...Object.entries({
    help: 'h', version: 'V', numeric: 'n', resolve: 'r', all: 'a', listening: 'l', options: 'o', extended: 'e', memory: 'm', processes: 'p', threads: 'T', info: 'i',
    tipcinfo: 'tipcinfo', summary: 's', tos: 'tos', cgroup: 'cgroup', bpf: 'b', events: 'E', context: 'Z', contexts: 'z', ipv4: '4', ipv6: '6', packet: '0', tcp: 't',
    mptcp: 'M', sctp: 'S', udp: 'u', dccp: 'd', raw: 'w', unix: 'x', tipc: 'tipc', vsock: 'vsock', xdp: 'xdp', kill: 'K', 'no-header': 'H', oneline: 'O',
    'inet-sockopt': 'inet-sockopt',
  }).map(([name, is]) => ({ name, argument: 'none' as const, is })),
  ...Object.entries({ net: 'N', family: 'f', query: 'A', socket: 'A', diag: 'D', filter: 'F' }).map(([name, is]) => ({ name, argument: 'required' as const, is })),
];

/** ss(8) of iproute2 6.1, for the sockets of IPv4. */
export function* ss(process: Process): Running {
  yield* [];
  try {
    return run(process);
  } catch (error) {
    if (!(error instanceof SsError)) throw error;
    process.stderr.write(error.message);
    return error.exit;
  }
}

function run(process: Process): number {
  const options: Options = {
    protocols: new Set(), unix: false, numeric: false, all: false, listening: false, processes: false, header: true, ipv6: false, ipv4: false, netns: null,
  };
  const words: string[] = [];
  for (const found of getopt(process.argv.slice(1), 'hVnralopTemistubwxdMSEZzKHO460N:f:A:D:F:', words, LONG)) {
    if ('error' in found) throw new SsError(`ss: ${found.error}\n${SS_USAGE}`, 255);
    const text = setOption(options, found.name, found.value);
    if (text !== null) {
      process.stdout.write(text);
      return 0;
    }
  }
  if (options.protocols.size === 0 && !options.unix) throw new NotSimulated('ss without -t, -u, -w or -x (it lists netlink sockets as well)');
  const ns = options.netns === null ? process.ns : findNamespace(process.machine, options.netns);
  if (ns === null) throw new SsError(`Cannot open network namespace "${options.netns}": No such file or directory\n`, 1);
  process.stdout.write(listing(process, options, parseFilter(words), listSockets(ns)));
  return 0;
}

/** What `ss -H -tuan` prints in a namespace. */
export function dumpSockets(ns: NetNamespace): string {
  const options: Options = {
    protocols: new Set(['tcp', 'udp']), unix: false, numeric: true, all: true, listening: false, processes: false, header: false, ipv6: false, ipv4: false, netns: null,
  };
  return listing(null, options, { states: null, condition: null }, listSockets(ns));
}

/** Text to print instead of a listing; null to go on. */
function setOption(options: Options, name: string, value: string | null): string | null {
  switch (name) {
    case 'h': return SS_USAGE;
    case 'V': return 'ss utility, iproute2-6.1.0\n';
    case 'n': options.numeric = true; break;
    case 'a': options.all = true; break;
    case 'l': options.listening = true; break;
    case 'p': options.processes = true; break;
    case 'H': options.header = false; break;
    case 'O': break;
    case '4': options.ipv4 = true; break;
    case '6': options.ipv6 = true; break;
    case 't': options.protocols.add('tcp'); break;
    case 'u': options.protocols.add('udp'); break;
    case 'w': options.protocols.add('raw'); break;
    case 'x': options.unix = true; break;
    case 'N': options.netns = value; break;
    case 'Z': case 'z': throw new SsError('ss: SELinux is not enabled.\n', 1);
    case 'f':
      if (value !== 'inet') throw new NotSimulated(`ss -f ${value}`);
      options.ipv4 = true;
      break;
    case 'A': setQuery(options, value!); break;
    default: throw new NotSimulated(`ss ${name.length === 1 ? '-' : '--'}${name}`);
  }
  return null;
}

function setQuery(options: Options, query: string): void {
  for (const word of query.split(',')) {
    if (word === 'inet') for (const one of ['tcp', 'udp', 'raw'] as const) options.protocols.add(one);
    else if (word === 'tcp' || word === 'udp' || word === 'raw') options.protocols.add(word);
    else throw new NotSimulated(`ss -A ${word}`);
  }
}

/** States that are listed when nobody names any (filter_db_set). */
function defaultStates(protocol: Protocol, { all, listening }: Options): States {
  if (all) return new Set(Object.keys(STATE_TEXT) as StateName[]);
  if (listening) return new Set<StateName>(protocol === 'tcp' ? ['listening'] : ['closed']);
  return protocol === 'tcp' ? new Set((Object.keys(STATE_TEXT) as StateName[]).filter((name) => !['listening', 'closed', 'time-wait', 'syn-recv'].includes(name))) : new Set(['established']);
}

function listing(process: Process | null, options: Options, filter: Filter, sockets: readonly SocketRow[]): string {
  const hidden = options.ipv6 && !options.ipv4;
  const rows = hidden ? [] : (['raw', 'udp', 'tcp'] as const).filter((protocol) => options.protocols.has(protocol)).flatMap((protocol) => {
    const states = filter.states ?? defaultStates(protocol, options);
    return sockets.filter((row) => row.protocol === protocol && states.has(stateOf(row)) && (filter.condition === null || filter.condition(row)))
      .sort((a, b) => rank(a) - rank(b));
  });
  const only = [...options.protocols].flatMap((protocol) => [...(filter.states ?? defaultStates(protocol, options))]);
  const oneState = !options.unix && new Set(only).size === 1 && !(options.listening && filter.states === null);
  const shown = { netid: options.protocols.size + (options.unix ? 1 : 0) !== 1 || options.unix, state: !oneState, header: options.header };
  return renderTable(rows.map((row) => lineOf(process, options, sockets, row)), shown);
}

/** The kernel lists the listeners of TCP first. */
function rank(row: SocketRow): number {
  return row.state === 'LISTEN' ? 0 : 1;
}

function lineOf(process: Process | null, options: Options, sockets: readonly SocketRow[], row: SocketRow): Line {
  const { protocol, state, local, localPort, remote, remotePort, receiveQueue, sendQueue, device } = row;
  const open = state === 'LISTEN' || state === 'UNCONN';
  const port = (number: number): string => {
    if (number === 0) return '*';
    if (protocol === 'raw') return options.numeric ? String(number) : number === 1 ? 'icmp' : String(number);
    return (options.numeric ? null : serviceName(number, protocol)) ?? String(number);
  };
  return {
    netid: protocol === 'raw' ? 'raw' : protocol, state: STATE_TEXT[stateOf(row)], received: String(receiveQueue).padEnd(6), sent: String(sendQueue).padEnd(6),
    local: `${formatIpv4(local)}${device === null ? '' : `%${device}`}:`, localPort: port(localPort),
    peer: `${open ? '0.0.0.0' : formatIpv4(remote)}:`, peerPort: open ? '*' : port(remotePort),
    process: options.processes && process !== null ? usersOf(process, sockets, row) : '',
  };
}

/** ` users:(("nc",pid=7,fd=3))`: descriptors count from 3 in the order in which a process opened its sockets. */
function usersOf(process: Process, sockets: readonly SocketRow[], row: SocketRow): string {
  const owner = row.pid === 0 ? undefined : process.processes().find(({ pid }) => pid === row.pid);
  if (!owner) return '';
  const descriptor = 3 + sockets.filter((other) => other.pid === row.pid && other.id < row.id).length;
  const name = owner.argv[0]!.split('/').at(-1)!;
  return ` users:(("${name}",pid=${row.pid},fd=${descriptor}))`;
}
