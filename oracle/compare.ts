import { JSON_TABLES, TEXT_TABLES, type Lab, type LabRecord, type RecordStep } from '../src/core/index.ts';
import { recordedFrames } from './frame-filter.ts';
import { frameLines } from './frame-lines.ts';
import { TEXT_RULES } from './legitimate.ts';
import { macNames, nameMacs, type MacNames } from './names.ts';
import { neighbourAges, tableLines, type NeighbourAge } from './table-rows.ts';
import { walkLines } from './walk-lines.ts';
import { textTableLines, type IsNamedPort } from './text-table-lines.ts';

/** Something that the simulator does and the kernel does not, or the other way round. */
export interface Difference {
  /** From 1; 0 concerns the whole record. */
  readonly step: number;
  /** `exit`, `stdout`, `stderr`, `frames node1/ns1:veth11`, `neigh of node1/ns1`, `namespaces`, `steps`. */
  readonly where: string;
  /** Lines, normalised as legitimate.ts says. */
  readonly kernel: string;
  readonly simulator: string;
}

/** Everything in which two records of the same lab differ, in order of the steps. Pure. */
export function compareRecords(lab: Lab, kernel: LabRecord, simulator: LabRecord): Difference[] {
  const commands = (record: LabRecord): string => record.steps.map(({ on, run }) => `${on}$ ${run.trim()}`).join('\n');
  if (commands(kernel) !== commands(simulator)) return [{ step: 0, where: 'steps', kernel: commands(kernel), simulator: commands(simulator) }];
  const text = textOf(lab);
  const sides = [kernel, simulator].map((record) => prepare(lab, record, text)) as [Side, Side];
  const ages = neighbourAges(kernel);
  return kernel.steps.flatMap((step, index) => compareStep(sides, index, ages(step)));
}

/** A record, ready to be compared. */
interface Side {
  readonly steps: readonly RecordStep[];
  readonly frames: readonly Map<string, string[]>[];
  readonly isNamedPort: IsNamedPort;
  printed(text: string): string;
  named(text: string): string;
}

function prepare(lab: Lab, record: LabRecord, text: string): Side {
  const kept: LabRecord = { ...record, steps: record.steps.map((step) => ({ ...step, frames: recordedFrames(lab, step.frames) })) };
  const ports = new Set(text.match(/\d+/g));
  const names: MacNames = macNames(record);
  const named = (line: string): string => nameMacs(line, names, (mac) => text.includes(mac));
  const isNamedPort = (port: number): boolean => port < 1024 || ports.has(String(port));
  return {
    steps: record.steps, named, isNamedPort,
    frames: frameLines(kept, isNamedPort),
    printed: (output) => named(sortLines(hidePorts(TEXT_RULES.reduce((line, { pattern, replacement }) => line.replace(pattern, replacement), output), isNamedPort))),
  };
}

/** All that is written in a lab, where ports and MACs are looked for. */
function textOf(lab: Lab): string {
  return [...lab.machines.map(({ setup }) => setup), ...lab.steps.map(({ run }) => run), ...lab.knobs.flatMap(({ set, unset }) => [set, unset])].join('\n');
}

function compareStep([kernel, simulator]: [Side, Side], index: number, age: NeighbourAge): Difference[] {
  const [real, simulated] = [kernel.steps[index]!, simulator.steps[index]!];
  const differences: Difference[] = [];
  const compare = (where: string, expected: string, got: string): void => {
    if (expected !== got) differences.push({ step: index + 1, where, kernel: expected, simulator: got });
  };
  compare('exit', String(real.exit), String(simulated.exit));
  compare('stdout', kernel.printed(real.stdout), simulator.printed(simulated.stdout));
  compare('stderr', kernel.printed(real.stderr), simulator.printed(simulated.stderr));
  const [realFrames, simulatedFrames] = [kernel.frames[index]!, simulator.frames[index]!];
  for (const place of union(realFrames.keys(), simulatedFrames.keys())) {
    compare(`frames ${place}`, (realFrames.get(place) ?? []).join('\n'), (simulatedFrames.get(place) ?? []).join('\n'));
  }
  const apart = ((real.tablesNs ?? 0) - (simulated.tablesNs ?? real.tablesNs ?? 0)) / 1e9;
  const namespaces = [real, simulated].map(({ tables }) => Object.keys(tables).sort());
  compare('namespaces', namespaces[0]!.join('\n'), namespaces[1]!.join('\n'));
  for (const namespace of union(namespaces[0]!).filter((name) => namespaces[1]!.includes(name))) {
    for (const table of JSON_TABLES) {
      const texts = [real, simulated].map(({ tables }) => tables[namespace]![table]) as [string, string];
      const lines = tableLines(table, { text: texts[0], named: kernel.named }, { text: texts[1], named: simulator.named }, (row) => age(namespace, row));
      compare(`${table} of ${namespace}`, lines.kernel.join('\n'), lines.simulator.join('\n'));
    }
    if (real.walks !== undefined && simulated.walks !== undefined) {
      const [walked, expected] = [real.walks, simulated.walks].map((walks) => walkLines(walks[namespace] ?? [], kernel.isNamedPort).join('\n')) as [string, string];
      compare(`rules walked in ${namespace}`, walked, expected);
    }
    for (const table of TEXT_TABLES) {
      const before = [kernel, simulator].map(({ steps }) => steps[index - 1]?.tables[namespace]?.[table] ?? '') as [string, string];
      const lines = textTableLines(table, real.tables[namespace]![table], simulated.tables[namespace]![table], { before, apart, isNamedPort: kernel.isNamedPort });
      compare(`${table} of ${namespace}`, lines.kernel.join('\n'), lines.simulator.join('\n'));
    }
  }
  return differences;
}

function union(...lists: Iterable<string>[]): string[] {
  return [...new Set(lists.flatMap((list) => [...list]))].sort();
}

/** Of a connection as conntrack(8) prints it. */
function hidePorts(text: string, isNamed: (port: number) => boolean): string {
  return text.replace(/\b([sd]port)=(\d+)/g, (whole, name: string, port: string) => (isNamed(Number(port)) ? whole : `${name}=#`));
}

/** Of `ip neigh`, of /proc/net/arp, of `arp -n` and of `arp -a`; of connections. */
const UNORDERED_LINES = [
  /^\S+ dev \S+ .*\b(REACHABLE|STALE|DELAY|PROBE|INCOMPLETE|FAILED|PERMANENT|NOARP) ?$/, /^\d+\.\d+\.\d+\.\d+ +0x[0-9a-f]+ +0x[0-9a-f]+ /,
  /^\S+ +(ether +[0-9a-f:]{17} |\(incomplete\) )/, /^\S+ \(\d+\.\d+\.\d+\.\d+\) at (<incomplete>|[0-9a-f:]{17}) /,
  /^(ipv4 +2 +)?[a-z]+ +\d+ # .*\bsrc=/,
];

function sortLines(text: string): string {
  const sorted: string[] = [];
  let run: string[] = [];
  for (const line of text.split('\n')) {
    if (UNORDERED_LINES.some((pattern) => pattern.test(line))) {
      run.push(line);
      continue;
    }
    sorted.push(...run.sort(), line);
    run = [];
  }
  return [...sorted, ...run.sort()].join('\n');
}
