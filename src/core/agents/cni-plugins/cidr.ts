import { NotSimulated } from '../../shell/process.ts';
import { formatIpv4, type Ipv4, network, parseIpv4 } from '../../wire/address.ts';
import { fail } from './cni-error.ts';

export interface Cidr {
  readonly ip: Ipv4;
  readonly length: number;
}

/** `10.244.1.5/24`, its host bits kept (types.ParseCIDR). */
export function parseCidr(text: string): Cidr {
  if (text.includes(':')) throw new NotSimulated(`the IPv6 address ${text}`);
  const [address, length, more] = text.split('/');
  const ip = parseIpv4(address ?? '');
  if (ip === null || more !== undefined || !/^\d{1,2}$/.test(length ?? '') || Number(length) > 32) return fail(`invalid CIDR address: ${text}`);
  return { ip, length: Number(length) };
}

export function formatCidr({ ip, length }: Cidr): string {
  return `${formatIpv4(ip)}/${length}`;
}

export function parseAddress(text: string): Ipv4 {
  if (text.includes(':')) throw new NotSimulated(`the IPv6 address ${text}`);
  return parseIpv4(text) ?? fail(`invalid IP address: ${text}`);
}

/** The address after the network's own (calcGatewayIP). */
export function firstAddress({ ip, length }: Cidr): Ipv4 {
  return (network(ip, length) + 1) >>> 0;
}
