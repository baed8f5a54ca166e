import type { ParseError } from 'unbash';
import type { ScriptKind } from './script.ts';
import type { Shell } from './shell.ts';

/** What bash prints about a syntax error. */
export function syntaxErrorText(shell: Shell, error: ParseError, kind: ScriptKind): string {
  const { source } = shell;
  const where = `${shell.errorName}: ${kind === 'eval' ? 'eval: ' : kind === 'main' && shell.commandString ? '-c: ' : ''}`;
  const at = (line: number, text: string): string => `${where}line ${line}: ${text}\n`;
  const lastLine = source.line(source.text.length) + (source.text.endsWith('\n') ? 0 : 1);
  const unclosed = UNCLOSED.find(([message]) => error.message.startsWith(message));
  if (unclosed) return at(unclosed[1] === ')' ? lastLine : source.line(error.pos), `unexpected EOF while looking for matching \`${unclosed[1]}'`);
  const token = tokenAt(source.text, error);
  if (token === null) return at(lastLine, 'syntax error: unexpected end of file');
  const line = source.line(error.pos);
  // Under set -e, the first message already ends the shell.
  const near = at(line, `syntax error near unexpected token \`${token}'`);
  return shell.set.has('errexit') ? near : near + at(line, `\`${source.lineText(error.pos)}'`);
}

const UNCLOSED: readonly (readonly [message: string, mark: string])[] = [
  ['unterminated double quote', '"'],
  ['unterminated single quote', "'"],
  ['unterminated parameter expansion', '}'],
  ['unterminated command substitution', ')'],
  ['unterminated arithmetic', ')'],
  ['unterminated backtick', '`'],
  ['unterminated process substitution', ')'],
];

/** The token that should not be there; null when the text ended too early. */
function tokenAt(text: string, error: ParseError): string | null {
  const named = /^unexpected (?:token|argument) '(.*)'/s.exec(error.message)?.[1];
  if (named !== undefined) return named;
  const rest = text.slice(error.pos).replace(/^[ \t]+/, '');
  if (error.message === 'expected redirect target' && /^(?:#.*)?(?:\n|$)/.test(rest)) return 'newline';
  if (/^\s*$/.test(rest)) return null;
  if (rest.startsWith('\n')) return 'newline';
  return /^(?:;;&|;;|;&|&&|\|\||\|&|[;&|()<>]|[^\s;&|()<>]+)/.exec(rest)?.[0] ?? null;
}
