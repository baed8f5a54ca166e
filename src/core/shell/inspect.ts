import { forEachChild, parse, type Command, type Function as FunctionNode, type ParsedScript, type Script, type SyntaxNode, type Word } from 'unbash';
import { TEXT_PROGRAMS } from '../programs/text/text-programs.ts';
import { unsimulatedOptions } from '../programs/text/options.ts';
import { UNSIMULATED_SET_OPTIONS, UNSIMULATED_SHOPT } from './builtins/set.ts';
import { BUILTINS, KEYWORDS, UNSIMULATED_BUILTINS } from './builtins/table.ts';
import type { Programs } from './computer.ts';
import { firstError } from './interpreter/script.ts';
import { Source } from './interpreter/source.ts';
import { isKnownCommand } from './known-commands.ts';
import { OTHER_SIGNALS } from './signals.ts';

/** Something in a script that the simulator does not do. */
export interface Finding {
  readonly line: number;
  readonly column: number;
  /**
   * `syntax`: bash would not read it; `unknown`: a command of no known name, perhaps a typing error; the others are in Linux and
   * not here.
   */
  readonly kind: 'syntax' | 'construct' | 'command' | 'option' | 'unknown';
  /** `coproc`, `docker`, `sort -R`, `set -n`. */
  readonly what: string;
  /** A sentence. */
  readonly message: string;
}

/** Names what is not simulated in the words of a command; words that are only known when the script runs are null. */
export type OptionChecker = (words: readonly (string | null)[]) => readonly string[];

export interface InspectOptions {
  readonly programs: Programs;
  /** Checkers of programs that know their own options. */
  readonly checkers?: Readonly<Record<string, OptionChecker>>;
}

/** Every construct, builtin, option and command of a script that is not simulated, in order of their places. */
export function inspectScript(text: string, options: InspectOptions): Finding[] {
  const inspector = new Inspector(options);
  inspector.script(parse(text), new Source(text));
  return inspector.findings.sort((a, b) => a.line - b.line || a.column - b.column);
}

const MAX_NESTING = 20;

class Inspector {
  readonly findings: Finding[] = [];
  readonly #options: InspectOptions;
  readonly #functions = new Set<string>();
  #depth = 0;

  constructor(options: InspectOptions) {
    this.#options = options;
  }

  script(script: ParsedScript, source: Source): void {
    if (this.#depth > MAX_NESTING) return;
    this.#depth++;
    const error = firstError(script);
    if (error) this.#add(source, error.pos, 'syntax', error.message, `Syntax error: ${error.message}.`);
    this.#collectFunctions(script);
    this.#visit(script, source);
    this.#depth--;
  }

  #add(source: Source, pos: number, kind: Finding['kind'], what: string, message = `${what} is not simulated.`): void {
    const finding = { line: source.line(pos), column: source.column(pos), kind, what, message };
    if (!this.findings.some((other) => other.line === finding.line && other.column === finding.column && other.what === what)) this.findings.push(finding);
  }

  #collectFunctions(node: SyntaxNode): void {
    if (node.type === 'Function') this.#functions.add((node as FunctionNode).name.value);
    forEachChild(node, (child) => this.#collectFunctions(child));
  }

  #visit(node: SyntaxNode, source: Source): void {
    if (node.type === 'Script') {
      const own = (node as Script).source;
      if (own !== undefined) source = new Source(own, source.firstLine);
    }
    if (node.type === 'Coproc') this.#add(source, node.pos, 'construct', 'coproc');
    if (node.type === 'Select') this.#add(source, node.pos, 'construct', 'select');
    if (node.type === 'ParameterExpansion' && node.operation?.type === 'Transform' && /^[KkP]$/.test(node.operation.operand.text)) this.#add(source, node.pos, 'construct', node.text);
    if (node.type === 'Redirect' && /^\/dev\/(?:tcp|udp)\//.test(node.target?.text ?? '')) this.#add(source, node.pos, 'construct', node.target!.text);
    if (node.type === 'Command') this.#command(node, source);
    forEachChild(node, (child) => this.#visit(child, source));
  }

  #command(node: Command, source: Source): void {
    if (!node.name) return;
    const words = [node.name, ...node.args.filter((arg) => arg.type === 'Word')];
    const skipped = unwrap(words.map(literal));
    this.#wrapper(words.slice(0, skipped), source);
    const rest = words.slice(skipped);
    if (rest.length === 0) return;
    const name = literal(rest[0]!);
    if (name === null || name === '') return;
    this.#name(name, rest, source, node);
  }

