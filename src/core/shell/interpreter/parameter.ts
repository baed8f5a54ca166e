import type { ParameterExpansionPart, ParameterOperation, SimpleExpansionPart, Word } from 'unbash';
import { evaluateOrFail, indexOf, unbound } from './arithmetic.ts';
import { arithmeticText } from './arithmetic-text.ts';
import { Exit } from './control.ts';
import type { Fields } from './fields.ts';
import { caseOperation, removeOperation, replaceOperation, sliceOperation, transformOperation } from './parameter-operations.ts';
import type { Shell, Step } from './shell.ts';
import { specialParameter } from './special.ts';
import { arrayKeys, arrayValues, makeIndexed, NAME } from './variables.ts';
import { expandText, walkQuoted, walkWord } from './words.ts';

/** A parameter's name with its subscript. */
export interface Target {
  readonly name: string;
  /** `@` and `*` are all elements. */
  readonly index: string | null;
}

/** What a parameter is. `list`: `$@`, `$*`, `${a[@]}`, `${a[*]}`; `star`: the one that is joined in quotes. */
export type Value =
  | { readonly kind: 'one'; readonly value: string | undefined }
  | { readonly kind: 'list'; readonly values: readonly string[]; readonly star: boolean };

/** Puts what `$x` or `${x...}` stands for into `fields`. */
export function* expandParameter(shell: Shell, part: SimpleExpansionPart | ParameterExpansionPart, fields: Fields, quoted: boolean): Step<void> {
  if (part.type === 'SimpleExpansion') {
    const target = { name: part.text.slice(1), index: null };
    const value = readParameter(shell, target);
    checkSet(shell, target, value, '$');
    emit(shell, value, fields, quoted);
    return;
  }
  let target: Target = { name: part.parameter, index: yield* subscript(shell, part) };
  const { operation } = part;
  if (part.prefix === '#') {
    emit(shell, { kind: 'one', value: length(shell, target) }, fields, quoted);
    return;
  }
  if (part.prefix === '!') {
    const listed = names(shell, target, operation);
    if (listed) return emit(shell, listed, fields, quoted);
    const reference = target.index === null ? shell.vars.raw(target.name) : undefined;
    if (reference?.nameref) return emit(shell, { kind: 'one', value: reference.value }, fields, quoted);
    target = yield* indirect(shell, target);
  }
  if (operation?.type === 'Unknown' || (operation === undefined && !isParameter(target.name))) badSubstitution(shell, part);
  if (operation?.type === 'Default') {
    yield* applyDefault(shell, target, operation, fields, quoted);
    return;
  }
  let value = readParameter(shell, target);
  checkSet(shell, target, value);
  if (operation) value = yield* operate(shell, target, value, operation, part);
  emit(shell, value, fields, quoted);
}

function badSubstitution(shell: Shell, part: ParameterExpansionPart): never {
  shell.fail(`${part.text}: bad substitution`);
}

