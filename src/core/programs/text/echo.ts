import type { Program } from '../../shell/process.ts';
import { decodeEscapes } from './escapes.ts';

/** What echo prints: `-n`, `-e` and `-E` in any order before the text. `escapes` is the default for backslashes. */
export function echoText(args: readonly string[], escapes: boolean): string {
  let i = 0;
  let newline = true;
  for (; i < args.length && /^-[neE]+$/.test(args[i]!); i++) {
    for (const letter of args[i]!.slice(1)) {
      if (letter === 'n') newline = false;
      else escapes = letter === 'e';
    }
  }
  const text = args.slice(i).join(' ');
  if (!escapes) return newline ? `${text}\n` : text;
  const decoded = decodeEscapes(text, 'echo');
  return decoded.stopped || !newline ? decoded.text : `${decoded.text}\n`;
}

/** echo(1) */
export const echo: Program = function* (process) {
  process.stdout.write(echoText(process.argv.slice(1), false));
  return 0;
};
