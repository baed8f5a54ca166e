import { attachInet } from '../../kernel/inet.ts';
import { type Machine, World } from '../../kernel/machine.ts';
import type { RecordLevel } from '../../trace/recorder.ts';
import { type ShellOptions, type ShellRun, startShell } from '../run.ts';

/** A machine of its own, switched on. */
export function newMachine(record: RecordLevel = 'nothing'): Machine {
  const world = new World({ seed: 1, record, protocols: [attachInet] });
  return world.addMachine('node1', { ipv6: false, brNetfilter: false });
}

/** Drives the clock until a script has ended (or nothing is left to happen). */
export function finish(machine: Machine, run: ShellRun): ShellRun {
  while (run.exit === null && machine.world.queue.step());
  if (run.defect) throw run.defect;
  return run;
}

/** Runs a script to its end on a machine, a new one by default. */
export function runScript(script: string, options: ShellOptions = {}, machine: Machine = newMachine()): ShellRun {
  return finish(machine, startShell(machine, script, options));
}
