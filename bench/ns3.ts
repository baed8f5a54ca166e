import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './root.ts';

const MODULES = ['core', 'network', 'internet', 'applications', 'csma', 'bridge'];

export type Ns3Model = 'line' | 'bridge';

/** ns-3 as it is installed here: a program for each model. */
export interface Ns3 {
  /** Seconds that the simulation took, its construction left out. */
  run(model: Ns3Model, size: number, echoes: number, trace: boolean): number;
}

/** Compiles the models against the ns-3 of the system, with the compiler's -O2. A text says why that is not possible. */
export function buildNs3(): Ns3 | string {
  if (spawnSync('g++', ['--version'], { stdio: 'ignore' }).status !== 0) return 'ns-3: no g++ (Debian: apt-get install g++ libns3-dev)';
  const folder = join(ROOT, '.cache', 'ns3');
  mkdirSync(folder, { recursive: true });
  for (const model of ['line', 'bridge'] as const) {
    const source = join(ROOT, 'bench', 'ns3', `${model}.cc`);
    const program = join(folder, model);
    if (existsSync(program) && statSync(program).mtimeMs > statSync(source).mtimeMs) continue;
    const libraries = MODULES.map((name) => `-lns3-${name}`);
    const { status, stderr } = spawnSync('g++', ['-O2', '-std=c++17', source, '-o', program, ...libraries], { encoding: 'utf8' });
    if (status !== 0) return `ns-3: ${/ns3/.test(stderr) ? 'not installed (Debian: apt-get install libns3-dev)' : stderr.trim().split('\n')[0]}`;
  }
  return {
    run(model, size, echoes, trace) {
      const { status, stdout, stderr } = spawnSync(join(folder, model), [String(size), String(echoes), trace ? '1' : '0'], { encoding: 'utf8' });
      const seconds = Number(stdout.trim().split(' ')[1]);
      if (status !== 0 || !(seconds > 0)) throw new Error(`ns-3 failed: ${stderr}`);
      return seconds;
    },
  };
}
