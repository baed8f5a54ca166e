import { NotSimulated } from '../shell/process.ts';
import { parseCidr } from './cidr.ts';
import { type ApiObject, field, isObject, type Json, type Manifest, sameJson } from './api-object.ts';

const V6_CIDR = /^[0-9a-f:.]*:[0-9a-f:.]*\/\d{1,3}$/i;
const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const NAME_RULE = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character "
  + "(e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/** A Node's podCIDR and the first of its podCIDRs are one; where they differ, podCIDR wins (core/v1 conversion of NodeSpec). */
export function withNodeDefaults(manifest: Manifest): Manifest {
  const spec = specOf(manifest);
  const { podCIDR, podCIDRs } = spec;
  const first = Array.isArray(podCIDRs) ? podCIDRs[0] : undefined;
  if (typeof podCIDR === 'string' && podCIDR !== '' && podCIDR !== first) return { ...manifest, spec: { ...spec, podCIDRs: [podCIDR] } };
  if ((podCIDR === undefined || podCIDR === '') && typeof first === 'string') return { ...manifest, spec: { ...spec, podCIDR: first } };
  return { ...manifest, spec };
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
  const given = field(manifest, 'spec', 'podCIDRs');
  const cidrs = Array.isArray(given) ? given : [];
  for (const [i, cidr] of cidrs.entries()) {
    if (typeof cidr === 'string' && V6_CIDR.test(cidr)) throw new NotSimulated(`the IPv6 pod CIDR ${cidr}`);
    if (typeof cidr !== 'string' || parseCidr(cidr) === null) wrong.push(`spec.podCIDRs[${i}]: Invalid value: "${String(cidr)}": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)`);
  }
  if (wrong.length === 0 && cidrs.length > 1) wrong.push(`spec.podCIDRs: Invalid value: ${JSON.stringify(cidrs)}: may specify no more than one CIDR for each IP family`);
  return wrong;
}

/** ValidateNodeUpdate: a pod CIDR that was given stays. */
export function validateNodeUpdate(before: ApiObject, after: Manifest): string[] {
  const old = field(before, 'spec', 'podCIDRs');
  if (!Array.isArray(old) || old.length === 0 || sameJson(old, field(after, 'spec', 'podCIDRs'))) return [];
  return ['spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'];
}