  /** Options of the program in front that only runs another. */
  #wrapper(words: readonly Word[], source: Source): void {
    const name = words[0] && literal(words[0]);
    const program = name ? TEXT_PROGRAMS[name] : undefined;
    if (name && program) for (const what of unsimulatedOptions(program, words.map((word) => literal(word) ?? 'x'))) this.#add(source, words[0]!.pos, 'option', what);
  }

  #name(name: string, words: readonly Word[], source: Source, node: Command): void {
    const pos = words[0]!.pos;
    const texts = words.map(literal);
    if (this.#functions.has(name) || KEYWORDS.has(name)) return;
    if (UNSIMULATED_BUILTINS.has(name)) return this.#add(source, pos, 'command', name);
    const base = name.includes('/') && !Object.hasOwn(this.#options.programs, name) ? name.replace(/.*\//, '') : name;
    if (Object.hasOwn(BUILTINS, name)) {
      for (const [i, what] of builtinOptions(name, texts)) this.#add(source, words[i]?.pos ?? pos, 'option', what);
      this.#inner(name, words, source, node);
      return;
    }
    if (Object.hasOwn(this.#options.programs, base)) {
      for (const what of this.#programOptions(base, texts)) this.#add(source, pos, 'option', what);
      this.#inner(base, words, source, node);
      return;
    }
    if (isKnownCommand(base)) this.#add(source, pos, 'command', base);
    else if (!name.includes('/')) this.#add(source, pos, 'unknown', name, `There is no command named ${name}.`);
  }

  #programOptions(name: string, texts: readonly (string | null)[]): readonly string[] {
    const checker = this.#options.checkers?.[name];
    if (checker) return checker(texts);
    const program = TEXT_PROGRAMS[name];
    return program ? unsimulatedOptions(program, [name, ...texts.slice(1).map((text) => text ?? 'x')]) : [];
  }

  /** Scripts inside scripts: `bash -c '...'`, eval, trap, and what a shell reads from a here-document. */
  #inner(name: string, words: readonly Word[], source: Source, node: Command): void {
    const texts = words.map(literal);
    if (name === 'eval') return this.#text(words[1], source);
    if (name === 'trap' && texts[1] !== '-' && words.length > 2) return this.#text(words[1], source);
    if (name !== 'bash' && name !== 'sh' && name !== 'dash') return;
    const flag = texts.findIndex((text) => text !== null && /^-\w*c$/.test(text));
    if (flag > 0) return this.#text(words[flag + 1], source);
    for (const redirect of node.redirects) {
      if (redirect.type === 'HereDoc' && redirect.delimiter?.quoted) this.script(parse(redirect.body.text), new Source(redirect.body.text, source.line(redirect.body.pos)));
    }
  }

  #text(word: Word | undefined, source: Source): void {
    const text = word && literal(word);
    if (word && text) this.script(parse(text), new Source(text, source.line(word.pos)));
  }
}

/** A word's text when it is the same in every run; null otherwise. */
function literal(word: Word): string | null {
  const fixed = (parts: Word['parts']): boolean => (parts ?? []).every((part) => {
    if (part.type === 'Literal' || part.type === 'SingleQuoted' || part.type === 'AnsiCQuoted') return true;
    return part.type === 'DoubleQuoted' && fixed(part.parts);
  });
  return fixed(word.parts) ? word.value : null;
}

