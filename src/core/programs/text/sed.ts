import { KernelError } from '../../kernel/errno.ts';
import { joinPath } from '../../shell/files/path.ts';
import { NotSimulated, type OutputStream, type Process, type Program } from '../../shell/process.ts';
import { complain, LineReader, Output, type Part } from './io.ts';
import { parseOptions } from './options.ts';
import { type Address, type EndAddress, parseSed, type ReplacementPart, type SedCommand, SedError, type Substitution } from './sed-parse.ts';
import { SED_USAGE } from './sed-usage.ts';

const OPTIONS = {
  n: 'no', quiet: '=n', silent: '=n', debug: 'never', e: 'yes', expression: '=e', f: 'yes', file: '=f', 'follow-symlinks': 'no', i: 'optional', 'in-place': '=i', l: 'yes', 'line-length': '=l', posix: 'no', E: 'no', r: '=E',
  'regexp-extended': '=E', s: 'no', separate: '=s', sandbox: 'never', u: 'no', unbuffered: '=u', z: 'no', 'null-data': '=z',
} as const;

/** sed(1) */
export const sed: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, OPTIONS, { exit: 1, hint: SED_USAGE });
  if (failed !== null) return failed;
  const flags = new Map(options);
  const rest = [...operands];
  try {
    const commands = readScripts(process, options, rest, flags.has('E'));
    if (commands === null) {
      process.stderr.write(SED_USAGE);
      return 1;
    }
    return yield* new Editor(process, commands, flags, rest).run();
  } catch (error) {
    if (!(error instanceof SedError)) throw error;
    complain(process, error.message);
    return error.exit;
  }
};

function readScripts(process: Process, options: readonly (readonly [string, string])[], rest: string[], extended: boolean): SedCommand[] | null {
  const scripts: { text: string; where: string }[] = [];
  let expressions = 0;
  for (const [name, value] of options) {
    if (name === 'e') scripts.push({ text: value, where: `-e expression #${++expressions}` });
    else if (name === 'f') scripts.push({ text: readFile(process, value), where: `file ${value} line 1` });
  }
  if (scripts.length === 0) {
    const first = rest.shift();
    if (first === undefined) return null;
    scripts.push({ text: first, where: '-e expression #1' });
  }
  // A script may go on in the next -e: `-e 'a\' -e text`.
  const joined = scripts.some(({ text }) => /\\$/.test(text) || /^\s*\{[^}]*$/s.test(text)) ? [{ text: scripts.map(({ text }) => text).join('\n'), where: scripts[0]!.where }] : scripts;
  const commands: SedCommand[] = [];
  for (const { text, where } of joined) {
    const offset = commands.length;
    for (const command of parseSed(text, extended, where)) {
      if (command.jump >= 0) command.jump += offset;
      commands.push(command);
    }
  }
  for (const command of commands) {
    if (/^[btT]$/.test(command.name) && command.text !== '' && !commands.some((other) => other.name === ':' && other.text === command.text)) {
      throw new SedError(`can't find label for jump to \`${command.text}'`);
    }
    if (command.name === 'e' || command.name === 'R' || command.name === 'W' || command.name === 'L') throw new NotSimulated(`the ${command.name} command of sed`);
  }
  return commands;
}

function readFile(process: Process, path: string): string {
  try {
    return process.fs.read(joinPath(process.cwd, path)).replace(/\n$/, '');
  } catch (error) {
    if (error instanceof KernelError) throw new SedError(`couldn't open file ${path}: ${error.message}`);
    throw error;
  }
}

class Editor {
  readonly #process: Process;
  readonly #commands: readonly SedCommand[];
  readonly #flags: ReadonlyMap<string, string>;
  readonly #paths: readonly string[];
  readonly #files = new Map<string, OutputStream>();
  readonly #end: string;
  #output: { write(text: string): void };
  readonly #stdout: Output;
  #reader: LineReader | null = null;
  #next: { line: string; unterminated: boolean } | null = null;
  #file = 0;
  #path = '-';
  #line = 0;
  #pattern = '';
  #hold = '';
  #unterminated = false;
  #appended: string[] = [];
  #lastRegex: RegExp | null = null;
  #substituted = false;
  #inPlace: { path: string; text: string } | null = null;
  #status = 0;

