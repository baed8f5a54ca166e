import { hex, readU32, writeU32 } from './bytes.ts';
import type { Field } from './field-span.ts';
import type { VxlanHeader } from './packet.ts';

export const VXLAN_HLEN = 8;
/** VXLAN_HF_VNI: the VNI is valid. */
export const VXLAN_FLAG_VNI = 0x0800_0000;
/** The port of IANA, and the one that Linux had before there was one. */
export const VXLAN_PORTS: readonly number[] = [4789, 8472];

export function writeVxlan(header: VxlanHeader, out: Uint8Array, at: number): void {
  writeU32(out, at, header.flags);
  writeU32(out, at + 4, header.vni * 256 + header.reserved);
}

/** RFC 7348 5; null when there are fewer than 8 bytes. */
export function readVxlan(bytes: Uint8Array, at: number, end: number): VxlanHeader | null {
  if (end - at < VXLAN_HLEN) return null;
  const word = readU32(bytes, at + 4);
  return { kind: 'vxlan', flags: readU32(bytes, at), vni: word >>> 8, reserved: word & 0xff };
}

export function vxlanFields(header: VxlanHeader): Field[] {
  return [
    { field: 'flags', label: 'Flags', offset: 0, length: 4, value: `${hex(header.flags, 8)}${(header.flags & VXLAN_FLAG_VNI) === 0 ? ' (no VNI)' : ''}` },
    { field: 'vni', label: 'VXLAN Network Identifier (VNI)', offset: 4, length: 3, value: String(header.vni) },
    { field: 'reserved', label: 'Reserved', offset: 7, length: 1, value: String(header.reserved) },
  ];
}
