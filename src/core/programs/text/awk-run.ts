import { type Process } from '../../shell/process.ts';
import { AwkFiles } from './awk-io.ts';
import { AwkError } from './awk-lexer.ts';
import { callBuiltin } from './awk-builtins.ts';
import { AwkInput } from './awk-input.ts';
import type { AwkProgram, Expr, Rule, Stmt } from './awk-ast.ts';
import { compareValues, formatAwk, isTrue, numberText, toNumber, toText, UNSET, type Value } from './awk-values.ts';
import type { Part } from './io.ts';
import { compilePosix } from './posix-regex.ts';

/** A variable: a value, or an array from when it is first used as one. */
export interface Cell {
  value: Value;
  array: Map<string, Value> | null;
  /** The caller's variable that an untyped argument came from: an array made here is one there. */
  readonly from: Cell | null;
}

class Leave {
  readonly how: 'break' | 'continue' | 'next' | 'nextfile';
  constructor(how: 'break' | 'continue' | 'next' | 'nextfile') {
    this.how = how;
  }
}
class AwkExit {
  readonly code: number;
  constructor(code: number) {
    this.code = code;
  }
}
class AwkReturn {
  readonly value: Value;
  constructor(value: Value) {
    this.value = value;
  }
}

const MAX_DEPTH = 500;

/** Runs an awk program. */
export class AwkMachine {
  readonly process: Process;
  readonly files: AwkFiles;
  readonly input: AwkInput;
  readonly globals = new Map<string, Cell>();
  randomSeed = 0;
  readonly #program: AwkProgram;
  readonly #frames: Map<string, Cell>[] = [];
  readonly #regexes = new Map<string, RegExp>();

  constructor(process: Process, program: AwkProgram) {
    this.process = process;
    this.#program = program;
    this.files = new AwkFiles(process);
    this.input = new AwkInput(this);
    for (const [name, value] of [['FS', ' '], ['OFS', ' '], ['ORS', '\n'], ['RS', '\n'], ['SUBSEP', '\x1c'], ['CONVFMT', '%.6g'], ['OFMT', '%.6g']] as const) this.globals.set(name, { value, array: null, from: null });
    for (const name of ['NR', 'FNR', 'RSTART']) this.globals.set(name, { value: 0, array: null, from: null });
    this.globals.set('RLENGTH', { value: -1, array: null, from: null });
    this.globals.set('FILENAME', { value: '', array: null, from: null });
  }

  *run(): Part<number> {
    let code = 0;
    let ended = false;
    const rules = (pattern: 'BEGIN' | 'END'): Rule[] => this.#program.rules.filter((rule) => rule.pattern === pattern);
    try {
      for (const rule of rules('BEGIN')) yield* this.#execute(rule.action!);
      const body = this.#program.rules.filter((rule) => rule.pattern !== 'BEGIN' && rule.pattern !== 'END');
      if (body.length > 0 || rules('END').length > 0) while (yield* this.input.nextRecord()) yield* this.#record(body);
    } catch (error) {
      if (!(error instanceof AwkExit)) throw error;
      code = error.code;
      ended = rules('END').length === 0;
    }
    try {
      if (!ended) for (const rule of rules('END')) yield* this.#execute(rule.action!);
    } catch (error) {
      if (!(error instanceof AwkExit)) throw error;
      code = error.code < 0 ? code : error.code;
    }
    yield* this.files.closeAll();
    return Math.max(0, code);
  }

  *#record(rules: readonly Rule[]): Part {
    try {
      for (const rule of rules) {
        this.process.work(0.2);
        if (!(yield* this.#selects(rule))) continue;
        if (rule.action) yield* this.#execute(rule.action);
        else yield* this.files.write(this.input.record() + this.text('ORS'), null, '');
      }
    } catch (error) {
      if (!(error instanceof Leave) || error.how === 'break' || error.how === 'continue') throw error;
      if (error.how === 'nextfile') this.input.nextFile();
    }
  }

  *#selects(rule: Rule): Part<boolean> {
    if (rule.pattern === null) return true;
    if (!rule.until) return isTrue(yield* this.evaluate(rule.pattern as Expr));
    if (!rule.active && !isTrue(yield* this.evaluate(rule.pattern as Expr))) return false;
    rule.active = !isTrue(yield* this.evaluate(rule.until));
    return true;
  }

  /** Fails as mawk does while it runs. */
  fail(message: string): never {
    throw new AwkError(`run time error: ${message}\n\tFILENAME="${this.text('FILENAME')}" FNR=${this.text('FNR')} NR=${this.text('NR')}`);
  }

  cell(name: string): Cell {
    const local = this.#frames.at(-1)?.get(name);
    if (local) return local;
    let cell = this.globals.get(name);
    if (!cell) this.globals.set(name, (cell = { value: UNSET, array: null, from: null }));
    return cell;
  }

  array(name: string): Map<string, Value> {
    return arrayOf(this.cell(name));
  }

  text(name: string): string {
    return toText(this.cell(name).value, '%.6g');
  }

