// npm test: everything. Lint, types, unit tests, the oracle on the real kernel, the build, and the browser.
// With CI=true nothing may be left out; elsewhere one line says what is.
import { spawnSync } from 'node:child_process';
import { canUseNamespaces, ensureTools } from './tools.mjs';

const missing = ensureTools();
const ci = process.env.CI === 'true' || process.env.CI === '1';
const kernel = canUseNamespaces() && !missing.some((tool) => tool.part === 'oracle');
const browser = !missing.some((tool) => tool.part === 'end-to-end tests');
if (!kernel) console.error('Left out: the comparison with the real kernel (it needs root, network namespaces and the tools above).');
if (ci && (!kernel || !browser || missing.length > 0)) {
  console.error('CI=true: nothing may be left out.');
  process.exit(1);
}

const STAGES = [
  ['lint', 'npx', ['eslint', '.']],
  ['tree', 'node', ['scripts/check-tree.mjs']],
  ['types', 'npx', ['tsc', '-b']],
  ['unit', 'npx', ['vitest', 'run']],
  ['build', 'npx', ['vite', 'build', '--logLevel', 'warn']],
  ['budget', 'node', ['scripts/check-budget.mjs']],
  ...(kernel ? [['oracle', 'node', ['bin/hopscope', 'verify', 'scenarios/**/*.yaml', 'oracle/labs/*.yaml']]] : []),
  ...(kernel ? [['property', 'npx', ['vitest', 'run', '--config', 'oracle/property/vitest.config.ts']]] : []),
  ...(browser ? [['e2e', 'npx', ['playwright', 'test']]] : []),
];

let failed = 0;
const lines = [];
for (const [name, command, args] of STAGES) {
  const began = Date.now();
  console.log(`\n── ${name}`);
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  const seconds = ((Date.now() - began) / 1000).toFixed(1);
  if (status !== 0) failed++;
  lines.push(`${status === 0 ? 'ok    ' : 'FAILED'} ${name.padEnd(8)} ${seconds} s`);
}
console.log(`\n${lines.join('\n')}`);
console.log(`${STAGES.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
