import type { ArrayValue, Assignment, Word } from 'unbash';
import { evaluateOrFail } from './arithmetic.ts';
import { assignTarget, expandSubscript } from './parameter.ts';
import { assignmentQuote, singleQuote } from './quote.ts';
import type { Shell, Step } from './shell.ts';
import { arrayKeys, makeIndexed, NAME, scalarValue, type Variable, withLetters } from './variables.ts';
import { expandText, expandWord, parseWord } from './words.ts';
import { trace } from './xtrace.ts';

/** The right side of an assignment, expanded. */
export type Assigned =
  | { readonly kind: 'text'; readonly text: string; readonly append: boolean }
  | { readonly kind: 'array'; readonly elements: readonly ArrayElement[]; readonly append: boolean };

export interface ArrayElement {
  /** Text between the brackets of `[key]=value`; null for the next index. */
  readonly key: string | null;
  readonly value: string;
  readonly append: boolean;
}

export function* expandAssignment(shell: Shell, node: Assignment, associative: boolean): Step<Assigned> {
  const append = node.append === true;
  if (node.value.type === 'ArrayValue') return { kind: 'array', elements: yield* expandArray(shell, node.value, associative), append };
  return { kind: 'text', text: yield* expandText(shell, node.value, true), append };
}

function* expandArray(shell: Shell, node: ArrayValue, associative: boolean): Step<ArrayElement[]> {
  const elements: ArrayElement[] = [];
  for (const word of node.elements) {
    const keyed = splitKeyed(word);
    if (!keyed) {
      const words: string[] = [];
      yield* expandWord(shell, word, words);
      elements.push(...words.map((value) => ({ key: null, value, append: false })));
      continue;
    }
    const key = parseWord(keyed.key);
    const value = keyed.value === '' ? null : parseWord(keyed.value);
    elements.push({
      key: key === null ? '' : associative ? yield* expandText(shell, key) : yield* expandSubscript(shell, '', key),
      value: value ? yield* expandText(shell, value, true) : '',
      append: keyed.append,
    });
  }
  return elements;
}

/** `[key]=value` as written; null for another word. */
function splitKeyed(word: Word): { readonly key: string; readonly value: string; readonly append: boolean } | null {
  if (!word.text.startsWith('[')) return null;
  let depth = 0;
  for (let i = 0; i < word.text.length; i++) {
    const c = word.text[i];
    if (c === '[') depth++;
    if (c === ']' && --depth === 0) {
      const match = /^(\+?)=/.exec(word.text.slice(i + 1));
      return match && { key: word.text.slice(1, i), value: word.text.slice(i + 1 + match[0].length), append: match[1] === '+' };
    }
  }
  return null;
}

/** `name=value` as a command of its own. */
export function* assign(shell: Shell, node: Assignment): Step<void> {
  const variable = shell.vars.get(node.name);
  const list = node.value.type === 'ArrayValue';
  if (list && shell.set.has('xtrace')) yield* trace(shell, traceText(node, null, { kind: 'array', elements: [], append: node.append === true }));
  const value = yield* expandAssignment(shell, node, variable?.kind === 'associative');
  const index = node.index ? yield* expandSubscript(shell, node.name, node.index) : null;
  if (!list && shell.set.has('xtrace')) yield* trace(shell, traceText(node, index, value));
  store(shell, node.name, index, value);
}

export function traceText(node: Assignment, index: string | null, value: Assigned): string {
  const left = `${node.name}${index === null ? '' : `[${index}]`}${value.append ? '+' : ''}=`;
  if (value.kind === 'text') return left + assignmentQuote(value.text);
  return node.value.type === 'ArrayValue' ? `${left}(${node.value.elements.map(plainQuotes).join(' ')})` : left;
}

/** A word as it was written, but `$'...'` as the text that it stands for. */
export function plainQuotes(word: Word): string {
  return (word.parts ?? []).some((part) => part.type === 'AnsiCQuoted') ? word.parts!.map((part) => (part.type === 'AnsiCQuoted' ? singleQuote(part.value) : part.text)).join('') : word.text;
}

/** Stores an expanded value in a variable, as its attributes want it. */
export function store(shell: Shell, name: string, index: string | null, value: Assigned): void {
  const resolved = shell.vars.resolve(name);
  const variable = shell.vars.get(resolved);
  if (variable?.readonly) shell.fail(`${resolved}: readonly variable`);
  if (value.kind === 'array') {
    if (index !== null) shell.fail(`${name}[${index}]: cannot assign list to array member`);
    storeArray(shell, resolved, value.elements, value.append);
    return;
  }
  if (!value.append && !variable?.integer && index === null) return shell.assign(resolved, value.text);
  const before = index === null ? scalarValue(variable) : currentElement(shell, variable, index);
  let text = value.text;
  if (variable?.integer) text = String(evaluateOrFail(shell, value.text || '0') + (value.append ? evaluateOrFail(shell, before || '0') : 0n));
  else if (value.append) text = (before ?? '') + value.text;
  assignTarget(shell, { name: resolved, index }, variable ? withLetters(variable, text) : text);
}

function currentElement(shell: Shell, variable: Variable | undefined, index: string): string | undefined {
  if (!variable) return undefined;
  if (variable.kind === 'associative') return variable.associative.get(index);
  const at = Number(evaluateOrFail(shell, index));
  return variable.kind === 'indexed' ? variable.indexed.get(at) : at === 0 ? variable.value : undefined;
}

function storeArray(shell: Shell, name: string, elements: readonly ArrayElement[], append: boolean): void {
  if (!NAME.test(name)) shell.fail(`\`${name}': not a valid identifier`);
  const variable = shell.vars.ensure(name);
  if (variable.kind === 'associative') {
    storeAssociative(shell, name, variable, elements, append);
    return;
  }
  makeIndexed(variable);
  if (!append) variable.indexed = new Map();
  let next = Number(arrayKeys(variable).at(-1) ?? -1) + 1;
  for (const element of elements) {
    if (element.key !== null) next = Number(evaluateOrFail(shell, element.key));
    if (next < 0) shell.fail(`[${element.key}]=${element.value}: bad array subscript`);
    const text = (element.append ? (variable.indexed.get(next) ?? '') : '') + element.value;
    variable.indexed.set(next, withLetters(variable, variable.integer ? String(evaluateOrFail(shell, text || '0')) : text));
    next++;
  }
}

function storeAssociative(shell: Shell, name: string, variable: Variable, elements: readonly ArrayElement[], append: boolean): void {
  if (!append) variable.associative = new Map();
  if (elements.length > 0 && elements.every((element) => element.key === null)) {
    // Without keys, the words are keys and values in turn.
    for (let i = 0; i < elements.length; i += 2) variable.associative.set(elements[i]!.value, elements[i + 1]?.value ?? '');
    return;
  }
  for (const element of elements) {
    if (element.key === null) {
      shell.complain(`${name}: ${element.value}: must use subscript when assigning associative array`);
      continue;
    }
    variable.associative.set(element.key, (element.append ? (variable.associative.get(element.key) ?? '') : '') + element.value);
  }
}
