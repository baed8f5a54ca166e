import type { Step, Shell } from './shell.ts';
import { Fields } from './fields.ts';
import { parseWord, walkParsed } from './words.ts';

/** The text of an arithmetic expression with its `$` expansions done, as in double quotes; quotes themselves go away. */
export function* arithmeticText(shell: Shell, text: string): Step<string> {
  if (!/[$`"'\\]/.test(text)) return text;
  const word = parseWord(`"${withoutQuotes(text)}"`);
  if (!word) return text;
  const fields = new Fields('text', shell.ifs);
  yield* walkParsed(shell, word, fields);
  return fields.text;
}

/** Takes away double quotes that are not inside an expansion. */
function withoutQuotes(text: string): string {
  let result = '';
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (c === '\\') {
      result += text.slice(i, i + 2);
      i++;
      continue;
    }
    if (c === '$' && /[({]/.test(text[i + 1] ?? '')) depth++;
    else if (depth > 0 && (c === ')' || c === '}')) depth--;
    if (c === '"' && depth === 0) continue;
    result += c;
  }
  return result;
}