function isParameter(name: string): boolean {
  return NAME.test(name) || /^(?:\d+|[@*#?$!_-])$/.test(name);
}

/** The subscript of `${a[...]}` as text: a key, an expression, or @ and *. */
function* subscript(shell: Shell, part: ParameterExpansionPart): Step<string | null> {
  if (!part.index) return null;
  const { text } = part.index;
  if (text === '@' || text === '*') return text;
  return yield* expandSubscript(shell, part.parameter, part.index);
}

/** A subscript: of an associative array a word, of any other an expression. */
export function* expandSubscript(shell: Shell, name: string, index: Word): Step<string> {
  if (shell.vars.get(name)?.kind === 'associative') return yield* expandText(shell, index);
  return yield* arithmeticText(shell, index.text);
}

/** The value of a parameter as it is. */
export function readParameter(shell: Shell, { name, index }: Target): Value {
  if (index === null) {
    if (name === '@' || name === '*') return { kind: 'list', values: shell.positional, star: name === '*' };
    return { kind: 'one', value: specialParameter(shell, name) ?? shell.value(name) };
  }
  const variable = shell.vars.get(name);
  if (index === '@' || index === '*') {
    const values = variable ? arrayValues(variable) : specialArray(shell, name);
    return { kind: 'list', values, star: index === '*' };
  }
  if (variable?.kind === 'associative') return { kind: 'one', value: variable.associative.get(index) };
  const at = subscriptNumber(shell, name, index);
  if (!variable) return { kind: 'one', value: specialArray(shell, name)[at] };
  if (variable.kind === 'indexed') return { kind: 'one', value: variable.indexed.get(at) };
  return { kind: 'one', value: at === 0 ? variable.value : undefined };
}

/** FUNCNAME and the like, which are arrays made when asked for. */
function specialArray(shell: Shell, name: string): string[] {
  if (name === 'FUNCNAME' && shell.calls.length > 0) return [...[...shell.calls].reverse(), ...(shell.commandString ? [] : ['main'])];
  const value = specialParameter(shell, name);
  return value === undefined ? [] : [value];
}

function subscriptNumber(shell: Shell, name: string, index: string): number {
  evaluateOrFail(shell, index);
  const at = indexOf(shell, name, index);
  if (at < 0) {
    shell.complain(`${name}: bad array subscript`);
    if (shell.set.has('errexit')) throw new Exit(1);
  }
  return at;
}

function checkSet(shell: Shell, target: Target, value: Value, mark = ''): void {
  if (value.kind === 'list' || value.value !== undefined || !shell.set.has('nounset')) return;
  const { name, index } = target;
  unbound(shell, index === null ? (NAME.test(name) ? name : mark + name) : `${name}[${index}]`);
}

/** `${#x}`, `${#a[@]}` */
function length(shell: Shell, target: Target): string {
  if (target.name === '@' || target.name === '*') return String(shell.positional.length);
  const value = readParameter(shell, target);
  checkSet(shell, target, value);
  if (value.kind === 'list') {
    const variable = shell.vars.get(target.name);
    if (shell.set.has('nounset') && (!variable || (variable.kind === 'scalar' && variable.value === undefined))) {
      shell.fail(`${target.name}: unbound variable`);
    }
    return String(value.values.length);
  }
  return String([...(value.value ?? '')].length);
}

/** `${!prefix*}` and `${!a[@]}`; null when it is neither. */
function names(shell: Shell, target: Target, operation: ParameterOperation | undefined): Value | null {
  if (operation?.type === 'Names') {
    const values = shell.vars.names().filter((name) => name.startsWith(target.name));
    return { kind: 'list', values, star: operation.operator === '*' };
  }
  if ((target.index === '@' || target.index === '*') && !operation) {
    const variable = shell.vars.get(target.name);
    return { kind: 'list', values: variable ? arrayKeys(variable) : [], star: target.index === '*' };
  }
  return null;
}

/** `${!x}`: the parameter that the value of x names. */
function* indirect(shell: Shell, target: Target): Step<Target> {
  const value = readParameter(shell, target);
  const pointed = value.kind === 'one' ? value.value : value.values.join(' ');
  if (pointed === undefined) shell.fail(`${target.name}: invalid indirect expansion`);
  const match = /^([A-Za-z_][A-Za-z0-9_]*)\[(.*)\]$/s.exec(pointed);
  if (match) return { name: match[1]!, index: match[2] === '@' || match[2] === '*' ? match[2] : yield* arithmeticText(shell, match[2]!) };
  if (!isParameter(pointed)) shell.fail(`${pointed}: invalid variable name`);
  return { name: pointed, index: null };
}

function isNull(value: Value, colon: boolean): boolean {
  if (value.kind === 'one') return value.value === undefined || (colon && value.value === '');
  return value.values.length === 0 || (colon && value.values.join('') === '' && value.values.length === 1);
}

/** `${x:-w}`, `${x:=w}`, `${x:?w}`, `${x:+w}` */
function* applyDefault(shell: Shell, target: Target, operation: Extract<ParameterOperation, { type: 'Default' }>, fields: Fields, quoted: boolean): Step<void> {
  const value = readParameter(shell, target);
  const missing = isNull(value, operation.operator.startsWith(':'));
  const kind = operation.operator.at(-1)!;
  if (kind === '+') {
    if (!missing) yield* emitWord(shell, operation.operand, fields, quoted);
    else if (quoted) fields.quoted('');
    return;
  }
  if (!missing) return emit(shell, value, fields, quoted);
  if (kind === '-') return yield* emitWord(shell, operation.operand, fields, quoted);
  if (kind === '?') {
    const message = yield* expandText(shell, operation.operand);
    shell.complain(`${target.name}: ${message || `parameter ${operation.operator === ':?' ? 'null or ' : ''}not set`}`);
    throw shell.fatal();
  }
  if (!NAME.test(target.name)) shell.fail(`$${target.name}: cannot assign in this way`);
  const text = yield* expandText(shell, operation.operand, true);
  assignTarget(shell, target, text);
  emit(shell, { kind: 'one', value: text }, fields, quoted);
}

/** Assigns to a variable or an element of one. */
export function assignTarget(shell: Shell, { name, index }: Target, text: string): void {
  if (index === null) return shell.assign(name, text);
  const variable = shell.vars.ensure(name);
  if (variable.readonly) shell.fail(`${name}: readonly variable`);
  if (variable.kind === 'associative') {
    variable.associative.set(index, text);
    return;
  }
  const at = Number(evaluateOrFail(shell, index));
  const from = at < 0 ? indexOf(shell, name, index) : at;
  if (from < 0) shell.fail(`${name}[${index}]: bad array subscript`);
  makeIndexed(variable);
  variable.indexed.set(from, text);
}

/** The word of `${x:-word}`: without quotes around the whole, what it says is split like a value. */
function* emitWord(shell: Shell, word: Word, fields: Fields, quoted: boolean): Step<void> {
  if (quoted) {
    if (word.parts) yield* walkQuoted(shell, word.parts, fields);
    else fields.quoted(word.value);
    return;
  }
  if (fields.target !== 'fields') return yield* walkWord(shell, word, fields);
  if (!word.parts) return splitLiteral(shell, word.text, word, fields);
  for (const part of word.parts) {
    if (part.type === 'Literal') splitLiteral(shell, part.text, null, fields);
    else yield* walkWord(shell, { ...word, parts: [part] }, fields);
  }
}

/** A literal of an unquoted `${x:-...}`: split at IFS but where a backslash stands. */
function splitLiteral(shell: Shell, raw: string, word: Word | null, fields: Fields): void {
  if (word && raw.startsWith('~')) {
    const home = /^~(?=\/|$)/.test(raw) ? (shell.value('HOME') ?? '/root') : null;
    if (home !== null) {
      fields.quoted(home);
      raw = raw.slice(1);
    }
  }
  for (const piece of raw.split(/(\\[^])/)) {
    if (piece.startsWith('\\') && piece.length === 2) fields.quoted(piece[1] === '\n' ? '' : piece[1]!);
    else if (piece !== '') fields.value(piece);
  }
}

function* operate(shell: Shell, target: Target, value: Value, operation: ParameterOperation, part: ParameterExpansionPart): Step<Value> {
  switch (operation.type) {
    case 'Remove': return yield* removeOperation(shell, value, operation);
    case 'Replace': return yield* replaceOperation(shell, value, operation);
    case 'CaseModification': return yield* caseOperation(shell, value, operation);
    case 'Slice': return yield* sliceOperation(shell, target, value, operation);
    case 'Transform': return transformOperation(shell, target, value, operation, part);
    default: return badSubstitution(shell, part);
  }
}

/** Puts a value into the fields. */
export function emit(shell: Shell, value: Value, fields: Fields, quoted: boolean): void {
  if (value.kind === 'one') {
    if (quoted) fields.quoted(value.value ?? '');
    else fields.value(value.value ?? '');
    return;
  }
  if (value.star && (quoted || fields.target !== 'fields')) {
    const joined = value.values.join(shell.value('IFS') === undefined ? ' ' : [...shell.ifs][0] ?? '');
    if (quoted) fields.quoted(joined);
    else fields.value(joined);
    return;
  }
  const [separator] = shell.ifs;
  if (!quoted && fields.target === 'fields' && separator !== undefined && !/[ \t\n]/.test(separator)) {
    // Where IFS does not begin with white space, empty elements stay.
    fields.value(value.values.join(separator));
    return;
  }
  for (const [i, text] of value.values.entries()) {
    if (i > 0) fields.break();
    if (quoted) fields.quoted(text);
    else fields.value(text);
  }
}
