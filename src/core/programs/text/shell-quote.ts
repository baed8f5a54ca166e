/** Quotes a text for the shell as `printf %q` of bash does (sh_backslash_quote). */
export { backslashQuote } from '../../shell/interpreter/quote.ts';
