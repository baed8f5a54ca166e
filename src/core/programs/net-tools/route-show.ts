import { listLinks } from '../../kernel/netlink/link.ts';
import { listRoutes } from '../../kernel/netlink/route.ts';
import type { RouteRow } from '../../kernel/rows.ts';
import type { Process } from '../../shell/process.ts';
import { formatIpv4, netmask, type Ipv4 } from '../../wire/address.ts';
import { reverseName } from '../lib/resolve.ts';

const MAIN = 254;

/** How `route` prints: `-n` without names; `-e` as netstat does; `-ee` both. */
export interface RouteStyle {
  readonly numeric: boolean;
  readonly extended: number;
}

const HEADINGS = [
  'Destination     Gateway         Genmask         Flags Metric Ref    Use Iface\n',
  'Destination     Gateway         Genmask         Flags   MSS Window  irtt Iface\n',
  'Destination     Gateway         Genmask         Flags Metric Ref    Use Iface    MSS   Window irtt\n',
] as const;

/** The main table as /proc/net/route has it, in words. */
export function printRoutes(process: Process, style: RouteStyle): void {
  const names = new Map(listLinks(process.ns).map((row) => [row.ifindex, row.name]));
  let text = `Kernel IP routing table\n${HEADINGS[Math.min(style.extended, 2)]}`;
  for (const row of listRoutes(process.ns)) {
    if (row.table !== MAIN || row.type === 'broadcast' || row.type === 'multicast') continue;
    text += line(process, style, row, names.get(row.nexthops[0]?.ifindex ?? 0) ?? '*');
  }
  process.stdout.write(text);
}

function nameOf(process: Process, style: RouteStyle, ip: Ipv4): string {
  return (style.numeric ? null : reverseName(process, ip)) ?? formatIpv4(ip);
}

function line(process: Process, style: RouteStyle, row: RouteRow, device: string): string {
  const rejected = row.type === 'unreachable' || row.type === 'prohibit';
  const via = row.nexthops[0]?.via ?? null;
  const dst = row.prefixLength === 0 && !style.numeric ? 'default' : nameOf(process, style, row.dst);
  const gateway = rejected ? '-' : via === null ? '0.0.0.0' : nameOf(process, style, via);
  const flags = rejected ? '!' : `U${via === null ? '' : 'G'}${row.prefixLength === 32 ? 'H' : ''}`;
  const start = `${dst.padEnd(15)} ${gateway.padEnd(15)} ${formatIpv4(netmask(row.prefixLength)).padEnd(15)} ${flags.padEnd(5)} `;
  const mss = rejected ? '-' : row.advmss === null ? '0' : String(row.advmss + 40);
  const zero = rejected ? '-' : '0';
  const iface = rejected ? '-' : device;
  if (style.extended === 1) return `${start}${mss.padStart(5)} ${zero.padEnd(5)} ${zero.padStart(6)} ${iface}\n`;
  const counted = `${start}${String(row.priority).padEnd(6)} ${zero.padEnd(2)} ${'0'.padStart(7)} `;
  return style.extended === 0 ? `${counted}${iface}\n` : `${counted}${iface.padEnd(8)} ${mss.padEnd(5)} ${zero.padEnd(6)} ${zero}\n`;
}
