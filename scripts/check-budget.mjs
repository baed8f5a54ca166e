// First load: gzip of the JavaScript on the critical path of each page, against its budget. The simulation runs in a worker that
// loads beside the page; its size is printed, too.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';

const dist = resolve(import.meta.dirname, '..', 'dist');
const manifestFile = join(dist, '.vite', 'manifest.json');
if (!existsSync(manifestFile)) {
  console.error('dist/ is not built: run npm run build first');
  process.exit(1);
}
const manifest = JSON.parse(readFileSync(manifestFile, 'utf8'));
const size = (file) => gzipSync(readFileSync(join(dist, file)), { level: 9 }).length;

/** The entry and everything it imports statically. */
function closure(keys) {
  const files = new Set();
  const walk = (key) => {
    const chunk = manifest[key];
    if (!chunk || files.has(chunk.file)) return;
    files.add(chunk.file);
    for (const next of chunk.imports ?? []) walk(next);
  };
  keys.forEach(walk);
  return [...files].filter((file) => file.endsWith('.js'));
}

const PAGES = [
  { page: 'gallery', keys: ['index.html'], budget: 120 },
  { page: 'workbench', keys: ['index.html', 'src/app/ScenarioPage.tsx'], budget: 190 },
  { page: 'embed', keys: ['embed/index.html'], budget: 190 },
];

let failed = false;
for (const { page, keys, budget } of PAGES) {
  for (const key of keys) if (!manifest[key]) throw new Error(`the build has no ${key}`);
  const bytes = closure(keys).reduce((sum, file) => sum + size(file), 0);
  const over = bytes > budget * 1024;
  failed ||= over;
  console.log(`${over ? 'OVER  ' : 'ok    '} ${page.padEnd(10)} ${(bytes / 1024).toFixed(1)} KB of ${budget} KB gzip`);
}
const workers = readdirSync(join(dist, 'assets')).filter((file) => /worker.*\.js$/.test(file));
for (const file of workers) console.log(`       worker     ${(size(`assets/${file}`) / 1024).toFixed(1)} KB gzip (${file}, off the critical path)`);
process.exit(failed ? 1 : 0);