  toText(value: Value): string {
    return typeof value === 'string' ? value : toText(value, this.text('CONVFMT'));
  }

  set(name: string, value: Value): void {
    if (name === 'NF') this.input.setFieldCount(Math.trunc(toNumber(value)));
    else this.cell(name).value = value;
  }

  regex(source: string): RegExp {
    let regex = this.#regexes.get(source);
    if (!regex) {
      const compiled = compilePosix(source, { extended: true });
      if (typeof compiled === 'string') throw new AwkError(`regular expression compile failed (${compiled})\n${source}`);
      this.#regexes.set(source, (regex = compiled));
    }
    return regex;
  }

  /** A regular expression, from a constant or from a text. */
  *pattern(expr: Expr): Part<RegExp> {
    return this.regex(expr.kind === 'regex' ? expr.source : this.toText(yield* this.evaluate(expr)));
  }

  *#execute(statement: Stmt): Part {
    this.process.work(0.2);
    switch (statement.kind) {
      case 'block':
        for (const inner of statement.body) yield* this.#execute(inner);
        return;
      case 'expr': yield* this.evaluate(statement.expr); return;
      case 'print': return yield* this.#print(statement);
      case 'if':
        if (isTrue(yield* this.evaluate(statement.test))) yield* this.#execute(statement.yes);
        else if (statement.no) yield* this.#execute(statement.no);
        return;
      case 'while':
        while (statement.after || isTrue(yield* this.evaluate(statement.test))) {
          if (yield* this.#turn(statement.body)) return;
          if (statement.after && !isTrue(yield* this.evaluate(statement.test))) return;
        }
        return;
      case 'for':
        if (statement.init) yield* this.#execute(statement.init);
        while (!statement.test || isTrue(yield* this.evaluate(statement.test))) {
          if (yield* this.#turn(statement.body)) return;
          if (statement.update) yield* this.#execute(statement.update);
        }
        return;
      case 'forin':
        for (const key of [...this.array(statement.array).keys()]) {
          this.cell(statement.name).value = key;
          if (yield* this.#turn(statement.body)) return;
        }
        return;
      case 'leave': throw new Leave(statement.how);
      case 'exit': throw new AwkExit(statement.value ? Math.trunc(toNumber(yield* this.evaluate(statement.value))) & 255 : -1);
      case 'return': throw new AwkReturn(statement.value ? yield* this.evaluate(statement.value) : UNSET);
      case 'delete':
        if (statement.index) this.array(statement.name).delete(yield* this.key(statement.index));
        else this.array(statement.name).clear();
    }
  }

  /** One turn of a loop; true when it was left. */
  *#turn(body: Stmt): Part<boolean> {
    this.process.work();
    try {
      yield* this.#execute(body);
    } catch (error) {
      if (!(error instanceof Leave) || (error.how !== 'break' && error.how !== 'continue')) throw error;
      return error.how === 'break';
    }
    return false;
  }

  *#print(statement: Extract<Stmt, { kind: 'print' }>): Part {
    const values: Value[] = [];
    for (const arg of statement.args) values.push(yield* this.evaluate(arg));
    let text: string;
    if (statement.format) {
      try {
        text = formatAwk(this.toText(values[0] ?? ''), values.slice(1));
      } catch (error) {
        if (error instanceof AwkError) this.fail(error.message.replace('run time error: ', '').replace('sprintf', 'printf'));
        throw error;
      }
    } else {
      const shown = values.length > 0 ? values.map((value) => (typeof value === 'number' ? numberText(value, this.text('OFMT')) : toText(value, '%.6g'))) : [this.input.record()];
      text = shown.join(this.text('OFS')) + this.text('ORS');
    }
    yield* this.files.write(text, statement.to, statement.target ? this.toText(yield* this.evaluate(statement.target)) : '');
  }

  *key(index: readonly Expr[]): Part<string> {
    const parts: string[] = [];
    for (const expr of index) parts.push(this.toText(yield* this.evaluate(expr)));
    return parts.join(this.text('SUBSEP'));
  }

  *assign(target: Expr, value: Value): Part {
    if (target.kind === 'name') this.set(target.name, value);
    else if (target.kind === 'element') this.array(target.name).set(yield* this.key(target.index), value);
    else if (target.kind === 'field') this.input.setField(this.#fieldNumber(yield* this.evaluate(target.index)), this.toText(value), value);
  }

  #fieldNumber(value: Value): number {
    const n = Math.trunc(toNumber(value));
    if (n < 0) this.fail(`negative field index $${n}`);
    return n;
  }

