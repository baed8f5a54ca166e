import { KernelError } from '../../kernel/errno.ts';
import { AwkError, decodeString } from './awk-lexer.ts';
import type { AwkMachine } from './awk-run.ts';
import { fromInput, toNumber, toText, UNSET, type Value } from './awk-values.ts';
import { LineReader, type Part, readAll } from './io.ts';

/** The records of awk: from the files of ARGV, split into fields when they are asked for. */
export class AwkInput {
  readonly #machine: AwkMachine;
  #record = '';
  #fields: Value[] | null = [];
  /** A field was changed: $0 has to be built anew. */
  #stale = false;
  #reader: LineReader | null = null;
  /** Records of a whole file, when RS is not a newline. */
  #records: string[] | null = null;
  #argument = 1;
  #usedFile = false;
  #done = false;

  constructor(machine: AwkMachine) {
    this.#machine = machine;
  }

  fromInput(text: string): Value {
    return fromInput(text);
  }

  *nextRecord(): Part<boolean> {
    const line = yield* this.readRecord();
    if (line === null) return false;
    this.setRecord(line);
    return true;
  }

  /** The next record of the input, counted; null at the end. */
  *readRecord(): Part<string | null> {
    for (;;) {
      if (!this.#reader && !this.#records && !(yield* this.#open())) return null;
      const line = this.#records ? (this.#records.shift() ?? null) : yield* this.#reader!.next();
      if (line !== null) {
        for (const name of ['NR', 'FNR']) this.#machine.set(name, toNumber(this.#machine.cell(name).value) + 1);
        return line;
      }
      this.nextFile();
    }
  }

  nextFile(): void {
    this.#reader = null;
    this.#records = null;
  }

  /** Opens the next file of ARGV; assignments among them are made on the way. */
  *#open(): Part<boolean> {
    const machine = this.#machine;
    for (;;) {
      const count = toNumber(machine.cell('ARGC').value);
      let path: string | null = null;
      while (this.#argument < count && path === null) {
        const text = toText(machine.array('ARGV').get(String(this.#argument++)) ?? '', '%.6g');
        const assignment = /^([A-Za-z_]\w*)=(.*)$/s.exec(text);
        if (assignment) machine.set(assignment[1]!, fromInput(decodeString(assignment[2]!)));
        else if (text !== '') path = text;
      }
      if (path === null) {
        if (this.#usedFile || this.#done) return false;
        this.#done = true;
        path = '-';
      }
      this.#usedFile = true;
      machine.set('FILENAME', path === '-' && this.#done ? '-' : path);
      machine.set('FNR', 0);
      yield* this.#start(path);
      return true;
    }
  }

  *#start(path: string): Part {
    const { process } = this.#machine;
    try {
      const input = path === '-' ? process.stdin : process.open(path);
      const separator = this.#machine.text('RS');
      if (separator === '\n') this.#reader = new LineReader(process, input);
      else this.#records = splitRecords(yield* readAll(process, input), separator, this.#machine);
    } catch (error) {
      if (error instanceof KernelError) throw new AwkError(`cannot open ${path} (${error.message})`);
      throw error;
    }
  }

  record(): string {
    if (this.#stale) {
      this.#record = this.#fields!.map((field) => this.#machine.toText(field)).join(this.#machine.text('OFS'));
      this.#stale = false;
    }
    return this.#record;
  }

  setRecord(text: string): void {
    this.#record = text;
    this.#fields = null;
    this.#stale = false;
  }

  #split(): Value[] {
    return (this.#fields ??= splitText(this.#machine, this.#record, this.#machine.text('FS')).map(fromInput));
  }

  fieldCount(): number {
    return this.#split().length;
  }

  field(n: number): Value {
    if (n === 0) return fromInput(this.record());
    return this.#split()[n - 1] ?? UNSET;
  }

  setField(n: number, text: string, value: Value): void {
    if (n === 0) return this.setRecord(text);
    const fields = this.#split();
    while (fields.length < n) fields.push('');
    fields[n - 1] = value;
    this.#stale = true;
  }

  setFieldCount(n: number): void {
    const fields = this.#split();
    while (fields.length < n) fields.push('');
    fields.length = Math.max(0, n);
    this.#stale = true;
  }
}

function splitRecords(text: string, separator: string, machine: AwkMachine): string[] {
  if (separator === '') return text.replace(/^\n+|\n+$/g, '').split(/\n\n+/).filter((record, _, all) => record !== '' || all.length > 1);
  const body = text.endsWith(separator) ? text.slice(0, -separator.length) : text;
  if (text === '') return [];
  return separator.length === 1 ? body.split(separator) : splitRegex(body, machine.regex(separator));
}

/** Splits at every match; groups of the expression do not become pieces. */
function splitRegex(text: string, regex: RegExp): string[] {
  const pieces: string[] = [];
  const global = new RegExp(regex.source, `${regex.flags.replace('g', '')}g`);
  let from = 0;
  for (const match of text.matchAll(global)) {
    if (match[0] === '') continue;
    pieces.push(text.slice(from, match.index));
    from = match.index + match[0].length;
  }
  pieces.push(text.slice(from));
  return pieces;
}

/** Splits a text at FS: a blank is any white space, one character is itself, more is a regular expression. */
export function splitText(machine: AwkMachine, text: string, separator: string): string[] {
  if (separator === ' ') return text.split(/[ \t\n]+/).filter((part) => part !== '');
  if (text === '') return [];
  if (separator === '') return [...text];
  if (separator === '\t' || (separator.length === 1 && !/[\\|^$.*+?()[\]{}]/.test(separator))) return text.split(separator);
  return splitRegex(text, machine.regex(separator.length === 1 && separator !== '.' ? `[${separator === '\\' || separator === '^' ? '\\' : ''}${separator}]` : separator));
}
