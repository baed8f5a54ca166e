import { KernelError } from '../../kernel/errno.ts';
import { isIpDevice, isPointopoint, type NetDevice } from '../../kernel/net-device.ts';
import { setLink } from '../../kernel/netlink/link.ts';
import type { SetLinkRequest } from '../../kernel/netlink/requests.ts';
import { formatMac } from '../../wire/address.ts';
import { directory, type DirectoryNode, kernelDirectory, kernelFile, kernelLink, type Node } from './nodes.ts';
import { bridgeFiles, portFiles } from './sys-bridge.ts';

/** /sys, as far as it shows network devices: /sys/class/net, and /sys/devices/virtual/net where the devices are. */
export function sysDirectory(): DirectoryNode {
  const devices = kernelDirectory(
    (name, view) => {
      const dev = view.mounts.devicesByName.get(name);
      return dev && deviceDirectory(dev);
    },
    (view) => [...view.mounts.devicesByName.keys()],
  );
  const links = kernelDirectory(
    (name, view) => (view.mounts.devicesByName.has(name) ? kernelLink(() => `../../devices/virtual/net/${name}`) : undefined),
    (view) => [...view.mounts.devicesByName.keys()],
  );
  const entries = { class: directory([['net', links]]), devices: directory([['virtual', directory([['net', devices]])]]) };
  return kernelDirectory((name) => entries[name as keyof typeof entries], () => Object.keys(entries));
}

/** Changes a link as a write to its file in sysfs does. */
export function change(dev: NetDevice, request: SetLinkRequest): void {
  setLink(dev.ns, dev.ifindex, request);
}

/** Reads a number as kstrtoul does with base 0; EINVAL. */
export function parseNumber(text: string): number {
  const trimmed = text.trim();
  if (!/^(0[xX][0-9a-fA-F]+|\d+)$/.test(trimmed)) throw new KernelError('EINVAL');
  if (/^0[0-7]+$/.test(trimmed)) return Number.parseInt(trimmed, 8);
  const value = Number(trimmed);
  if (!Number.isSafeInteger(value)) throw new KernelError('EINVAL');
  return value;
}

/** Files of a bus of yes-or-no settings and numbers. */
export function kernelFiles(files: Readonly<Record<string, Node | undefined>>): DirectoryNode {
  return kernelDirectory((name) => files[name], () => Object.keys(files).filter((name) => files[name] !== undefined));
}

/** A file that can only be read while the device is up (EINVAL otherwise). */
function whenUp(dev: NetDevice, read: () => string): Node {
  return kernelFile(() => {
    if (!dev.up) throw new KernelError('EINVAL');
    return `${read()}\n`;
  });
}

function deviceDirectory(dev: NetDevice): DirectoryNode {
  const show = (read: () => string | number): Node => kernelFile(() => `${read()}\n`);
  const ethernet = dev.kind !== 'loopback' && !isIpDevice(dev.kind);
  return kernelFiles({
    addr_assign_type: show(() => (!ethernet ? 0 : dev.macChosen ? 3 : 1)),
    addr_len: show(() => (isIpDevice(dev.kind) ? 4 : 6)),
    address: show(() => linkAddress(dev, dev.mac)),
    bridge: dev.bridge ? bridgeFiles(dev) : undefined,
    brif: dev.bridge ? portLinks(dev) : undefined,
    broadcast: show(() => (ethernet ? 'ff:ff:ff:ff:ff:ff' : linkAddress(dev, dev.tunnel?.parms.remote ?? 0))),
    brport: dev.port ? portFiles(dev) : undefined,
    carrier: whenUp(dev, () => (dev.carrier ? '1' : '0')),
    dormant: whenUp(dev, () => '0'),
    duplex: whenUp(dev, () => (dev.kind === 'bridge' ? 'unknown' : 'full')),
    flags: kernelFile(() => `0x${flags(dev).toString(16)}\n`, (_view, text) => setFlags(dev, parseNumber(text))),
    ifalias: kernelFile(() => (dev.alias === null ? '\n' : `${dev.alias}\n`), (_view, text) => change(dev, { alias: text.replace(/\n$/, '') })),
    ifindex: show(() => dev.ifindex),
    iflink: show(() => dev.tunnel?.parms.link ?? (dev.peer ? dev.peer.ifindex : dev.ifindex)),
    link_mode: show(() => 0),
    master: dev.master ? kernelLink(() => `../${dev.master!.name}`) : undefined,
    mtu: kernelFile(() => `${dev.mtu}\n`, (_view, text) => change(dev, { mtu: parseNumber(text) })),
    netdev_group: show(() => (dev.group === 'default' ? 0 : dev.group)),
    operstate: show(() => (dev.up ? dev.operstate.toLowerCase() : 'down')),
    speed: whenUp(dev, () => (dev.kind === 'bridge' ? '-1' : '10000')),
    statistics: statistics(dev),
    subsystem: kernelLink(() => '../../../../class/net'),
    tx_queue_len: kernelFile(() => `${dev.txqlen}\n`, (_view, text) => change(dev, { txqlen: parseNumber(text) })),
    type: show(() => ARPHRD[dev.kind] ?? 1),
    uevent: kernelFile(() => `${dev.kind === 'bridge' || dev.kind === 'vlan' ? `DEVTYPE=${dev.kind}\n` : ''}INTERFACE=${dev.name}\nIFINDEX=${dev.ifindex}\n`),
    ...Object.fromEntries(lowerLinks(dev)),
  });
}

