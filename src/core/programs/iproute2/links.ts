import { loadTunnelModule, moduleOfDevice } from '../../kernel/devices/ip-tunnel/tunnel-modules.ts';
import { isIpDevice, type NetDevice } from '../../kernel/net-device.ts';
import type { NetNamespace } from '../../kernel/net-namespace.ts';
import { getLink, listLinks } from '../../kernel/netlink/link.ts';
import { peernet2id, peernet2idAlloc } from '../../kernel/netlink/nsid.ts';
import type { LinkRow } from '../../kernel/rows.ts';
import { formatIpv4, formatMac } from '../../wire/address.ts';
import { Failure, parseUnsigned } from './args.ts';

/** The links of a namespace, by index and by name: the map that iproute2 keeps (lib/ll_map.c). */
export interface LinkMap {
  readonly rows: readonly LinkRow[];
  /** `if5` when there is none of that index. */
  name(ifindex: number): string;
  get(ifindex: number): LinkRow | undefined;
}

export function linkMap(ns: NetNamespace): LinkMap {
  const rows = listLinks(ns);
  const byIndex = new Map(rows.map((row) => [row.ifindex, row]));
  return {
    rows,
    name: (ifindex) => byIndex.get(ifindex)?.name ?? `if${ifindex}`,
    get: (ifindex) => byIndex.get(ifindex),
  };
}

/** A program's own map, which knows of changes only what the program was told since (lib/ll_map.c). */
export interface LinkCache extends LinkMap {
  /** Namespaces that had an id, and so are known by their names, when the program began (netns_map_init). */
  readonly netnsIds: ReadonlySet<number>;
  /** ll_remember_index: a link that it knows keeps its name, whatever it is called now. */
  remember(row: LinkRow, deleted: boolean): void;
}

/** Begins with what there is (ll_init_map). A name that it does not know it asks the kernel for, and keeps the answer. */
export function linkCache(ns: NetNamespace): LinkCache {
  const known = new Map(listLinks(ns).map((row) => [row.ifindex, row]));
  return {
    netnsIds: new Set(ns.netnsIds.values()),
    get rows() { return [...known.values()]; },
    name: (ifindex) => {
      const row = known.get(ifindex) ?? ns.tables.link.get(String(ifindex));
      if (row) known.set(ifindex, row);
      return row?.name ?? `if${ifindex}`;
    },
    get: (ifindex) => known.get(ifindex),
    remember: (row, deleted) => {
      const name = known.get(row.ifindex)?.name ?? row.name;
      if (deleted) known.delete(row.ifindex);
      else known.set(row.ifindex, { ...row, name });
    },
  };
}

/**
 * ll_name_to_index: the link of that name, or `ifN` for the one of index N. To ask for `tunl0`, `gre0` or `gretap0` has the kernel load the
 * module that the device comes with (dev_load).
 */
export function findLink(ns: NetNamespace, name: string): LinkRow | null {
  const module = moduleOfDevice(name);
  if (module !== null) loadTunnelModule(ns.machine, module);
  const found = getLink(ns, name);
  if (found) return found;
  const index = parseUnsigned(/^if(\d+)$/.exec(name)?.[1] ?? '');
  return index === null ? null : getLink(ns, index);
}

/** The link of that name; `Cannot find device "X"` when there is none. */
export function needLink(ns: NetNamespace, name: string, code = 1): LinkRow {
  const link = findLink(ns, name);
  if (!link) throw new Failure(`Cannot find device "${name}"\n`, code);
  return link;
}

/** The live device, for what a row does not tell: its counters. */
export function deviceOf(ns: NetNamespace, row: LinkRow): NetDevice | undefined {
  return ns.devices.get(row.ifindex);
}

/** An address of the link layer: of an IPIP or GRE device it is one of IPv4 (ll_addr_n2a). */
export function lladdrText(row: Pick<LinkRow, 'kind'> | undefined, address: number): string {
  return row !== undefined && isIpDevice(row.kind) ? formatIpv4(address) : formatMac(address);
}

/** `link/ether`, `link/loopback`, `link/ipip`, `link/gre`. */
export function linkType(row: LinkRow): 'ether' | 'loopback' | 'ipip' | 'gre' {
  if (row.kind === 'ipip' || row.kind === 'gre') return row.kind;
  return row.kind === 'loopback' ? 'loopback' : 'ether';
}

