// npm run bench: bundles the benchmarks with the simulator, as a page gets it, and runs them. Run from source, every function made
// pays for a name that the loader of TypeScript gives it, which no reader of a page pays.
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'vite';

const root = resolve(import.meta.dirname, '..');
const outDir = join(root, '.cache', 'bench');
/** The scripts know where they lie, and some of them whether they are the program. */
const scripts = {
  name: 'scripts-as-they-are',
  enforce: 'pre',
  resolveId: (source, importer) => (/\/scripts\/\w+\.mjs$/.test(source) ? { id: pathToFileURL(resolve(dirname(importer), source)).href, external: true } : null),
};
await build({
  root,
  configFile: false,
  plugins: [scripts],
  logLevel: 'warn',
  build: {
    ssr: true,
    target: 'node20',
    outDir,
    emptyOutDir: true,
    rollupOptions: {
      input: { run: join(root, 'bench', 'run.ts'), 'first-run': join(root, 'bench', 'first-run.ts') },
      output: { entryFileNames: '[name].mjs', chunkFileNames: '[name].mjs' },
    },
  },
});
await import(pathToFileURL(join(outDir, 'run.mjs')).href);
