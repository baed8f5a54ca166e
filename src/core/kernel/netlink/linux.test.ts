import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { startShell } from '../../shell/run.ts';
import { attachInet } from '../inet.ts';
import { World } from '../machine.ts';

/** Command lines and what the real kernel and tools answered, in order, each on the state that those before it left. */
function golden(name: string): { command: string; said: string }[] {
  const text = readFileSync(new URL(`golden/${name}.txt`, import.meta.url), 'utf8');
  return text.split(/^\$ /m).slice(1).map((block) => {
    const end = block.indexOf('\n');
    return { command: block.slice(0, end), said: block.slice(end + 1) };
  });
}

/** Leaves out of a listing what belongs to the device and not to its addresses. */
function addressesOnly(text: string): string {
  return text.split('\n').filter((line) => !/valid_lft|link\//.test(line)).join('\n')
    .replace(/^(\d+: [a-z]+@if\d: )<.*/gm, '$1').replace(/^1: lo: <.*/gm, '1: lo').replaceAll(' link-netns fb', '');
}

describe('what Linux said', () => {
  it.each(['addresses-and-routes', 'lookups'])('%s', (name) => {
    const world = new World({ seed: 1, record: 'nothing', protocols: [attachInet] });
    const machine = world.addMachine('node1', { ipv6: false, brNetfilter: false });
    const lines = golden(name);
    expect(lines.length).toBeGreaterThan(100);
    for (const { command, said } of lines) {
      const run = startShell(machine, command);
      while (run.exit === null && world.queue.step());
      expect(run.defect ?? null).toBeNull();
      const exit = run.exit === 0 ? '' : `-> ${run.exit}\n`;
      expect(`$ ${command}\n${addressesOnly(run.stdout + run.stderr)}${exit}`).toBe(`$ ${command}\n${said}`);
    }
  });
});