/** IFLA_INFO_KIND; null for a device that no `ip link add` made. A cable's end is a veth. */
export function infoKind(row: LinkRow): string | null {
  return row.kind === 'loopback' ? null : row.kind === 'nic' ? 'veth' : row.kind;
}

/** IFF_RUNNING: up, and by RFC 2863 able to carry packets. */
export function isRunning(row: LinkRow): boolean {
  return row.up && (row.operstate === 'UP' || row.operstate === 'UNKNOWN');
}

/** Where the other end of a link is: IFLA_LINK and IFLA_LINK_NETNSID. */
export interface Below {
  readonly ifindex: number;
  /** Id of the namespace of the other end, as this one knows it; null when it is the same namespace. */
  readonly netnsid: number | null;
  /** Name of that namespace below /run/netns, if it has one. */
  readonly netns: string | null;
}

/** Null when the device is on top of nothing. An ifindex of 0: the other end is gone. */
export function below(ns: NetNamespace, row: LinkRow): Below | null {
  if (row.kind === 'vxlan') return belowTunnel(ns, row);
  if (row.tunnel !== null) return belowIpTunnel(ns, row, row.tunnel.link);
  if (!row.link) return row.kind === 'veth' || row.kind === 'nic' ? { ifindex: 0, netnsid: null, netns: null } : null;
  if (row.link.place === ns.place) return { ifindex: row.link.ifindex, netnsid: null, netns: null };
  const [machine, ...rest] = row.link.place.split('/');
  const name = rest.join('/');
  // A namespace that has lost its name lives on as long as a process is in it.
  const there = deviceOf(ns, row)?.peer?.ns;
  const holder = name !== '' && machine === ns.machine.name ? ns.machine.namespaces.get(name) : undefined;
  const netnsid = there ? peernet2idAlloc(ns, there) : peernet2id(ns, row.link.place);
  return { ifindex: row.link.ifindex, netnsid, netns: holder && (!there || there === holder) ? name : null };
}

/** A tunnel tells of no device below, but away from the namespace that it was made in of that, with its own number (rtnl_fill_link_netnsid). */
function belowTunnel(ns: NetNamespace, row: LinkRow): Below | null {
  const there = deviceOf(ns, row)?.vxlan?.net;
  if (!there || there === ns) return null;
  const name = [...ns.machine.namespaces].find(([, holder]) => holder === there)?.[0] ?? null;
  return { ifindex: row.ifindex, netnsid: peernet2idAlloc(ns, there), netns: name };
}

/** The device that the outer packets must leave by, or `NONE`; it counts where the tunnel was made (ip_tunnel_get_iflink, ip_tunnel_get_link_net). */
function belowIpTunnel(ns: NetNamespace, row: LinkRow, link: number): Below {
  const there = deviceOf(ns, row)?.tunnel?.net;
  if (!there || there === ns) return { ifindex: link, netnsid: null, netns: null };
  const name = [...ns.machine.namespaces].find(([, holder]) => holder === there)?.[0] ?? null;
  return { ifindex: link, netnsid: peernet2idAlloc(ns, there), netns: name };
}

/** The flags of a link, in the order in which iproute2 prints them (print_link_flags). `masterDown`: the link below is down. */
export function linkFlags(row: LinkRow, masterDown: boolean): string[] {
  const flags: string[] = [];
  if (row.up && !isRunning(row)) flags.push('NO-CARRIER');
  if (!isIpDevice(row.kind)) flags.push(row.kind === 'loopback' ? 'LOOPBACK' : 'BROADCAST');
  else if (row.broadcast !== 0) flags.push('POINTOPOINT');
  if (row.multicast) flags.push('MULTICAST');
  if (row.noarp) flags.push('NOARP');
  if (row.allmulti) flags.push('ALLMULTI');
  if (row.promisc) flags.push('PROMISC');
  if (row.up) flags.push('UP');
  if (row.up && row.carrier) flags.push('LOWER_UP');
  if (masterDown) flags.push('M-DOWN');
  return flags;
}

/** M-DOWN: the link below is in this namespace and is down. */
export function isMasterDown(links: LinkMap, under: Below | null): boolean {
  if (!under || under.netnsid !== null || under.ifindex === 0) return false;
  return links.get(under.ifindex)?.up === false;
}

/** check_ifname: what the kernel would not take as a name is refused before it is asked. */
export function isInterfaceName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && name.length < 16 && !/[/\s]/.test(name);
}
