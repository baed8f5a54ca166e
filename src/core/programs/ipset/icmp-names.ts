/** The names that ipset prints and takes for ICMP types (lib/icmp.c of ipset), by type * 256 + code. */
const NAMES: readonly (readonly [string, number, number])[] = [
  ['echo-reply', 0, 0], ['network-unreachable', 3, 0], ['host-unreachable', 3, 1], ['protocol-unreachable', 3, 2], ['port-unreachable', 3, 3],
  ['fragmentation-needed', 3, 4], ['source-route-failed', 3, 5], ['network-unknown', 3, 6], ['host-unknown', 3, 7], ['network-prohibited', 3, 9],
  ['host-prohibited', 3, 10], ['TOS-network-unreachable', 3, 11], ['TOS-host-unreachable', 3, 12], ['communication-prohibited', 3, 13],
  ['host-precedence-violation', 3, 14], ['precedence-cutoff', 3, 15], ['source-quench', 4, 0], ['network-redirect', 5, 0], ['host-redirect', 5, 1],
  ['TOS-network-redirect', 5, 2], ['TOS-host-redirect', 5, 3], ['echo-request', 8, 0], ['router-advertisement', 9, 0], ['router-solicitation', 10, 0],
  ['ttl-zero-during-transit', 11, 0], ['ttl-zero-during-reassembly', 11, 1], ['ip-header-bad', 12, 0], ['required-option-missing', 12, 1],
  ['timestamp-request', 13, 0], ['timestamp-reply', 14, 0], ['address-mask-request', 17, 0], ['address-mask-reply', 18, 0],
];

export function icmpName(typeCode: number): string {
  const named = NAMES.find(([, type, code]) => type * 256 + code === typeCode);
  return named ? named[0] : `${typeCode >> 8}/${typeCode & 255}`;
}

/** Null when it is neither a name nor `type/code`. */
export function parseIcmp(text: string): number | null {
  const named = NAMES.find(([name]) => name === text);
  if (named) return named[1] * 256 + named[2];
  const parts = /^(\d{1,3})\/(\d{1,3})$/.exec(text);
  if (!parts || Number(parts[1]) > 255 || Number(parts[2]) > 255) return null;
  return Number(parts[1]) * 256 + Number(parts[2]);
}
