import { readU16, writeU16 } from './bytes.ts';
import { formatEtherType } from './ethernet.ts';
import type { Field } from './field-span.ts';
import type { VlanHeader } from './packet.ts';

/** The tag after its TPID, which is the `type` of the header before it. */
export const VLAN_HLEN = 4;

export function writeVlan(header: VlanHeader, out: Uint8Array, at: number): void {
  writeU16(out, at, (header.pcp << 13) | (header.dei ? 0x1000 : 0) | header.vid);
  writeU16(out, at + 2, header.type);
}

export function readVlan(bytes: Uint8Array, at: number): VlanHeader | null {
  if (bytes.length - at < VLAN_HLEN) return null;
  const tci = readU16(bytes, at);
  return { kind: 'vlan', pcp: tci >>> 13, dei: (tci & 0x1000) !== 0, vid: tci & 0xfff, type: readU16(bytes, at + 2) };
}

export function vlanFields(header: VlanHeader): Field[] {
  return [
    { field: 'pcp', label: 'Priority', offset: 0, length: 1, bits: { from: 0, count: 3 }, value: String(header.pcp) },
    { field: 'dei', label: 'DEI', offset: 0, length: 1, bits: { from: 3, count: 1 }, value: header.dei ? 'Eligible' : 'Ineligible' },
    { field: 'vid', label: 'ID', offset: 0, length: 2, bits: { from: 4, count: 12 }, value: String(header.vid) },
    { field: 'type', label: 'Type', offset: 2, length: 2, value: formatEtherType(header.type) },
  ];
}
