// What no linter looks at: words that must not be in the repository, download addresses in the lock file, files that are two ideas.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

const BANNED = [
  [/\/(work|farm|root)\/|\/tmp\/bash_jobs/, 'a path of some machine'],
  [/\b(TODO|FIXME|XXX)\b/, 'an unfinished note'],
  [/coming soon|not implemented yet|lorem ipsum/i, 'a promise instead of a thing'],
];

const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' });
const files = listed.split('\n').filter((file) => file !== '' && existsSync(file) && !/\.(png|woff2?|ico|pcapng)$/.test(file));
const problems = [];
for (const file of files) {
  const text = readFileSync(file, 'utf8');
  if (file === 'package-lock.json') {
    if (/"resolved": *"https?:/.test(text)) problems.push(`${file}: records download addresses (omit-lockfile-registry-resolved in .npmrc)`);
    continue;
  }
  if (file === 'scripts/check-tree.mjs') continue;
  text.split('\n').forEach((line, index) => {
    for (const [pattern, what] of BANNED) if (pattern.test(line)) problems.push(`${file}:${index + 1}: ${what}`);
  });
}
for (const problem of problems) console.error(problem);
console.log(`${files.length} files looked at, ${problems.length} problems`);
process.exit(problems.length === 0 ? 0 : 1);
