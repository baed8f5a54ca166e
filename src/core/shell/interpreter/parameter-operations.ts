import type { ParameterExpansionPart, ParameterOperation } from 'unbash';
import { arithmeticText } from './arithmetic-text.ts';
import { evaluateOrFail } from './arithmetic.ts';
import { Fields } from './fields.ts';
import type { Target, Value } from './parameter.ts';
import { patternRegExp, patternSource, type PatternOptions } from './pattern.ts';
import { decodeAnsi, variableQuote } from './quote.ts';
import type { Shell, Step } from './shell.ts';
import { arrayKeys, type Variable } from './variables.ts';
import { expandPattern, walkWord } from './words.ts';

type Operation<T extends ParameterOperation['type']> = Extract<ParameterOperation, { type: T }>;

/** Applies a change to a value, or to every element of a list. */
function each(value: Value, change: (text: string) => string): Value {
  if (value.kind === 'list') return { ...value, values: value.values.map(change) };
  return { kind: 'one', value: value.value === undefined ? undefined : change(value.value) };
}

function options(shell: Shell): PatternOptions {
  return { extended: true, ignoreCase: shell.shopt.has('nocasematch') };
}

/** `${x#p}`, `${x##p}`, `${x%p}`, `${x%%p}` */
export function* removeOperation(shell: Shell, value: Value, operation: Operation<'Remove'>): Step<Value> {
  const pattern = yield* expandPattern(shell, operation.operand);
  const whole = patternRegExp(pattern, { extended: true });
  const front = operation.operator.startsWith('#');
  const longest = operation.operator.length === 2;
  return each(value, (text) => {
    for (let i = 0; i <= text.length; i++) {
      const size = longest ? text.length - i : i;
      const part = front ? text.slice(0, size) : text.slice(text.length - size);
      if (whole.test(part)) return front ? text.slice(size) : text.slice(0, text.length - size);
    }
    return text;
  });
}

/** `${x/p/r}`, `${x//p/r}`, `${x/#p/r}`, `${x/%p/r}` */
export function* replaceOperation(shell: Shell, value: Value, operation: Operation<'Replace'>): Step<Value> {
  const pattern = yield* expandPattern(shell, operation.pattern);
  const fields = new Fields('replacement', shell.ifs);
  yield* walkWord(shell, operation.replacement, fields);
  const replacement = fields.pattern;
  if (pattern === '' && operation.operator.length < 2) return value;
  const source = patternSource(pattern, options(shell));
  const flags = options(shell).ignoreCase ? 'iu' : 'u';
  const insert = (matched: string): string => replacement.replace(/\\([\\&])|&/g, (_, escaped: string | undefined) => escaped ?? matched);
  if (operation.operator === '/#') return each(value, (text) => text.replace(new RegExp(`^(?:${source})`, flags), insert));
  if (operation.operator === '/%') return each(value, (text) => text.replace(new RegExp(`(?:${source})$`, flags), insert));
  if (pattern === '') return value;
  const all = operation.operator === '//';
  return each(value, (text) => replaceMatches(text, new RegExp(source, `g${flags}`), all, insert));
}

/** Replaces matches that are not empty. */
function replaceMatches(text: string, regExp: RegExp, all: boolean, insert: (matched: string) => string): string {
  let done = false;
  return text.replace(regExp, (matched) => {
    if (matched === '' || (done && !all)) return matched;
    done = true;
    return insert(matched);
  });
}

/** `${x^p}`, `${x^^p}`, `${x,p}`, `${x,,p}` */
export function* caseOperation(shell: Shell, value: Value, operation: Operation<'CaseModification'>): Step<Value> {
  const pattern = operation.operand ? yield* expandPattern(shell, operation.operand) : '';
  const fits = (c: string): boolean => pattern === '' || patternRegExp(pattern, { extended: true }).test(c);
  const change = (c: string): string => (!fits(c) ? c : operation.operator.startsWith('^') ? c.toUpperCase() : c.toLowerCase());
  const all = operation.operator.length === 2;
  return each(value, (text) => [...text].map((c, i) => (all || i === 0 ? change(c) : c)).join(''));
}

/** `${x:offset:length}` */
export function* sliceOperation(shell: Shell, target: Target, value: Value, operation: Operation<'Slice'>): Step<Value> {
  const offset = Number(evaluateOrFail(shell, yield* arithmeticText(shell, operation.offset.text)));
  const length = operation.length ? Number(evaluateOrFail(shell, yield* arithmeticText(shell, operation.length.text))) : null;
  if (value.kind === 'one') return { kind: 'one', value: value.value === undefined ? undefined : sliceText(shell, value.value, offset, length, operation) };
  if (length !== null && length < 0) shell.fail(`${operation.length!.text}: substring expression < 0`);
  return { ...value, values: sliceList(shell, target, value.values, offset, length) };
}

function sliceText(shell: Shell, text: string, offset: number, length: number | null, operation: Operation<'Slice'>): string {
  const characters = [...text];
  const from = offset < 0 ? characters.length + offset : offset;
  if (from < 0 || from > characters.length) return '';
  if (length === null) return characters.slice(from).join('');
  const to = length < 0 ? characters.length + length : from + length;
  if (to < from) shell.fail(`${operation.length!.text}: substring expression < 0`);
  return characters.slice(from, to).join('');
}

/** Of an array, the offset is an index; of `$@`, 0 is `$0`. */
function sliceList(shell: Shell, target: Target, values: readonly string[], offset: number, length: number | null): string[] {
  if (target.index === null) {
    const all = [shell.name, ...values];
    const from = offset < 0 ? all.length + offset : offset;
    if (from < 0) return [];
    return all.slice(from, length === null ? undefined : from + length);
  }
  const variable = shell.vars.get(target.name);
  if (!variable) return [];
  if (variable.kind === 'associative') return values.slice(Math.max(0, offset), length === null ? undefined : Math.max(0, offset) + length);
  const keys = arrayKeys(variable).map(Number);
  const from = offset < 0 ? (keys.at(-1) ?? -1) + 1 + offset : offset;
  if (from < 0) return [];
  const first = keys.findIndex((key) => key >= from);
  return first < 0 ? [] : values.slice(first, length === null ? undefined : first + length);
}

/** `${x@Q}` and its like. */
export function transformOperation(shell: Shell, target: Target, value: Value, operation: Operation<'Transform'>, part: ParameterExpansionPart): Value {
  switch (operation.operand.text) {
    case 'Q': return each(value, variableQuote);
    case 'E': return each(value, decodeAnsi);
    case 'U': return each(value, (text) => text.toUpperCase());
    case 'L': return each(value, (text) => text.toLowerCase());
    case 'u': return each(value, (text) => text.replace(/^./su, (c) => c.toUpperCase()));
    case 'a': return each(value, () => attributes(shell.vars.get(target.name)));
    case 'A': return each(value, (text) => `${target.name}=${variableQuote(text)}`);
    case 'K': case 'k': case 'P': return shell.notSimulated(part.text);
    default: return shell.fail(`${part.text}: bad substitution`);
  }
}

/** The letters of declare for a variable. */
export function attributes(variable: Variable | undefined): string {
  if (!variable) return '';
  return (variable.kind === 'indexed' ? 'a' : variable.kind === 'associative' ? 'A' : '') + (variable.integer ? 'i' : '')
    + (variable.letters === 'lower' ? 'l' : '') + (variable.nameref ? 'n' : '') + (variable.readonly ? 'r' : '')
    + (variable.letters === 'upper' ? 'u' : '') + (variable.exported ? 'x' : '');
}
