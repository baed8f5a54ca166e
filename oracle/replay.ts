import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentInvocation } from '../src/core/index.ts';
import { findCommand } from './availability.ts';
import { folderOf, machineScript, runOn, type RunningMachine } from './machine.ts';

const POLL_SECONDS = 0.02;
/** How much longer than in the simulator the agents may take for what belongs to one setup or step. */
const PATIENCE_SECONDS = 10;

/** The agents of a lab while it runs on the kernel, where they do not exist: what the simulator's did is done again. */
export interface Replay {
  /** A setup or step begins now. */
  begin(): void;
  /** Waits until the agents have done what they did in the simulator during the setup or step that runs. */
  done(): Promise<void>;
}

/** Puts replays of the agents on the machines. `invocations`: what each start of an agent did in the simulator. */
export async function installReplay(machines: readonly RunningMachine[], invocations: readonly AgentInvocation[]): Promise<Replay> {
  const programs = [...new Set(invocations.map(({ program }) => program))];
  const actors = machines.map((machine) => ({ machine, invocations: invocations.filter((invocation) => invocation.machine === machine.name) }));
  for (const { machine, invocations: mine } of actors) await install(machine, programs, mine);
  let epoch = 0;
  return {
    begin: () => {
      epoch++;
      const text = `${epoch} ${process.hrtime.bigint()}\n`;
      for (const { machine } of actors) writeFileSync(join(folderOf(machine), 'run/hopscope/epoch'), text);
    },
    done: async () => {
      const end = performance.now() + 1000 * (PATIENCE_SECONDS + longest(invocations, epoch));
      while (!actors.every(({ machine, invocations: mine }) => isDone(machine, mine, epoch)) && performance.now() < end) await sleep(POLL_SECONDS * 1000);
    },
  };
}

/** Its disk for this run: programs at absolute paths are in a file system of their own, and so is what agents leave in /var/lib. */
async function install(machine: RunningMachine, programs: readonly string[], invocations: readonly AgentInvocation[]): Promise<void> {
  await runOn(machine, ['bash', '-e', '-c', 'mount -t tmpfs -o mode=755 tmpfs /opt; mount -t tmpfs -o mode=755 tmpfs /var/lib'], PATIENCE_SECONDS);
  const root = folderOf(machine);
  const python = findCommand('python3') ?? 'python3';
  writeFileSync(join(root, 'run/hopscope/replay.py'), readFileSync(machineScript('replay.py')));
  writeFileSync(join(root, 'run/hopscope/replay.json'), JSON.stringify(invocations));
  writeFileSync(join(root, 'run/hopscope/replayed'), '');
  for (const program of programs) {
    const path = join(root, program.startsWith('/') ? program : `run/hopscope/bin/${program}`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `#!/bin/bash\nexec -a '${program}' ${python} -SE /run/hopscope/replay.py '${program}' "$@"\n`, { mode: 0o755 });
  }
}

/** Seconds of the latest command of a setup or step. */
function longest(invocations: readonly AgentInvocation[], epoch: number): number {
  return Math.max(0, ...invocations.flatMap(({ commands }) => commands.filter((command) => command.epoch === epoch).map(({ offsetNs }) => offsetNs / 1e9)));
}

function isDone(machine: RunningMachine, invocations: readonly AgentInvocation[], epoch: number): boolean {
  const wanted = invocations.map(({ commands }) => commands.filter((command) => command.epoch <= epoch).length);
  if (wanted.every((count) => count === 0)) return true;
  const reached = new Map<number, number>();
  for (const line of readFileSync(join(folderOf(machine), 'run/hopscope/replayed'), 'ascii').split('\n')) {
    const [number, count] = line.split(' ').map(Number);
    if (line !== '') reached.set(number!, Math.max(count!, reached.get(number!) ?? 0));
  }
  return wanted.every((count, number) => count === 0 || (reached.get(number) ?? 0) >= count);
}
