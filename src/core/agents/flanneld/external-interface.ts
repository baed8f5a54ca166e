import { listAddrs } from '../../kernel/netlink/addr.ts';
import { getLink } from '../../kernel/netlink/link.ts';
import { listRoutes } from '../../kernel/netlink/route.ts';
import type { LinkRow } from '../../kernel/rows.ts';
import type { Process } from '../../shell/process.ts';
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

/** LookupExtIface of flannel (pkg/ipmatch/match.go), as main.go asks it. Throws Fatal. */
export function findExternalInterface(process: Process, ifaces: readonly string[], publicIp: string): ExternalInterface {
  if (ifaces.length === 0) {
    try {
      return lookup(process, publicIp, publicIp);
    } catch (error) {
      if (error instanceof LookupError) throw new Fatal(`Failed to find any valid interface to use: ${error.message}`);
      throw error;
    }
  }
  for (const iface of ifaces) {
    try {
      return lookup(process, iface, publicIp);
    } catch (error) {
      if (!(error instanceof LookupError)) throw error;
      klog(process, 'I', 'main.go', `Could not find valid interface matching ${iface}: ${error.message}`);
    }
  }
  throw new Fatal('Failed to find interface to use that matches the interfaces and/or regexes provided');
}

class LookupError extends Error {}

function lookup(process: Process, iface: string, publicIp: string): ExternalInterface {
  const wanted = parseIpv4(iface);
  let link: LinkRow;
  if (iface === '') link = defaultInterface(process);
  else if (wanted !== null) link = interfaceWith(process, wanted, iface);
  else link = interfaceNamed(process, iface);
  const ifaceAddr = wanted ?? addressesOf(process, link)[0];
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

function defaultInterface(process: Process): LinkRow {
  klog(process, 'I', 'match.go', 'Determining IP address of default interface');
  const route = listRoutes(process.ns).find(({ table, prefixLength, type }) => table === RT_TABLE_MAIN && prefixLength === 0 && type === 'unicast');
  const hop = route?.nexthops[0];
  const link = hop ? getLink(process.ns, hop.ifindex) : null;
  if (!link) throw new LookupError('failed to get default interface: Unable to find default route');
  return link;
}

function interfaceNamed(process: Process, name: string): LinkRow {
  const link = getLink(process.ns, name);
  if (!link) throw new LookupError(`error looking up interface ${name}: route ip+net: no such network interface`);
  return link;
}

function interfaceWith(process: Process, ip: Ipv4, text: string): LinkRow {
  klog(process, 'I', 'match.go', `Searching for interface using ${text}`);
  const address = listAddrs(process.ns).find(({ local }) => local === ip);
  const link = address ? getLink(process.ns, address.ifindex) : null;
  if (!link) throw new LookupError(`error looking up interface ${text}: No interface with given IP found`);
  return link;
}

/** The global ones first, then the link-local ones; none of 127.0.0.0/8. */
function addressesOf(process: Process, { ifindex }: LinkRow): Ipv4[] {
  const all = listAddrs(process.ns).filter((row) => row.ifindex === ifindex).map(({ local }) => local);
  const linkLocal = (ip: Ipv4): boolean => ip >>> 16 === 0xa9fe;
  const global = all.filter((ip) => !linkLocal(ip) && ip >>> 24 !== 127 && ip >>> 28 !== 14 && ip !== 0 && ip !== 0xffff_ffff);
  return [...global, ...all.filter(linkLocal)];
}
