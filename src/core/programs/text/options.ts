import { NotSimulated, type Process, type Program } from '../../shell/process.ts';
import { programName, quoted } from './io.ts';

/**
 * What a program's options are. Keys are letters and long names; a value says whether an argument follows (`yes`, `no`,
 * `optional`: only joined to it), that it is only another name of a letter (`=n`), or that it is not simulated (`never`).
 */
export type OptionSpecs = Readonly<Record<string, 'yes' | 'no' | 'optional' | 'never' | `=${string}`>>;

export interface ParsedOptions {
  /** Options in the order in which they were given, by letter or long name. */
  readonly options: readonly (readonly [name: string, value: string])[];
  readonly operands: readonly string[];
  /** Exit code when an option was wrong and its message is printed; null otherwise. */
  readonly failed: number | null;
}

export interface OptionStyle {
  /** Exit code for a wrong option. */
  readonly exit: number;
  /** The first operand ends the options (env, timeout, xargs). */
  readonly stopAtOperand?: boolean;
  /** Replaces `Try 'name --help' for more information.` */
  readonly hint?: string;
  /** Arguments that are operands though they begin with a dash (`-5`). */
  readonly operand?: (text: string) => boolean;
}

/** Ends a program that is only asked about its options. */
class Inspected {
  readonly unsimulated: readonly string[];
  constructor(unsimulated: readonly string[]) {
    this.unsimulated = unsimulated;
  }
}

/** A process that has arguments and nothing else, for `unsimulatedOptions`. */
interface InspectedProcess {
  readonly argv: readonly string[];
  readonly inspected: string[];
}

/** Options of a command line that one of these programs has in real life and not here, as `sort -R`. */
export function unsimulatedOptions(program: Program, argv: readonly string[]): readonly string[] {
  const process: InspectedProcess = { argv, inspected: [] };
  try {
    program(process as unknown as Process).next();
  } catch (error) {
    if (error instanceof Inspected) return error.unsimulated;
    if (error instanceof NotSimulated) return [error.what];
    // A program that looks at more than its arguments before its options: nothing is known of it.
    if (!(error instanceof TypeError)) throw error;
  }
  return [];
}

/** getopt_long(3) with permutation, and its messages. */
export function parseOptions(process: Process, specs: OptionSpecs, style: OptionStyle): ParsedOptions {
  const options: [string, string][] = [];
  const operands: string[] = [];
  const args = process.argv.slice(1);
  const name = programName(process);
  const inspected = (process as unknown as Partial<InspectedProcess>).inspected;
  const fail = (message: string): ParsedOptions => {
    if (inspected) throw new Inspected(inspected);
    const hint = style.hint ?? `Try '${name} --help' for more information.\n`;
    process.stderr.write(`${name}: ${message}\n${hint}`);
    return { options, operands, failed: style.exit };
  };
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === '--') {
      operands.push(...args.slice(i + 1));
      break;
    }
    if (arg === '-' || !arg.startsWith('-') || style.operand?.(arg)) {
      if (style.stopAtOperand) {
        operands.push(...args.slice(i));
        break;
      }
      operands.push(arg);
      continue;
    }
    const wrong = arg.startsWith('--') ? longOption(arg, args, i) : letters(arg, args, i);
    if (typeof wrong === 'string') return fail(wrong);
    i = wrong;
  }
  if (inspected) throw new Inspected(inspected);
  return { options, operands, failed: null };

  function take(key: string, value: string): void {
    let spec = specs[key];
    let letter = key;
    while (spec?.startsWith('=')) {
      letter = spec.slice(1);
      spec = specs[letter];
    }
    if (spec === 'never') {
      const what = `${name} ${key.length === 1 ? '-' : '--'}${key}`;
      if (!inspected) throw new NotSimulated(what);
      inspected.push(what);
    }
    options.push([letter, value]);
  }

  function kind(key: string): 'yes' | 'no' | 'optional' | 'never' | undefined {
    let spec = specs[key];
    while (spec?.startsWith('=')) spec = specs[spec.slice(1)];
    return spec as 'yes' | 'no' | 'optional' | 'never' | undefined;
  }

  function letters(arg: string, all: readonly string[], at: number): number | string {
    for (let j = 1; j < arg.length; j++) {
      const letter = arg[j]!;
      const wants = kind(letter);
      if (wants === undefined) return `invalid option -- '${letter}'`;
      if (wants === 'no' || wants === 'never') {
        take(letter, '');
        continue;
      }
      const rest = arg.slice(j + 1);
      if (rest !== '' || wants === 'optional') {
        take(letter, rest);
        return at;
      }
      if (all[at + 1] === undefined) return `option requires an argument -- '${letter}'`;
      take(letter, all[at + 1]!);
      return at + 1;
    }
    return at;
  }

  function longOption(arg: string, all: readonly string[], at: number): number | string {
    const equals = arg.indexOf('=');
    const given = arg.slice(2, equals < 0 ? undefined : equals);
    if (given === 'help' || given === 'version') throw new NotSimulated(`${name} --${given}`);
    const names = Object.keys(specs).filter((key) => key.length > 1);
    const exact = names.includes(given) ? [given] : names.filter((key) => key.startsWith(given));
    if (exact.length === 0) return `unrecognized option '${arg.slice(0, equals < 0 ? undefined : equals)}'`;
    if (exact.length > 1) return `option '${arg}' is ambiguous; possibilities: ${exact.map((key) => `'--${key}'`).join(' ')}`;
    const key = exact[0]!;
    const wants = kind(key);
    if (equals >= 0) {
      if (wants === 'no') return `option '--${key}' doesn't allow an argument`;
      take(key, arg.slice(equals + 1));
      return at;
    }
    if (wants !== 'yes') {
      take(key, '');
      return at;
    }
    if (all[at + 1] === undefined) return `option '--${key}' requires an argument`;
    take(key, all[at + 1]!);
    return at + 1;
  }
}

/** `name: missing operand` with getopt's hint. */
export function missingOperand(process: Process, exit = 1, after?: string): number {
  const name = programName(process);
  process.stderr.write(`${name}: missing operand${after === undefined ? '' : ` after ${quoted(after)}`}\nTry '${name} --help' for more information.\n`);
  return exit;
}

/** `name: extra operand ‘x’` with getopt's hint. */
export function extraOperand(process: Process, operand: string, exit = 1): number {
  const name = programName(process);
  process.stderr.write(`${name}: extra operand ${quoted(operand)}\nTry '${name} --help' for more information.\n`);
  return exit;
}
