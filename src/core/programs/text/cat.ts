import type { Program } from '../../shell/process.ts';
import { openInput, Output, readChunk } from './io.ts';
import { parseOptions } from './options.ts';

const OPTIONS = {
  A: 'no', 'show-all': '=A', b: 'no', 'number-nonblank': '=b', e: 'no', E: 'no', 'show-ends': '=E', n: 'no', number: '=n', s: 'no', 'squeeze-blank': '=s', t: 'no', T: 'no',
  'show-tabs': '=T', u: 'no', v: 'no', 'show-nonprinting': '=v',
} as const;

/** cat(1) */
export const cat: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, OPTIONS, { exit: 1 });
  if (failed !== null) return failed;
  const flags = new Set(options.flatMap(([name]) => (name === 'A' ? ['v', 'E', 'T'] : name === 'e' ? ['v', 'E'] : name === 't' ? ['v', 'T'] : [name])));
  const marks = new Marks(flags);
  const changes = [...flags].some((flag) => flag !== 'u');
  const output = new Output(process);
  let status = 0;
  for (const path of operands.length > 0 ? operands : ['-']) {
    if (path !== '-' && process.fs.isDirectory(path.startsWith('/') ? path : `${process.cwd}/${path}`)) {
      yield* output.flush();
      process.stderr.write(`cat: ${path}: Is a directory\n`);
      status = 1;
      continue;
    }
    const input = openInput(process, path);
    if (!input) {
      status = 1;
      continue;
    }
    for (let piece = yield* readChunk(input); piece !== ''; piece = yield* readChunk(input)) {
      output.write(changes ? marks.apply(piece) : piece);
      process.work();
      yield* output.flush();
    }
  }
  yield* output.flush();
  return status;
};

/** What -n, -b, -s, -E, -T and -v make of a text; it goes on over the files. */
class Marks {
  readonly #flags: ReadonlySet<string>;
  #line = 0;
  #atStart = true;
  #blank = 0;

  constructor(flags: ReadonlySet<string>) {
    this.#flags = flags;
  }

  apply(text: string): string {
    let result = '';
    for (const line of text.match(/[^\n]*\n|[^\n]+$/g) ?? []) {
      const body = line.endsWith('\n') ? line.slice(0, -1) : line;
      const empty = body === '' && this.#atStart;
      this.#blank = empty ? this.#blank + 1 : 0;
      if (empty && this.#flags.has('s') && this.#blank > 1) continue;
      if (this.#atStart && (this.#flags.has('b') ? !empty : this.#flags.has('n'))) result += `${String(++this.#line).padStart(6)}\t`;
      result += this.#show(body);
      this.#atStart = line.endsWith('\n');
      if (this.#atStart) result += this.#flags.has('E') ? '$\n' : '\n';
    }
    return result;
  }

  #show(body: string): string {
    let shown = body;
    if (this.#flags.has('v')) {
      const bytes = new TextEncoder().encode(body);
      shown = [...bytes].map((byte) => (byte === 9 ? '\t' : visible(byte))).join('');
    }
    return this.#flags.has('T') ? shown.replaceAll('\t', '^I') : shown;
  }
}

/** A byte as `cat -v` shows it: `^A`, `^?`, `M-a`. */
function visible(byte: number): string {
  if (byte >= 128) return `M-${visible(byte - 128)}`;
  if (byte === 127) return '^?';
  return byte < 32 ? `^${String.fromCharCode(byte + 64)}` : String.fromCharCode(byte);
}
