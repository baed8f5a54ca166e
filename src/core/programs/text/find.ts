import { KernelError } from '../../kernel/errno.ts';
import type { FileStat } from '../../shell/file-system.ts';
import { baseName, joinPath } from '../../shell/files/path.ts';
import { matchesPattern } from '../../shell/interpreter/pattern.ts';
import { NotSimulated, type Process, type Program } from '../../shell/process.ts';
import { complain, type Part, quoted } from './io.ts';

interface Entry {
  readonly path: string;
  readonly full: string;
  readonly stat: FileStat;
  readonly depth: number;
}

/** A part of the expression: true when the file passes. */
type Test = (entry: Entry) => Part<boolean>;

interface Settings {
  maxDepth: number;
  minDepth: number;
  depthFirst: boolean;
  acts: boolean;
  /** Commands of `-exec ... +`, run at the end. */
  readonly batches: { readonly argv: readonly string[]; readonly paths: string[] }[];
  status: number;
}

class FindError extends Error {}

/** find(1), with the tests and actions that scripts use. */
export const find: Program = function* (process) {
  const args = process.argv.slice(1);
  let i = args.findIndex((arg) => /^[-(!]/.test(arg) && arg !== '-');
  if (i < 0) i = args.length;
  const starts = i > 0 ? args.slice(0, i) : ['.'];
  const settings: Settings = { maxDepth: Infinity, minDepth: 0, depthFirst: false, acts: false, batches: [], status: 0 };
  let test: Test;
  try {
    const words = args.slice(i);
    test = words.length > 0 ? new Expression(process, words, settings).parse() : pass;
  } catch (error) {
    if (!(error instanceof FindError)) throw error;
    complain(process, error.message);
    return 1;
  }
  const whole: Test = settings.acts ? test : function* (entry) {
    if (!(yield* test(entry))) return false;
    process.stdout.write(`${entry.path}\n`);
    return true;
  };
  for (const start of starts) yield* walk(process, start, 0, whole, settings);
  for (const { argv, paths } of settings.batches) if (paths.length > 0 && (yield* process.run([...argv, ...paths])) !== 0) settings.status = 1;
  return settings.status;
};

const pass: Test = function* () {
  return true;
};

function* walk(process: Process, path: string, depth: number, test: Test, settings: Settings): Part {
  const full = joinPath(process.cwd, path);
  let stat: FileStat;
  try {
    stat = process.fs.stat(full, false);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    complain(process, `${quoted(path)}: ${error.message}`);
    settings.status = 1;
    return;
  }
  process.work();
  const entry: Entry = { path, full, stat, depth };
  const names = stat.type === 'directory' && depth < settings.maxDepth ? process.fs.list(full) : [];
  if (!settings.depthFirst && depth >= settings.minDepth) yield* test(entry);
  for (const name of names) yield* walk(process, path.endsWith('/') ? path + name : `${path}/${name}`, depth + 1, test, settings);
  if (settings.depthFirst && depth >= settings.minDepth) yield* test(entry);
}

class Expression {
  readonly #process: Process;
  readonly #words: readonly string[];
  readonly #settings: Settings;
  #at = 0;

  constructor(process: Process, words: readonly string[], settings: Settings) {
    this.#process = process;
    this.#words = words;
    this.#settings = settings;
  }

  parse(): Test {
    const test = this.#or();
    if (this.#at < this.#words.length) throw new FindError(`paths must precede expression: \`${this.#words[this.#at]}'`);
    return test;
  }

  #or(): Test {
    let left = this.#and();
    while (this.#words[this.#at] === '-o' || this.#words[this.#at] === '-or') {
      this.#at++;
      const [a, b] = [left, this.#and()];
      left = function* (entry) {
        return (yield* a(entry)) || (yield* b(entry));
      };
    }
    return left;
  }

  #and(): Test {
    let left = this.#not();
    for (;;) {
      const word = this.#words[this.#at];
      if (word === undefined || word === '-o' || word === '-or' || word === ')') return left;
      if (word === '-a' || word === '-and') this.#at++;
      const [a, b] = [left, this.#not()];
      left = function* (entry) {
        return (yield* a(entry)) && (yield* b(entry));
      };
    }
  }

  #not(): Test {
    const word = this.#words[this.#at];
    if (word === '!' || word === '-not') {
      this.#at++;
      const inner = this.#not();
      return function* (entry) {
        return !(yield* inner(entry));
      };
    }
    if (word === '(') {
      this.#at++;
      const inner = this.#or();
      if (this.#words[this.#at++] !== ')') throw new FindError("invalid expression; I was expecting to find a ')' somewhere but did not see one.");
      return inner;
    }
    return this.#primary();
  }

  #argument(name: string): string {
    const value = this.#words[this.#at++];
    if (value === undefined) throw new FindError(`missing argument to \`${name}'`);
    return value;
  }

  #depth(name: string): number {
    const value = this.#argument(name);
    if (!/^\d+$/.test(value)) throw new FindError(`Expected a positive decimal integer argument to ${name}, but got ${quoted(value)}`);
    return Number(value);
  }

  #primary(): Test {
    const name = this.#words[this.#at++]!;
    const settings = this.#settings;
    const process = this.#process;
    const simple = (check: (entry: Entry) => boolean): Test => function* (entry) {
      return check(entry);
    };
    switch (name) {
      case '-name': case '-iname': {
        const pattern = this.#argument(name);
        return simple(({ path }) => matchesPattern(baseName(path), pattern, { ignoreCase: name === '-iname' }));
      }
      case '-path': case '-wholename': {
        const pattern = this.#argument(name);
        return simple(({ path }) => matchesPattern(path, pattern));
      }
      case '-type': {
        const kinds = this.#argument(name).split(',');
        const letters = { file: 'f', directory: 'd', symlink: 'l', device: 'c', fifo: 'p' } as const;
        return simple(({ stat }) => kinds.includes(letters[stat.type]));
      }
      case '-empty': return simple(({ stat, full }) => (stat.type === 'directory' ? process.fs.list(full).length === 0 : stat.type === 'file' && stat.size === 0));
      case '-executable': return simple(({ stat }) => stat.type === 'directory' || (stat.mode & 0o111) !== 0);
      case '-maxdepth': settings.maxDepth = this.#depth(name); return pass;
      case '-mindepth': settings.minDepth = this.#depth(name); return pass;
      case '-depth': settings.depthFirst = true; return pass;
      case '-true': return pass;
      case '-false': return simple(() => false);
      case '-print': case '-print0':
        settings.acts = true;
        return simple(({ path }) => {
          process.stdout.write(path + (name === '-print0' ? '\0' : '\n'));
          return true;
        });
      case '-delete':
        settings.acts = settings.depthFirst = true;
        return simple(({ full, path }) => remove(process, full, path, settings));
      case '-exec': return this.#exec();
      default:
        if (KNOWN.has(name)) throw new NotSimulated(`find ${name}`);
        throw new FindError(name.startsWith('-') ? `unknown predicate \`${name}'` : `paths must precede expression: \`${name}'`);
    }
  }

  #exec(): Test {
    const end = this.#words.findIndex((word, i) => i >= this.#at && (word === ';' || (word === '+' && this.#words[i - 1] === '{}')));
    if (end < 0) throw new FindError("missing argument to `-exec'");
    const argv = this.#words.slice(this.#at, end);
    const batch = this.#words[end] === '+';
    this.#at = end + 1;
    const settings = this.#settings;
    const process = this.#process;
    settings.acts = true;
    if (batch) {
      const list = { argv: argv.slice(0, -1), paths: [] as string[] };
      settings.batches.push(list);
      return function* ({ path }) {
        list.paths.push(path);
        return true;
      };
    }
    return function* ({ path }) {
      const words = argv.map((word) => word.replaceAll('{}', path));
      if (!process.knows(words[0] ?? '')) {
        complain(process, `${quoted(words[0] ?? '')}: No such file or directory`);
        settings.status = 1;
        return false;
      }
      return (yield* process.run(words)) === 0;
    };
  }
}

function remove(process: Process, full: string, path: string, settings: Settings): boolean {
  try {
    if (process.fs.stat(full, false).type === 'directory' && process.fs.list(full).length > 0) throw new KernelError('ENOTEMPTY');
    process.fs.remove(full, true);
    return true;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    complain(process, `cannot delete ${quoted(path)}: ${error.message}`);
    settings.status = 1;
    return false;
  }
}

/** What find has besides, so that it can be told from a typing error. */
const KNOWN = new Set([
  '-amin', '-anewer', '-atime', '-cmin', '-cnewer', '-ctime', '-daystart', '-execdir', '-fls', '-follow', '-fprint', '-fprint0', '-fprintf', '-fstype', '-gid', '-group', '-ilname', '-inum', '-ipath', '-iregex', '-links', '-lname',
  '-ls', '-mmin', '-mount', '-mtime', '-newer', '-nogroup', '-nouser', '-ok', '-okdir', '-perm', '-printf', '-prune', '-quit', '-readable', '-regex', '-regextype', '-samefile', '-size', '-uid', '-used', '-user', '-writable', '-xdev', '-L', '-P', '-H',
]);
