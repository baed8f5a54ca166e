import { parseIpv4 as strictIpv4, type Ipv4 } from '../../wire/address.ts';
import { Exit, parseUnsigned } from './args.ts';

export type Family = 'unspec' | 'inet' | 'inet6' | 'link' | 'bridge' | 'mpls';

/** An address or prefix of a command line (inet_prefix). `length` is 32 for a bare IPv4 address; `word` is how it was written. */
export type Prefix =
  | { readonly family: 'inet'; readonly ip: Ipv4; readonly length: number; readonly explicit: boolean; readonly word: string }
  | { readonly family: 'inet6'; readonly length: number; readonly explicit: boolean; readonly word: string }
  /** `default`, `all`, `any`: no address at all. */
  | { readonly family: 'any'; readonly length: 0; readonly explicit: boolean; readonly word: string };

/** get_addr_ipv4: one to four parts, each decimal, hex or octal; parts that are missing are 0. */
export function parseIpv4Loose(word: string): Ipv4 | null {
  const strict = /^[1-9]/.test(word) && !/\.0\d/.test(word) ? strictIpv4(word) : null;
  if (strict !== null) return strict;
  const parts = word.split('.');
  if (parts.length > 4) return null;
  let ip = 0;
  for (let i = 0; i < 4; i++) {
    const part = parts[i];
    const value = part === undefined ? 0 : parseUnsigned(part, 255);
    if (value === null) return null;
    ip = ip * 256 + value;
  }
  return ip;
}

/** True for the text of an IPv6 address (inet_pton). */
export function isIpv6(word: string): boolean {
  const [text, ...zones] = word.split('%');
  if (zones.length > 0 || !text || !/^[0-9a-fA-F:.]+$/.test(text) || !text.includes(':')) return false;
  const halves = text.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  const last = groups.at(-1);
  const dotted = last !== undefined && last.includes('.');
  if (dotted && strictIpv4(last) === null) return false;
  const plain = dotted ? groups.slice(0, -1) : groups;
  if (!plain.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return false;
  const count = plain.length + (dotted ? 2 : 0);
  return halves.length === 2 ? count <= 7 : count === 8;
}

function parseAddress(word: string, family: Family): Prefix | null {
  if (word === 'default' || word === 'all' || word === 'any') return { family: 'any', length: 0, explicit: false, word };
  if (word.includes(':')) {
    if (family !== 'unspec' && family !== 'inet6') return null;
    return isIpv6(word) ? { family: 'inet6', length: 128, explicit: false, word } : null;
  }
  if (family !== 'unspec' && family !== 'inet') return null;
  const ip = parseIpv4Loose(word);
  return ip === null ? null : { family: 'inet', ip, length: 32, explicit: false, word };
}

/** A length, or for IPv4 a contiguous netmask (get_netmask). */
function parseLength(word: string, prefix: Prefix): number | null {
  const max = prefix.family === 'inet6' ? 128 : 32;
  const length = parseUnsigned(word, max);
  if (length !== null) return length;
  const mask = prefix.family === 'inet' ? strictIpv4(word) : null;
  if (mask === null) return null;
  const ones = mask === 0 ? 0 : 32 - Math.log2(0x1_0000_0000 - mask);
  return Number.isInteger(ones) ? ones : null;
}

function parsePrefix(word: string, family: Family): Prefix | null {
  const slash = word.indexOf('/');
  if (slash < 0) return parseAddress(word, family);
  const address = parseAddress(word.slice(0, slash), family);
  if (!address || address.family === 'any') return null;
  const length = parseLength(word.slice(slash + 1), address);
  return length === null ? null : { ...address, length, explicit: true, word };
}

const FAMILY_WORDS: Readonly<Record<Family, string>> = { unspec: 'any valid', inet: 'inet', inet6: 'inet6', link: 'link', bridge: 'bridge', mpls: 'mpls' };

/** get_addr: an address without a length. Ends the program when the word is none of the family. */
export function getAddress(word: string, family: Family): Prefix {
  const address = parseAddress(word, family);
  if (!address) throw new Exit(1, `Error: ${FAMILY_WORDS[family]} address is expected rather than "${word}".\n`);
  return address;
}

/** get_prefix: an address with or without a length. Ends the program when the word is none of the family. */
export function getPrefix(word: string, family: Family): Prefix {
  const prefix = parsePrefix(word, family);
  if (!prefix) throw new Exit(1, `Error: ${FAMILY_WORDS[family]} prefix is expected rather than "${word}".\n`);
  return prefix;
}

/** True when the address lies in the prefix. */
export function inPrefix(ip: Ipv4, network: Ipv4, length: number): boolean {
  return length === 0 || (ip ^ network) >>> (32 - length) === 0;
}

/**
 * ll_addr_a2n: bytes in hex with colons between them; of each only what sscanf("%x") takes counts, so `foo` is the one byte 0f. A
 * dotted quad becomes four bytes.
 */
export function parseLladdr(word: string): { readonly bytes: number[] } | { readonly error: string } {
  if (word.includes('.')) {
    const ip = strictIpv4(word);
    return ip === null ? { error: `Invalid address ${word}\n` } : { bytes: [ip >>> 24, (ip >>> 16) & 255, (ip >>> 8) & 255, ip & 255] };
  }
  const bytes: number[] = [];
  for (const part of word.split(':')) {
    const byte = Number.parseInt(part, 16);
    if (!(byte >= 0 && byte <= 255)) return { error: `"${part}" is invalid lladdr.\n` };
    bytes.push(byte);
  }
  return { bytes };
}

/** Six bytes as the number that a `Mac` is. */
export function macOf(bytes: readonly number[]): number {
  return bytes.reduce((mac, byte) => mac * 256 + byte, 0);
}
