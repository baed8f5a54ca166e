// Writes the list of what the comparison leaves out into docs/model.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { legitimateList } from '../oracle/index.ts';

const FILE = resolve(import.meta.dirname, '..', 'docs', 'model.md');
const BLOCK = /<!-- legitimate -->[\s\S]*<!-- \/legitimate -->/;

/** docs/model.md as it should be. */
export function modelPage(page: string): string {
  const rows = legitimateList().map(({ where, what, reason }) => `| ${where} | ${what} | ${reason} |`);
  return page.replace(BLOCK, () => ['<!-- legitimate -->', '| where | what | why |', '| --- | --- | --- |', ...rows, '<!-- /legitimate -->'].join('\n'));
}

if (import.meta.filename === process.argv[1]) writeFileSync(FILE, modelPage(readFileSync(FILE, 'utf8')));
