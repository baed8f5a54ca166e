import type { DataIssue } from './issues.ts';
import { didYouMean, type Path } from './problem.ts';
import { JSON_TABLES } from './record.ts';
import type { ScenarioFile } from './schema.ts';

/** The number of a machine, and of a NIC in its machine, is one byte of the NIC's MAC. */
const MAX_MACHINES = 255;
const RESERVED = ['constructor', 'prototype', '__proto__'];

/** What a schema cannot say: names that must exist, things that must not be there twice, fields that belong together. */
export function checkLab(lab: ScenarioFile, raw: Readonly<Record<string, unknown>>, fileId: string | null): DataIssue[] {
  const issues: DataIssue[] = [];
  const say = (path: Path, message: string, hint = '', onKey = false): void => {
    issues.push({ path, onKey, message, hint });
  };
  if (lab.id !== undefined && fileId !== null && lab.id !== fileId) say(['id'], `The id is “${lab.id}”, but the file is named “${fileId}”.`, 'They must be equal: change one of them.');
  checkMachines(lab, raw, say);
  checkLinks(lab, say);
  checkKnobs(lab, say);
  lab.steps.forEach((step, i) => checkStep(lab, step, ['steps', i], say));
  return issues;
}

type Say = (path: Path, message: string, hint?: string, onKey?: boolean) => void;

function machineNames(lab: ScenarioFile): string[] {
  return Object.keys(lab.machines);
}

function switchNames(lab: ScenarioFile): string[] {
  return lab.links.flatMap((link) => ('switch' in link ? [link.switch] : []));
}

function checkMachines(lab: ScenarioFile, raw: Readonly<Record<string, unknown>>, say: Say): void {
  for (const name of Object.keys(raw.machines as object)) if (RESERVED.includes(name)) say(['machines', name], `“${name}” cannot be a machine’s name.`, 'Choose another name.', true);
  const count = machineNames(lab).length;
  if (count === 0) say(['machines'], 'The lab has no machine.', 'Add at least one.', true);
  if (count > MAX_MACHINES) say(['machines'], `The lab has ${count} machines; at most ${MAX_MACHINES} are possible.`, '', true);
}

function checkLinks(lab: ScenarioFile, say: Say): void {
  const taken = new Map<string, string>();
  const nics = new Map<string, number>();
  const switches = new Set<string>();
  const use = (nic: string, path: Path): void => {
    const [machine, device] = nic.split(':') as [string, string];
    if (!Object.hasOwn(lab.machines, machine)) return say(path, `There is no machine “${machine}”.`, didYouMean(machine, machineNames(lab), 'The machines are'));
    const before = taken.get(nic);
    if (before !== undefined) return say(path, `${nic} is plugged in twice; the first time in ${before}.`, 'A NIC has one cable.');
    if (device === 'lo') return say(path, 'lo is the loopback device; it cannot have a cable.');
    taken.set(nic, `link ${Number(path[1]) + 1}`);
    nics.set(machine, (nics.get(machine) ?? 0) + 1);
    if (nics.get(machine) === 256) say(path, `${machine} has more than 255 NICs.`);
  };
  lab.links.forEach((link, i) => {
    if (!('switch' in link)) return link.forEach((nic, j) => use(nic, ['links', i, j]));
    if (Object.hasOwn(lab.machines, link.switch)) say(['links', i, 'switch'], `“${link.switch}” is a machine already.`, 'Give the switch another name.');
    if (switches.has(link.switch)) say(['links', i, 'switch'], `There are two switches “${link.switch}”.`, 'Put all the ports of a switch into one entry.');
    switches.add(link.switch);
    link.ports.forEach((nic, j) => use(nic, ['links', i, 'ports', j]));
  });
}

function checkKnobs(lab: ScenarioFile, say: Say): void {
  const ids = new Set<string>();
  lab.knobs.forEach((knob, i) => {
    if (ids.has(knob.id)) say(['knobs', i, 'id'], `There are two knobs “${knob.id}”.`);
    ids.add(knob.id);
    checkMachine(lab, knob.on, ['knobs', i, 'on'], say);
  });
}

