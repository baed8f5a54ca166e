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
  readonly ip: Ipv4;
  readonly names: readonly string[];
}

function hosts(process: Process): HostsLine[] {
  if (!process.fs.exists('/etc/hosts')) return [];
  const lines: HostsLine[] = [];
  for (const line of process.fs.read('/etc/hosts').split('\n')) {
    const [address, ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    const ip = parseIpv4(address ?? '');
    if (ip !== null && names.length > 0) lines.push({ ip, names });
  }
  return lines;
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
  if (!/^[\w.-]+$/.test(name) || (inetOnly && /^[\d.]+$/.test(name)) || name.length > 253) return NOT_KNOWN;
  const wanted = name.toLowerCase();
  const line = hosts(process).find((one) => one.names.some((alias) => alias.toLowerCase() === wanted));
  return line ? { ip: line.ip, canonical: line.names[0]! } : TRY_AGAIN;
}

/** The name of an address, from /etc/hosts (getnameinfo(3)); null when it has none. */
export function reverseName(process: Process, ip: Ipv4): string | null {
  return hosts(process).find((line) => line.ip === ip)?.names[0] ?? null;
}
