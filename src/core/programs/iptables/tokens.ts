import { fail } from './xtables-error.ts';

/**
 * The words of a line of iptables-restore's input (add_param_to_argv). Quotes keep spaces, and the end of a quote ends the word; a
 * backslash counts only within quotes.
 */
export function tokenize(line: string): string[] {
  return line.includes('"') ? quotedWords(line) : plainWords(line);
}

const QUOTE = 34;
const BACKSLASH = 92;

function isSpace(code: number): boolean {
  return code === 32 || code === 9 || code === 10;
}

function plainWords(line: string): string[] {
  const words: string[] = [];
  let start = -1;
  for (let i = 0; i < line.length; i++) {
    if (isSpace(line.charCodeAt(i))) {
      if (start >= 0) words.push(line.slice(start, i));
      start = -1;
    } else if (start < 0) start = i;
  }
  if (start >= 0) words.push(line.slice(start));
  return words;
}

function quotedWords(line: string): string[] {
  const words: string[] = [];
  let word = '';
  for (let i = 0; i < line.length; i++) {
    const code = line.charCodeAt(i);
    if (code === QUOTE) {
      const end = quoteEnd(line, i + 1);
      word += unescape(line.slice(i + 1, end));
      i = end;
      // An open quote takes the rest of the line, and a word of nothing is none.
      if (i < line.length || word !== '') words.push(word);
      word = '';
    } else if (isSpace(code)) {
      if (word !== '') words.push(word);
      word = '';
    } else {
      const start = i;
      while (i + 1 < line.length && !isSpace(line.charCodeAt(i + 1)) && line.charCodeAt(i + 1) !== QUOTE) i++;
      word += line.slice(start, i + 1);
    }
  }
  if (word !== '') words.push(word);
  return words;
}

/** Where the quote that begins before `from` ends. */
function quoteEnd(line: string, from: number): number {
  let i = from;
  while (i < line.length && line.charCodeAt(i) !== QUOTE) i += line.charCodeAt(i) === BACKSLASH ? 2 : 1;
  return Math.min(i, line.length);
}

function unescape(text: string): string {
  return text.includes('\\') ? text.replace(/\\(.?)/gs, '$1') : text;
}

/** `[PACKETS:BYTES]` at the start of a line, and the rest; null when there is none. */
export function lineCounters(line: string, number: number): { readonly packets: string; readonly bytes: string; readonly rest: string } | null {
  if (!line.startsWith('[')) return null;
  const end = line.indexOf(']');
  if (end < 0) fail(`Bad line ${number}: need ]`);
  const colon = line.indexOf(':');
  if (colon < 0 || colon > end) fail(`Bad line ${number}: need ]`);
  return { packets: line.slice(1, colon), bytes: line.slice(colon + 1, end), rest: line.slice(end + 1) };
}