  *evaluate(expr: Expr): Part<Value> {
    switch (expr.kind) {
      case 'number': case 'string': return expr.value;
      case 'regex': return this.regex(expr.source).test(this.input.record()) ? 1 : 0;
      case 'name': return expr.name === 'NF' ? this.input.fieldCount() : this.cell(expr.name).value;
      case 'element': {
        const array = this.array(expr.name);
        const key = yield* this.key(expr.index);
        if (!array.has(key)) array.set(key, UNSET);
        return array.get(key)!;
      }
      case 'field': return this.input.field(this.#fieldNumber(yield* this.evaluate(expr.index)));
      case 'group': return expr.list.length === 1 ? yield* this.evaluate(expr.list[0]!) : yield* this.key(expr.list);
      case 'unary': {
        const value = yield* this.evaluate(expr.operand);
        if (expr.operator === '!') return isTrue(value) ? 0 : 1;
        return expr.operator === '-' ? -toNumber(value) : toNumber(value);
      }
      case 'step': {
        const before = toNumber(yield* this.evaluate(expr.target));
        yield* this.assign(expr.target, before + expr.by);
        return expr.before ? before + expr.by : before;
      }
      case 'concat': {
        const left = this.toText(yield* this.evaluate(expr.left));
        return left + this.toText(yield* this.evaluate(expr.right));
      }
      case 'match': {
        const text = this.toText(yield* this.evaluate(expr.left));
        return (yield* this.pattern(expr.right)).test(text) !== expr.negated ? 1 : 0;
      }
      case 'in': return this.array(expr.name).has(yield* this.key(expr.index)) ? 1 : 0;
      case 'conditional': return yield* this.evaluate(isTrue(yield* this.evaluate(expr.test)) ? expr.yes : expr.no);
      case 'binary': return yield* this.#binary(expr);
      case 'assign': {
        let value = yield* this.evaluate(expr.value);
        if (expr.operator !== '') value = arithmetic(expr.operator, toNumber(yield* this.evaluate(expr.target)), toNumber(value));
        yield* this.assign(expr.target, value);
        return value;
      }
      case 'builtin': return yield* callBuiltin(this, expr.name, expr.args);
      case 'call': return yield* this.#call(expr);
      case 'getline': return yield* this.#getline(expr);
    }
  }

  *#binary(expr: Extract<Expr, { kind: 'binary' }>): Part<Value> {
    const left = yield* this.evaluate(expr.left);
    if (expr.operator === '&&') return isTrue(left) && isTrue(yield* this.evaluate(expr.right)) ? 1 : 0;
    if (expr.operator === '||') return isTrue(left) || isTrue(yield* this.evaluate(expr.right)) ? 1 : 0;
    const right = yield* this.evaluate(expr.right);
    switch (expr.operator) {
      case '<': return compareValues(left, right) < 0 ? 1 : 0;
      case '<=': return compareValues(left, right) <= 0 ? 1 : 0;
      case '>': return compareValues(left, right) > 0 ? 1 : 0;
      case '>=': return compareValues(left, right) >= 0 ? 1 : 0;
      case '==': return compareValues(left, right) === 0 ? 1 : 0;
      case '!=': return compareValues(left, right) !== 0 ? 1 : 0;
      default: return arithmetic(expr.operator, toNumber(left), toNumber(right));
    }
  }

  *#call(expr: Extract<Expr, { kind: 'call' }>): Part<Value> {
    const fn = this.#program.functions.get(expr.name)!;
    if (expr.args.length > fn.parameters.length) throw new AwkError(`line 1: too many arguments in call to ${expr.name}`);
    if (this.#frames.length >= MAX_DEPTH) this.fail('function call nesting is too deep');
    const frame = new Map<string, Cell>();
    for (const [i, parameter] of fn.parameters.entries()) {
      const arg = expr.args[i];
      const passed = arg?.kind === 'name' ? this.cell(arg.name) : null;
      if (passed && (passed.array || passed.value === UNSET)) frame.set(parameter, passed.array ? passed : { value: UNSET, array: null, from: passed });
      else frame.set(parameter, { value: arg ? yield* this.evaluate(arg) : UNSET, array: null, from: null });
    }
    this.#frames.push(frame);
    try {
      yield* this.#execute(fn.body);
      return UNSET;
    } catch (error) {
      if (error instanceof AwkReturn) return error.value;
      throw error;
    } finally {
      this.#frames.pop();
    }
  }

  *#getline(expr: Extract<Expr, { kind: 'getline' }>): Part<Value> {
    if (expr.from === 'main') {
      const line = yield* this.input.readRecord();
      if (line === null) return 0;
      if (expr.target) yield* this.assign(expr.target, this.input.fromInput(line));
      else this.input.setRecord(line);
      return 1;
    }
    const { status, line } = yield* this.files.read(expr.from, this.toText(yield* this.evaluate(expr.source!)));
    if (status !== 1) return status;
    if (expr.target) yield* this.assign(expr.target, this.input.fromInput(line));
    else this.input.setRecord(line);
    if (expr.from === 'command') this.set('NR', toNumber(this.cell('NR').value) + 1);
    return 1;
  }
}

/** The array of a variable; an untyped argument becomes one where it came from, too. */
export function arrayOf(cell: Cell): Map<string, Value> {
  if (!cell.array) cell.array = cell.from ? arrayOf(cell.from) : new Map();
  return cell.array;
}

function arithmetic(operator: string, left: number, right: number): number {
  switch (operator) {
    case '+': return left + right;
    case '-': return left - right;
    case '*': return left * right;
    case '/': return left / right;
    case '%': return left % right;
    default: return left ** right;
  }
}
