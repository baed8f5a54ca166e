import { KernelError } from '../../kernel/errno.ts';
import { baseName, joinPath, normalizePath } from '../../shell/files/path.ts';
import { NotSimulated, type Process, type Program } from '../../shell/process.ts';
import { complain, quoted } from './io.ts';
import { extraOperand, missingOperand, parseOptions } from './options.ts';

/** mkdir(1), rmdir(1), rm(1), touch(1), ln(1), readlink(1), realpath(1), cp(1), mv(1), mktemp(1). */

function place(process: Process, path: string): string {
  return joinPath(process.cwd, path);
}

/** Does something to each path; an error is told and the others still have their turn. */
function each(process: Process, paths: readonly string[], act: (path: string) => void, message: (path: string, why: string) => string): number {
  let status = 0;
  for (const path of paths) {
    try {
      if (path === '') throw new KernelError('ENOENT');
      act(path);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      complain(process, message(path, error.message));
      status = 1;
    }
  }
  return status;
}

export const mkdir: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, { m: 'yes', mode: '=m', p: 'no', parents: '=p', v: 'no', verbose: '=v', Z: 'never', context: '=Z' }, { exit: 1 });
  if (failed !== null) return failed;
  if (operands.length === 0) return missingOperand(process);
  const given = new Map(options);
  const mode = given.get('m');
  if (mode !== undefined && !/^[0-7]+$/.test(mode)) throw new NotSimulated(`mkdir -m ${mode}`);
  return each(process, operands, (path) => {
    const there = process.fs.exists(place(process, path));
    process.fs.mkdir(place(process, path), given.has('p'));
    if (there) return;
    process.fs.chmod(place(process, path), mode === undefined ? 0o777 & ~process.umask : Number.parseInt(mode, 8));
    if (given.has('v')) process.stdout.write(`mkdir: created directory '${path}'\n`);
  }, (path, why) => `cannot create directory ${quoted(path)}: ${why}`);
};

export const rmdir: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, { p: 'never', parents: '=p', v: 'no', verbose: '=v', 'ignore-fail-on-non-empty': 'no' }, { exit: 1 });
  if (failed !== null) return failed;
  if (operands.length === 0) return missingOperand(process);
  return each(process, operands, (path) => {
    const full = place(process, path);
    if (process.fs.stat(full, false).type !== 'directory') throw new KernelError('ENOTDIR');
    if (process.fs.list(full).length === 0) process.fs.remove(full, true);
    else if (!options.some(([name]) => name === 'ignore-fail-on-non-empty')) throw new KernelError('ENOTEMPTY');
  }, (path, why) => `failed to remove '${path}': ${why}`);
};

