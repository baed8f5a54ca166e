import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { formatProblem, mentionsAgents, placeProblem, runLab, type AgentInvocation, type Lab, type LabRecord } from '../core/index.ts';
import { expand, load, type Loaded } from './files.ts';
import { parseOptions } from './options.ts';
import { UsageError, type Output } from './output.ts';
import type * as oracleModule from '../../oracle/index.ts';

type Oracle = typeof oracleModule;

/** `hopscope verify FILE...`: the simulator against the kernel of this computer. */
export async function verifyCommand(words: readonly string[], output: Output): Promise<number> {
  const options = parseOptions('verify', words, { '--record': 'value' });
  if (options.files.length === 0) throw new UsageError('hopscope verify: give at least one lab');
  const files = expand(options.files);
  const labs = files.map(load);
  const oracle = await import('../../oracle/index.ts');
  const unavailable = oracle.kernelUnavailable();
  if (unavailable) throw new UsageError(`hopscope verify: ${unavailable.message}`);
  let failed = 0;
  for (const loaded of labs) if (!(await verifyOne(oracle, loaded, options.values.get('--record') ?? null, output))) failed++;
  output.out(`${labs.length - failed} of ${labs.length} ${labs.length === 1 ? 'lab' : 'labs'} equal to the kernel\n`);
  return failed === 0 ? 0 : 1;
}

async function verifyOne(oracle: Oracle, { file, lab, locate }: Loaded, folder: string | null, output: Output): Promise<boolean> {
  const problems: string[] = [];
  const simulate = (timed: Lab): LabRecord => {
    const run = runLab(timed, { tables: true });
    problems.push(...run.problems.map((problem) => formatProblem(placeProblem(problem, file, locate))));
    return run.record!;
  };
  try {
    const { kernel, simulator, differences, unstable } = await oracle.verifyLab(lab, simulate, { agents: agentsOf(lab), onWait: () => output.err('another lab is running on this kernel; waiting\n') });
    if (folder !== null) writeRecords(folder, file, { kernel, simulator });
    const unmet = kernel.unmet.map(({ i, expected, got }) => `step ${i}: the kernel does not meet the lab: expected ${expected}, got ${got}`);
    const wavering = unstable.map(({ step, where }) => `step ${step}: ${where} is different each time on the kernel, and not compared`);
    const good = differences.length === 0 && problems.length === 0 && unmet.length === 0;
    output.out(`${good ? 'equal    ' : 'DIFFERENT'} ${file}\n`);
    for (const line of [...wavering, ...unmet, ...problems]) output.out(`  ${line.replace(/\n/g, '\n  ')}\n`);
    if (differences.length > 0) output.out(`${oracle.printDifferences(differences, kernel.steps, { colour: process.stdout.isTTY === true })}\n`);
    return good;
  } catch (error) {
    if (!(error instanceof oracle.KernelRunError)) throw error;
    output.out(`FAILED    ${file}\n  ${error.message}\n`);
    return false;
  }
}

/** What the agents of a lab do in the simulator: on the kernel, where they do not exist, their commands are run again. */
function agentsOf(lab: Lab): readonly AgentInvocation[] {
  if (!mentionsAgents([...lab.machines.map(({ setup }) => setup), ...lab.steps.map(({ run }) => run)])) return [];
  return runLab(lab, { invocations: true }).invocations ?? [];
}

function writeRecords(folder: string, file: string, records: Readonly<Record<string, LabRecord>>): void {
  const name = basename(file).replace(/\.ya?ml$/, '');
  try {
    mkdirSync(folder, { recursive: true });
    for (const [side, record] of Object.entries(records)) writeFileSync(join(folder, `${name}.${side}.json`), `${JSON.stringify(record, null, 1)}\n`);
  } catch (error) {
    throw new UsageError(`hopscope verify: cannot write: ${(error as Error).message}`);
  }
}
