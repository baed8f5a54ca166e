import { store, type Assigned } from '../interpreter/assignments.ts';
import { attributes } from '../interpreter/parameter-operations.ts';
import { assignmentQuote, doubleQuote } from '../interpreter/quote.ts';
import { functionText } from '../interpreter/function-text.ts';
import type { Shell, Step } from '../interpreter/shell.ts';
import { trace } from '../interpreter/xtrace.ts';
import { arrayKeys, arrayValues, makeIndexed, Variable } from '../interpreter/variables.ts';
import { badOption, type Builtin, type BuiltinCall, plain, say } from './builtin.ts';

const DECLARE_USAGE = '[-aAfFgiIlnrtux] [name[=value] ...] or declare -p [-aAfFilnrtux] [name ...]';

/** `declare -x name="value"`, as `declare -p` prints a variable. */
export function declaration(name: string, variable: Variable): string {
  const flags = attributes(variable);
  const head = `declare -${flags === '' ? '-' : flags} ${name}`;
  if (variable.kind === 'scalar') return variable.value === undefined ? head : `${head}=${doubleQuote(variable.value)}`;
  const values = arrayValues(variable);
  const items = arrayKeys(variable).map((key, i) => `[${variable.kind === 'associative' ? keyText(key) : key}]=${doubleQuote(values[i]!)}`);
  return variable.kind === 'associative' ? `${head}=(${items.map((item) => `${item} `).join('')})` : `${head}=(${items.join(' ')})`;
}

function keyText(key: string): string {
  return /^[\w./-]+$/.test(key) ? key : doubleQuote(key);
}

/** The flags of declare and its like, from `-xr`; `+x` takes away. */
interface Flags {
  readonly on: Set<string>;
  readonly off: Set<string>;
  readonly next: number;
}

function readFlags(shell: Shell, words: readonly string[], allowed: string, usage: string): Flags | null {
  const on = new Set<string>();
  const off = new Set<string>();
  let i = 1;
  for (; i < words.length && /^[-+]./.test(words[i]!); i++) {
    const word = words[i]!;
    if (word === '--') {
      i++;
      break;
    }
    for (const letter of word.slice(1)) {
      if (!allowed.includes(letter)) {
        badOption(shell, words[0]!, `${word[0]}${letter}`, `${words[0]} ${usage}`);
        return null;
      }
      (word.startsWith('-') ? on : off).add(letter);
    }
  }
  return { on, off, next: i };
}

/** Splits `name[sub]+=value`; the name is checked. */
function splitWord(word: string): { readonly name: string; readonly index: string | null; readonly value: string | null; readonly append: boolean } | null {
  const match = /^([A-Za-z_]\w*)(?:\[(.*?)\])?(?:(\+?)=(.*))?$/s.exec(word);
  return match && { name: match[1]!, index: match[2] ?? null, value: match[4] ?? null, append: match[3] === '+' };
}

/** Declares one name with its attributes in the scope that `local` says. */
function declareOne(shell: Shell, who: string, word: string, assigned: Assigned | undefined, flags: Flags, local: boolean): number {
  const parts = splitWord(word);
  if (!parts) {
    say(shell, who, `\`${word}': not a valid identifier`);
    return 1;
  }
  const { name } = parts;
  const scopes = shell.vars;
  if (local && !scopes.local.has(name)) {
    if (scopes.raw(name)?.readonly) {
      say(shell, who, `${name}: readonly variable`);
      return 1;
    }
    scopes.local.set(name, new Variable());
  }
  const variable = flags.on.has('n') || flags.off.has('n') ? (scopes.raw(name) ?? scopes.ensure(name)) : flags.on.has('g') ? globalVariable(shell, name) : scopes.ensure(name);
  if (variable.readonly && (assigned || parts.value !== null)) {
    say(shell, who, `${name}: readonly variable`);
    return 1;
  }
  if (!changeKind(shell, who, name, variable, flags)) return 1;
  applyAttributes(variable, flags);
  if (assigned || parts.value !== null) {
    const value = assigned ?? { kind: 'text' as const, text: parts.value!, append: parts.append };
    if (flags.on.has('n') && value.kind === 'text') variable.value = value.text;
    else if (flags.on.has('g')) storeGlobal(shell, name, parts.index, value);
    else store(shell, name, parts.index, value);
  }
  if (flags.on.has('r')) variable.readonly = true;
  return 0;
}

function globalVariable(shell: Shell, name: string): Variable {
  let variable = shell.vars.global.get(name);
  if (!variable) shell.vars.global.set(name, (variable = new Variable()));
  return variable;
}

/** Assigns in the outermost scope, past the functions' local variables. */
function storeGlobal(shell: Shell, name: string, index: string | null, value: Assigned): void {
  const inner = shell.vars.scopes.splice(1);
  try {
    store(shell, name, index, value);
  } finally {
    shell.vars.scopes.push(...inner);
  }
}

function changeKind(shell: Shell, who: string, name: string, variable: Variable, flags: Flags): boolean {
  if (flags.on.has('a')) {
    if (variable.kind === 'associative') {
      say(shell, who, `${name}: cannot convert associative to indexed array`);
      return false;
    }
    makeIndexed(variable);
  }
  if (flags.on.has('A')) {
    if (variable.kind === 'indexed') {
      say(shell, who, `${name}: cannot convert indexed to associative array`);
      return false;
    }
    if (variable.kind === 'scalar') {
      variable.kind = 'associative';
      if (variable.value !== undefined) variable.associative.set('0', variable.value);
      variable.value = undefined;
    }
  }
  return true;
}