export const rm: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, {
    f: 'no', force: '=f', i: 'never', I: 'never', r: 'no', R: '=r', recursive: '=r', d: 'no', dir: '=d', v: 'no', verbose: '=v', 'one-file-system': 'no', 'preserve-root': 'no',
  }, { exit: 1 });
  if (failed !== null) return failed;
  const flags = new Set(options.map(([name]) => name));
  if (operands.length === 0) return flags.has('f') ? 0 : missingOperand(process);
  let status = 0;
  for (const path of operands) {
    if (/(?:^|\/)\.{1,2}\/*$/.test(path)) {
      complain(process, `refusing to remove '.' or '..' directory: skipping '${path}'`);
      status = 1;
      continue;
    }
    if (flags.has('f') && !exists(process, path)) continue;
    const failedHere = each(process, [path], () => {
      const full = place(process, path);
      const isDirectory = process.fs.stat(full, false).type === 'directory';
      if (isDirectory && flags.has('d') && !flags.has('r') && process.fs.list(full).length > 0) throw new KernelError('ENOTEMPTY');
      process.fs.remove(full, flags.has('r') || (isDirectory && flags.has('d')));
      if (flags.has('v')) process.stdout.write(`removed ${isDirectory ? 'directory ' : ''}'${path}'\n`);
    }, (_, why) => `cannot remove '${path}': ${why}`);
    if (failedHere !== 0) status = 1;
  }
  return status;
};

function exists(process: Process, path: string): boolean {
  try {
    process.fs.stat(place(process, path), false);
    return true;
  } catch (error) {
    if (error instanceof KernelError) return false;
    throw error;
  }
}

export const touch: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, { a: 'no', c: 'no', 'no-create': '=c', d: 'never', date: '=d', h: 'no', m: 'no', r: 'never', t: 'never', f: 'no' }, { exit: 1 });
  if (failed !== null) return failed;
  if (operands.length === 0) {
    complain(process, 'missing file operand');
    process.stderr.write("Try 'touch --help' for more information.\n");
    return 1;
  }
  return each(process, operands, (path) => {
    const full = place(process, path);
    const there = process.fs.exists(full);
    if (!there && options.some(([name]) => name === 'c')) return;
    process.fs.touch(full);
    if (!there) process.fs.chmod(full, 0o666 & ~process.umask);
  }, (path, why) => `cannot touch '${path}': ${why}`);
};

/** link(1) of coreutils: what `ip netns exec NS link set lo up` runs when the second `ip` is forgotten. */
export const link: Program = function* (process) {
  const { operands, failed } = parseOptions(process, {}, { exit: 1 });
  if (failed !== null) return failed;
  if (operands.length < 2) return missingOperand(process, 1, operands[0]);
  if (operands.length > 2) return extraOperand(process, operands[2]!);
  throw new NotSimulated('a hard link (link)');
};

export const ln: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, {
    s: 'no', symbolic: '=s', f: 'no', force: '=f', n: 'no', 'no-dereference': '=n', T: 'no', 'no-target-directory': '=T', v: 'no', verbose: '=v', r: 'never', relative: '=r', b: 'never', i: 'never', t: 'never', L: 'never', P: 'never',
  }, { exit: 1 });
  if (failed !== null) return failed;
  const flags = new Set(options.map(([name]) => name));
  if (operands.length === 0) {
    complain(process, 'missing file operand');
    process.stderr.write("Try 'ln --help' for more information.\n");
    return 1;
  }
  const last = operands.at(-1)!;
  const isFolder = !flags.has('T') && operands.length > 1 && process.fs.isDirectory(place(process, last)) && !(flags.has('n') && isLink(process, last));
  if (operands.length > 2 && !isFolder) {
    complain(process, `target '${last}': ${exists(process, last) ? 'Not a directory' : 'No such file or directory'}`);
    return 1;
  }
  const sources = operands.length === 1 ? operands : operands.slice(0, -1);
  const linkOf = (source: string): string => (operands.length === 1 ? `./${baseName(source)}` : isFolder ? `${last.replace(/\/+$/, '')}/${baseName(source)}` : last);
  if (!flags.has('s')) throw new NotSimulated('a hard link (ln without -s)');
  let status = 0;
  for (const source of sources) {
    const link = linkOf(source);
    status |= each(process, [link], () => {
      if (flags.has('f') && exists(process, link)) process.fs.remove(place(process, link), false);
      process.fs.symlink(source, place(process, link));
      if (flags.has('v')) process.stdout.write(`'${link}' -> '${source}'\n`);
    }, (_, why) => `failed to create symbolic link '${link}': ${why}`);
  }
  return status;
};

function isLink(process: Process, path: string): boolean {
  return exists(process, path) && process.fs.stat(place(process, path), false).type === 'symlink';
}

