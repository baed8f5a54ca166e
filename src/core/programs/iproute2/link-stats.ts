import type { LinkStats, NetDevice } from '../../kernel/net-device.ts';
import type { Ip } from './ip-context.ts';
import type { Printer } from './printer.ts';

/** One column of a block of counters: key in JSON, heading, value. */
type Column = readonly [key: string, heading: string, value: number];

/** Widths of the columns before they grow with their numbers (size_columns): room for `*X errors:`, then the longest headings. */
const WIDTHS = [10, 7, 6, 7, 7, 7, 10] as const;
/** Where there is a sixth kind of error, its column is as wide as its heading. */
const OTHERHOST_WIDTH = 9;

/** The counters that `ip -s link` prints, `-s -s` with the errors one by one (print_stats64), without a newline at the end. */
export function printStats(ip: Ip, p: Printer, device: NetDevice): void {
  const s = device.stats;
  const rx: Column[] = [['bytes', 'bytes', s.rxBytes], ['packets', 'packets', s.rxPackets], ['errors', 'errors', s.rxErrors],
    ['dropped', 'dropped', s.rxDropped], ['over_errors', 'missed', 0], ['multicast', 'mcast', s.multicast]];
  const tx: Column[] = [['bytes', 'bytes', s.txBytes], ['packets', 'packets', s.txPackets], ['errors', 'errors', s.txErrors],
    ['dropped', 'dropped', s.txDropped], ['carrier_errors', 'carrier', s.txCarrierErrors ?? 0], ['collisions', 'collsns', s.collisions ?? 0]];
  const widths = WIDTHS.map((width, i) => Math.max(width, ...[rx[i], tx[i]].map((c) => (c ? amount(ip, c[2]).length : 0))));
  const detailed = ip.options.stats > 1;
  p.openObject('stats64');
  // A veth loses its carrier when it is made.
  const changes = (s.carrierChanges ?? 0) + (device.kind === 'veth' || device.kind === 'nic' ? 1 : 0);
  block(ip, p, 'rx', rx, widths, detailed ? rxErrors(s) : []);
  block(ip, p, 'tx', tx, widths, detailed ? [...TX_ERRORS, ['carrier_changes', 'transns', changes]] : []);
  p.closeObject();
}

function rxErrors(s: LinkStats): readonly Column[] {
  return [['length_errors', 'length', 0], ['crc_errors', 'crc', s.rxCrcErrors ?? 0], ['frame_errors', 'frame', s.rxFrameErrors ?? 0],
    ['fifo_errors', 'fifo', s.rxFifoErrors ?? 0], ['missed_errors', 'overrun', 0],
    ...(s.rxOtherhostDropped ? [['otherhost', 'otherhost', s.rxOtherhostDropped] as const] : [])];
}
const TX_ERRORS: readonly Column[] = [['aborted_errors', 'aborted', 0], ['fifo_errors', 'fifo', 0], ['window_errors', 'window', 0],
  ['heartbeat_errors', 'heartbt', 0]];

function block(ip: Ip, p: Printer, key: 'rx' | 'tx', columns: readonly Column[], widths: readonly number[], errors: readonly Column[]): void {
  p.openObject(key);
  for (const [name, , value] of [...columns, ...errors]) p.value(name, value);
  p.closeObject();
  const label = key.toUpperCase();
  const headings = columns.map(([, heading], i) => heading.padStart(widths[i]! - (i === 0 ? 4 : 0)));
  if (key === 'tx') p.text(p.newline);
  p.text(`    ${label}: ${headings.join(' ')} ${' '.repeat(widths[6]!)}${p.newline}`);
  p.text(`    ${columns.map(([, , value], i) => `${amount(ip, value).padStart(widths[i]!)} `).join('')}`);
  if (errors.length === 0) return;
  const width = (i: number): number => (i < 5 ? widths[i + 1]! : OTHERHOST_WIDTH);
  p.text(`${p.newline}    ${label} errors:${errors.map(([, heading], i) => ` ${heading.padStart(width(i))}`).join('')}${p.newline}`);
  p.text(`    ${' '.repeat(widths[0]!)} ${errors.map(([, , value], i) => `${amount(ip, value).padStart(width(i))} `).join('')}`);
}

/** A count, with `-h` in thousands (`-iec`: in 1024s) as print_num does. */
function amount(ip: Ip, value: number): string {
  if (!ip.options.human) return String(value);
  const base = ip.options.iec ? 1024 : 1000;
  const suffixes = 'KMGTPE';
  let power = 0;
  for (let rest = value; rest >= base && power < suffixes.length; rest = Math.floor(rest / base)) power++;
  if (power === 0) return String(value);
  const scaled = value / base ** power;
  return `${scaled.toFixed(scaled < 10 ? 2 : scaled < 100 ? 1 : 0)}${suffixes[power - 1]!}${ip.options.iec ? 'i' : ''}`;
}
