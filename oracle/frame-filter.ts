import type { Lab } from '../src/core/index.ts';

const PROTOCOLS: Readonly<Record<number, string>> = { 1: 'icmp', 2: 'igmp', 4: 'ipip', 6: 'tcp', 17: 'udp', 58: 'icmp6', 89: 'ospf' };

/** The frames that a lab wants to see: without what `ignore` names (`tcp/179`, `udp`, `arp`), and without IGMP unless it says `igmp`. */
export function recordedFrames<F extends { readonly hex: string }>(lab: Pick<Lab, 'ignore' | 'igmp'>, frames: readonly F[]): F[] {
  const ignored = new Set(lab.igmp ? lab.ignore : [...lab.ignore, 'igmp']);
  return frames.filter(({ hex }) => kindsOf(hex).every((kind) => !ignored.has(kind)));
}

/** `arp`; `ip6`; `tcp`, `tcp/33000` and `tcp/179` for a TCP segment between these ports. */
function kindsOf(hex: string): string[] {
  const number = (byte: number, length: number): number => parseInt(hex.slice(byte * 2, (byte + length) * 2), 16);
  const type = number(12, 2);
  if (type === 0x0806) return ['arp'];
  if (type === 0x86dd) return ['ip6'];
  if (type !== 0x0800) return [];
  const protocol = PROTOCOLS[number(23, 1)] ?? String(number(23, 1));
  const payload = 14 + (number(14, 1) & 15) * 4;
  const fragment = (number(20, 2) & 0x1fff) !== 0;
  if (fragment || (protocol !== 'tcp' && protocol !== 'udp')) return [protocol];
  return [protocol, `${protocol}/${number(payload, 2)}`, `${protocol}/${number(payload + 2, 2)}`];
}
