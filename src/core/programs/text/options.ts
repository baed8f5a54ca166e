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
  return new OptionReader(process, specs, style).read();
}

class OptionReader {
  readonly #process: Process;
  readonly #specs: OptionSpecs;
  readonly #style: OptionStyle;
  readonly #name: string;
  readonly #args: readonly string[];
  readonly #options: [string, string][] = [];
  /** Options that are not simulated, when the program is only asked about them. */
  readonly #inspected: string[] | undefined;

  constructor(process: Process, specs: OptionSpecs, style: OptionStyle) {
    this.#process = process;
    this.#specs = specs;
    this.#style = style;
    this.#name = programName(process);
    this.#args = process.argv.slice(1);
    this.#inspected = (process as unknown as Partial<InspectedProcess>).inspected;
  }

  read(): ParsedOptions {
    const operands: string[] = [];
    for (let i = 0; i < this.#args.length; i++) {
      const arg = this.#args[i]!;
      if (arg === '--') {
        operands.push(...this.#args.slice(i + 1));
        break;
      }
      if (arg === '-' || !arg.startsWith('-') || this.#style.operand?.(arg)) {
        if (!this.#style.stopAtOperand) {
          operands.push(arg);
          continue;
        }
        operands.push(...this.#args.slice(i));
        break;
      }
      const next = arg.startsWith('--') ? this.#long(arg, i) : this.#letters(arg, i);
      if (typeof next === 'string') return this.#fail(next, operands);
      i = next;
    }
    if (this.#inspected) throw new Inspected(this.#inspected);
    return { options: this.#options, operands, failed: null };
  }

  #fail(message: string, operands: readonly string[]): ParsedOptions {
    if (this.#inspected) throw new Inspected(this.#inspected);
    const hint = this.#style.hint ?? `Try '${this.#name} --help' for more information.\n`;
    this.#process.stderr.write(`${this.#name}: ${message}\n${hint}`);
    return { options: this.#options, operands, failed: this.#style.exit };
  }

  /** What an option is, other names of it followed. */
  #spec(key: string): { readonly letter: string; readonly kind: string | undefined } {
    let letter = key;
    let kind = this.#specs[key];
    while (kind?.startsWith('=')) {
      letter = kind.slice(1);
      kind = this.#specs[letter];
    }
    return { letter, kind };
  }

  #take(key: string, value: string): void {
    const { letter, kind } = this.#spec(key);
    if (kind === 'never') this.#notSimulated(key);
    this.#options.push([letter, value]);
  }

  #notSimulated(key: string): void {
    const what = `${this.#name} ${key.length === 1 ? '-' : '--'}${key}`;
    if (!this.#inspected) throw new NotSimulated(what);
    this.#inspected.push(what);
  }

  /** `-abc value`; the index of the last argument that was used, or what is wrong. */
  #letters(arg: string, at: number): number | string {
    for (let j = 1; j < arg.length; j++) {
      const letter = arg[j]!;
      const { kind } = this.#spec(letter);
      if (kind === undefined) return `invalid option -- '${letter}'`;
      if (kind === 'no' || kind === 'never') {
        this.#take(letter, '');
        continue;
      }
      const rest = arg.slice(j + 1);
      if (rest !== '' || kind === 'optional') {
        this.#take(letter, rest);
        return at;
      }
      if (this.#args[at + 1] === undefined) return `option requires an argument -- '${letter}'`;
      this.#take(letter, this.#args[at + 1]!);
      return at + 1;
    }
    return at;
  }

  /** `--name=value`, the name as short as is clear. */
  #long(arg: string, at: number): number | string {
    const equals = arg.indexOf('=');
    const given = arg.slice(2, equals < 0 ? undefined : equals);
    if (given === 'help' || given === 'version') {
      this.#notSimulated(given);
      return at;
    }
    const names = Object.keys(this.#specs).filter((key) => key.length > 1);
    const fits = names.includes(given) ? [given] : names.filter((key) => key.startsWith(given));
    if (fits.length === 0) return `unrecognized option '${arg.slice(0, equals < 0 ? undefined : equals)}'`;
    if (fits.length > 1) return `option '${arg}' is ambiguous; possibilities: ${fits.map((key) => `'--${key}'`).join(' ')}`;
    const key = fits[0]!;
    const { kind } = this.#spec(key);
    if (equals >= 0) {
      if (kind === 'no') return `option '--${key}' doesn't allow an argument`;
      this.#take(key, arg.slice(equals + 1));
      return at;
    }
    if (kind !== 'yes') {
      this.#take(key, '');
      return at;
    }
    if (this.#args[at + 1] === undefined) return `option '--${key}' requires an argument`;
    this.#take(key, this.#args[at + 1]!);
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
