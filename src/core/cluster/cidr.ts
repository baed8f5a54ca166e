import { formatIpv4, network, parseIpv4, type Ipv4 } from '../wire/address.ts';

/** An IPv4 prefix as Go's net.IPNet has it: the address without its host bits. */
export interface Cidr {
  readonly ip: Ipv4;
  readonly prefixLength: number;
}

/** `10.244.1.0/24`, with or without host bits (net.ParseCIDR); null for what is none. */
export function parseCidr(text: string): Cidr | null {
  const match = /^(\d+\.\d+\.\d+\.\d+)\/(0|[1-9]\d?)$/.exec(text);
  const ip = match && !/(?:^|\.)0\d/.test(match[1]!) ? parseIpv4(match[1]!) : null;
  const prefixLength = Number(match?.[2]);
  return ip === null || prefixLength > 32 ? null : { ip: network(ip, prefixLength), prefixLength };
}

export function formatCidr({ ip, prefixLength }: Cidr): string {
  return `${formatIpv4(ip)}/${prefixLength}`;
}

export function cidrContains(outer: Cidr, ip: Ipv4): boolean {
  return network(ip, outer.prefixLength) === network(outer.ip, outer.prefixLength);
}

/** True when all of `inner` is in `outer`. */
export function cidrCovers(outer: Cidr, inner: Cidr): boolean {
  return outer.prefixLength <= inner.prefixLength && cidrContains(outer, inner.ip);
}

export function sameCidr(a: Cidr, b: Cidr): boolean {
  return a.ip === b.ip && a.prefixLength === b.prefixLength;
}
