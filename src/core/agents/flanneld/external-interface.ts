import { listAddrs } from '../../kernel/netlink/addr.ts';
import { KernelError } from '../../kernel/errno.ts';
import { getLink, listLinks } from '../../kernel/netlink/link.ts';
import { getRoute, listRoutes } from '../../kernel/netlink/route.ts';
import type { LinkRow } from '../../kernel/rows.ts';
import { NotSimulated, type Process } from '../../shell/process.ts';
import { formatIpv4, type Ipv4, parseIpv4 } from '../../wire/address.ts';
import { Fatal, klog } from './log.ts';

const RT_TABLE_MAIN = 254;

/** The interface that the nodes reach one another by. */
export interface ExternalInterface {
  readonly link: LinkRow;
  readonly ifaceAddr: Ipv4;
  /** What the others are told; differs from `ifaceAddr` with --public-ip. */
  readonly extAddr: Ipv4;
}

/** What of the command line says which interface it is. */
export interface InterfaceFlags {
  readonly ifaces: readonly string[];
  readonly ifaceRegexes: readonly string[];
  readonly ifaceCanReach: string;
  readonly publicIp: string;
}

/** LookupExtIface of flannel (pkg/ipmatch/match.go), as main.go asks it: names and addresses, then expressions, then what leads to an address. Throws Fatal. */
export function findExternalInterface(process: Process, { ifaces, ifaceRegexes, ifaceCanReach, publicIp }: InterfaceFlags): ExternalInterface {
  if (ifaces.length === 0 && ifaceRegexes.length === 0 && ifaceCanReach === '') {
    try {
      return lookup(process, publicIp === '' ? defaultInterface(process) : named(process, publicIp), publicIp);
    } catch (error) {
      if (error instanceof LookupError) throw new Fatal(`Failed to find any valid interface to use: ${error.message}`);
      throw error;
    }
  }
  const tries = [
    ...ifaces.map((iface) => ({ what: iface, find: () => named(process, iface) })),
    ...ifaceRegexes.map((regex) => ({ what: regex, find: () => matching(process, regex) })),
    ...(ifaceCanReach === '' ? [] : [{ what: `ifaceCanReach: ${ifaceCanReach}`, find: () => reaching(process, ifaceCanReach) }]),
  ];
  for (const { what, find } of tries) {
    try {
      return lookup(process, find(), publicIp);
    } catch (error) {
      if (!(error instanceof LookupError)) throw error;
      klog(process, 'I', 'main.go', `Could not find valid interface matching ${what}: ${error.message}`);
    }
  }
  throw new Fatal('Failed to find interface to use that matches the interfaces and/or regexes provided');
}

class LookupError extends Error {}

/** An interface, with the address when that was what it was found by. */
interface Found {
  readonly link: LinkRow;
  readonly address: Ipv4 | null;
}

function lookup(process: Process, { link, address }: Found, publicIp: string): ExternalInterface {
  const ifaceAddr = address ?? addressesOf(process, link)[0];
  if (ifaceAddr === undefined) throw new LookupError(`failed to find IPv4 address for interface ${link.name}`);
  klog(process, 'I', 'match.go', `Using interface with name ${link.name} and address ${formatIpv4(ifaceAddr)}`);
  if (publicIp === '') {
    klog(process, 'I', 'match.go', `Defaulting external address to interface address (${formatIpv4(ifaceAddr)})`);
    return { link, ifaceAddr, extAddr: ifaceAddr };
  }
  const extAddr = parseIpv4(publicIp);
  if (extAddr === null) throw new LookupError(`invalid public IP address: ${publicIp}`);
  klog(process, 'I', 'match.go', `Using ${publicIp} as external address`);
  return { link, ifaceAddr, extAddr };
}

function defaultInterface(process: Process): Found {
  klog(process, 'I', 'match.go', 'Determining IP address of default interface');
  const route = listRoutes(process.ns).find(({ table, prefixLength, type }) => table === RT_TABLE_MAIN && prefixLength === 0 && type === 'unicast');
  const hop = route?.nexthops[0];
  const link = hop ? getLink(process.ns, hop.ifindex) : null;
  if (!link) throw new LookupError('failed to get default interface: unable to find default route');
  return { link, address: null };
}

/** By an address or by a name. */
function named(process: Process, iface: string): Found {
  const wanted = parseIpv4(iface);
  if (wanted !== null) return { link: interfaceWith(process, wanted, iface), address: wanted };
  const link = getLink(process.ns, iface);
  if (!link) throw new LookupError(`error looking up interface ${iface}: route ip+net: no such network interface`);
  return { link, address: null };
}

function interfaceWith(process: Process, ip: Ipv4, text: string): LinkRow {
  klog(process, 'I', 'match.go', `Searching for interface using ${text}`);
  const address = listAddrs(process.ns).find(({ local }) => local === ip);
  const link = address ? getLink(process.ns, address.ifindex) : null;
  if (!link) throw new LookupError(`error looking up interface ${text}: no interface with given IP found`);
  return link;
}

/** The first interface with an address that matches, or else the first whose name does. */
function matching(process: Process, text: string): Found {
  let regex: RegExp;
  try {
    regex = new RegExp(text);
  } catch {
    throw new NotSimulated(`the expression ${text} of flanneld --iface-regex`);
  }
  const links = listLinks(process.ns);
  for (const link of links) {
    const address = addressesOf(process, link).find((ip) => regex.test(formatIpv4(ip)));
    if (address !== undefined) return { link, address };
  }
  const link = links.find(({ name }) => regex.test(name));
  if (link) return { link, address: null };
  const all = links.map((other) => `${other.name}:[${addressesOf(process, other).map(formatIpv4).join(' ')}]`).join(', ');
  throw new LookupError(`could not match pattern ${text} to any of the available network interfaces (${all})`);
}

/** Where the route to an address leads, and the source that it gives. */
function reaching(process: Process, text: string): Found {
  klog(process, 'I', 'match.go', `Determining interface to use based on given ifcanreach: ${text}`);
  const dst = parseIpv4(text);
  if (dst === null) throw new NotSimulated(`flanneld --iface-can-reach=${text}`);
  try {
    const { dev, prefsrc } = getRoute(process.ns, { dst });
    const link = dev ? getLink(process.ns, dev.ifindex) : null;
    if (link) return { link, address: prefsrc };
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    throw new LookupError(`failed to get ifcanreach based interface: couldn't lookup route to ${text}: ${error.message.toLowerCase()}`);
  }
  throw new LookupError('failed to get ifcanreach based interface: no interface with given IP found');
}

/** The global ones first, then the link-local ones; none of 127.0.0.0/8. */
function addressesOf(process: Process, { ifindex }: LinkRow): Ipv4[] {
  const all = listAddrs(process.ns).filter((row) => row.ifindex === ifindex).map(({ local }) => local);
  const linkLocal = (ip: Ipv4): boolean => ip >>> 16 === 0xa9fe;
  const global = all.filter((ip) => !linkLocal(ip) && ip >>> 24 !== 127 && ip >>> 28 !== 14 && ip !== 0 && ip !== 0xffff_ffff);
  return [...global, ...all.filter(linkLocal)];
}
