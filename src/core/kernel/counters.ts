import { ICMP_NAMES, IP_EXT_NAMES, IP_NAMES, MPTCP_EXT_NAMES, TCP_EXT_NAMES, TCP_NAMES, UDP_NAMES } from './counter-names.ts';
import { addIcmpMib } from './icmp-counters.ts';
import type { NetNamespace } from './net-namespace.ts';
import { sysctlInt } from './sysctl.ts';

/** The counters that every packet moves, as fields: a name lookup for each would cost more than the forwarding. */
export interface IpStats {
  inReceives: number;
  inOctets: number;
  inDelivers: number;
  forwDatagrams: number;
  outRequests: number;
  outTransmits: number;
  outOctets: number;
  /** InNoECTPkts, InECT1Pkts, InECT0Pkts, InCEPkts: by the two ECN bits. */
  readonly ecn: [number, number, number, number];
}

export function newIpStats(): IpStats {
  return { inReceives: 0, inOctets: 0, inDelivers: 0, forwDatagrams: 0, outRequests: 0, outTransmits: 0, outOctets: 0, ecn: [0, 0, 0, 0] };
}

/** Every counter of a namespace that is not zero, by its name in /proc/net/snmp and netstat: `Ip.InAddrErrors`. */
export function readCounters(ns: NetNamespace): Map<string, number> {
  const all = new Map(ns.counters);
  const { stats } = ns.inet;
  const hot: readonly [string, number][] = [
    ['Ip.InReceives', stats.inReceives], ['Ip.InDelivers', stats.inDelivers], ['Ip.ForwDatagrams', stats.forwDatagrams],
    ['Ip.OutRequests', stats.outRequests], ['Ip.OutTransmits', stats.outTransmits], ['IpExt.InOctets', stats.inOctets],
    ['IpExt.OutOctets', stats.outOctets], ['IpExt.InNoECTPkts', stats.ecn[0]], ['IpExt.InECT1Pkts', stats.ecn[1]],
    ['IpExt.InECT0Pkts', stats.ecn[2]], ['IpExt.InCEPkts', stats.ecn[3]],
  ];
  for (const [name, value] of hot) if (value > 0) all.set(name, (all.get(name) ?? 0) + value);
  addIcmpMib(all);
  return all;
}

function block(prefix: string, names: readonly string[], value: (name: string) => number): string {
  return `${prefix}: ${names.join(' ')}\n${prefix}: ${names.map(value).join(' ')}\n`;
}

/** The types of ICMP seen, in and out; nothing when none was (icmpmsg_put). */
function icmpMsgBlock(counters: ReadonlyMap<string, number>): string {
  const types = [...counters.keys()].filter((name) => name.startsWith('IcmpMsg.'));
  if (types.length === 0) return '';
  const order = (name: string): number => Number(name.replace(/\D+/, '')) + (name.startsWith('IcmpMsg.Out') ? 256 : 0);
  const sorted = types.sort((a, b) => order(a) - order(b));
  let text = '';
  for (let i = 0; i < sorted.length; i += 16) {
    const line = sorted.slice(i, i + 16);
    text += `IcmpMsg: ${line.map((name) => name.slice(8)).join(' ')}\nIcmpMsg: ${line.map((name) => counters.get(name)).join(' ')}\n`;
  }
  return text;
}

/** The text of /proc/net/snmp (snmp_seq_show). */
export function procNetSnmp(ns: NetNamespace): string {
  const counters = readCounters(ns);
  const of = (prefix: string) => (name: string): number => counters.get(`${prefix}.${name}`) ?? 0;
  const constants: Readonly<Record<string, number>> = {
    Forwarding: sysctlInt(ns, 'net.ipv4.ip_forward') ? 1 : 2, DefaultTTL: sysctlInt(ns, 'net.ipv4.ip_default_ttl'),
    RtoAlgorithm: 1, RtoMin: 200, RtoMax: 120_000, MaxConn: -1,
  };
  const value = (prefix: string) => (name: string): number => constants[name] ?? of(prefix)(name);
  return block('Ip', IP_NAMES, value('Ip')) + block('Icmp', ICMP_NAMES, of('Icmp')) + icmpMsgBlock(counters)
    + block('Tcp', TCP_NAMES, value('Tcp')) + block('Udp', UDP_NAMES, of('Udp')) + block('UdpLite', UDP_NAMES, of('UdpLite'));
}

/** The text of /proc/net/netstat (netstat_seq_show). */
export function procNetNetstat(ns: NetNamespace): string {
  const counters = readCounters(ns);
  const of = (prefix: string) => (name: string): number => counters.get(`${prefix}.${name}`) ?? 0;
  return block('TcpExt', TCP_EXT_NAMES, of('TcpExt')) + block('IpExt', IP_EXT_NAMES, of('IpExt')) + block('MPTcpExt', MPTCP_EXT_NAMES, of('MPTcpExt'));
}
