import { KernelError, strerror } from '../../kernel/errno.ts';
import type { Process, Running } from '../../shell/process.ts';
import { getopt, type LongOption } from '../lib/getopt.ts';
import { readAll } from '../text/io.ts';
import { isWritable, keyOf, pathOf, showAll, showOne, type SysctlOptions } from './sysctl-show.ts';
import { SYSCTL_USAGE } from './usage.ts';

const LONG: readonly LongOption[] = [
  { name: 'all', argument: 'none', is: 'a' }, { name: 'deprecated', argument: 'none', is: 'deprecated' },
  { name: 'dry-run', argument: 'none', is: 'dry-run' }, { name: 'binary', argument: 'none', is: 'b' },
  { name: 'ignore', argument: 'none', is: 'e' }, { name: 'names', argument: 'none', is: 'N' },
  { name: 'values', argument: 'none', is: 'n' }, { name: 'load', argument: 'optional', is: 'p' },
  { name: 'quiet', argument: 'none', is: 'q' }, { name: 'write', argument: 'none', is: 'w' },
  { name: 'system', argument: 'none', is: 'system' }, { name: 'pattern', argument: 'required', is: 'r' },
  { name: 'help', argument: 'none', is: 'h' }, { name: 'version', argument: 'none', is: 'V' },
];

const DEFAULT_FILE = '/etc/sysctl.conf';
const DIRECTORIES = ['/etc/sysctl.d', '/run/sysctl.d', '/usr/local/lib/sysctl.d', '/usr/lib/sysctl.d', '/lib/sysctl.d'];

type Mode = 'values' | 'all' | 'load' | 'system';

interface CommandLine {
  readonly options: SysctlOptions;
  mode: Mode;
  write: boolean;
  readonly operands: string[];
  /** File of `--load=FILE`. */
  file: string | null;
  /** Text to print and leave with. */
  done: { readonly text: string; readonly code: number } | null;
}

function warn(process: Process, text: string): void {
  process.stderr.write(`sysctl: ${text}\n`);
}

function parse(process: Process): CommandLine {
  const options: SysctlOptions = { names: false, values: false, binary: false, ignore: false, quiet: false, deprecated: false, dryRun: false, pattern: null };
  const line: CommandLine = { options, mode: 'values', write: false, operands: [], file: null, done: null };
  for (const option of getopt(process.argv.slice(1), 'bneNwfpoxqaAXr:Vdh', line.operands, LONG)) {
    if ('error' in option) {
      process.stderr.write(`sysctl: ${option.error}\n`);
      process.stderr.write(SYSCTL_USAGE);
      line.done = { text: '', code: 1 };
      return line;
    }
    applyOption(option.name, option.value, line);
    if (line.done) return line;
  }
  return line;
}

function applyOption(name: string, value: string | null, line: CommandLine): void {
  const { options } = line;
  switch (name) {
    case 'b': options.binary = true; break;
    case 'n': options.values = true; break;
    case 'N': options.names = true; break;
    case 'e': options.ignore = true; break;
    case 'q': options.quiet = true; break;
    case 'w': line.write = true; break;
    case 'f':
    case 'p': line.mode = 'load'; line.file = value; break;
    case 'a':
    case 'A':
    case 'X': line.mode = 'all'; break;
    case 'r': options.pattern = value; break;
    case 'deprecated': options.deprecated = true; break;
    case 'dry-run': options.dryRun = true; break;
    case 'system': line.mode = 'system'; break;
    case 'V': line.done = { text: 'sysctl from procps-ng 4.0.2\n', code: 0 }; break;
    case 'd':
    case 'h': line.done = { text: SYSCTL_USAGE, code: 0 }; break;
    default: break;
  }
}

/** sysctl(8) of procps-ng 4.0.2. */
export function* sysctl(process: Process): Running {
  if (process.argv.length < 2) {
    process.stderr.write(SYSCTL_USAGE);
    return 1;
  }
  const line = parse(process);
  if (line.done) {
    process.stdout.write(line.done.text);
    return line.done.code;
  }
  if (line.options.names && line.options.quiet) return complain(process, 'options -N and -q cannot coexist');
  if (line.mode === 'all') return showAll(process, line.options, '/proc/sys');
  if (line.mode === 'system') return yield* loadSystem(process, line.options);
  if (line.mode === 'load') {
    const files = line.file !== null ? [line.file] : line.operands.length > 0 ? line.operands : [DEFAULT_FILE];
    return yield* loadFiles(process, line.options, files, false);
  }
  if (line.operands.length === 0) return complain(process, 'no variables specified');
  return values(process, line);
}