function applyAttributes(variable: Variable, { on, off }: Flags): void {
  if (on.has('x')) variable.exported = true;
  if (off.has('x')) variable.exported = false;
  if (on.has('i')) variable.integer = true;
  if (off.has('i')) variable.integer = false;
  if (on.has('l')) variable.letters = 'lower';
  if (on.has('u')) variable.letters = 'upper';
  if (off.has('l') || off.has('u')) variable.letters = null;
  if (on.has('n')) variable.nameref = true;
  if (off.has('n')) variable.nameref = false;
}

export const declare: Builtin = plain((shell, words, call) => {
  const flags = readFlags(shell, words, 'aAfFgilnprtuxI', DECLARE_USAGE);
  if (!flags) return 2;
  if (flags.on.has('f') || flags.on.has('F')) return listFunctions(shell, words.slice(flags.next), flags.on.has('F'));
  if (flags.on.has('t') || flags.on.has('I')) shell.notSimulated(`${words[0]} -${flags.on.has('t') ? 't' : 'I'}`);
  const names = words.slice(flags.next);
  if (flags.on.has('p') || names.length === 0) return print(shell, words[0]!, names, flags);
  return each(shell, words, call, flags, shell.calls.length > 0 && !flags.on.has('g'));
});

function each(shell: Shell, words: readonly string[], call: BuiltinCall, flags: Flags, local: boolean): number {
  let status = 0;
  for (let i = flags.next; i < words.length; i++) {
    if (declareOne(shell, words[0]!, words[i]!, call.assigned.get(i), flags, local) !== 0) status = 1;
  }
  return status;
}

function print(shell: Shell, who: string, names: readonly string[], flags: Flags): number {
  let status = 0;
  const letters = [...flags.on].filter((letter) => letter !== 'p' && letter !== 'g');
  const shown = names.length > 0 ? names : shell.vars.names().filter((name) => letters.every((letter) => attributes(shell.vars.raw(name)).includes(letter)));
  for (const name of shown) {
    const variable = shell.vars.raw(name);
    if (variable) shell.out(`${declaration(name, variable)}\n`);
    else {
      say(shell, who, `${name}: not found`);
      status = 1;
    }
  }
  return status;
}

function listFunctions(shell: Shell, names: readonly string[], namesOnly: boolean): number {
  let status = 0;
  for (const name of names.length > 0 ? names : [...shell.functions.keys()].sort()) {
    const fn = shell.functions.get(name);
    if (!fn) status = 1;
    else shell.out(namesOnly ? (names.length > 0 ? `${name}\n` : `declare -f ${name}\n`) : `${functionText(fn.node, fn.source)}\n`);
  }
  return status;
}

export const local: Builtin = plain((shell, words, call) => {
  if (shell.calls.length === 0) {
    say(shell, 'local', 'can only be used in a function');
    return 1;
  }
  const flags = readFlags(shell, words, 'aAilnrux', 'local [option] name[=value] ...');
  if (!flags) return 2;
  if (flags.next === words.length) return print(shell, 'local', [...shell.vars.local.keys()].sort(), flags);
  return each(shell, words, call, flags, true);
});

/** export and readonly: names get the attribute where they are. */
function attribute(letter: 'x' | 'r', usage: string): Builtin {
  return function* (shell, words, call) {
    const flags = readFlags(shell, words, 'fnpaA', usage);
    if (!flags) return 2;
    if (flags.on.has('f')) return shell.notSimulated(`${words[0]} -f`);
    const names = words.slice(flags.next);
    if (shell.set.has('xtrace')) yield* traceAssignments(shell, words, call);
    const wanted: Flags = {
      on: new Set([...(flags.on.has('n') ? [] : [letter]), ...['a', 'A'].filter((kind) => flags.on.has(kind))]), off: new Set(flags.on.has('n') ? [letter] : []), next: flags.next,
    };
    if (names.length === 0) return print(shell, words[0]!, [], wanted);
    return each(shell, words, call, wanted, false);
  };
}

/** The trace shows what export and readonly assign once more. */
function* traceAssignments(shell: Shell, words: readonly string[], call: BuiltinCall): Step<void> {
  for (const [at, value] of call.assigned) if (value.kind === 'text') yield* trace(shell, `${words[at]!.replace(/=.*/s, '')}=${assignmentQuote(value.text)}`);
}

export const exportBuiltin = attribute('x', '[-fn] [name[=value] ...] or export -p');
export const readonly = attribute('r', '[-aAf] [name[=value] ...] or readonly -p');

export const unset: Builtin = plain((shell, words) => {
  const flags = readFlags(shell, words, 'fvn', '[-f] [-v] [-n] [name ...]');
  if (!flags) return 2;
  let status = 0;
  for (const name of words.slice(flags.next)) {
    if (flags.on.has('f')) shell.functions.delete(name);
    else if (!unsetOne(shell, name, flags)) status = 1;
  }
  return status;
});

function unsetOne(shell: Shell, name: string, flags: Flags): boolean {
  const parts = splitWord(name);
  if (!parts || parts.value !== null) {
    say(shell, 'unset', `\`${name}': not a valid identifier`);
    return false;
  }
  const target = flags.on.has('n') ? parts.name : shell.vars.resolve(parts.name);
  const variable = shell.vars.raw(target);
  if (variable?.readonly) {
    say(shell, 'unset', `${target}: cannot unset: readonly variable`);
    return false;
  }
  if (parts.index !== null && variable) {
    if (variable.kind === 'associative') variable.associative.delete(parts.index);
    else if (parts.index === '@' || parts.index === '*') shell.vars.unset(target);
    else variable.indexed.delete(Number(parts.index));
    return true;
  }
  if (!variable && !flags.on.has('v')) shell.functions.delete(name);
  else shell.vars.unset(target);
  return true;
}