export const readlink: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, {
    f: 'no', canonicalize: '=f', e: 'no', 'canonicalize-existing': '=e', m: 'no', 'canonicalize-missing': '=m', n: 'no', 'no-newline': '=n', q: 'no', quiet: '=q', s: 'no', silent: '=s', v: 'no', verbose: '=v', z: 'no', zero: '=z',
  }, { exit: 1 });
  if (failed !== null) return failed;
  if (operands.length === 0) return missingOperand(process);
  const flags = new Set(options.map(([name]) => name));
  const end = flags.has('z') ? '\0' : flags.has('n') && operands.length === 1 ? '' : '\n';
  let status = 0;
  for (const path of operands) {
    try {
      process.stdout.write(resolve(process, path, flags) + end);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      if (flags.has('v')) complain(process, `${path}: ${error.message}`);
      status = 1;
    }
  }
  return status;
};

function resolve(process: Process, path: string, flags: ReadonlySet<string>): string {
  const full = place(process, path);
  if (flags.has('m')) return exists(process, path) ? process.fs.realpath(full) : normalizePath(full);
  if (flags.has('e')) process.fs.stat(full);
  if (flags.has('f') || flags.has('e')) return process.fs.realpath(full);
  return process.fs.readlink(full);
}

export const realpath: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, {
    e: 'no', 'canonicalize-existing': '=e', m: 'no', 'canonicalize-missing': '=m', L: 'never', P: 'no', q: 'no', quiet: '=q', s: 'no', strip: '=s', 'no-symlinks': '=s', z: 'no', zero: '=z', 'relative-to': 'never', 'relative-base': 'never',
  }, { exit: 1 });
  if (failed !== null) return failed;
  if (operands.length === 0) return missingOperand(process);
  const flags = new Set(options.map(([name]) => name));
  return each(process, operands, (path) => {
    const full = place(process, path);
    const found = flags.has('s') ? normalizePath(full) : resolve(process, path, new Set([flags.has('m') ? 'm' : flags.has('e') ? 'e' : 'f']));
    process.stdout.write(found + (flags.has('z') ? '\0' : '\n'));
  }, (path, why) => `${path}: ${why}`);
};

const COPY = {
  a: 'no', archive: '=a', b: 'never', f: 'no', force: '=f', i: 'never', n: 'no', 'no-clobber': '=n', p: 'no', preserve: 'optional', r: 'no', R: '=r', recursive: '=r', t: 'never', T: 'no', 'no-target-directory': '=T',
  u: 'never', v: 'no', verbose: '=v', L: 'no', P: 'no', d: 'no',
} as const;

/** Source and destination operands of cp and mv; null after a message. */
function pairs(process: Process, operands: readonly string[], plain: boolean): readonly (readonly [from: string, to: string])[] | null {
  const name = process.argv[0]!.replace(/.*\//, '');
  const hint = (message: string): null => {
    complain(process, message);
    process.stderr.write(`Try '${name} --help' for more information.\n`);
    return null;
  };
  if (operands.length === 0) return hint('missing file operand');
  if (operands.length === 1) return hint(`missing destination file operand after '${operands[0]}'`);
  const last = operands.at(-1)!;
  const sources = operands.slice(0, -1);
  const folder = !plain && process.fs.isDirectory(place(process, last));
  if (sources.length > 1 && !folder) {
    complain(process, `target '${last}': ${exists(process, last) ? 'Not a directory' : 'No such file or directory'}`);
    return null;
  }
  return sources.map((source) => [source, folder ? `${last.replace(/\/+$/, '')}/${baseName(source)}` : last]);
}

export const cp: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, COPY, { exit: 1 });
  if (failed !== null) return failed;
  const flags = new Set(options.map(([name]) => name));
  const list = pairs(process, operands, flags.has('T'));
  if (!list) return 1;
  let status = 0;
  for (const [from, to] of list) {
    if (!exists(process, from)) {
      complain(process, `cannot stat '${from}': No such file or directory`);
      status = 1;
    } else if (process.fs.isDirectory(place(process, from)) && !flags.has('r') && !flags.has('a')) {
      complain(process, `-r not specified; omitting directory '${from}'`);
      status = 1;
    } else if (!(flags.has('n') && exists(process, to))) {
      status |= each(process, [to], () => copy(process, place(process, from), place(process, to), flags.has('a') || flags.has('P') || flags.has('d')), (_, why) => `cannot create regular file '${to}': ${to.endsWith('/') && why === 'Is a directory' ? 'Not a directory' : why}`);
      if (flags.has('v')) process.stdout.write(`'${from}' -> '${to}'\n`);
    }
  }
  return status;
};

