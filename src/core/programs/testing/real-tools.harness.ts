import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { attachInet } from '../../kernel/inet.ts';
import { World, type Machine } from '../../kernel/machine.ts';
import { startShell } from '../../shell/run.ts';

/*
 * Command lines run by the simulator and by the real tools of this computer, in a namespace of their own: both must say the same.
 */

export interface RealCase {
  readonly name: string;
  readonly lines: readonly string[];
}

/** Cases from a file: `=== name`, then a command line each. */
export function readCases(file: URL): RealCase[] {
  return readFileSync(file, 'utf8').split(/^=== /m).slice(1)
    .map((text) => text.split('\n').filter((line) => line !== ''))
    .map(([name, ...lines]) => ({ name: name!, lines }));
}

/** What one command line did. */
export interface Outcome {
  readonly line: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: number;
}

/** Runs command lines one after the other on a machine of the simulator. */
function simulate(lines: readonly string[]): Outcome[] {
  const world = new World({ seed: 1, record: 'nothing', protocols: [attachInet] });
  const machine = world.addMachine('node1', { ipv6: false, brNetfilter: false });
  runLine(machine, 'ip link set lo up');
  return lines.map((line) => runLine(machine, line));
}

function runLine(machine: Machine, line: string): Outcome {
  const { queue } = machine.world;
  const run = startShell(machine, line);
  for (let steps = 0; run.exit === null && queue.step(); steps++) if (steps > 1_000_000) throw new Error(`endless: ${line}`);
  if (run.defect) throw run.defect;
  return { line, stdout: run.stdout, stderr: run.stderr, exit: run.exit ?? -1 };
}

const BEGIN = `
mount -t sysfs none /sys; mount -t tmpfs none /run && mkdir -p /run/netns && cd /run
ip link set lo up
`;
const RUN = `
run() {
  timeout 10 bash -c "$1" > /run/.out 2> /run/.err < /dev/null
  printf '%s\\0' "$?" "$(cat /run/.out; echo .)" "$(cat /run/.err; echo .)"
}
`;

/** Runs command lines in a network namespace of their own on this computer. */
function onLinux(lines: readonly string[], prelude: string): Outcome[] {
  const quoted = lines.map((line) => `run '${line.replaceAll("'", "'\\''")}'`).join('\n');
  const script = `${BEGIN}${prelude}${RUN}${quoted}\nfor n in /run/netns/*; do umount "$n" 2>/dev/null; done; exit 0`;
  const result = spawnSync('unshare', ['-n', '-m', '-p', '-f', '--mount-proc', '--propagation', 'private', 'bash', '-c', script], { encoding: 'utf8', maxBuffer: 1 << 26 });
  const fields = result.stdout.split('\0');
  if (fields.length < lines.length * 3) throw new Error(`the script broke off: ${result.stderr}`);
  return lines.map((line, i) => ({ line, exit: Number(fields[i * 3]), stdout: fields[i * 3 + 1]!.slice(0, -1), stderr: fields[i * 3 + 2]!.slice(0, -1) }));
}

export function isInstalled(...names: readonly string[]): boolean {
  return names.every((name) => spawnSync('sh', ['-c', `command -v ${name}`]).status === 0);
}

export interface Comparison {
  /** `ip and bridge`: what is compared. */
  readonly what: string;
  readonly cases: readonly RealCase[];
  /** Shell that prepares the namespace on this computer, /run being its own. */
  readonly prelude: string;
  /** Takes out what may differ. */
  readonly normalize: (outcomes: readonly Outcome[]) => readonly Outcome[];
  readonly usable: boolean;
  /** What it needs. */
  readonly needs: string;
}

function show({ line, stdout, stderr, exit }: Outcome): string {
  return `$ ${line}\n${stdout}${stderr.replace(/^(?=.)/gm, '! ')}=> ${exit}\n`;
}

/** One test a case. Where the real tools are missing it is said loudly, and fails in CI. */
export function compareWithReal({ what, cases, prelude, normalize, usable, needs }: Comparison): void {
  describe(`${what} say what the real ones say`, () => {
    if (!usable || process.getuid?.() !== 0) {
      test('needs root and the real tools', () => {
        console.warn(`NOT COMPARED with the real ${what}: this needs root, ${needs} and unshare`);
        expect(process.env.CI).toBeUndefined();
      });
      return;
    }
    test.each(cases.map(({ name, lines }) => [name, lines] as const))('%s', (_name, lines) => {
      const real = normalize(onLinux(lines, prelude)).map(show);
      const simulated = normalize(simulate(lines)).map(show);
      const different = simulated.flatMap((text, i) => (text === real[i] ? [] : [`${text}--- but Linux:\n${real[i]}`]));
      expect(different.join('\n')).toBe('');
    }, 60_000);
  });
}