const ARPHRD: Readonly<Partial<Record<NetDevice['kind'], number>>> = { loopback: 772, ipip: 768, gre: 778 };

/** An address of the link layer byte by byte: four bytes of a tunnel's end, else six. */
function linkAddress(dev: NetDevice, address: number): string {
  return isIpDevice(dev.kind) ? formatMac(address).slice(6) : formatMac(address);
}

/** `lower_v0` and `upper_br0`. */
function lowerLinks(dev: NetDevice): [string, Node][] {
  const links: [string, Node][] = dev.ports.map((port) => [`lower_${port.name}`, kernelLink(() => `../${port.name}`)]);
  if (dev.master) links.push([`upper_${dev.master.name}`, kernelLink(() => `../${dev.master!.name}`)]);
  return links;
}

function portLinks(dev: NetDevice): DirectoryNode {
  return kernelDirectory(
    (name) => (dev.ports.some((port) => port.name === name) ? kernelLink(() => `../../${name}/brport`) : undefined),
    () => dev.ports.map((port) => port.name),
  );
}

const IFF_UP = 0x1;
const IFF_BROADCAST = 0x2;
const IFF_LOOPBACK = 0x8;
const IFF_POINTOPOINT = 0x10;
const IFF_NOARP = 0x80;
const IFF_PROMISC = 0x100;
const IFF_ALLMULTI = 0x200;
const IFF_MULTICAST = 0x1000;

/** dev->flags, without what the kernel adds for ioctl (RUNNING, LOWER_UP). */
function flags(dev: NetDevice): number {
  const link = dev.kind === 'loopback' ? IFF_LOOPBACK : !isIpDevice(dev.kind) ? IFF_BROADCAST : isPointopoint(dev) ? IFF_POINTOPOINT : 0;
  return (dev.up ? IFF_UP : 0) | link | (dev.noarp ? IFF_NOARP : 0)
    | (dev.promisc ? IFF_PROMISC : 0) | (dev.allmulti ? IFF_ALLMULTI : 0) | (dev.multicast && dev.kind !== 'loopback' ? IFF_MULTICAST : 0);
}

function setFlags(dev: NetDevice, value: number): void {
  change(dev, {
    up: (value & IFF_UP) !== 0, arp: (value & IFF_NOARP) === 0, promisc: (value & IFF_PROMISC) !== 0,
    allmulti: (value & IFF_ALLMULTI) !== 0, multicast: (value & IFF_MULTICAST) !== 0,
  });
}

function statistics(dev: NetDevice): DirectoryNode {
  const zero = ['rx_compressed', 'rx_length_errors', 'rx_missed_errors', 'rx_nohandler',
    'rx_over_errors', 'tx_aborted_errors', 'tx_compressed', 'tx_fifo_errors', 'tx_heartbeat_errors', 'tx_window_errors'];
  const s = dev.stats;
  const counted: Readonly<Record<string, () => number>> = {
    multicast: () => s.multicast, rx_bytes: () => s.rxBytes, rx_dropped: () => s.rxDropped, rx_errors: () => s.rxErrors, rx_packets: () => s.rxPackets,
    collisions: () => s.collisions ?? 0, rx_crc_errors: () => s.rxCrcErrors ?? 0, rx_fifo_errors: () => s.rxFifoErrors ?? 0, rx_frame_errors: () => s.rxFrameErrors ?? 0,
    tx_bytes: () => s.txBytes, tx_carrier_errors: () => s.txCarrierErrors ?? 0, tx_dropped: () => s.txDropped, tx_errors: () => s.txErrors, tx_packets: () => s.txPackets,
  };
  const files: Record<string, Node> = {};
  for (const name of zero) files[name] = kernelFile(() => '0\n');
  for (const [name, read] of Object.entries(counted)) files[name] = kernelFile(() => `${read()}\n`);
  return kernelFiles(files);
}
