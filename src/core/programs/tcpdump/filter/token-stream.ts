import { FilterError, lex, SYNTAX_ERROR, type Token } from './lexer.ts';

/** The words of an expression, with a place in them. */
export interface TokenStream {
  peek(): Token;
  next(): Token;
  /** Takes the word if it is this one. */
  take(text: string): boolean;
  mark(): number;
  reset(mark: number): void;
  fail(): never;
}

export function tokenStream(text: string): TokenStream {
  const tokens = lex(text);
  let at = 0;
  const peek = (): Token => tokens[Math.min(at, tokens.length - 1)]!;
  return {
    peek,
    next: () => tokens[Math.min(at++, tokens.length - 1)]!,
    take: (wanted) => {
      const token = peek();
      if (token.text !== wanted || token.escaped || token.kind === 'end') return false;
      at++;
      return true;
    },
    mark: () => at,
    reset: (mark) => { at = mark; },
    fail: () => { throw new FilterError(SYNTAX_ERROR); },
  };
}
