import type { ApiObject } from '../../cluster/api-object.ts';
import { field } from '../../cluster/api-object.ts';
import { type Cidr, formatCidr, parseCidr, sameCidr } from '../../cluster/cidr.ts';
import { formatIpv4, type Ipv4, type Mac, parseIpv4, parseMac } from '../../wire/address.ts';
import { isObject, JsonSyntaxError, type JsonValue, parseJson } from '../cni-plugins/go-json.ts';

/** What one node lends its pods, and how the others get there. */
export interface Lease {
  readonly node: string;
  readonly subnet: Cidr;
  readonly publicIp: Ipv4;
  readonly backendType: string;
  /** JSON of the backend; `null` where it has none. */
  readonly backendData: string;
}

export interface LeaseEvent {
  readonly type: 'added' | 'removed';
  readonly lease: Lease;
}

/** Names of flannel's annotations on a node (pkg/subnet/kube/annotations.go). */
export interface Annotations {
  readonly kubeManaged: string;
  readonly backendType: string;
  readonly backendData: string;
  readonly publicIp: string;
  readonly publicIpOverwrite: string;
  readonly nodePublicIp: string;
  /** Where GetStoredMacAddresses looks, which takes no notice of a prefix with a slash. */
  readonly storedBackendData: string;
}

export function annotationsOf(prefix: string): Annotations {
  const path = prefix.endsWith('/') || prefix.endsWith('-') ? prefix : prefix.includes('/') ? `${prefix}-` : `${prefix}/`;
  return {
    kubeManaged: `${path}kube-subnet-manager`, backendType: `${path}backend-type`, backendData: `${path}backend-data`, publicIp: `${path}public-ip`,
    publicIpOverwrite: `${path}public-ip-overwrite`, nodePublicIp: `${path}node-public-ip`, storedBackendData: `${prefix}/backend-data`,
  };
}

export function annotation(node: ApiObject, name: string): string {
  return node.metadata.annotations?.[name] ?? '';
}

/** spec.podCIDRs: the API server keeps the first of them the same as spec.podCIDR. */
export function podCidrsOf(node: ApiObject): readonly string[] {
  const cidrs = field(node, 'spec', 'podCIDRs');
  return Array.isArray(cidrs) ? cidrs.filter((cidr) => typeof cidr === 'string') : [];
}

/** nodeToLease; the reason when the node says no such thing. */
export function leaseOf(node: ApiObject, names: Annotations): Lease | string {
  const ip = annotation(node, names.publicIp);
  const publicIp = parseIpv4(ip);
  if (publicIp === null) return 'invalid IP address format';
  const [podCidr = ''] = podCidrsOf(node);
  const subnet = parseCidr(podCidr);
  if (subnet === null) return `invalid CIDR address: ${podCidr}`;
  return { node: node.metadata.name, subnet, publicIp, backendType: annotation(node, names.backendType), backendData: annotation(node, names.backendData) };
}

/** The VTEP's MAC in a backend-data annotation, or why it cannot be read; null when it names none. */
export function vtepMacOf(backendData: string): Mac | null | { readonly error: string } {
  let value: JsonValue;
  try {
    value = parseJson(backendData);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    return { error: error.message };
  }
  const mac = isObject(value) ? value.VtepMAC : undefined;
  if (mac === undefined) return null;
  if (typeof mac !== 'string') return { error: 'error parsing hardware addr' };
  return parseMac(mac) ?? { error: `address ${mac}: invalid MAC address` };
}

/** The MAC of an annotation, if it has one that can be used. */
export function readableMac(backendData: string): Mac | null {
  const mac = vtepMacOf(backendData);
  return typeof mac === 'number' ? mac : null;
}

/** LeaseWatcher (pkg/lease): the leases of the other nodes, one for each subnet. */
export interface LeaseWatcher {
  readonly own: Lease;
  readonly leases: Lease[];
}

/**
 * Gives what the backend is told of: nothing for a lease of the node's own subnet. Two nodes with one subnet are one lease, and the later
 * one's data count, also when either of them goes.
 */
export function watchLease(watcher: LeaseWatcher, { type, lease }: LeaseEvent, missing: (text: string) => void): LeaseEvent | null {
  const { own, leases } = watcher;
  if (sameCidr(own.subnet, lease.subnet)) return null;
  const at = leases.findIndex((other) => sameCidr(other.subnet, lease.subnet));
  if (type === 'added') {
    if (at < 0) leases.push(lease);
    else leases[at] = lease;
    return { type, lease };
  }
  if (at >= 0) return { type, lease: leases.splice(at, 1)[0]! };
  missing(`Removed subnet (${formatCidr(lease.subnet)}) and ipv6 subnet (::/0) were not found`);
  return { type, lease };
}

/** An event as Go prints it with `%#v`. */
export function eventText({ type, lease: { subnet, publicIp, backendType, backendData } }: LeaseEvent): string {
  const hex = (value: number): string => `0x${value.toString(16)}`;
  const bytes = [...new TextEncoder().encode(backendData)].map(hex).join(', ');
  return `lease.Event{Type:${type === 'added' ? 0 : 1}, Lease:lease.Lease{EnableIPv4:true, EnableIPv6:false, Subnet:ip.IP4Net{IP:${hex(subnet.ip)}, PrefixLen:${hex(subnet.prefixLength)}}, `
    + `IPv6Subnet:ip.IP6Net{IP:(*ip.IP6)(nil), PrefixLen:0x0}, Attrs:lease.LeaseAttrs{PublicIP:${hex(publicIp)}, PublicIPv6:(*ip.IP6)(nil), BackendType:${JSON.stringify(backendType)}, `
    + `BackendData:json.RawMessage{${bytes}}, BackendV6Data:json.RawMessage(nil)}, Expiration:time.Date(1, time.January, 1, 0, 0, 0, 0, time.UTC), Asof:0}}`;
}

/** LeaseAttrs.String. */
export function attrsText({ publicIp, backendType, backendData }: Lease): string {
  return `BackendType: ${backendType}, PublicIP: ${formatIpv4(publicIp)}, PublicIPv6: (nil), BackendData: ${backendData}, BackendV6Data: (nil)`;
}
