import { procNetNetstat, procNetSnmp } from '../../kernel/counters.ts';
import { procNetDevMcast, procNetIgmp } from '../../kernel/igmp-proc.ts';
import { conntrackStats, countConntrack, listConntrack } from '../../kernel/netlink/conntrack.ts';
import type { NetNamespace } from '../../kernel/net-namespace.ts';
import type { NeighRow, RouteRow } from '../../kernel/rows.ts';
import { procNetSockstat, procNetTcp } from '../../kernel/sockets/tcp-proc.ts';
import { procLine } from '../../programs/conntrack/format.ts';
import { formatIpv4, formatMac, littleEndian, netmask, type Ipv4 } from '../../wire/address.ts';
import { directory, type DirectoryNode, kernelFile, type View } from './nodes.ts';

/** /proc/PID/net, for the namespace of that process. */
export function procNet(of: (view: View) => NetNamespace): DirectoryNode {
  return directory([
    ['arp', kernelFile((view) => procNetArp(of(view)))],
    ['dev', kernelFile((view) => procNetDev(of(view)))],
    ['dev_mcast', kernelFile((view) => procNetDevMcast(of(view)))],
    ['igmp', kernelFile((view) => procNetIgmp(of(view)))],
    ['nf_conntrack', kernelFile((view) => listConntrack(of(view)).map((entry) => procLine(of(view), entry)).join(''))],
    ['netstat', kernelFile((view) => procNetNetstat(of(view)))],
    ['route', kernelFile((view) => procNetRoute(of(view)))],
    ['snmp', kernelFile((view) => procNetSnmp(of(view)))],
    ['sockstat', kernelFile((view) => procNetSockstat(of(view)))],
    ['stat', directory([['nf_conntrack', kernelFile((view) => procNetStatConntrack(of(view)))]])],
    ['tcp', kernelFile((view) => procNetTcp(of(view)))],
  ]);
}

/** ct_cpu_seq_show, of a machine with one CPU. What nobody counts any more is 0. */
export function procNetStatConntrack(ns: NetNamespace): string {
  const s = conntrackStats(ns);
  const word = (n: number): string => n.toString(16).padStart(8, '0');
  const words = [s.clash_resolve, s.found, 0, s.invalid, 0, 0, s.chaintoolong, s.insert, s.insert_failed, s.drop, s.early_drop, s.error].map(word);
  return 'entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart\n'
    + `${word(countConntrack(ns))}  ${words.join(' ')}  ${word(0)} ${word(0)} ${word(0)} ${word(s.search_restart)}\n`;
}

/** dev_seq_printf_stats */
export function procNetDev(ns: NetNamespace): string {
  let text = 'Inter-|   Receive                                                |  Transmit\n'
    + ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n';
  for (const dev of ns.devices.values()) {
    const s = dev.stats;
    const rx = [pad(s.rxBytes, 7), pad(s.rxPackets, 7), pad(s.rxErrors, 4), pad(s.rxDropped, 4), '   0', '    0', '         0', pad(s.multicast, 9)];
    const tx = [pad(s.txBytes, 8), pad(s.txPackets, 7), pad(s.txErrors, 4), pad(s.txDropped, 4), '   0', '    0', '      0', '         0'];
    text += `${dev.name.padStart(6)}: ${rx.join(' ')} ${tx.join(' ')}\n`;
  }
  return text;
}

/** arp_seq_show: entries without NUD_NOARP; flags 0x2 complete, 0x4 permanent. */
export function procNetArp(ns: NetNamespace): string {
  let text = 'IP address       HW type     Flags       HW address            Mask     Device\n';
  for (const row of ns.tables.neigh.rows.values()) {
    if (row.state === 'NOARP' || row.state === 'NONE') continue;
    const type = ns.devices.get(row.ifindex)?.kind === 'loopback' ? 0x304 : 1;
    const cells = [formatIpv4(row.ip).padEnd(16), `0x${type.toString(16)}`.padEnd(10), `0x${arpFlags(row).toString(16)}`.padEnd(10)];
    const mac = arpFlags(row) === 0 ? '00:00:00:00:00:00' : formatMac(row.mac ?? 0);
    text += `${cells[0]} ${cells[1]}  ${cells[2]}  ${mac}     *        ${ns.devices.get(row.ifindex)?.name ?? ''}\n`;
  }
  return text;
}

function arpFlags(row: NeighRow): number {
  if (row.state === 'PERMANENT') return 6;
  return row.state === 'INCOMPLETE' || row.state === 'FAILED' ? 0 : 2;
}

const UP = 1;
const GATEWAY = 2;
const HOST = 4;
const REJECT = 0x200;

/** fib_route_seq_show: the main table (or what is shown with it), broadcast routes left out. */
export function procNetRoute(ns: NetNamespace): string {
  const line = (cells: readonly (string | number)[]): string => `${cells.join('\t').padEnd(127)}\n`;
  let text = line(['Iface', 'Destination', 'Gateway ', 'Flags', 'RefCnt', 'Use', 'Metric', 'Mask\t', 'MTU', 'Window', 'IRTT']);
  const rows = [...ns.tables.route.rows.values()].filter((row) => row.table === 254 && row.type !== 'broadcast');
  rows.sort((a, b) => a.dst - b.dst || b.prefixLength - a.prefixLength || a.priority - b.priority);
  for (const row of rows) text += line(routeCells(ns, row));
  return text;
}

function routeCells(ns: NetNamespace, row: RouteRow): (string | number)[] {
  const hop = row.nexthops[0];
  let flags = UP;
  if (hop?.via) flags |= GATEWAY;
  if (row.prefixLength === 32) flags |= HOST;
  if (row.type === 'unreachable' || row.type === 'prohibit') flags = REJECT | (row.prefixLength === 32 ? HOST : 0) | UP;
  const mask = netmask(row.prefixLength);
  const mtu = row.advmss === null ? 0 : row.advmss + 40;
  return [
    hop ? (ns.devices.get(hop.ifindex)?.name ?? '*') : '*', swapped(row.dst), swapped(hop?.via ?? 0), hex(flags, 4), 0, 0, row.priority, swapped(mask), mtu, 0, 0,
  ];
}

function swapped(ip: Ipv4): string {
  return hex(littleEndian(ip), 8);
}

function hex(n: number, width: number): string {
  return n.toString(16).toUpperCase().padStart(width, '0');
}

function pad(n: number, width: number): string {
  return String(n).padStart(width);
}
