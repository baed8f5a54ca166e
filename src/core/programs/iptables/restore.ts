import { KernelError, strerror } from '../../kernel/errno.ts';
import type { XtCounters, XtTableName } from '../../kernel/netfilter/xtables/xt-rule.ts';
import type { InputStream, Process, Running } from '../../shell/process.ts';
import { getopt } from '../lib/getopt.ts';
import { readAll } from '../text/io.ts';
import { type Batch, commit, newBatch, push, tableOf } from './batch.ts';
import { type CommandLine, checkChainName, parseCommandLine } from './command-line.ts';
import { type Refusal, execute } from './commands.ts';
import { processEnv } from './env.ts';
import { VERSION, calledName, printError, showText } from './iptables.ts';
import { NO_COUNTS, emptyChain, fakeBuiltins, isBuiltin, isTable, sortedChains } from './table-cache.ts';
import { lineCounters, tokenize } from './tokens.ts';
import { RESTORE_USAGE } from './usage.ts';
import { XtablesError, fail } from './xtables-error.ts';

const SHORT = 'bcvVthnwWM:T:46';
const LONG = [
  { name: 'counters', argument: 'none', is: 'c' }, { name: 'verbose', argument: 'none', is: 'v' }, { name: 'version', argument: 'none', is: 'V' },
  { name: 'test', argument: 'none', is: 't' }, { name: 'help', argument: 'none', is: 'h' }, { name: 'noflush', argument: 'none', is: 'n' },
  { name: 'modprobe', argument: 'required', is: 'M' }, { name: 'table', argument: 'required', is: 'T' }, { name: 'wait', argument: 'optional', is: 'w' },
  { name: 'wait-interval', argument: 'required', is: 'W' }, { name: 'ipv4', argument: 'none', is: '4' }, { name: 'ipv6', argument: 'none', is: '6' },
] as const;

interface Options {
  counters: boolean;
  verbose: number;
  test: boolean;
  noflush: boolean;
  table: string | null;
  /** A file; null for stdin. */
  file: string | null;
}

/** The options, or what to end with. */
function parseOptions(process: Process): Options | { readonly code: number } {
  const program = calledName(process);
  const options: Options = { counters: false, verbose: 0, test: false, noflush: false, table: null, file: null };
  const operands: string[] = [];
  // A number of seconds may stand behind -w as a word of its own; it is not looked at.
  const words = process.argv.slice(1).filter((word, i, all) => /^[-!]/.test(word) || !/^(-w|--wait|-W)$/.test(all[i - 1] ?? ''));
  for (const option of getopt(words, SHORT, operands, LONG)) {
    if ('error' in option) {
      process.stderr.write(`${program}: ${option.error}\nTry \`${program} -h' for more information.\n`);
      return { code: 1 };
    }
    switch (option.name) {
      case 'c': options.counters = true; break;
      case 'v': options.verbose++; break;
      case 't': options.test = true; break;
      case 'n': options.noflush = true; break;
      case 'T': options.table = option.value; break;
      case 'V': process.stdout.write(`${program} v${VERSION}\n`); return { code: 0 };
      case 'h': process.stderr.write(RESTORE_USAGE.replaceAll('PROGRAM', program)); return { code: 0 };
      default: break;
    }
  }
  if (operands.length > 1) {
    process.stderr.write('Unknown arguments found on commandline\n');
    return { code: 1 };
  }
  options.file = operands[0] ?? null;
  return options;
}

/** What restoring has come to. */
interface Restore {
  readonly process: Process;
  readonly options: Options;
  readonly batch: Batch;
  readonly program: string;
  table: XtTableName | null;
  number: number;
  /** What commands since `*TABLE` print, and what keeps one of them from being carried out: both come out at COMMIT. */
  printed: string;
  failed: { readonly number: number; readonly why: string | XtablesError } | null;
}

/** iptables-restore(8), the nf_tables variant 1.8.9. */
export function* iptablesRestore(process: Process): Running {
  const options = parseOptions(process);
  if ('code' in options) return options.code;
  const input = open(process, options.file);
  if (input === null) return 1;
  const text = yield* readAll(process, input);
  const batch = newBatch(process.ns, processEnv(process), (out) => { restore.printed += out; });
  batch.line = 0;
  const restore: Restore = { process, options, batch, program: calledName(process), table: null, number: 0, printed: '', failed: null };
  try {
    return restoreText(restore, text);
  } catch (error) {
    if (error instanceof XtablesError) return printError(process, restore.program, error, restore.number);
    throw error;
  }
}

function open(process: Process, file: string | null): InputStream | null {
  if (file === null) return process.stdin;
  try {
    return process.open(file);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    process.stderr.write(`Can't open ${file}: ${strerror(error.errno)}\n`);
    return null;
  }
}

function restoreText(restore: Restore, text: string): number {
  for (let from = 0; from < text.length;) {
    const end = text.indexOf('\n', from);
    const line = end < 0 ? text.slice(from) : text.slice(from, end + 1);
    from += line.length;
    restore.number++;
    const code = restoreLine(restore, line);
    if (code !== null) return code;
  }
  if (restore.table === null) return 0;
  restore.process.stderr.write(`${restore.program}: COMMIT expected at line ${restore.number + 1}\n`);
  return 1;
}

