import { GRANULARITIES, type Granularity } from '../core/index.ts';

/** What the address says: which scenario, at which moment, shown how. The same names in the workbench and in the embed page. */
export interface Address {
  readonly scenario: string | null;
  /** `seq` counted from the first step of the lab; null for the start. */
  readonly step: number | null;
  readonly granularity: Granularity;
  readonly theme: Theme;
  readonly panel: Panel;
  readonly view: View;
  readonly controls: Controls;
}

export const THEMES = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];
/** What stands beside the map: the packet, the hooks of its stack, the tables, the state machine, the two directions of its connection, the terminal, what agents did, or nothing. */
export const PANELS = ['packet', 'stack', 'tables', 'state', 'exchange', 'output', 'agents', 'none'] as const;
export type Panel = (typeof PANELS)[number];
/** Of a lab with tunnels: the network that they make, the network below it, or both. */
export const VIEWS = ['both', 'overlay', 'underlay'] as const;
export type View = (typeof VIEWS)[number];
export const CONTROLS = ['full', 'min', 'none'] as const;
export type Controls = (typeof CONTROLS)[number];

export const DEFAULT_ADDRESS: Address = { scenario: null, step: null, granularity: 'stack', theme: 'auto', panel: 'packet', view: 'both', controls: 'full' };

const ALLOWED: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([['granularity', GRANULARITIES], ['theme', THEMES], ['panel', PANELS], ['view', VIEWS], ['controls', CONTROLS]]);
const KNOWN = ['scenario', 'step', ...ALLOWED.keys()];

/** Reads an address. Never throws: a value that does not fit is replaced by the default, and told in `problems`. */
export function readAddress(search: string, known: readonly string[]): { address: Address; problems: string[] } {
  const parameters = new URLSearchParams(search);
  const problems: string[] = [];
  const address: { -readonly [K in keyof Address]: Address[K] } = { ...DEFAULT_ADDRESS };
  for (const name of new Set(parameters.keys())) {
    const value = parameters.get(name)!;
    if (name === 'scenario') {
      if (known.includes(value)) address.scenario = value;
      else problems.push(`There is no scenario “${shorten(value)}”.`);
    } else if (name === 'step') {
      if (/^\d{1,7}$/.test(value)) address.step = Number(value);
      else problems.push(`“step” is a number, not “${shorten(value)}”.`);
    }
    const allowed = ALLOWED.get(name);
    if (allowed) {
      if (allowed.includes(value)) Object.assign(address, { [name]: value });
      else problems.push(`“${name}” is one of ${allowed.join(', ')}, not “${shorten(value)}”.`);
    } else if (!KNOWN.includes(name)) {
      problems.push(`“${shorten(name)}” is not a parameter of this page.`);
    }
  }
  return { address, problems };
}

/** Writes an address as a query, leaving out what is the default. */
export function writeAddress(address: Partial<Address>): string {
  const parameters = new URLSearchParams();
  for (const name of KNOWN as (keyof Address)[]) {
    const value = address[name];
    if (value !== undefined && value !== null && value !== DEFAULT_ADDRESS[name]) parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
