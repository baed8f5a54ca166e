import { KernelError } from '../../kernel/errno.ts';
import type { FileSystem } from '../file-system.ts';
import { joinPath } from '../files/path.ts';
import { isPattern, matchesPattern, type PatternOptions } from './pattern.ts';

export interface GlobOptions extends PatternOptions {
  /** Names that begin with a dot are found without the dot being written. */
  readonly dots: boolean;
}

/** Paths that match a pattern, in order of their bytes (pathname expansion). */
export function globPaths(fs: FileSystem, cwd: string, pattern: string, options: GlobOptions): string[] {
  let found: string[] = [pattern.startsWith('/') ? '/' : ''];
  const parts = pattern.split('/');
  for (const [i, part] of parts.entries()) {
    const last = i === parts.length - 1;
    if (part === '') {
      if (last && i > 0) found = found.map((path) => (path.endsWith('/') ? path : `${path}/`));
      continue;
    }
    found = found.flatMap((path) => matchPart(fs, cwd, path, part, last, options));
  }
  return found.filter((path) => path !== '').sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

function matchPart(fs: FileSystem, cwd: string, above: string, part: string, last: boolean, options: GlobOptions): string[] {
  const join = (name: string): string => (above === '' || above.endsWith('/') ? above + name : `${above}/${name}`);
  const place = (path: string): string => joinPath(cwd, path === '' ? '.' : path);
  const fits = (path: string): boolean => (last ? present(fs, place(path)) : fs.isDirectory(place(path)));
  if (!isPattern(part)) {
    const path = join(part.replace(/\\(.)/gs, '$1'));
    return fits(path) ? [path] : [];
  }
  if (!fs.isDirectory(place(above))) return [];
  const names = list(fs, place(above));
  if (part.startsWith('.')) names.push('.', '..');
  return names
    .filter((name) => (options.dots || part.startsWith('.') || !name.startsWith('.')) && matchesPattern(name, part, { ...options, path: true }))
    .map(join)
    .filter(fits);
}

function present(fs: FileSystem, path: string): boolean {
  try {
    fs.stat(path, false);
    return true;
  } catch (error) {
    if (error instanceof KernelError) return false;
    throw error;
  }
}

function list(fs: FileSystem, path: string): string[] {
  try {
    return fs.list(path);
  } catch (error) {
    if (error instanceof KernelError) return [];
    throw error;
  }
}