/** An exit code when the line ends it all. */
function restoreLine(restore: Restore, line: string): number | null {
  const { options, process, program } = restore;
  if (line === '\n') return null;
  if (line.startsWith('#')) {
    if (options.verbose > 0) process.stdout.write(line);
    return null;
  }
  if (restore.table === null) {
    if (line.startsWith('*')) return beginTable(restore, line);
    process.stderr.write(`${program}: line ${restore.number} failed\n`);
    return 1;
  }
  const wanted = options.table === null || options.table === restore.table;
  if (line === 'COMMIT\n' || line === 'COMMIT') {
    const code = wanted ? commitTable(restore) : null;
    restore.table = null;
    return code;
  }
  if (!wanted) return null;
  if (line.startsWith(':')) return chainLine(restore, restore.table, line);
  return ruleLine(restore, restore.table, line);
}

/** Carries a command out up to the kernel's part. Nothing more is after the first that cannot be. */
function attempt(restore: Restore, run: () => Refusal): void {
  if (restore.failed !== null || restore.options.test) return;
  restore.batch.line = restore.number;
  try {
    const why = run();
    if (why !== null) restore.failed = { number: restore.number, why };
  } catch (error) {
    if (!(error instanceof XtablesError)) throw error;
    restore.failed = { number: restore.number, why: error };
  }
}

function beginTable(restore: Restore, line: string): number | null {
  const { program, number, options } = restore;
  const name = /^[ \t\n]*([^ \t\n]+)/.exec(line.slice(1))?.[1] ?? fail(`${program}: line ${number} table name invalid`);
  if (options.table !== null && options.table !== name) {
    restore.table = isTable(name) ? name : 'filter';
    return null;
  }
  if (!isTable(name)) fail(`${program}: line ${number} table name '${name}' invalid`);
  restore.table = name;
  if (!options.noflush) attempt(restore, () => clearTable(restore, name));
  return null;
}

function clearTable({ batch, options }: Restore, name: XtTableName): Refusal {
  const table = tableOf(batch, name);
  if (options.verbose > 0) {
    fakeBuiltins(table);
    for (const chain of sortedChains(table)) batch.out(`Flushing chain \`${chain.name}'\n`);
    for (const chain of sortedChains(table)) if (!isBuiltin(name, chain.name)) batch.out(`Deleting chain \`${chain.name}'\n`);
  }
  table.chains.clear();
  push(batch, { op: 'clear-table', table: name });
  return null;
}

function chainLine(restore: Restore, table: XtTableName, line: string): number | null {
  const { program, number, options } = restore;
  const [chain, policy, countersText] = line.slice(1).split(/[ \t\n]+/).filter((word) => word !== '');
  if (chain === undefined) fail(`${program}: line ${number} chain name invalid`);
  checkChainName(chain);
  if (policy === undefined) fail(`${program}: line ${number} policy invalid`);
  if (!isBuiltin(table, chain)) {
    attempt(restore, () => userChain(restore, table, chain));
    return null;
  }
  const counters = options.counters ? policyCounters(countersText, chain) : NO_COUNTS;
  attempt(restore, () => policyLine(restore, table, chain, policy, counters));
  return null;
}

function policyCounters(text: string | undefined, chain: string): XtCounters {
  const match = /^\[(\d+):(\d+)/.exec(text ?? '') ?? fail(`invalid policy counters for chain '${chain}'`);
  return { packets: Number(match[1]), bytes: Number(match[2]) };
}

function policyLine({ batch }: Restore, name: XtTableName, chain: string, policy: string, counters: XtCounters): Refusal {
  const table = tableOf(batch, name);
  if (policy !== 'ACCEPT' && policy !== 'DROP' && policy !== '-') return 'Bad policy name';
  const known = table.chains.get(chain);
  const set = policy === '-' ? 'ACCEPT' : policy;
  if (known === undefined) table.chains.set(chain, { ...emptyChain(chain, set, true), counters });
  else Object.assign(known, { policy: set, counters, made: true });
  push(batch, { op: 'policy', table: name, chain, policy: set, counters });
  return null;
}

/** A chain of the user that is there already is emptied. */
function userChain({ batch }: Restore, name: XtTableName, chain: string): Refusal {
  const table = tableOf(batch, name);
  const known = table.chains.get(chain);
  if (known) {
    known.rules = [];
    push(batch, { op: 'flush', table: name, chain });
    return null;
  }
  table.chains.set(chain, emptyChain(chain, null, true));
  push(batch, { op: 'new-chain', table: name, chain });
  return null;
}

function ruleLine(restore: Restore, table: XtTableName, line: string): number | null {
  const { program, number, options, batch, process } = restore;
  const counted = lineCounters(line, number);
  const argv = [program, '-t', table];
  if (counted !== null && options.counters) argv.push('--set-counters', counted.packets, counted.bytes);
  for (const word of tokenize(counted?.rest ?? line)) argv.push(word);
  const parsed = parseCommandLine(argv, { restore: true, env: batch.env });
  if ('show' in parsed) {
    process.stdout.write(showText(program, parsed.show));
    return 0;
  }
  if ('skip' in parsed) return null;
  const command: CommandLine = options.verbose > 0 ? { ...parsed.line, verbose: Math.max(parsed.line.verbose, options.verbose) } : parsed.line;
  attempt(restore, () => execute(batch, command));
  return null;
}

/** COMMIT: what the commands since `*TABLE` came to goes to the kernel, all or nothing. */
function commitTable(restore: Restore): number | null {
  const { batch, process, program, failed } = restore;
  process.stdout.write(restore.printed);
  restore.printed = '';
  if (failed !== null) {
    if (failed.why instanceof XtablesError) throw failed.why;
    process.stderr.write(`${program}: line ${failed.number} failed: ${failed.why}.\n`);
    return 1;
  }
  process.work(batch.ops.length / 100);
  commit(batch);
  return null;
}
