import { spawnSync } from 'node:child_process';
import { compareWithReal, isInstalled, readCases } from '../testing/real-tools.harness.ts';

/** Members are listed in the order of a hash that the kernel seeds; headings stay where they are. */
function sortMembers(text: string): string {
  return text.replace(/^(?:(?:add \S+ )?\d\S*(?: .*)?\n)+/gm, (lines) => lines.split(/(?<=\n)/).sort().join(''));
}

compareWithReal({
  what: 'ipset', needs: 'ipset 7.17', prelude: '',
  cases: readCases(new URL('testing/real-cases.txt', import.meta.url)),
  usable: isInstalled('ipset', 'unshare') && spawnSync('ipset', ['-v'], { encoding: 'utf8' }).stdout.startsWith('ipset v7.17'),
  // What may differ: what the kernel draws, the memory that its buckets take, and seconds that have passed.
  normalize: (outcomes) => outcomes.map((outcome) => ({
    ...outcome,
    stdout: sortMembers(outcome.stdout.replace(/initval 0x\w+/g, 'initval X').replace(/Size in memory: \d+/g, 'Size in memory: N').replace(/(?<=timeout )(9|14)\d\d\b/g, 'T').replace(/(?<=timeout )(1000|1500)\b/g, 'T')),
  })),
});
