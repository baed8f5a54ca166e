import { readFileSync } from 'node:fs';
import { counterLines, TABLE_COMMANDS, TABLE_NAMES, tellsCarrier, type NamespaceTables, type RecordTableName } from '../src/core/index.ts';
import { lookInto, machineScript, type RunningMachine } from './machine.ts';

type Tables = Record<string, NamespaceTables>;

/** The tables of every namespace of every machine. */
export async function readTables(machines: readonly RunningMachine[]): Promise<Tables> {
  const script = readFileSync(machineScript('tables.sh'), 'utf8');
  const commands = TABLE_NAMES.map((name) => TABLE_COMMANDS[name]);
  const texts = await Promise.all(machines.map((machine) => lookInto(machine, ['bash', '-c', script, 'tables', ...commands])));
  return Object.fromEntries(machines.flatMap((machine, index) => parseDump(machine.name, texts[index] ?? '')));
}

function parseDump(machine: string, text: string): [string, NamespaceTables][] {
  return text.split('\x1e').slice(1).map((part) => {
    const [namespace = '', ...printed] = part.split('\x1f');
    const tables = Object.fromEntries(TABLE_NAMES.map((name, index) => [name, recorded(name, printed[index] ?? '')])) as Record<RecordTableName, string>;
    return [namespace === '' ? machine : `${machine}/${namespace}`, tables];
  });
}

/** Of the counters, the record has those that say something. */
function recorded(name: RecordTableName, text: string): string {
  return name === 'counters' ? counterLines(text) : text;
}

interface LinkRow {
  readonly ifname?: string;
  readonly flags?: readonly string[];
  readonly operstate?: string;
  readonly address?: string;
  readonly linkinfo?: { readonly info_kind?: string };
}

/**
 * False while the kernel still owes a change of carrier its consequences: operstate, routes and neighbours follow up to a second later
 * (linkwatch_event).
 */
export function linksSettled(tables: Readonly<Tables>): boolean {
  const rows = Object.values(tables).flatMap(({ link }) => parseRows(link) as LinkRow[]);
  return rows.every(({ flags = [], operstate = '', linkinfo }) => !flags.includes('UP') || flags.includes('LOWER_UP') === tellsCarrier(operstate, linkinfo?.info_kind === 'bridge'));
}

/**
 * MAC -> place, from the link tables of a run in order of time. A bridge is listed only when no other device has its MAC; a MAC that
 * several devices have (ee:ee:ee:ee:ee:ee) is nobody's.
 */
export function devicesOf(runs: readonly Readonly<Record<string, NamespaceTables>>[]): Record<string, string> {
  const owners = new Map<string, Set<string>>();
  const bridges = new Map<string, string>();
  for (const tables of runs) {
    for (const [namespace, { link }] of Object.entries(tables)) {
      for (const row of parseRows(link) as LinkRow[]) {
        if (row.address === undefined || row.ifname === undefined || row.address === '00:00:00:00:00:00') continue;
        const place = `${namespace}:${row.ifname}`;
        if (row.linkinfo?.info_kind === 'bridge') bridges.set(row.address, place);
        else owners.set(row.address, (owners.get(row.address) ?? new Set()).add(place));
      }
    }
  }
  const devices: Record<string, string> = {};
  for (const [mac, places] of owners) if (places.size === 1) devices[mac] = [...places][0]!;
  for (const [mac, place] of bridges) if (!owners.has(mac)) devices[mac] = place;
  return devices;
}

/** The rows of a JSON table; empty when the command printed nothing. */
export function parseRows(text: string): unknown[] {
  return text.trim() === '' ? [] : (JSON.parse(text) as unknown[]);
}
