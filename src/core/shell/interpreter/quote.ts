/** Ways in which bash quotes a text so that it can be read again. */

const CONTROL = /[\x00-\x1f\x7f]/;
const NAMED: Readonly<Record<string, string>> = { '\x07': 'a', '\b': 'b', '\x1b': 'E', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't', '\v': 'v' };

/** `$'a\nb'` (ansic_quote) */
export function ansiQuote(text: string): string {
  let inner = '';
  for (const c of text) {
    if (NAMED[c]) inner += `\\${NAMED[c]}`;
    else if (c === '\\' || c === "'") inner += `\\${c}`;
    else inner += CONTROL.test(c) ? `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}` : c;
  }
  return `$'${inner}'`;
}

/** `'it'\''s'` (sh_single_quote) */
export function singleQuote(text: string): string {
  return text === "'" ? "\\'" : `'${text.replaceAll("'", "'\\''")}'`;
}

/** `a\ b` (sh_backslash_quote), as `printf %q` does it. */
export function backslashQuote(text: string): string {
  if (text === '') return "''";
  if (CONTROL.test(text)) return ansiQuote(text);
  return text.replace(/[ !"$&'()*,;<>?[\\\]^`{|}]|^[#~]|(?<=[:=])~/g, '\\$&');
}

/** `${x@Q}`, and what `set` prints. */
export function variableQuote(text: string): string {
  return CONTROL.test(text) ? ansiQuote(text) : `'${text.replaceAll("'", "'\\''")}'`;
}

/** An argument in the trace of `set -x`: quoted only when it must be (xtrace_print_word_list). */
export function traceQuote(text: string): string {
  if (text === '') return "''";
  if (/[\x00-\x06\x0e-\x1a\x1c-\x1f\x7f]/.test(text)) return ansiQuote(text);
  return /[ \t\n'"\\|&;()<>!{}*[\]?^$`]|^[#~]|[:=]~/.test(text) ? singleQuote(text) : text;
}

/** A value in `set` and in the trace of an assignment. */
export function assignmentQuote(text: string): string {
  return text === '' ? '' : traceQuote(text);
}

/** `"a\"b"`, as `declare -p` and `export -p` print values. */
export function doubleQuote(text: string): string {
  return CONTROL.test(text) ? ansiQuote(text) : `"${text.replace(/[\\"$`]/g, '\\$&')}"`;
}

/** Decodes backslash escapes as `$'...'` and `${x@E}` do. */
export function decodeAnsi(text: string): string {
  return text.replace(/\\(?:([abeEfnrtv\\'"?])|([0-7]{1,3})|x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|c(.))/gs, (_, letter: string, octal: string, hex: string, u: string, U: string, control: string) => {
    if (letter) return letter === 'e' ? '\x1b' : (Object.entries(NAMED).find(([, name]) => name === letter)?.[0] ?? letter);
    if (control) return String.fromCharCode(control.charCodeAt(0) & 0x1f);
    if (octal) return String.fromCharCode(Number.parseInt(octal, 8) & 0xff);
    return String.fromCodePoint(Number.parseInt(hex ?? u ?? U, 16));
  });
}
