import type { TextTableName } from '../src/core/index.ts';
import { TIMEOUT_TOLERANCE } from './legitimate.ts';

/** The lines of two tables of text, without what legitimately differs. */
export interface TextLines {
  readonly kernel: readonly string[];
  readonly simulator: readonly string[];
}

/** Ports that are compared as they are. */
export type IsNamedPort = (port: number) => boolean;

export interface TextContext {
  /** The counters at the end of the step before, of both sides. */
  readonly before: readonly [string, string];
  /** Seconds between the two readings of the tables. */
  readonly apart: number;
  readonly isNamedPort: IsNamedPort;
}

export function textTableLines(table: TextTableName, kernel: string, simulator: string, { before, apart, isNamedPort }: TextContext): TextLines {
  switch (table) {
    case 'counters': return { kernel: counterChanges(before[0], kernel), simulator: counterChanges(before[1], simulator) };
    case 'iptables': return { kernel: ruleLines(kernel), simulator: ruleLines(simulator) };
    case 'conntrack': return sameTimeouts(connectionLines(kernel, isNamedPort), connectionLines(simulator, isNamedPort), apart);
    case 'ss': return { kernel: socketLines(kernel, isNamedPort), simulator: socketLines(simulator, isNamedPort) };
    case 'ipset': return sameTimeouts(setLines(kernel), setLines(simulator), apart);
  }
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '');
}

function counterChanges(before: string, after: string): string[] {
  const valuesOf = (text: string): Map<string, number> => new Map(linesOf(text).map((line) => [line.split(' ')[0]!, Number(line.split(' ')[1])]));
  const old = valuesOf(before);
  return [...valuesOf(after)].map(([name, value]) => [name, value - (old.get(name) ?? 0)] as const).filter(([, change]) => change !== 0)
    .map(([name, change]) => `${name} ${change > 0 ? '+' : ''}${change}`).sort();
}

/** Tables by name, without the comments that tell the time. */
function ruleLines(text: string): string[] {
  const tables = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of linesOf(text).filter((each) => !each.startsWith('#'))) {
    if (line.startsWith('*')) tables.set(line, (current = []));
    current.push(line);
  }
  return [...tables.keys()].sort().flatMap((name) => tables.get(name)!);
}

/** A line whose timeout has been taken out of it. */
interface TimedLine {
  readonly text: string;
  readonly timeout: number | null;
}

/** A line of conntrack -L, with what is drawn at random named in order of appearance in it. */
export function connectionLine(line: string, isNamedPort: IsNamedPort): TimedLine {
  const names = new Map<string, string>();
  const name = (prefix: string, value: string): string => {
    const known = names.get(prefix + value) ?? `${prefix}${names.size + 1}`;
    names.set(prefix + value, known);
    return known;
  };
  const timeout = /^((?:\w+ +\d+ +)?\w+ +\d+ +)(\d+) /.exec(line);
  const text = line.replace(/^((?:\w+ +\d+ +)?\w+ +\d+ +)\d+ /, '$1# ').replace(/\buse=\d+/, 'use=#').replace(/\bid=(\d+)/g, (_, id: string) => `id=${name('i', id)}`)
    .replace(/\b([sd]port)=(\d+)/g, (_, key: string, port: string) => `${key}=${isNamedPort(Number(port)) ? port : name('e', port)}`);
  return { text: text.replace(/ +/g, ' ').trimEnd(), timeout: timeout === null ? null : Number(timeout[2]) };
}

function connectionLines(text: string, isNamedPort: IsNamedPort): TimedLine[] {
  return linesOf(text).map((line) => connectionLine(line, isNamedPort)).sort(byText);
}

function setLines(text: string): TimedLine[] {
  const sets: TimedLine[][] = [];
  for (const line of linesOf(text)) {
    const created = line.startsWith('create ');
    const timed = created ? null : /^(.* timeout )(\d+)(.*)$/.exec(line);
    const plain = line.replace(/ initval 0x[0-9a-f]+/, ' initval #').trimEnd();
    const entry: TimedLine = timed === null ? { text: plain, timeout: null } : { text: `${timed[1]}#${timed[3]}`, timeout: Number(timed[2]) };
    if (created) sets.push([entry]);
    else sets.at(-1)?.push(entry);
  }
  // The members of a list stand in their order, those of other sets in the order of a hash.
  return sets.flatMap(([create, ...members]) => [create!, ...(create!.text.includes(' list:set') ? members : members.sort(byText))]);
}

function byText(a: TimedLine, b: TimedLine): number {
  return a.text < b.text ? -1 : a.text > b.text ? 1 : (a.timeout ?? 0) - (b.timeout ?? 0);
}

/** Where the timeouts of a line are nearly the same, both get that of the kernel. */
function sameTimeouts(kernel: readonly TimedLine[], simulator: readonly TimedLine[], apart: number): TextLines {
  const tolerance = TIMEOUT_TOLERANCE.seconds + Math.abs(apart);
  const shown = ({ text, timeout }: TimedLine): string => (timeout === null ? text : text.replace('#', String(timeout)));
  const unpaired = [...kernel];
  const matched = simulator.map((line) => {
    const at = unpaired.findIndex(({ text, timeout }) => text === line.text && timeout !== null && line.timeout !== null && Math.abs(timeout - line.timeout) <= tolerance);
    return at < 0 ? line : unpaired.splice(at, 1)[0]!;
  });
  return { kernel: kernel.map(shown), simulator: matched.map(shown) };
}

/** Of `ss`: its columns are as wide as the widest of them. */
function socketLines(text: string, isNamedPort: IsNamedPort): string[] {
  return linesOf(text).map((line) => line.replace(/ +/g, ' ').trim().replace(/(?<=[\]\d*]:)\d+/g, (port) => (isNamedPort(Number(port)) ? port : 'e'))).sort();
}
