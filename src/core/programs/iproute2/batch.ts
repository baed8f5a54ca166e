import { strerror } from '../../kernel/errno.ts';
import type { Process, Running, Wait, Wake } from '../../shell/process.ts';
import { Failure } from './args.ts';
import type { Ip } from './ip-context.ts';

/** Reads everything from stdin. */
function* readAll(process: Process): Generator<Wait, string, Wake> {
  let text = '';
  for (;;) {
    const more = process.stdin.read();
    text += more;
    if (more !== '') continue;
    if (process.stdin.ended) return text;
    yield { queues: [process.stdin.readable], deadline: null };
  }
}

/** One command of a batch file, with the number of its last line. */
interface BatchLine {
  readonly number: number;
  readonly words: readonly string[];
}

/** The commands of a batch file: a backslash at the end of a line goes on with the next, `#` begins a comment (getcmdline, makeargs). */
export function parseBatch(text: string): BatchLine[] {
  const commands: BatchLine[] = [];
  const lines = text.split('\n');
  for (let i = 0; i < lines.length; i++) {
    let line = withoutComment(lines[i]!);
    while (line.endsWith('\\') && i + 1 < lines.length) line = line.slice(0, -1) + withoutComment(lines[++i]!);
    const words = splitWords(line);
    if (words.length > 0) commands.push({ number: i + 1, words });
  }
  return commands;
}

function withoutComment(line: string): string {
  const hash = line.indexOf('#');
  return hash < 0 ? line : line.slice(0, hash);
}

/** Words between blanks; quotes, single or double, hold one together. */
function splitWords(line: string): string[] {
  const words: string[] = [];
  for (const match of line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)) words.push(match[1] ?? match[2] ?? match[3]!);
  return words;
}

/** `-batch FILE`: every line is a command without the program's name. Stops at the first that fails, but not with `-force`. */
export function* runBatch(ip: Ip, file: string, command: (ip: Ip, words: readonly string[]) => Running): Running {
  const process = ip.process!;
  if (file !== '-' && !process.fs.exists(file)) {
    ip.err(`Cannot open file "${file}" for reading: ${strerror('ENOENT')}\n`);
    return 1;
  }
  const text = file === '-' ? yield* readAll(process) : process.fs.read(file);
  let code = 0;
  for (const { number, words } of parseBatch(text)) {
    let result = 1;
    try {
      result = yield* command(ip, words);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      ip.flush();
      process.stderr.write(error.message);
      result = error.code;
    }
    if (result === 0) continue;
    ip.err(`Command failed ${file}:${number}\n`);
    code = 1;
    if (!ip.options.force) break;
  }
  return code;
}
