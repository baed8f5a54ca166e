import globals from 'globals';
import hooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

/** Who may import whom: the table of docs/architecture.md. `from` is a folder, `never` what it must not reach. */
const WALLS = [
  { from: 'src/core/sim', never: ['../wire', '../trace', '../statecharts', '../kernel', '../shell', '../programs', '../agents', '../cluster', '../lab'] },
  { from: 'src/core/wire', never: ['../sim', '../trace', '../statecharts', '../kernel', '../shell', '../programs', '../agents', '../cluster', '../lab'] },
  { from: 'src/core/trace', never: ['statecharts', 'kernel', 'shell', 'programs', 'agents', 'cluster', 'lab'] },
  { from: 'src/core/statecharts', never: ['kernel', 'shell', 'programs', 'agents', 'cluster', 'lab'] },
  { from: 'src/core/kernel', never: ['shell', 'programs', 'agents', 'cluster', 'lab'] },
  { from: 'src/core/shell', never: ['agents', 'cluster', 'lab'] },
  { from: 'src/core/programs', never: ['agents', 'cluster', 'lab'] },
  { from: 'src/core/agents', never: ['lab'] },
  { from: 'src/core/cluster', never: ['agents', 'lab'] },
  { from: 'src/core', never: ['store', 'views', 'embed', 'app', 'cli', 'oracle'] },
  { from: 'src/store', never: ['views', 'embed', 'app', 'cli', 'oracle'], coreDoor: true },
  { from: 'src/views', never: ['embed', 'app', 'cli', 'oracle'], coreDoor: true },
  { from: 'src/embed', never: ['cli', 'oracle'], coreDoor: true },
  { from: 'src/app', never: ['cli', 'oracle'], coreDoor: true },
  { from: 'src/cli', never: ['store', 'views', 'embed', 'app'], coreDoor: true },
  { from: 'oracle', never: ['store', 'views', 'embed', 'app'], coreDoor: true },
  { from: 'bench', never: ['views', 'embed', 'app'], coreDoor: true },
];

function wall({ from, never, coreDoor }) {
  const folders = never.map((name) => name.replace('../', '')).join('|');
  const patterns = [{ regex: `^(\\.\\./)+(src/)?(core/)?(${folders})/`, message: `${from} must not import from there (docs/architecture.md)` }];
  if (coreDoor) patterns.push({ regex: 'core/(?!index\\.ts$)', message: 'src/core/index.ts is the one door out of core' });
  if (from.startsWith('src/core')) patterns.push({ regex: '^(react|zustand|@xyflow|node:)', message: 'core runs everywhere: no React, no Node' });
  return {
    files: [`${from}/**/*.{ts,tsx}`],
    ignores: ['**/*.test.ts', '**/*.test.tsx', '**/*.harness.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns }] },
  };
}

export default tseslint.config(
  { ignores: ['dist/', '.cache/', 'node_modules/', 'test-results/', 'playwright-report/'] },
  ...tseslint.configs.recommended,
  {
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'max-lines': ['error', { max: 450, skipBlankLines: false, skipComments: false }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'require-yield': 'off',
      eqeqeq: 'error',
      'no-console': 'off',
    },
  },
  { files: ['**/*.test.ts', '**/*.test.tsx', 'e2e/**'], rules: { 'max-lines-per-function': 'off', 'max-lines': 'off' } },
  { files: ['**/*.{mjs,js}'], languageOptions: { globals: globals.node } },
  ...WALLS.map(wall),
  {
    files: ['src/core/**/*.ts'],
    ignores: ['**/*.test.ts', '**/*.harness.ts'],
    rules: {
      'no-console': 'error',
      'no-restricted-globals': ['error',
        ...['Date', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'requestAnimationFrame', 'performance', 'window', 'document', 'process', 'fetch', 'crypto', 'localStorage']
          .map((name) => ({ name, message: 'core has a virtual clock, a seeded random generator and no environment' }))],
      'no-restricted-properties': ['error', { object: 'Math', property: 'random', message: 'use the World’s seeded Random' }],
    },
  },
  { files: ['src/{views,app,embed,store}/**/*.{ts,tsx}'], plugins: { 'react-hooks': hooks }, rules: { ...hooks.configs.recommended.rules, 'react-hooks/refs': 'off' } },
);
