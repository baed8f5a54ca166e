/** Tokens of an awk program. */

export interface Token {
  readonly kind: 'number' | 'string' | 'regex' | 'name' | 'call' | 'builtin' | 'keyword' | 'operator' | 'newline' | 'end';
  readonly text: string;
  readonly line: number;
}

export class AwkError extends Error {}

const KEYWORDS = new Set(['BEGIN', 'END', 'function', 'func', 'if', 'else', 'while', 'for', 'do', 'break', 'continue', 'next', 'nextfile', 'exit', 'return', 'delete', 'in', 'getline', 'print', 'printf']);
export const BUILTIN_NAMES: ReadonlySet<string> = new Set([
  'length', 'substr', 'index', 'split', 'sub', 'gsub', 'match', 'sprintf', 'sin', 'cos', 'atan2', 'exp', 'log', 'sqrt', 'int', 'rand', 'srand', 'tolower', 'toupper', 'system', 'close', 'fflush', 'strftime', 'systime',
]);
const OPERATOR = /^(?:\+\+|--|\+=|-=|\*=|\/=|%=|\^=|==|<=|>=|!=|!~|&&|\|\||>>|[-+*/%^!<>|?:~$=(){}[\];,])/;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v', '"': '"', '/': '/', '\\': '\\' };

/** Decodes the escapes of a string constant; one that is unknown keeps its backslash. */
export function decodeString(text: string): string {
  return text.replace(/\\(?:([0-7]{1,3})|\n|([^]))/g, (whole, octal: string | undefined, c: string | undefined) => {
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 255);
    return c === undefined ? '' : (ESCAPES[c] ?? whole);
  });
}

/** Splits a program into tokens. Throws AwkError. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let line = 1;
  let at = 0;
  const push = (kind: Token['kind'], value: string, length: number): void => {
    tokens.push({ kind, text: value, line });
    at += length;
  };
  while (at < text.length) {
    const rest = text.slice(at);
    const skip = /^(?:[ \t\r]+|\\\r?\n|#[^\n]*)/.exec(rest)?.[0];
    if (skip !== undefined) {
      if (skip.startsWith('\\')) line++;
      at += skip.length;
      continue;
    }
    if (rest[0] === '\n') {
      push('newline', '\n', 1);
      line++;
      continue;
    }
    if (rest[0] === '"') {
      const match = /^"((?:[^"\\\n]|\\[^])*)"/.exec(rest);
      if (!match) throw new AwkError(`${line}: runaway string constant "${rest.slice(1, 11)} ...`);
      push('string', decodeString(match[1]!), match[0].length);
      continue;
    }
    if (rest[0] === '/' && regexMayStand(tokens.at(-1))) {
      const match = /^\/((?:[^/\\\n[]|\\[^]|\[\^?\]?(?:\[:\w+:\]|[^\]\n])*\])*)\//.exec(rest);
      if (!match) throw new AwkError(`${line}: runaway regular expression ${rest.slice(0, 10)} ...`);
      push('regex', match[1]!.replaceAll('\\/', '/').replaceAll('\\"', '"'), match[0].length);
      continue;
    }
    const number = /^(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?/.exec(rest)?.[0];
    if (number !== undefined) {
      push('number', number, number.length);
      continue;
    }
    const name = /^[A-Za-z_]\w*/.exec(rest)?.[0];
    if (name !== undefined) {
      const kind = KEYWORDS.has(name) ? 'keyword' : BUILTIN_NAMES.has(name) ? 'builtin' : rest[name.length] === '(' ? 'call' : 'name';
      push(kind, name === 'func' ? 'function' : name, name.length);
      continue;
    }
    const operator = OPERATOR.exec(rest)?.[0];
    if (operator === undefined) throw new AwkError(`${line}: unexpected character '${rest[0]}'`);
    push('operator', operator, operator.length);
  }
  tokens.push({ kind: 'newline', text: '\n', line }, { kind: 'end', text: '', line: line + 1 });
  return tokens;
}

/** After a value a slash divides. */
function regexMayStand(before: Token | undefined): boolean {
  if (!before) return true;
  if (before.kind === 'number' || before.kind === 'string' || before.kind === 'name' || before.kind === 'builtin' || before.kind === 'regex') return false;
  return !(before.kind === 'operator' && /^(?:\)|\]|\$|\+\+|--)$/.test(before.text));
}
