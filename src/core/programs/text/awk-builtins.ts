import { EPOCH } from '../../shell/interpreter/special.ts';
import { AwkError } from './awk-lexer.ts';
import { splitText } from './awk-input.ts';
import type { Expr } from './awk-ast.ts';
import { arrayOf, type AwkMachine } from './awk-run.ts';
import { formatAwk, fromInput, toNumber, type Value } from './awk-values.ts';
import { formatDate } from './date-format.ts';
import { pause, type Part } from './io.ts';

/** Calls a function of the language. */
export function* callBuiltin(machine: AwkMachine, name: string, args: readonly Expr[] | null): Part<Value> {
  const list = args ?? [];
  if (name === 'length' && list[0]?.kind === 'name' && machine.cell(list[0].name).array) return arrayOf(machine.cell(list[0].name)).size;
  if (name === 'sub' || name === 'gsub') return yield* substitute(machine, list, name === 'gsub');
  if (name === 'split') return yield* split(machine, list);
  if (name === 'match') return yield* match(machine, list);
  const values: Value[] = [];
  for (const arg of list) values.push(yield* machine.evaluate(arg));
  const text = (i: number): string => machine.toText(values[i] ?? '');
  const number = (i: number): number => toNumber(values[i] ?? 0);
  switch (name) {
    case 'length': return (args === null || list.length === 0 ? machine.input.record() : text(0)).length;
    case 'substr': return substr(text(0), number(1), list.length > 2 ? number(2) : Infinity);
    case 'index': return text(0).indexOf(text(1)) + 1;
    case 'sprintf': return formatAwk(text(0), values.slice(1));
    case 'sin': return Math.sin(number(0));
    case 'cos': return Math.cos(number(0));
    case 'atan2': return Math.atan2(number(0), number(1));
    case 'exp': return Math.exp(number(0));
    case 'log': return Math.log(number(0));
    case 'sqrt': return Math.sqrt(number(0));
    case 'int': return Math.trunc(number(0));
    case 'rand': return machine.process.world.random.u32() / 0x1_0000_0000;
    case 'srand': {
      const before = machine.randomSeed;
      machine.randomSeed = list.length > 0 ? number(0) : EPOCH + Math.floor(machine.process.now / 1e9);
      return before;
    }
    case 'tolower': return text(0).toLowerCase();
    case 'toupper': return text(0).toUpperCase();
    case 'system': {
      yield* pause(machine.process);
      return yield* machine.process.run(['sh', '-c', text(0)]);
    }
    case 'close': return yield* machine.files.close(text(0));
    case 'fflush': return 0;
    case 'systime': return EPOCH + Math.floor(machine.process.now / 1e9);
    case 'strftime': return formatDate(list.length > 0 ? text(0) : '%c', list.length > 1 ? number(1) : EPOCH + Math.floor(machine.process.now / 1e9), 0);
    default: throw new AwkError(`${name} is not known`);
  }
}

/** Characters from `from`, counted from 1 and rounded, as POSIX says. */
function substr(text: string, from: number, length: number): string {
  const start = Math.round(from);
  const end = length === Infinity ? Infinity : start + Math.round(length);
  return text.slice(Math.max(0, start - 1), Math.max(0, end - 1));
}

function* split(machine: AwkMachine, args: readonly Expr[]): Part<Value> {
  const text = machine.toText(yield* machine.evaluate(args[0]!));
  const target = args[1];
  if (target?.kind !== 'name') throw new AwkError('line 1: type error in arg(2) in call to split');
  const separator = args[2];
  const pieces = separator ? splitText(machine, text, separator.kind === 'regex' ? separatorOf(separator.source) : machine.toText(yield* machine.evaluate(separator))) : splitText(machine, text, machine.text('FS'));
  const array = machine.array(target.name);
  array.clear();
  pieces.forEach((piece, i) => array.set(String(i + 1), fromInput(piece)));
  return pieces.length;
}

/** A regular expression of one character is no plain separator. */
function separatorOf(source: string): string {
  return source.length === 1 ? `(${source})` : source;
}

function* match(machine: AwkMachine, args: readonly Expr[]): Part<Value> {
  const text = machine.toText(yield* machine.evaluate(args[0]!));
  const found = (yield* machine.pattern(args[1]!)).exec(text);
  machine.set('RSTART', found ? found.index + 1 : 0);
  machine.set('RLENGTH', found ? found[0].length : -1);
  return found ? found.index + 1 : 0;
}

function* substitute(machine: AwkMachine, args: readonly Expr[], all: boolean): Part<Value> {
  const regex = yield* machine.pattern(args[0]!);
  const replacement = machine.toText(yield* machine.evaluate(args[1]!));
  const target: Expr = args[2] ?? { kind: 'field', index: { kind: 'number', value: 0 } };
  const text = machine.toText(yield* machine.evaluate(target));
  let count = 0;
  let lastEnd = -1;
  const result = text.replace(new RegExp(regex.source, `${regex.flags.replace('g', '')}${all ? 'g' : ''}`), (...found: unknown[]) => {
    const matched = found[0] as string;
    const offset = found.find((part) => typeof part === 'number') as number;
    if (matched === '' && offset === lastEnd) return matched;
    lastEnd = offset + matched.length;
    count++;
    return replacement.replace(/\\\\&|\\&|&|\\\\/g, (mark) => (mark === '&' ? matched : mark === '\\&' ? '&' : mark === '\\\\&' ? `\\${matched}` : '\\'));
  });
  if (count > 0) yield* machine.assign(target, result);
  return count;
}
