// npm test: everything. Unit tests; then the oracle on the real kernel beside lint, types, the build and the browser.
// With CI=true nothing may be left out; elsewhere one line says what is.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
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

const UNIT = ['unit', 'npx', ['vitest', 'run']];
const KERNEL = kernel ? [
  ['oracle', 'node', ['bin/hopscope', 'verify', 'scenarios/**/*.yaml', 'oracle/labs/*.yaml']],
  ['property', 'npx', ['vitest', 'run', '--config', 'oracle/property/vitest.config.ts']],
] : [];
const REST = [
  ['lint', 'npx', ['eslint', '.']],
  ['tree', 'node', ['scripts/check-tree.mjs']],
  ['types', 'npx', ['tsc', '-b']],
  ['build', 'npx', ['vite', 'build', '--logLevel', 'warn']],
  ['budget', 'node', ['scripts/check-budget.mjs']],
  ...(browser ? [['e2e', 'npx', ['playwright', 'test']]] : []),
];

const results = [];

async function stage([name, command, args], { prefix, nice }) {
  const began = Date.now();
  console.log(`\n── ${name}`);
  const stdio = prefix ? ['inherit', 'pipe', 'pipe'] : 'inherit';
  const child = nice ? spawn('nice', ['-n', '19', command, ...args], { stdio }) : spawn(command, args, { stdio });
  const copies = prefix ? [child.stdout, child.stderr].map((stream) => copyLines(stream, name)) : [];
  const code = await new Promise((ended) => {
    child.on('error', (error) => {
      console.error(`${name}: ${error.message}`);
      ended(1);
    });
    child.on('close', (status) => ended(status ?? 1));
  });
  await Promise.all(copies);
  results.push({ name, ok: code === 0, seconds: ((Date.now() - began) / 1000).toFixed(1) });
}

async function copyLines(stream, name) {
  for await (const line of createInterface({ input: stream })) console.log(`${name.padEnd(8)} │ ${line}`);
}

async function lane(stages, how) {
  for (const each of stages) await stage(each, how);
}

// Unit tests use the kernel, too, and one at a time may. The labs wait most of the time: the rest runs beside them, and gives way to
// them, because what they measure happens in real time.
const both = KERNEL.length > 0;
await lane([UNIT], { prefix: false, nice: false });
await Promise.all([lane(KERNEL, { prefix: both, nice: false }), lane(REST, { prefix: both, nice: both })]);

const failed = results.filter(({ ok }) => !ok).length;
console.log(`\n${results.map(({ name, ok, seconds }) => `${ok ? 'ok    ' : 'FAILED'} ${name.padEnd(8)} ${seconds} s`).join('\n')}`);
console.log(`${results.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