function copy(process: Process, from: string, to: string, links: boolean): void {
  const stat = process.fs.stat(from, !links);
  if (stat.type === 'symlink') {
    process.fs.symlink(process.fs.readlink(from), to);
    return;
  }
  if (stat.type !== 'directory') {
    const text = process.fs.read(from);
    const fresh = !process.fs.exists(to);
    process.fs.write(to, text, 'truncate');
    if (fresh) process.fs.chmod(to, stat.mode & 0o777 & ~(links ? 0 : process.umask));
    return;
  }
  if (!process.fs.exists(to)) process.fs.mkdir(to, false);
  for (const name of process.fs.list(from)) copy(process, `${from}/${name}`, `${to}/${name}`, links);
}

export const mv: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, { b: 'never', f: 'no', force: '=f', i: 'never', n: 'no', 'no-clobber': '=n', t: 'never', T: 'no', 'no-target-directory': '=T', u: 'never', v: 'no', verbose: '=v' }, { exit: 1 });
  if (failed !== null) return failed;
  const flags = new Set(options.map(([name]) => name));
  const list = pairs(process, operands, flags.has('T'));
  if (!list) return 1;
  let status = 0;
  for (const [from, to] of list) {
    if (!exists(process, from)) {
      complain(process, `cannot stat '${from}': No such file or directory`);
      status = 1;
      continue;
    }
    if (flags.has('n') && exists(process, to)) continue;
    status |= each(process, [to], () => process.fs.rename(place(process, from), place(process, to)), (_, why) => `cannot move '${from}' to '${to}': ${why}`);
    if (flags.has('v')) process.stdout.write(`renamed '${from}' -> '${to}'\n`);
  }
  return status;
};

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

export const mktemp: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, {
    d: 'no', directory: '=d', p: 'yes', tmpdir: 'optional', q: 'no', quiet: '=q', t: 'no', u: 'no', 'dry-run': '=u', suffix: 'yes',
  }, { exit: 1 });
  if (failed !== null) return failed;
  if (operands.length > 1) return extraOperand(process, operands[1]!);
  const given = new Map(options);
  const template = operands[0] ?? 'tmp.XXXXXXXXXX';
  const match = /^(.*?)(X{3,})([^X]*)$/s.exec(template);
  if (!match) {
    complain(process, `too few X's in template ${quoted(template)}`);
    return 1;
  }
  const folder = given.has('p') || given.has('tmpdir') || given.has('t') || operands.length === 0 ? given.get('p') || given.get('tmpdir') || process.env.get('TMPDIR') || '/tmp' : '';
  for (;;) {
    const random = Array.from(match[2]!, () => LETTERS[process.world.random.below(LETTERS.length)]).join('');
    const name = match[1]! + random + match[3]! + (given.get('suffix') ?? '');
    const path = folder === '' ? name : joinPath(folder, name);
    if (exists(process, path)) continue;
    if (!given.has('u')) {
      const wrong = each(process, [path], () => create(process, place(process, path), given.has('d')), (_, why) => `failed to create ${given.has('d') ? 'directory' : 'file'} via template ${quoted(template)}: ${why}`);
      if (wrong !== 0) return 1;
    }
    process.stdout.write(`${path}\n`);
    return 0;
  }
};

function create(process: Process, path: string, folder: boolean): void {
  if (folder) process.fs.mkdir(path, false);
  else process.fs.touch(path);
  process.fs.chmod(path, folder ? 0o700 : 0o600);
}