const WRAPPERS: Readonly<Record<string, (words: readonly (string | null)[]) => number>> = {
  sudo: (words) => skipOptions(words, /^-(?:u|g|p|C|h|r|t|T|U)$/),
  command: (words) => (/^-[vV]/.test(words[1] ?? '') ? words.length : skipOptions(words, /^$/)),
  builtin: () => 1,
  exec: (words) => skipOptions(words, /^-a$/),
  env: (words) => skipAssignments(words, skipOptions(words, /^-(?:u|C)$/)),
  nohup: (words) => skipOptions(words, /^$/),
  nice: (words) => skipOptions(words, /^-n$/),
  setsid: (words) => skipOptions(words, /^$/),
  stdbuf: (words) => skipOptions(words, /^-[ioe]$/),
  timeout: (words) => skipOptions(words, /^-[ks]$/) + 1,
  xargs: (words) => skipOptions(words, /^-(?:I|n|L|d|E|a|P|s)$/),
  nsenter: (words) => skipOptions(words, /^-(?:t|-target)$/),
  ip: ipWrapper,
};

/** Index of the command that the words in front only run: after `sudo`, `ip netns exec NS`, `timeout 5`. */
function unwrap(words: readonly (string | null)[]): number {
  let at = 0;
  for (let hops = 0; hops < 8; hops++) {
    const name = words[at] ?? '';
    const wrapper = Object.hasOwn(WRAPPERS, name) ? WRAPPERS[name] : undefined;
    const skip = wrapper?.(words.slice(at)) ?? 0;
    if (skip === 0 || at + skip >= words.length) return skip === 0 ? at : wrapper && name !== 'ip' && name !== 'env' ? words.length : at;
    at += skip;
  }
  return at;
}

function skipOptions(words: readonly (string | null)[], withArgument: RegExp): number {
  let i = 1;
  for (; i < words.length && words[i]?.startsWith('-') && words[i] !== '-'; i++) {
    if (words[i] === '--') return i + 1;
    if (withArgument.test(words[i]!)) i++;
  }
  return i;
}

function skipAssignments(words: readonly (string | null)[], from: number): number {
  let i = from;
  while (i < words.length && /^\w+=/.test(words[i] ?? '=')) i++;
  return i;
}

function ipWrapper(words: readonly (string | null)[]): number {
  const at = skipOptions(words, /^-(?:n|netns|f|family)$/);
  const netns = /^net(?:n|ns)$/.test(words[at] ?? '');
  return netns && /^e(?:x|xe|xec)?$/.test(words[at + 1] ?? '') ? at + 3 : 0;
}

/** Options of builtins that are not simulated, with the place of their word. */
function builtinOptions(name: string, words: readonly (string | null)[]): (readonly [number, string])[] {
  const found: (readonly [number, string])[] = [];
  const flags = (letters: string): void => {
    for (let i = 1; i < words.length && words[i]?.startsWith('-') && words[i] !== '--'; i++) {
      for (const letter of words[i]!.slice(1)) if (letters.includes(letter)) found.push([i, `${name} -${letter}`]);
    }
  };
  if (name === 'set') setOptions(words, found);
  else if (name === 'shopt') words.forEach((word, i) => word !== null && words.includes('-s') && UNSIMULATED_SHOPT.has(word) && found.push([i, `shopt -s ${word}`]));
  else if (name === 'read') flags('e');
  else if (name === 'wait') flags('p');
  else if (name === 'jobs') flags('nsx');
  else if (name === 'trap') words.slice(2).forEach((word, i) => word !== null && isUnsimulatedTrap(word) && found.push([i + 2, `trap ... ${word}`]));
  else if (name === 'mapfile' || name === 'readarray') flags('Cc');
  else if (name === 'declare' || name === 'typeset') flags('tI');
  else if (name === 'export' || name === 'readonly') flags('f');
  return found;
}

function setOptions(words: readonly (string | null)[], found: (readonly [number, string])[]): void {
  for (let i = 1; i < words.length && /^-./.test(words[i] ?? '') && words[i] !== '--'; i++) {
    for (const letter of words[i]!.slice(1)) {
      const name = letter === 'o' ? words[++i] : letter;
      if (name && UNSIMULATED_SET_OPTIONS.has(name)) found.push([i, letter === 'o' ? `set -o ${name}` : `set -${name}`]);
    }
  }
}

function isUnsimulatedTrap(word: string): boolean {
  const upper = word.toUpperCase();
  return upper === 'DEBUG' || upper === 'RETURN' || Object.hasOwn(OTHER_SIGNALS, upper.replace(/^(?!SIG)/, 'SIG'));
}
