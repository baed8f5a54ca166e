import { defaultPrint, etherTypeName } from './ether-names.ts';
import { ipText, macText, need, type Printer, u16, u8 } from './printer.ts';

const OPERATIONS: Readonly<Record<number, string>> = {
  1: 'Request', 2: 'Reply', 3: 'Reverse Request', 4: 'Reverse Reply', 8: 'Inverse Request', 9: 'Inverse Reply', 10: 'NACK Reply',
};
const HARDWARE: Readonly<Record<number, string>> = {
  1: 'Ethernet', 6: 'TokenRing', 7: 'ArcNet', 15: 'FrameRelay', 23: 'Strip', 24: 'IEEE 1394', 19: 'ATM', 32: 'InfiniBand',
};

interface ArpPlaces {
  readonly sha: number;
  readonly spa: number;
  readonly tha: number;
  readonly tpa: number;
  readonly hardwareLength: number;
}

/** print-arp.c */
export function printArp(p: Printer, at: number, length: number): void {
  p.protocol = 'arp';
  need(p, at, 8);
  const hardware = u16(p, at);
  const protocol = u16(p, at + 2);
  const hardwareLength = u8(p, at + 4);
  const protocolLength = u8(p, at + 5);
  const operation = u16(p, at + 6);
  const sha = at + 8;
  const places: ArpPlaces = { sha, spa: sha + hardwareLength, tha: sha + hardwareLength + protocolLength, tpa: sha + 2 * hardwareLength + protocolLength, hardwareLength };
  need(p, places.tpa, protocolLength);
  if (!p.options.link) p.out += 'ARP, ';
  const known = protocol === 0x0800 && protocolLength === 4;
  if (!known || hardwareLength === 0 || p.options.verbose > 0) {
    p.out += `${HARDWARE[hardware] ?? `Unknown Hardware (${hardware})`} (len ${hardwareLength}), ${etherTypeName(protocol) ?? `Unknown Protocol (0x${protocol.toString(16).padStart(4, '0')})`} (len ${protocolLength})`;
    if (p.options.verbose === 0) {
      p.out += `, length ${length}`;
      return;
    }
  }
  p.out += `${p.options.verbose > 0 ? ', ' : ''}${OPERATIONS[operation] ?? `Unknown (${operation})`} `;
  const address = (place: number): string => (known ? ipText(p, place) : protocol === 0x0800 ? '<wrong len>' : '<wrong proto type>');
  if (!printOperation(p, operation, places, address)) {
    defaultPrint(p, at);
    return;
  }
  p.out += `, length ${length}`;
}

/** False for an operation that is shown as a dump. */
function printOperation(p: Printer, operation: number, places: ArpPlaces, address: (at: number) => string): boolean {
  const hardware = (at: number): string => hardwareText(p, at, places.hardwareLength);
  switch (operation) {
    case 1: {
      p.out += `who-has ${address(places.tpa)}`;
      if (p.bytes.subarray(places.tha, places.tha + places.hardwareLength).some((byte) => byte !== 0)) p.out += ` (${hardware(places.tha)})`;
      p.out += ` tell ${address(places.spa)}`;
      return true;
    }
    case 2:
      p.out += `${address(places.spa)} is-at ${hardware(places.sha)}`;
      return true;
    case 3:
    case 8:
      p.out += `who-is ${hardware(places.tha)} tell ${hardware(places.sha)}`;
      return true;
    case 4:
      p.out += `${hardware(places.tha)} at ${address(places.tpa)}`;
      return true;
    case 9:
      p.out += `${hardware(places.sha)} at ${address(places.spa)}`;
      return true;
    default:
      return false;
  }
}

function hardwareText(p: Printer, at: number, length: number): string {
  if (length === 0) return '<empty>';
  if (length === 6) return macText(p, at);
  return Array.from({ length }, (_, i) => u8(p, at + i).toString(16).padStart(2, '0')).join(':');
}
