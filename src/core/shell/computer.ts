import type { Machine } from '../kernel/machine.ts';
import type { NetNamespace } from '../kernel/net-namespace.ts';
import { createFiles, type MachineFiles } from './files/machine-files.ts';
import { MachineFileSystem } from './files/machine-file-system.ts';
import type { Program } from './process.ts';
import type { Task } from './task.ts';

/** Programs by name. */
export type Programs = Readonly<Record<string, Program>>;

/** Pid of the first process that a lab starts on a machine. */
export const FIRST_PID = 1000;

/** What a machine is beyond its network: its files and its processes. */
export class Computer {
  readonly machine: Machine;
  readonly programs: Programs;
  readonly tasks = new Map<number, Task>();
  readonly files: MachineFiles;
  #nextPid = FIRST_PID;

  constructor(machine: Machine, programs: Programs) {
    this.machine = machine;
    this.programs = programs;
    this.files = createFiles(this);
  }

  newPid(): number {
    return this.#nextPid++;
  }

  /** The files as a process in `ns` sees them; `mounts` is the namespace that /sys and /etc were mounted for. */
  view(ns: NetNamespace, mounts: NetNamespace, pid: number): MachineFileSystem {
    return new MachineFileSystem(this.files, ns, mounts, pid);
  }
}

const computers = new WeakMap<Machine, Computer>();

/** The computer of a machine; it is made with the first call. */
export function computerOf(machine: Machine, programs: Programs): Computer {
  let computer = computers.get(machine);
  if (!computer) computers.set(machine, (computer = new Computer(machine, programs)));
  return computer;
}
