import { KernelError } from '../../kernel/errno.ts';
import { joinPath } from '../../shell/files/path.ts';
import { NotSimulated, type Process, type Program } from '../../shell/process.ts';
import { AwkError, decodeString } from './awk-lexer.ts';
import { parseAwk } from './awk-parser.ts';
import { AwkMachine } from './awk-run.ts';
import { fromInput } from './awk-values.ts';
import { AWK_USAGE } from './awk-usage.ts';

interface Arguments {
  readonly program: string;
  readonly assignments: readonly string[];
  readonly separator: string | null;
  readonly operands: readonly string[];
}

/** awk(1), after mawk, which is Debian's. */
export const awk: Program = function* (process) {
  const read = readArguments(process);
  if (typeof read === 'number') return read;
  try {
    const machine = new AwkMachine(process, parseAwk(read.program));
    const name = process.argv[0]!;
    machine.set('ARGC', read.operands.length + 1);
    machine.array('ARGV').set('0', name.replace(/.*\//, ''));
    read.operands.forEach((operand, i) => machine.array('ARGV').set(String(i + 1), fromInput(operand)));
    for (const [key, value] of process.env) machine.array('ENVIRON').set(key, fromInput(value));
    if (read.separator !== null) machine.set('FS', read.separator === 't' ? 't' : decodeString(read.separator));
    for (const assignment of read.assignments) {
      const match = /^([A-Za-z_]\w*)=(.*)$/s.exec(assignment);
      if (!match) throw new AwkError(`improper assignment: -v ${assignment}`);
      machine.set(match[1]!, fromInput(decodeString(match[2]!)));
    }
    return yield* machine.run();
  } catch (error) {
    if (!(error instanceof AwkError)) throw error;
    process.stderr.write(`awk: ${error.message}\n`);
    return 2;
  }
};

function readArguments(process: Process): Arguments | number {
  const args = process.argv.slice(1);
  const assignments: string[] = [];
  const files: string[] = [];
  let separator: string | null = null;
  let i = 0;
  for (; i < args.length && /^-./.test(args[i]!); i++) {
    const arg = args[i]!;
    if (arg === '--') {
      i++;
      break;
    }
    const letter = arg[1]!;
    if (!'vFf'.includes(letter)) {
      if (letter === 'W' || arg.startsWith('--')) throw new NotSimulated(`awk ${arg}`);
      process.stderr.write(`awk: not an option: ${arg}\n`);
      return 2;
    }
    const value = arg.length > 2 ? arg.slice(2) : args[++i];
    if (value === undefined) {
      process.stderr.write(`awk: option -${letter} lacks argument\n`);
      return 2;
    }
    if (letter === 'v') assignments.push(value);
    else if (letter === 'F') separator = value;
    else files.push(value);
  }
  let program: string;
  if (files.length > 0) {
    try {
      program = files.map((file) => process.fs.read(joinPath(process.cwd, file))).join('\n');
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      process.stderr.write(`awk: couldn't open file ${files[0]}: ${error.message}\n`);
      return 2;
    }
  } else {
    if (args[i] === undefined) {
      process.stderr.write(AWK_USAGE);
      return 0;
    }
    program = args[i++]!;
  }
  return { program, assignments, separator, operands: args.slice(i) };
}
