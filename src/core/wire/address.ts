/** A MAC address as a 48-bit number: 02:00:00:00:01:01 is 0x020000000101. */
export type Mac = number;

/** An IPv4 address as an unsigned 32-bit number: 192.168.1.1 is 0xc0a80101. */
export type Ipv4 = number;

export const MAC_ZERO: Mac = 0;
export const MAC_BROADCAST: Mac = 0xffff_ffff_ffff;
export const IPV4_ANY: Ipv4 = 0;
export const IPV4_BROADCAST: Ipv4 = 0xffff_ffff;

/** The group bit: set in broadcast and multicast MACs. */
export function isMulticastMac(mac: Mac): boolean {
  return (Math.floor(mac / 0x100_0000_0000) & 1) === 1;
}

export function formatMac(mac: Mac): string {
  const hex = mac.toString(16).padStart(12, '0');
  return `${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4, 6)}:${hex.slice(6, 8)}:${hex.slice(8, 10)}:${hex.slice(10, 12)}`;
}

/** Reads six colon-separated hex bytes of one or two digits; null when the text is not a MAC address. */
export function parseMac(text: string): Mac | null {
  if (!/^[0-9a-fA-F]{1,2}(:[0-9a-fA-F]{1,2}){5}$/.test(text)) return null;
  return text.split(':').reduce((mac, byte) => mac * 256 + Number.parseInt(byte, 16), 0);
}

export function formatIpv4(ip: Ipv4): string {
  return `${ip >>> 24}.${(ip >>> 16) & 255}.${(ip >>> 8) & 255}.${ip & 255}`;
}

/** Reads a dotted quad, all four parts decimal 0-255; null when the text is not one. */
export function parseIpv4(text: string): Ipv4 | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (!match) return null;
  let ip = 0;
  for (let i = 1; i <= 4; i++) {
    const byte = Number(match[i]);
    if (byte > 255) return null;
    ip = ip * 256 + byte;
  }
  return ip;
}

/** The netmask of a prefix length, 0 to 32. */
export function netmask(prefixLength: number): Ipv4 {
  return prefixLength === 0 ? 0 : (0xffff_ffff << (32 - prefixLength)) >>> 0;
}

/** The network part of an address. */
export function network(ip: Ipv4, prefixLength: number): Ipv4 {
  return (ip & netmask(prefixLength)) >>> 0;
}

/** True for 224.0.0.0/4. */
export function isMulticastIpv4(ip: Ipv4): boolean {
  return ip >>> 28 === 14;
}

/** True for 127.0.0.0/8. */
export function isLoopbackIpv4(ip: Ipv4): boolean {
  return ip >>> 24 === 127;
}

/** An address as a little-endian host reads its four bytes in network order. */
export function littleEndian(address: Ipv4): number {
  return (((address & 0xff) << 24) | ((address & 0xff00) << 8) | ((address >>> 8) & 0xff00) | (address >>> 24)) >>> 0;
}
