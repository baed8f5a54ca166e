import { parseCidr } from './cidr.ts';
import { type ApiObject, field, isObject, type Json, type Manifest, sameJson } from './api-object.ts';

const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const NAME_RULE = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character "
  + "(e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/** A Node's podCIDR and the first of its podCIDRs are one (core/v1 conversion of NodeSpec). */
export function withNodeDefaults(manifest: Manifest): Manifest {
  const cidr = field(manifest, 'spec', 'podCIDR');
  const cidrs = field(manifest, 'spec', 'podCIDRs');
  if (typeof cidr === 'string' && cidr !== '' && !Array.isArray(cidrs)) return { ...manifest, spec: { ...specOf(manifest), podCIDRs: [cidr] } };
  if (cidr === undefined && Array.isArray(cidrs) && typeof cidrs[0] === 'string') return { ...manifest, spec: { ...specOf(manifest), podCIDR: cidrs[0] } };
  return { ...manifest, spec: specOf(manifest) };
}

function specOf(manifest: Manifest): Record<string, Json | undefined> {
  const spec = field(manifest, 'spec');
  return isObject(spec) ? { ...spec } : {};
}

/** ValidateNode of the API server, for what is here of a node. */
export function validateNode(manifest: Manifest): string[] {
  const wrong: string[] = [];
  const { name } = manifest.metadata;
  if (!NAME.test(name)) wrong.push(`metadata.name: Invalid value: "${name}": ${NAME_RULE}`);
  const cidrs = field(manifest, 'spec', 'podCIDRs');
  for (const [i, cidr] of (Array.isArray(cidrs) ? cidrs : []).entries()) {
    if (typeof cidr !== 'string' || parseCidr(cidr) === null) wrong.push(`spec.podCIDRs[${i}]: Invalid value: "${String(cidr)}": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)`);
  }
  return wrong;
}

/** ValidateNodeUpdate: a pod CIDR that was given stays. */
export function validateNodeUpdate(before: ApiObject, after: Manifest): string[] {
  const old = field(before, 'spec', 'podCIDRs');
  if (!Array.isArray(old) || old.length === 0 || sameJson(old, field(after, 'spec', 'podCIDRs'))) return [];
  return ['spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'];
}
