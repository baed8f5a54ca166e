import type { LabRecord } from '../src/core/index.ts';
import { devicesOf } from './tables.ts';

/** How MACs are called in what is compared. */
export interface MacNames {
  (mac: string): string;
}

const FIXED: Readonly<Record<string, string>> = { 'ff:ff:ff:ff:ff:ff': 'broadcast', '00:00:00:00:00:00': '0' };

/** Names from the link tables of the record itself, so that both sides are named by the same rule. */
export function macNames(record: LabRecord): MacNames {
  const devices = devicesOf(record.steps.map(({ tables }) => tables));
  return (mac) => FIXED[mac] ?? devices[mac] ?? mac;
}

const BRIDGE_ID = /\b([0-9a-f]{4})\.((?:[0-9a-f]{1,2}:){5}[0-9a-f]{1,2})\b/g;
const PLAIN_BRIDGE_ID = /\b([0-9a-f]{4})\.([0-9a-f]{12})\b/g;
const MAC = /\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b/g;

/**
 * A text with its MACs replaced by names. A MAC of no device (a bridge had it before it got ports) is numbered, unless it is `known`:
 * written in the lab, or a group address.
 */
export function nameMacs(text: string, names: MacNames, known: (mac: string) => boolean): string {
  const strangers = new Map<string, string>();
  const name = (mac: string): string => {
    const given = names(mac);
    if (given !== mac || known(mac) || (parseInt(mac.slice(0, 2), 16) & 1) === 1) return given;
    const stranger = strangers.get(mac) ?? `mac${strangers.size + 1}`;
    strangers.set(mac, stranger);
    return stranger;
  };
  return text
    .replace(BRIDGE_ID, (_, priority: string, id: string) => `${priority}.<${name(id.split(':').map((byte) => byte.padStart(2, '0')).join(':'))}>`)
    .replace(PLAIN_BRIDGE_ID, (_, priority: string, id: string) => `${priority}.<${name(id.match(/../g)!.join(':'))}>`)
    .replace(MAC, (mac) => `<${name(mac)}>`);
}
