import { KernelError } from '../../kernel/errno.ts';
import { listAddrs } from '../../kernel/netlink/addr.ts';
import { openUdpSocket } from '../../kernel/sockets/udp.ts';
import type { Process } from '../../shell/process.ts';
import { type Ipv4, parseIpv4 } from '../../wire/address.ts';

const NUMBER = /^(?:[1-9]\d*|0[0-7]*|0[xX][0-9a-fA-F]+)$/;

/** inet_aton(3): one to four parts, decimal, octal or hex, the last one filling what is left (`10.1` is 10.0.0.1). Null when it is none. */
export function inetAton(text: string): Ipv4 | null {
  const parts = text.split('.');
  if (parts.length > 4) return null;
  let ip = 0;
  for (const [i, part] of parts.entries()) {
    if (!NUMBER.test(part)) return null;
    const value = part.startsWith('0') && part !== '0' ? Number.parseInt(part, /^0[xX]/.test(part) ? 16 : 8) : Number(part);
    const last = i === parts.length - 1;
    if (value > (last ? 256 ** (5 - parts.length) - 1 : 255)) return null;
    ip = last ? ip + value : ip + value * 256 ** (3 - i);
  }
  return ip;
}

/** A host found by name or address. `canonical` is the first name of its line in /etc/hosts. */
export interface Host {
  readonly ip: Ipv4;
  readonly canonical: string;
}

interface HostsLine {
  readonly address: string;
  readonly names: readonly string[];
}

function allHosts(process: Process): HostsLine[] {
  if (!process.fs.exists('/etc/hosts')) return [];
  return process.fs.read('/etc/hosts').split('\n').flatMap((line) => {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    return names.length > 0 ? [{ address, names }] : [];
  });
}

function hosts(process: Process): { readonly ip: Ipv4; readonly names: readonly string[] }[] {
  return allHosts(process).flatMap(({ address, names }) => {
    const ip = parseIpv4(address);
    return ip === null ? [] : [{ ip, names }];
  });
}

function isNamed(line: { readonly names: readonly string[] }, name: string): boolean {
  return line.names.some((alias) => alias.toLowerCase() === name.toLowerCase());
}

/** What getaddrinfo(3) says when no name server answers; there is none in a lab. */
export const TRY_AGAIN = 'Temporary failure in name resolution';
export const NOT_KNOWN = 'Name or service not known';

/**
 * The IPv4 address of a name or an address, from /etc/hosts; a string is the error that getaddrinfo(3) gives. `inetOnly`: it is asked for
 * IPv4 addresses alone; then digits and dots that are no address are not looked for (__nss_hostname_digits_dots).
 */
export function resolveHost(process: Process, name: string, inetOnly = false): Host | string {
  const literal = inetAton(name);
  if (literal !== null) return { ip: literal, canonical: name };
  if (!/^[\w.][\w.-]*$/.test(name) || (inetOnly && /^[\d.]+$/.test(name)) || name.length > 253) return NOT_KNOWN;
  const line = hosts(process).find((one) => isNamed(one, name));
  return line ? { ip: line.ip, canonical: line.names[0]! } : TRY_AGAIN;
}

/**
 * Every IPv4 address of a name, in the order of getaddrinfo(3): those that nothing leads to last, loopback before the others, then by how
 * much they share with the source in its own subnet (RFC 6724 as glibc has it). Asked for IPv4 alone, `::1` counts as 127.0.0.1. A string is
 * the error.
 */
export function resolveAddresses(process: Process, name: string, inetOnly = false): Ipv4[] | string {
  const literal = inetAton(name);
  if (literal !== null) return [literal];
  const first = resolveHost(process, name, inetOnly);
  if (typeof first === 'string') return first;
  const found = allHosts(process).filter((one) => isNamed(one, name)).flatMap(({ address }) => parseIpv4(inetOnly && address === '::1' ? '127.0.0.1' : address) ?? []);
  if (found.length === 1) return found;
  return found.map((ip) => ({ ip, rank: rank(process, ip) }))
    .sort((a, b) => a.rank.unreachable - b.rank.unreachable || a.rank.scope - b.rank.scope || b.rank.shared - a.rank.shared)
    .map(({ ip }) => ip);
}

/** True when /etc/hosts gives an IPv6 address for a name, too. */
export function hasIpv6Address(process: Process, name: string): boolean {
  return allHosts(process).some((one) => one.address.includes(':') && isNamed(one, name));
}

function rank(process: Process, ip: Ipv4): { unreachable: number; scope: number; shared: number } {
  const scope = ip >>> 24 === 127 || ip >>> 16 === 0xa9fe ? 0 : 1;
  const source = sourceFor(process, ip);
  if (source === null) return { unreachable: 1, scope, shared: 0 };
  const length = listAddrs(process.ns).find((row) => row.local === source)?.prefixLength ?? 0;
  const different = Math.clz32(ip ^ source);
  return { unreachable: 0, scope, shared: different >= length ? different : 0 };
}

/** The source address of a datagram to there: that of a connected UDP socket; null when nothing leads there. */
function sourceFor(process: Process, ip: Ipv4): Ipv4 | null {
  const probe = openUdpSocket(process.ns);
  try {
    probe.connect(ip, 0xffff);
    return probe.local;
  } catch (error) {
    if (error instanceof KernelError) return null;
    throw error;
  } finally {
    probe.close();
  }
}

/** The name of an address, from /etc/hosts (getnameinfo(3)); null when it has none. */
export function reverseName(process: Process, ip: Ipv4): string | null {
  return hosts(process).find((line) => line.ip === ip)?.names[0] ?? null;
}
