import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, extname, isAbsolute, join } from 'node:path';
import { formatProblem, MAX_FILE_SIZE, parseLab, scriptLab, type Lab, type Locate } from '../core/index.ts';
import { UsageError } from './output.ts';

/** A file of the user's, ready to be run. */
export interface Loaded {
  readonly file: string;
  readonly kind: 'lab' | 'script';
  readonly text: string;
  readonly lab: Lab;
  readonly locate: Locate;
}

/** Reads a text file. Throws UsageError when it is not there, not a file, not text, or 5 MB and more. */
export function readText(file: string): string {
  try {
    const stat = statSync(file);
    if (stat.isDirectory()) throw new UsageError(`${file} is a folder`);
    if (stat.size >= MAX_FILE_SIZE) throw new UsageError(`${file} is too big: ${(stat.size / 1024 / 1024).toFixed(1)} MB; at most 5 MB can be read`);
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if (error instanceof TypeError) throw new UsageError(`${file} is not a text in UTF-8`);
    throw new UsageError(`${file} cannot be read: ${(error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : (error as Error).message}`);
  }
}

/** A shell script, by its name or its first line; anything else is a lab. */
export function isScript(file: string, text: string): boolean {
  return ['.sh', '.bash'].includes(extname(file).toLowerCase()) || (!isLab(file) && text.startsWith('#!'));
}

function isLab(file: string): boolean {
  return ['.yaml', '.yml'].includes(extname(file).toLowerCase());
}

/** Reads a lab file, or a shell script as a lab of its own. Throws UsageError that tells all that is wrong with it. */
export function load(file: string): Loaded {
  const text = readText(file);
  if (isScript(file, text)) {
    return { file, kind: 'script', text, lab: scriptLab(text, basename(file).replace(/\.(sh|bash)$/i, '')), locate: () => ({ line: 0, column: 0 }) };
  }
  if (!isLab(file)) throw new UsageError(`${file}: a lab is named *.yaml, a shell script *.sh`);
  const result = parseLab(text, { file });
  if (!result.ok) throw new UsageError(result.errors.map(formatProblem).join('\n'));
  return { file, kind: 'lab', text, lab: result.lab, locate: result.locate };
}

/** Files of the given names and patterns (`*`, `**`, `?`, `[abc]`, `{a,b}`), each once, in order. Throws UsageError when a pattern fits nothing. */
export function expand(patterns: readonly string[]): string[] {
  const files = new Set<string>();
  for (const pattern of patterns) {
    if (!/[*?[{]/.test(pattern)) {
      files.add(pattern);
      continue;
    }
    const found = braces(pattern).flatMap(glob);
    if (found.length === 0) throw new UsageError(`no file fits ${pattern}`);
    for (const file of found) files.add(file);
  }
  return [...files];
}

function braces(pattern: string): string[] {
  const match = /\{([^{}]*,[^{}]*)\}/.exec(pattern);
  if (!match) return [pattern];
  return match[1]!.split(',').flatMap((part) => braces(pattern.slice(0, match.index) + part + pattern.slice(match.index + match[0].length)));
}

function glob(pattern: string): string[] {
  const start = isAbsolute(pattern) ? '/' : '';
  return walk(start, pattern.split('/').filter((part) => part !== '')).sort();
}

function walk(folder: string, parts: readonly string[]): string[] {
  const [part, ...rest] = parts;
  if (part === undefined) return [];
  if (part === '**') {
    const below = entries(folder).filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules');
    return [...walk(folder, rest), ...below.flatMap((entry) => walk(join(folder, entry.name), parts))];
  }
  if (!/[*?[]/.test(part)) return rest.length === 0 ? (exists(join(folder, part)) ? [join(folder, part)] : []) : walk(join(folder, part), rest);
  const fits = new RegExp(`^${part.replace(/[.+^${}()|\\]/g, '\\$&').replace(/\*/g, '.*').replace(/\?/g, '.').replace(/\[!/g, '[^')}$`);
  const named = entries(folder).filter((entry) => fits.test(entry.name) && (part.startsWith('.') || !entry.name.startsWith('.')));
  if (rest.length === 0) return named.filter((entry) => !entry.isDirectory()).map((entry) => join(folder, entry.name));
  return named.filter((entry) => entry.isDirectory()).flatMap((entry) => walk(join(folder, entry.name), rest));
}

function entries(folder: string) {
  try {
    return readdirSync(folder === '' ? '.' : folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

function exists(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}
