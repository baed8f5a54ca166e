import { formatIpv4, formatMac } from '../wire/address.ts';
import { headerOf } from '../trace/packet-name.ts';
import type { Step } from '../trace/step.ts';
import type { HeaderKind } from '../wire/packet.ts';

const HEADERS: readonly HeaderKind[] = ['eth', 'vlan', 'arp', 'ipv4', 'icmp', 'igmp', 'udp', 'tcp', 'vxlan', 'gre'];
const IPS = new Set(['ip', 'src', 'dst', 'tpa', 'spa', 'via', 'nexthop', 'prefsrc', 'remote', 'groupAddress']);
const MACS = new Set(['mac', 'sha', 'tha']);
const BASE = new Set(['seq', 'at', 'machine', 'netns', 'device', 'skb', 'packet', 'cause', 'kind', 'reads', 'changes', 'considered']);

/**
 * A field of a step as text, as beats name them: `reason`, `result.dev`, or of its packet, `arp.op`, `ipv4.dst`, `eth.src`.
 * Addresses are written as people write them, lists with commas. Null when the step has no such field.
 */
export function fieldText(step: Step, name: string): string | null {
  const [head, tail] = name.split('.') as [string, string?];
  if (tail !== undefined && HEADERS.includes(head as HeaderKind)) {
    const header = headerOf(step.packet, head as HeaderKind);
    return header ? valueText((header as unknown as Record<string, unknown>)[tail], tail, head === 'eth') : null;
  }
  let value: unknown = step;
  for (const key of name.split('.')) value = typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
  return valueText(value, tail ?? head, false);
}

function valueText(value: unknown, key: string, ethernet: boolean): string | null {
  if (value === undefined || (typeof value === 'object' && value !== null && !Array.isArray(value))) return null;
  if (typeof value === 'number' && (MACS.has(key) || (ethernet && key !== 'type'))) return formatMac(value);
  if (typeof value === 'number' && IPS.has(key)) return formatIpv4(value);
  return Array.isArray(value) ? value.join(',') : String(value);
}

/** `ip=192.168.1.2 from=NONE to=INCOMPLETE`: what tells a step from others of its kind. */
export function fieldsText(step: Step): string {
  const parts: string[] = [];
  for (const [key, value] of Object.entries(step)) {
    if (BASE.has(key) || key === 'fn') continue;
    const text = key === 'result' && value !== null ? null : valueText(value, key, false);
    if (text !== null && text !== '') parts.push(`${key}=${text.length > 40 ? `${text.slice(0, 40)}...` : text}`);
  }
  return parts.join(' ');
}
