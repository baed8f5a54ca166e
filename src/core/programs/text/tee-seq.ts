import { KernelError } from '../../kernel/errno.ts';
import type { OutputStream, Program } from '../../shell/process.ts';
import { complain, Output, quoted, readChunk } from './io.ts';
import { extraOperand, missingOperand, parseOptions } from './options.ts';
import { floatText } from './printf-format.ts';

/** tee(1) */
export const tee: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, {
    a: 'no', append: '=a', i: 'no', 'ignore-interrupts': '=i', p: 'no', 'output-error': 'never',
  }, { exit: 1 });
  if (failed !== null) return failed;
  const flags = new Set(options.map(([name]) => name));
  if (flags.has('i')) process.ignore('SIGINT');
  const outputs: { readonly path: string; readonly stream: OutputStream }[] = [];
  let status = 0;
  for (const path of operands) {
    try {
      outputs.push({ path, stream: process.create(path, flags.has('a') ? 'append' : 'truncate') });
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      complain(process, `${path}: ${error.message}`);
      status = 1;
    }
  }
  for (let piece = yield* readChunk(process.stdin); piece !== ''; piece = yield* readChunk(process.stdin)) {
    process.stdout.write(piece);
    for (const { path, stream } of [...outputs]) {
      try {
        stream.write(piece);
      } catch (error) {
        if (!(error instanceof KernelError)) throw error;
        complain(process, `${path}: ${error.message}`);
        outputs.splice(outputs.findIndex((output) => output.path === path), 1);
        status = 1;
      }
    }
    process.work();
    yield { queues: [], deadline: process.now };
  }
  return status;
};

/** seq(1) */
export const seq: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, { f: 'yes', format: '=f', s: 'yes', separator: '=s', w: 'no', 'equal-width': '=w' }, {
    exit: 1, stopAtOperand: true, operand: (text) => /^-(?:\d|\.\d)/.test(text),
  });
  if (failed !== null) return failed;
  if (operands.length === 0) return missingOperand(process);
  if (operands.length > 3) return extraOperand(process, operands[3]!);
  const wrong = (message: string): number => {
    complain(process, message);
    process.stderr.write("Try 'seq --help' for more information.\n");
    return 1;
  };
  for (const text of operands) if (!/^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/.test(text)) return wrong(`invalid floating point argument: ${quoted(text)}`);
  const [first, step, last] = operands.length === 1 ? ['1', '1', operands[0]!] : operands.length === 2 ? [operands[0]!, '1', operands[1]!] : (operands as unknown as [string, string, string]);
  if (Number(step) === 0) return wrong(`invalid Zero increment value: ${quoted(step)}`);
  const given = new Map(options);
  const decimals = Math.max(decimalsOf(first), decimalsOf(step));
  const format = given.get('f');
  const parsed = format === undefined ? null : /^((?:[^%]|%%)*)%([-+ #0']*)(\d*)(?:\.(\d*))?([efgEFG])((?:[^%]|%%)*)$/.exec(format);
  if (format !== undefined && !parsed) {
    const directive = /%[-+ #0']*\d*(?:\.\d*)?(.)/.exec(format.replaceAll('%%', ''))?.[1];
    complain(process, directive ? `format ${quoted(format)} has unknown %${directive} directive` : `format ${quoted(format)} has no % directive`);
    return 1;
  }
  const width = given.has('w') ? Math.max(Number(first).toFixed(decimals).length, Number(last).toFixed(decimals).length) : 0;
  const show = (n: number): string => (parsed ? formatOne(parsed, n) : pad(n.toFixed(decimals), width));
  const output = new Output(process);
  const separator = given.get('s') ?? '\n';
  const [from, by, to] = [Number(first), Number(step), Number(last)];
  let count = 0;
  for (let i = 0; ; i++) {
    const value = Number((from + i * by).toFixed(Math.max(decimals, 10)));
    if (by > 0 ? value > to : value < to) break;
    output.write((count++ > 0 ? separator : '') + show(value));
    process.work(0.1);
    yield* output.drain();
  }
  if (count > 0) output.write('\n');
  yield* output.flush();
  return 0;
};

function decimalsOf(text: string): number {
  return /\.(\d*)$/.exec(text)?.[1]!.length ?? 0;
}

function pad(text: string, width: number): string {
  return text.startsWith('-') ? `-${text.slice(1).padStart(width - 1, '0')}` : text.padStart(width, '0');
}

function formatOne(parsed: RegExpExecArray, n: number): string {
  const [, before, flags, width, precision, conversion, after] = parsed;
  const body = floatText(conversion!, n, flags!, precision === undefined ? null : Number(precision));
  const padded = flags!.includes('-') ? body.padEnd(Number(width)) : flags!.includes('0') ? pad(body, Number(width)) : body.padStart(Number(width));
  return before!.replaceAll('%%', '%') + padded + after!.replaceAll('%%', '%');
}
