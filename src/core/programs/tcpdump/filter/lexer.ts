/** One word of a filter expression. */
export interface Token {
  readonly kind: 'word' | 'number' | 'address' | 'mac' | 'operator' | 'end';
  readonly text: string;
  /** Written with a backslash: a name even if it is a keyword. */
  readonly escaped: boolean;
}

/** What is wrong with a filter, in the words of libpcap. */
export class FilterError extends Error {}

export const SYNTAX_ERROR = "can't parse filter expression: syntax error";

const PATTERNS: readonly [Token['kind'], RegExp][] = [
  ['mac', /^(?:[0-9a-fA-F]{1,2}([:.-])(?:[0-9a-fA-F]{1,2}\1){4}[0-9a-fA-F]{1,2}|[0-9a-fA-F]{4}\.[0-9a-fA-F]{4}\.[0-9a-fA-F]{4}|[0-9a-fA-F]{12})(?![\w:.])/],
  ['address', /^\d+(?:\.\d+){1,3}(?![\w.])/],
  ['number', /^(?:0[xX][0-9a-fA-F]+|\d+)(?![\w.-])/],
  ['operator', /^(?:<<|>>|<=|>=|!=|==|&&|\|\||[-+*/%&|^=<>!()[\]:])/],
];
const NAME = /^[A-Za-z0-9](?:[-_.A-Za-z0-9]*[.A-Za-z0-9])?/;

/** Cuts a filter expression into words. Throws FilterError. */
export function lex(text: string): Token[] {
  const tokens: Token[] = [];
  let rest = text;
  for (;;) {
    rest = rest.replace(/^[ \t\r\n]+/, '');
    if (rest === '') break;
    const token = next(rest);
    tokens.push(token);
    rest = rest.slice(token.text.length + (token.escaped ? 1 : 0));
  }
  tokens.push({ kind: 'end', text: '', escaped: false });
  return tokens;
}

function next(rest: string): Token {
  if (rest.startsWith('\\')) {
    const name = /^[^ !()\n\t]+/.exec(rest.slice(1))?.[0];
    if (name === undefined) throw new FilterError(SYNTAX_ERROR);
    return { kind: 'word', text: name, escaped: true };
  }
  for (const [kind, pattern] of PATTERNS) {
    const found = pattern.exec(rest)?.[0];
    if (found !== undefined) return { kind, text: found, escaped: false };
  }
  const name = NAME.exec(rest)?.[0];
  if (name === undefined) throw new FilterError(SYNTAX_ERROR);
  return { kind: 'word', text: name, escaped: false };
}

/** A number as the filter language writes it: decimal, 0x hexadecimal, 0 octal. */
export function numberOf(text: string): number {
  if (/^0[xX]/.test(text)) return Number.parseInt(text.slice(2), 16);
  if (/^0[0-7]+$/.test(text)) return Number.parseInt(text, 8);
  return Number(text);
}

/** A MAC in any of the ways that `mac` words may have; 02:0:0:0:0:1, 0200.0000.0001, 020000000001. */
export function macOf(text: string): number {
  const groups = text.split(/[:.-]/);
  const digits = groups.length === 6 ? groups.map((group) => group.padStart(2, '0')).join('') : groups.join('');
  return Number.parseInt(digits, 16);
}