function checkMachine(lab: ScenarioFile, name: string, path: Path, say: Say): void {
  if (!Object.hasOwn(lab.machines, name)) say(path, `There is no machine “${name}”.`, didYouMean(name, machineNames(lab), 'The machines are'));
}

function checkStep(lab: ScenarioFile, step: ScenarioFile['steps'][number], path: Path, say: Say): void {
  if (step.run !== undefined && step.on === undefined) say(path, 'A step that runs a command says where, with “on”.', didYouMean('', machineNames(lab), 'The machines are'));
  if (step.run === undefined && step.on !== undefined) say(path, 'The step names a machine but no command.', 'Add “run”.');
  if (step.run === undefined && step.sleep === undefined) {
    if (step.on === undefined) say(path, 'The step does nothing.', 'Give it “on” and “run”, or “sleep”.');
  } else if (step.run !== undefined && step.sleep !== undefined) say([...path, 'sleep'], 'A step runs a command or sleeps, not both.', 'Make two steps, or use “settle” to wait after the command.', true);
  if (step.on !== undefined) checkMachine(lab, step.on, [...path, 'on'], say);
  if (step.expect) checkExpect(lab, step.expect, step.sleep !== undefined && step.run === undefined, [...path, 'expect'], say);
  step.beats.forEach((beat, i) => checkBeat(lab, beat, [...path, 'beats', i], say));
}

function checkExpect(lab: ScenarioFile, expect: NonNullable<ScenarioFile['steps'][number]['expect']>, sleeps: boolean, path: Path, say: Say): void {
  if (sleeps && (expect.exit !== undefined || expect.stdout !== undefined)) say(path, 'A step that only waits has no exit code and no output.', 'Expect frames, rows, delivered or dropped.', true);
  if (expect.stdout !== undefined) {
    try {
      new RegExp(expect.stdout, 'm');
    } catch (error) {
      say([...path, 'stdout'], `That is not a regular expression: ${(error as Error).message.replace(/^Invalid regular expression: .*: /, '')}.`, 'Put a backslash before ( ) [ ] { } . * + ? | where you mean the character.');
    }
  }
  if (expect.delivered !== undefined) checkPlace(lab, expect.delivered, [...path, 'delivered'], say);
  if (expect.dropped?.at !== undefined) checkPlace(lab, expect.dropped.at, [...path, 'dropped', 'at'], say);
  expect.frames?.forEach((frame, i) => checkPlace(lab, frame.at, [...path, 'frames', i, 'at'], say));
  expect.rows?.forEach(({ table }, i) => {
    const [place, name] = table.split('#') as [string, string];
    checkPlace(lab, place, [...path, 'rows', i, 'table'], say);
    if (!(JSON_TABLES as readonly string[]).includes(name)) say([...path, 'rows', i, 'table'], `No row of a table “${name}” can be expected.`, didYouMean(name, JSON_TABLES, 'The tables are'));
  });
}

/** The machine of a place must exist; its namespaces and devices are made as the lab runs. */
function checkPlace(lab: ScenarioFile, place: string, path: Path, say: Say): void {
  const machine = place.split(/[/:]/, 1)[0]!;
  const names = [...machineNames(lab), ...switchNames(lab)];
  if (!names.includes(machine)) say(path, `There is no machine “${machine}”.`, didYouMean(machine, names, 'The machines are'));
}

function checkBeat(lab: ScenarioFile, beat: ScenarioFile['steps'][number]['beats'][number], path: Path, say: Say): void {
  if (typeof beat.at !== 'string' && beat.at.place !== undefined) checkPlace(lab, beat.at.place, [...path, 'at', 'place'], say);
  if (beat.ask && beat.ask.answer > beat.ask.options.length) {
    say([...path, 'ask', 'answer'], `The answer is number ${beat.ask.answer}, but there are ${beat.ask.options.length} options.`, 'The options are counted from 1.');
  }
}
