import { listAddrs } from '../../kernel/netlink/addr.ts';
import { getLink, listLinks } from '../../kernel/netlink/link.ts';
import type { NetNamespace } from '../../kernel/net-namespace.ts';
import { isIpDevice } from '../../kernel/net-device.ts';
import type { AddrRow, LinkRow } from '../../kernel/rows.ts';
import { formatIpv4, formatMac, netmask } from '../../wire/address.ts';
import { isRunning } from '../iproute2/links.ts';

/** What ifconfig lists: a device, or a label of it (`veth0:1`) that has an address of its own. */
export interface Interface {
  readonly name: string;
  readonly link: LinkRow;
  /** The first address with this label. */
  readonly address: AddrRow | null;
}

/** The device of a name: a label without what follows its colon. */
export function deviceName(name: string): string {
  return name.split(':')[0]!;
}

export function interfaceOf(ns: NetNamespace, name: string): Interface | null {
  const link = getLink(ns, deviceName(name));
  if (!link) return null;
  const address = listAddrs(ns).find((row) => row.ifindex === link.ifindex && row.label === name) ?? null;
  return name === link.name || address ? { name, link, address } : null;
}

/** Every device and label, in the order of their names, numbers by value (nstrcmp). */
export function listInterfaces(ns: NetNamespace): Interface[] {
  const names = new Set([...listLinks(ns).map((row) => row.name), ...listAddrs(ns).map((row) => row.label)]);
  return [...names].sort(byName).flatMap((name) => interfaceOf(ns, name) ?? []);
}

function byName(x: string, y: string): number {
  let at = 0;
  while (at < x.length && x[at] === y[at]) at++;
  while (at > 0 && /\d/.test(x[at - 1]!)) at--;
  const numbers = [x, y].map((name) => /^\d+/.exec(name.slice(at))?.[0]);
  if (numbers[0] !== undefined && numbers[1] !== undefined && numbers[0] !== numbers[1]) return Number(numbers[0]) - Number(numbers[1]);
  return x < y ? -1 : x > y ? 1 : 0;
}

const FLAGS: readonly (readonly [name: string, bit: number, letter: string, has: (row: LinkRow) => boolean])[] = [
  ['UP', 0x1, 'U', (row) => row.up],
  ['BROADCAST', 0x2, 'B', (row) => row.kind !== 'loopback' && !isIpDevice(row.kind)],
  ['LOOPBACK', 0x8, 'L', (row) => row.kind === 'loopback'],
  ['POINTOPOINT', 0x10, 'P', (row) => isIpDevice(row.kind) && row.broadcast !== 0],
  ['RUNNING', 0x40, 'R', isRunning],
  ['NOARP', 0x80, 'O', (row) => row.noarp],
  ['PROMISC', 0x100, 'P', (row) => row.promisc],
  ['ALLMULTI', 0x200, 'A', (row) => row.allmulti],
  ['MULTICAST', 0x1000, 'M', (row) => row.multicast && row.kind !== 'loopback'],
];

function bytes(count: number): string {
  const units: readonly (readonly [string, number])[] = [['PiB', 2 ** 50], ['TiB', 2 ** 40], ['GiB', 2 ** 30], ['MiB', 2 ** 20], ['KiB', 1024]];
  const [unit, size] = units.find(([, least]) => count > least) ?? ['B', 1];
  const tenths = Math.floor((count * 10) / size);
  return `${Math.floor(tenths / 10)}.${tenths % 10} ${unit}`;
}

/** Name with address, and title, of the hardware types of net-tools; it has none for GRE. */
function hardwareOf(link: LinkRow): readonly [text: string, title: string] {
  switch (link.kind) {
    case 'loopback': return ['loop', 'Local Loopback'];
    case 'ipip': return ['tunnel ', 'IPIP Tunnel'];
    case 'gre': return [`unspec ${formatMac(link.mac * 0x1_0000).slice(0, 11).toUpperCase().replaceAll(':', '-')}${'-00'.repeat(12)}`, 'UNSPEC'];
    default: return [`ether ${formatMac(link.mac)}`, 'Ethernet'];
  }
}

/** One interface in the long form (ife_print_long). */
export function longForm(ns: NetNamespace, { name, link, address }: Interface): string {
  const flags = FLAGS.filter(([, , , has]) => has(link));
  const number = flags.reduce((sum, [, bit]) => sum | bit, 0);
  let text = `${name}: flags=${number}<${flags.map(([word]) => word).join(',')}>  mtu ${link.mtu}\n`;
  if (address) {
    const broadcast = link.kind === 'loopback' ? '' : !isIpDevice(link.kind) ? `  broadcast ${formatIpv4(address.broadcast ?? 0)}` : link.broadcast === 0 ? '' : `  destination ${formatIpv4(address.address)}`;
    text += `        inet ${formatIpv4(address.local)}  netmask ${formatIpv4(netmask(address.prefixLength))}${broadcast}\n`;
  }
  const [hardware, title] = hardwareOf(link);
  text += `        ${hardware}  txqueuelen ${link.txqlen}  (${title})\n`;
  const s = name === link.name ? ns.devices.get(link.ifindex)?.stats : undefined;
  if (s) {
    text += `        RX packets ${s.rxPackets}  bytes ${s.rxBytes} (${bytes(s.rxBytes)})\n`
      + `        RX errors ${s.rxErrors}  dropped ${s.rxDropped}  overruns ${s.rxFifoErrors ?? 0}  frame ${s.rxFrameErrors ?? 0}\n`
      + `        TX packets ${s.txPackets}  bytes ${s.txBytes} (${bytes(s.txBytes)})\n`
      + `        TX errors ${s.txErrors}  dropped ${s.txDropped} overruns 0  carrier ${s.txCarrierErrors ?? 0}  collisions ${s.collisions ?? 0}\n`;
  }
  return `${text}\n`;
}

export const SHORT_HEADING = 'Iface      MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg\n';

/** The letters of the flags, in the order of `ifconfig -s`. */
const LETTERS = 'ABDLMPNOPsmRU';

/** One interface as a line (ife_print_short). */
export function shortForm(ns: NetNamespace, { name, link }: Interface): string {
  const set = FLAGS.filter(([, , , has]) => has(link)).map(([, , letter]) => letter);
  const letters = [...new Set(LETTERS)].filter((letter) => set.includes(letter)).join('');
  const start = `${name.padEnd(15)} ${String(link.mtu).padStart(5)}`;
  const s = name === link.name ? ns.devices.get(link.ifindex)?.stats : undefined;
  if (!s) return `${start}      - no statistics available -                        ${letters}\n`;
  const right = (value: number, width: number): string => String(value).padStart(width);
  return `${start} ${right(s.rxPackets, 8)} ${right(s.rxErrors, 6)} ${right(s.rxDropped, 6)} ${'0'.padEnd(6)} ${right(s.txPackets, 8)} `
    + `${right(s.txErrors, 6)} ${right(s.txDropped, 6)} ${right(0, 6)} ${letters}\n`;
}