function complain(process: Process, text: string): number {
  process.stderr.write(`sysctl: ${text}\nTry \`sysctl --help' for more information.\n`);
  return 1;
}

function values(process: Process, line: CommandLine): number {
  let code = 0;
  for (const word of line.operands) {
    if (!line.write && !word.includes('=')) {
      code |= showOne(process, line.options, word);
      continue;
    }
    const setting = parseSetting(process, 'command line', 0, word);
    if (!setting) return 1;
    code |= writeSetting(process, line.options, setting);
  }
  return code;
}

interface Setting {
  readonly key: string;
  readonly value: string;
  /** A line of a file that begins with `-`: its failure does not matter. */
  readonly lenient: boolean;
}

/** `key = value`; null for a comment, and for what is neither, which is complained of. */
function parseSetting(process: Process, file: string, number: number, text: string): Setting | null {
  const line = text.trim();
  if (line === '' || line.startsWith('#') || line.startsWith(';')) return null;
  const equals = line.indexOf('=');
  if (equals < 0) {
    warn(process, `${file}(${number}): invalid syntax, continuing...`);
    return null;
  }
  const lenient = line.startsWith('-');
  return { key: line.slice(lenient ? 1 : 0, equals).trim(), value: line.slice(equals + 1).trim(), lenient };
}

function writeSetting(process: Process, options: SysctlOptions, { key: word, value, lenient }: Setting): number {
  const path = pathOf(word);
  const key = keyOf(path);
  if (options.pattern !== null && !new RegExp(options.pattern).test(key)) return 0;
  if (!process.fs.exists(path)) {
    if (options.ignore) return 0;
    warn(process, `cannot stat ${path}: ${strerror('ENOENT')}`);
    return lenient ? 0 : 1;
  }
  if (process.fs.isDirectory(path)) {
    warn(process, `setting key "${key}": ${strerror('EISDIR')}`);
    return lenient ? 0 : 1;
  }
  if (!isWritable(process, path)) {
    warn(process, `setting key "${key}": ${strerror('EINVAL')}`);
    return 0;
  }
  try {
    if (!options.dryRun) process.fs.write(path, `${value}\n`, 'truncate');
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    warn(process, `setting key "${key}": ${strerror(error.errno)}${lenient ? ', ignoring' : ''}`);
    return lenient ? 0 : 1;
  }
  if (options.quiet) return 0;
  if (options.names) process.stdout.write(`${key}\n`);
  else if (options.binary) process.stdout.write(value);
  else process.stdout.write(options.values ? `${value}\n` : `${key} = ${value}\n`);
  return 0;
}

/** `-p FILE ...`: all lines are read before the first is applied. `-` is stdin. */
function* loadFiles(process: Process, options: SysctlOptions, files: readonly string[], announced: boolean): Running {
  const settings: Setting[] = [];
  let code = 0;
  for (const file of files) {
    const isStdin = file === '-';
    if (!isStdin && (!process.fs.exists(file) || process.fs.isDirectory(file))) {
      warn(process, `cannot open "${file}": ${strerror(process.fs.exists(file) ? 'EISDIR' : 'ENOENT')}`);
      code = 1;
      continue;
    }
    if (announced && !options.quiet) process.stdout.write(`* Applying ${file} ...\n`);
    const text = isStdin ? yield* readAll(process, process.stdin) : process.fs.read(file);
    text.split('\n').forEach((line, i) => {
      const setting = parseSetting(process, file, i + 1, line);
      if (setting) settings.push(setting);
    });
  }
  for (const setting of settings) code |= writeSetting(process, options, setting);
  return code;
}

/** `--system`: the files of the system's directories by their names, one of a name only, and /etc/sysctl.conf at the end. */
function* loadSystem(process: Process, options: SysctlOptions): Running {
  const byName = new Map<string, string>();
  for (const directory of DIRECTORIES) {
    if (!process.fs.isDirectory(directory)) continue;
    for (const name of process.fs.list(directory)) {
      if (name.endsWith('.conf') && !byName.has(name)) byName.set(name, `${directory}/${name}`);
    }
  }
  const files = [...byName.keys()].sort().map((name) => byName.get(name)!);
  if (process.fs.exists(DEFAULT_FILE)) files.push(DEFAULT_FILE);
  return yield* loadFiles(process, options, files, true);
}
