import type { ApiObject } from '../../cluster/api-object.ts';
import { field } from '../../cluster/api-object.ts';
import { type Cidr, parseCidr, sameCidr } from '../../cluster/cidr.ts';
import { type Ipv4, type Mac, parseIpv4, parseMac } from '../../wire/address.ts';

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
}

export function annotationsOf(prefix: string): Annotations {
  const path = prefix.endsWith('/') || prefix.endsWith('-') ? prefix : prefix.includes('/') ? `${prefix}-` : `${prefix}/`;
  return {
    kubeManaged: `${path}kube-subnet-manager`, backendType: `${path}backend-type`, backendData: `${path}backend-data`, publicIp: `${path}public-ip`,
    publicIpOverwrite: `${path}public-ip-overwrite`,
  };
}

export function annotation(node: ApiObject, name: string): string {
  return node.metadata.annotations?.[name] ?? '';
}

/** nodeToLease. Null with the reason when the node says no such thing. */
export function leaseOf(node: ApiObject, names: Annotations): Lease | string {
  const ip = annotation(node, names.publicIp);
  const publicIp = parseIpv4(ip);
  if (publicIp === null) return `ip: cannot parse ${JSON.stringify(ip)}`;
  const podCidr = field(node, 'spec', 'podCIDR');
  const subnet = typeof podCidr === 'string' ? parseCidr(podCidr) : null;
  if (subnet === null) return `invalid CIDR address: ${typeof podCidr === 'string' ? podCidr : ''}`;
  return { node: node.metadata.name, subnet, publicIp, backendType: annotation(node, names.backendType), backendData: annotation(node, names.backendData) };
}

/** The VTEP's MAC in a backend-data annotation; null when it has none that can be read. */
export function vtepMacOf(backendData: string): Mac | null {
  try {
    const value: unknown = JSON.parse(backendData);
    const mac = typeof value === 'object' && value !== null && 'VtepMAC' in value ? value.VtepMAC : null;
    return typeof mac === 'string' ? parseMac(mac) : null;
  } catch {
    return null;
  }
}

/** LeaseWatcher: what is a lease of others. A node whose subnet is this node's own is taken for this node, and passed over. */
export function isOwn(own: Lease, lease: Lease): boolean {
  return sameCidr(own.subnet, lease.subnet);
}