  constructor(process: Process, commands: readonly SedCommand[], flags: ReadonlyMap<string, string>, paths: readonly string[]) {
    this.#process = process;
    this.#commands = commands;
    this.#flags = flags;
    this.#paths = paths.length > 0 ? paths : ['-'];
    this.#end = flags.has('z') ? '\0' : '\n';
    this.#stdout = new Output(process);
    this.#output = this.#stdout;
  }

  *run(): Part<number> {
    let exit: number | null = null;
    while (exit === null && (yield* this.#read())) {
      exit = yield* this.#cycle();
      if (this.#flags.has('u')) yield* this.#stdout.flush();
      else yield* this.#stdout.drain();
    }
    this.#closeInPlace();
    yield* this.#stdout.flush();
    return exit ?? this.#status;
  }

  /** Whether each file is edited for itself. */
  get #separate(): boolean {
    return this.#flags.has('s') || this.#flags.has('i');
  }

  /** Puts the next line into the pattern space. */
  *#read(): Part<boolean> {
    const next = yield* this.#peek();
    if (!next) return false;
    this.#next = null;
    this.#pattern = next.line;
    this.#unterminated = next.unterminated;
    this.#line++;
    this.#process.work(0.2);
    return true;
  }

  /** Looks at the line after this one, opening the next file when it must. */
  *#peek(within = false): Part<{ line: string; unterminated: boolean } | null> {
    while (!this.#next) {
      if (!this.#reader) {
        if (this.#file >= this.#paths.length || (within && this.#separate)) return null;
        if (!this.#open(this.#paths[this.#file++]!)) continue;
      }
      const line = yield* this.#reader!.next(this.#end);
      if (line !== null) this.#next = { line, unterminated: this.#reader!.unterminated };
      else this.#reader = null;
    }
    return this.#next;
  }

  #open(path: string): boolean {
    this.#closeInPlace();
    try {
      const full = joinPath(this.#process.cwd, path);
      if (path !== '-' && this.#process.fs.isDirectory(full)) {
        complain(this.#process, this.#flags.has('i') ? `couldn't edit ${path}: not a regular file` : `read error on ${path}: Is a directory`);
        this.#status = this.#flags.has('i') ? 4 : 2;
        return false;
      }
      this.#reader = new LineReader(this.#process, path === '-' ? this.#process.stdin : this.#process.open(path));
      this.#path = path;
      if (this.#separate) this.#line = 0;
      if (this.#flags.has('i') && path !== '-') {
        this.#backup(full);
        this.#inPlace = { path: full, text: '' };
        const target = this.#inPlace;
        this.#output = { write: (text) => void (target.text += text) };
      }
      return true;
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      complain(this.#process, `can't read ${path}: ${error.message}`);
      this.#status = 2;
      return false;
    }
  }

  #backup(path: string): void {
    const suffix = this.#flags.get('i') ?? '';
    if (suffix !== '') this.#process.fs.write(suffix.includes('*') ? suffix.replaceAll('*', path) : path + suffix, this.#process.fs.read(path), 'truncate');
  }

  #closeInPlace(): void {
    if (!this.#inPlace) return;
    this.#process.fs.write(this.#inPlace.path, this.#inPlace.text, 'truncate');
    this.#inPlace = null;
    this.#output = this.#stdout;
  }

  #emit(text: string, unterminated = false): void {
    this.#output.write(text + (unterminated ? '' : this.#end));
  }

  *#finish(): Part {
    if (!this.#flags.has('n')) this.#emit(this.#pattern, this.#unterminated && !(yield* this.#peek()));
    this.#flushAppended();
  }

  #flushAppended(): void {
    for (const text of this.#appended.splice(0)) this.#output.write(text);
  }

  /** One line through the script; the exit code when it ends the run. */
  *#cycle(): Part<number | null> {
    this.#substituted = false;
    for (;;) {
      const result = yield* this.#script();
      if (typeof result === 'number') {
        if (result >= 0) yield* this.#finish();
        return result >= 0 ? result : -result - 1;
      }
      if (result === 'restart') {
        this.#flushAppended();
        continue;
      }
      if (result === 'end') yield* this.#finish();
      else this.#flushAppended();
      return null;
    }
  }

  /** `end` with printing, `delete` without, `restart` with what is left (D), a number for q, below zero for Q. */
  *#script(): Part<'end' | 'delete' | 'restart' | number> {
    for (let i = 0; i < this.#commands.length; ) {
      const command = this.#commands[i]!;
      this.#process.work(0.1);
      const selected = (yield* this.#selects(command)) !== command.negated;
      if (!selected) {
        i = command.name === '{' ? command.jump : i + 1;
        continue;
      }
      const result = yield* this.#run(command);
      if (result === null) i++;
      else if (typeof result === 'object') i = result.label === '' ? this.#commands.length : this.#commands.findIndex((other) => other.name === ':' && other.text === result.label);
      else return result;
    }
    return 'end';
  }

  *#run(command: SedCommand): Part<null | 'end' | 'delete' | 'restart' | number | { readonly label: string }> {
    switch (command.name) {
      case '{': case ':': return null;
      case '=': this.#output.write(`${this.#line}\n`); return null;
      case 'a': this.#appended.push(command.text); return null;
      case 'i': this.#output.write(command.text); return null;
      case 'c': {
        const last = !command.end || command.negated || !command.active;
        if (last) this.#output.write(command.text);
        return 'delete';
      }
      case 'b': return { label: command.text };
      case 't': case 'T': {
        const jumps = this.#substituted === (command.name === 't');
        this.#substituted = false;
        return jumps ? { label: command.text } : null;
      }
      case 'd': return 'delete';
      case 'D': {
        const newline = this.#pattern.indexOf('\n');
        if (newline < 0) return 'delete';
        this.#pattern = this.#pattern.slice(newline + 1);
        return 'restart';
      }
      case 'F': this.#output.write(`${this.#path}\n`); return null;
      case 'g': this.#pattern = this.#hold; return null;
      case 'G': this.#pattern += `\n${this.#hold}`; return null;
      case 'h': this.#hold = this.#pattern; return null;
      case 'H': this.#hold += `\n${this.#pattern}`; return null;
      case 'x': [this.#pattern, this.#hold] = [this.#hold, this.#pattern]; return null;
      case 'l': this.#output.write(this.#visible(command.number)); return null;
      case 'n': {
        if (!(yield* this.#peek())) return 'end';
        if (!this.#flags.has('n')) this.#emit(this.#pattern);
        this.#flushAppended();
        yield* this.#read();
        return null;
      }
      case 'N': {
        if (!(yield* this.#peek())) return 'end';
        const before = this.#pattern;
        this.#flushAppended();
        yield* this.#read();
        this.#pattern = `${before}\n${this.#pattern}`;
        return null;
      }
      case 'p': this.#emit(this.#pattern); return null;
      case 'P': this.#emit(this.#pattern.split('\n')[0]!); return null;
      case 'q': return command.number ?? 0;
      case 'Q': return -(command.number ?? 0) - 1;
      case 'r': this.#appendFile(command.text); return null;
      case 's': this.#substitute(command.substitution!); return null;
      case 'w': this.#writeFile(command.text, `${this.#pattern}\n`); return null;
      case 'y': this.#pattern = [...this.#pattern].map((c) => command.map!.get(c) ?? c).join(''); return null;
      default: this.#pattern = ''; return null;
    }
  }

  #appendFile(path: string): void {
    try {
      this.#appended.push(this.#process.fs.read(joinPath(this.#process.cwd, path)));
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
    }
  }

  #writeFile(path: string, text: string): void {
    if (path === '/dev/stdout') {
      this.#output.write(text);
      return;
    }
    let file = this.#files.get(path);
    if (!file) this.#files.set(path, (file = this.#process.create(path, 'truncate')));
    file.write(text);
  }

  *#selects(command: SedCommand): Part<boolean> {
    const { start, end } = command;
    if (!start) return true;
    if (!end) return yield* this.#matches(start);
    if (command.active) {
      if (end.kind === 'regex') {
        if (this.#test(end.regex)) command.active = false;
        return true;
      }
      const until = end.kind === 'last' ? Infinity : command.until;
      if (end.kind === 'last' ? !(yield* this.#peek(true)) : this.#line >= until) command.active = false;
      return this.#line <= until;
    }
    const fromZero = start.kind === 'line' && start.line === 0 && this.#line === 1;
    if (!fromZero && !(yield* this.#matches(start))) return false;
    command.active = yield* this.#opens(command, end, fromZero);
    return true;
  }

  /** Whether a range that begins at this line goes on after it. */
  *#opens(command: SedCommand, end: EndAddress, fromZero: boolean): Part<boolean> {
    switch (end.kind) {
      case 'line': command.until = end.line; return end.line > this.#line;
      case 'plus': command.until = this.#line + end.count; return end.count > 0;
      case 'multiple': command.until = end.of === 0 ? this.#line : Math.ceil(this.#line / end.of) * end.of; return command.until > this.#line;
      case 'last': return (yield* this.#peek(true)) !== null;
      case 'step': command.until = end.first; return true;
      case 'regex': return !(fromZero && this.#test(end.regex));
    }
  }

  *#matches(address: Address): Part<boolean> {
    switch (address.kind) {
      case 'line': return this.#line === address.line;
      case 'step': return address.step === 0 ? this.#line === address.first : this.#line >= address.first && (this.#line - address.first) % address.step === 0;
      case 'last': return (yield* this.#peek(true)) === null;
      case 'regex': return this.#test(address.regex);
    }
  }

  /** An empty regular expression is the last one that was used. */
  #regex(regex: RegExp | null): RegExp {
    const used = regex ?? this.#lastRegex;
    if (!used) throw new SedError('-e expression #1, char 0: no previous regular expression');
    this.#lastRegex = used;
    used.lastIndex = 0;
    return used;
  }

  #test(regex: RegExp | null): boolean {
    return this.#regex(regex).test(this.#pattern);
  }

  #substitute(s: Substitution): void {
    const regex = this.#regex(s.regex);
    let count = 0;
    let done = false;
    let lastEnd = -1;
    const result = this.#pattern.replace(regex, (...args: unknown[]) => {
      const matched = args[0] as string;
      const offset = args.find((arg) => typeof arg === 'number') as number;
      // An empty match right after a match does not count.
      if (matched === '' && offset === lastEnd) return matched;
      lastEnd = offset + matched.length;
      count++;
      if (count < Math.max(1, s.nth) || (done && !s.global)) return matched;
      done = true;
      return expand(s.replacement, args.slice(0, args.indexOf(offset)) as (string | undefined)[]);
    });
    if (!done) return;
    this.#pattern = result;
    this.#substituted = true;
    for (let i = 0; i < s.print; i++) this.#emit(this.#pattern);
    if (s.file !== null) this.#writeFile(s.file, `${this.#pattern}\n`);
  }

  #visible(length: number | null): string {
    const width = length ?? Number(this.#flags.get('l') ?? 70);
    const names: Readonly<Record<string, string>> = { '\\': '\\\\', '\x07': '\\a', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\v': '\\v' };
    const encoder = new TextEncoder();
    let line = '';
    let text = '';
    for (const c of this.#pattern) {
      const shown = names[c] ?? (/[ -~]/.test(c) ? c : [...encoder.encode(c)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join(''));
      if (width > 1 && line.length + shown.length > width - 1) {
        text += `${line}\\\n`;
        line = '';
      }
      line += shown;
    }
    return `${text}${line}$\n`;
  }
}

/** The replacement of `s` with its groups and its changes of case. */
function expand(parts: readonly ReplacementPart[], groups: readonly (string | undefined)[]): string {
  let result = '';
  let mode: 'U' | 'L' | 'E' = 'E';
  let once: 'u' | 'l' | null = null;
  for (const part of parts) {
    if (part.kind === 'case') {
      if (part.to === 'u' || part.to === 'l') once = part.to;
      else mode = part.to;
      continue;
    }
    let text = part.kind === 'text' ? part.text : (groups[part.group] ?? '');
    if (mode !== 'E') text = mode === 'U' ? text.toUpperCase() : text.toLowerCase();
    if (once && text !== '') {
      text = (once === 'u' ? text[0]!.toUpperCase() : text[0]!.toLowerCase()) + text.slice(1);
      once = null;
    }
    result += text;
  }
  return result;
}
