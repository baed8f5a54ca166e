import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { modelPage } from './make-model.ts';

it('docs/model.md lists what the comparison leaves out (npm run model)', () => {
  const page = readFileSync('docs/model.md', 'utf8');
  expect(modelPage(page)).toBe(page);
  expect(page).toContain('unicast ARP requests of the kernel');
});
