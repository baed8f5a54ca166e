import { type Ipv4, formatIpv4, netmask } from '../../wire/address.ts';
import type { XtEnv } from './extension.ts';
import { wholeNumber } from './numbers.ts';
import { fail } from './xtables-error.ts';

/** Debian's /etc/networks. */
const NETWORKS: ReadonlyMap<string, Ipv4> = new Map([['default', 0], ['loopback', 0x7f00_0000], ['link-local', 0xa9fe_0000]]);

export interface AddressMask {
  readonly address: Ipv4;
  readonly mask: number;
}

/** The address of four decimal numbers without leading zeros, by far the most common; null for anything else. */
function decimalAddress(text: string): Ipv4 | null {
  let [ip, byte, digits, dots] = [0, 0, 0, 0];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 46) {
      if (digits === 0 || ++dots > 3) return null;
      ip = ip * 256 + byte;
      byte = digits = 0;
    } else if (code >= 48 && code <= 57 && (digits === 0 || byte > 0)) {
      byte = byte * 10 + code - 48;
      digits++;
      if (byte > 255) return null;
    } else return null;
  }
  return dots === 3 && digits > 0 ? ip * 256 + byte : null;
}

/** A dotted address; with `partial`, parts left out at its end are zeros (`10.1` is 10.1.0.0), as for a network. */
export function numericAddress(text: string, partial: boolean): Ipv4 | null {
  const usual = decimalAddress(text);
  if (usual !== null) return usual;
  const parts = text.split('.');
  if (parts.length > 4 || (parts.length < 4 && !partial)) return null;
  let ip = 0;
  for (let i = 0; i < 4; i++) {
    const part = parts[i];
    const value = part === undefined ? 0 : wholeNumber(part, 0, 255);
    if (value === null) return null;
    ip = ip * 256 + value;
  }
  return ip;
}

function parseMask(text: string): number {
  const dotted = text.includes('.') ? numericAddress(text, false) : null;
  if (dotted !== null) return dotted;
  const bits = wholeNumber(text, 0, 32) ?? fail(`invalid mask \`${text}' specified`);
  return netmask(bits);
}

function addressesOf(name: string, env: XtEnv): readonly Ipv4[] {
  const numeric = numericAddress(name, true);
  if (numeric !== null) return [numeric];
  const network = NETWORKS.get(name);
  if (network !== undefined) return [network];
  const hosts = env.hosts(name);
  return hosts.length > 0 ? hosts : fail(`host/network \`${name}' not found`);
}

function add(list: AddressMask[], text: string, env: XtEnv): void {
  const slash = text.lastIndexOf('/');
  const mask = slash < 0 ? 0xffff_ffff : parseMask(text.slice(slash + 1));
  // With a mask of no bits any address will do.
  const name = mask === 0 ? '0.0.0.0' : slash < 0 ? text : text.slice(0, slash);
  for (const address of addressesOf(name, env)) list.push({ address: (address & mask) >>> 0, mask });
}

/** xtables_ipparse_multiple: addresses, networks or host names, with commas between them. */
export function parseAddresses(text: string, env: XtEnv): readonly AddressMask[] {
  const list: AddressMask[] = [];
  if (!text.includes(',')) add(list, text, env);
  else for (const part of text.split(',')) add(list, part.trimStart(), env);
  return list;
}

/** The length of a prefix; null when the mask is none. */
export function prefixLength(mask: number): number | null {
  const bits = Math.clz32(~mask);
  return netmask(bits) === mask >>> 0 ? bits : null;
}

/** `/24`, or the whole mask; nothing for a host. */
export function maskSuffix(mask: number): string {
  if (mask === 0xffff_ffff) return '';
  const bits = prefixLength(mask);
  return `/${bits ?? formatIpv4(mask)}`;
}

/** An address for `iptables -L`. */
export function addressText({ address, mask }: AddressMask, numeric: boolean, env: XtEnv): string {
  if (numeric) return formatIpv4(address) + maskSuffix(mask);
  if (mask === 0) return 'anywhere';
  return anyName(address, env) + maskSuffix(mask);
}

/** xtables_ipaddr_to_anyname: the name of a host or a network, or the number. */
export function anyName(address: Ipv4, env: XtEnv): string {
  const host = env.hostName(address);
  if (host !== null) return host;
  for (const [name, network] of NETWORKS) if (network === address) return name;
  return formatIpv4(address);
}
