import { NotSimulated } from '../../shell/process.ts';
import { canonical, isObject, type Json } from '../api-object.ts';

/** A template in pieces: text, a path, or a range over the items of a path. */
type Piece = { readonly text: string } | { readonly path: readonly string[] } | { readonly range: readonly string[]; readonly body: readonly Piece[] };

/**
 * kubectl's JSONPath, as far as it is simulated: `{.a.b}`, `{.items[0].x}`, `{.items[*].x}`, `{.a['b.c']}`, `{.a.b\.c}`, `{"\n"}`,
 * `{range PATH}...{end}`. Throws NotSimulated for filters, slices, `..` and unions.
 */
export function jsonPath(template: string, value: Json): string {
  const pieces = parsePieces(tokens(template.startsWith('{') || template.includes('{') ? template : `{${template}}`), false);
  return render(pieces, value);
}

function* tokens(template: string): Generator<{ braces: boolean; text: string }> {
  let at = 0;
  while (at < template.length) {
    const open = template.indexOf('{', at);
    if (open < 0) return yield { braces: false, text: template.slice(at) };
    if (open > at) yield { braces: false, text: template.slice(at, open) };
    let end = open + 1;
    let quote = '';
    for (; end < template.length && (quote !== '' || template[end] !== '}'); end++) {
      const letter = template[end]!;
      if (quote === '' && (letter === '"' || letter === "'")) quote = letter;
      else if (letter === quote) quote = '';
    }
    yield { braces: true, text: template.slice(open + 1, end).trim() };
    at = end + 1;
  }
}

function parsePieces(source: Generator<{ braces: boolean; text: string }>, inRange: boolean): Piece[] {
  const pieces: Piece[] = [];
  for (let next = source.next(); !next.done; next = source.next()) {
    const { braces, text } = next.value;
    if (!braces) pieces.push({ text });
    else if (text === 'end') {
      if (inRange) return pieces;
      throw new NotSimulated(`the JSONPath {${text}} without a range`);
    } else if (text.startsWith('range ')) pieces.push({ range: pathOf(text.slice(6).trim()), body: parsePieces(source, true) });
    else if (/^".*"$/s.test(text)) pieces.push({ text: text.slice(1, -1).replace(/\\(.)/g, (_, letter: string) => ESCAPES[letter] ?? letter) });
    else pieces.push({ path: pathOf(text) });
  }
  return pieces;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };

/** The keys of a path; `*` for all items. */
function pathOf(text: string): string[] {
  const keys: string[] = [];
  let rest = text.replace(/^[$@]/, '');
  while (rest !== '' && rest !== '.') {
    const match = /^\.((?:\\.|[^.[\\])+)|^\[(\*|-?\d+)\]|^\[(['"])(.*?)\3\]/.exec(rest);
    if (!match) throw new NotSimulated(`the JSONPath {${text}}`);
    keys.push(match[1]?.replace(/\\(.)/g, '$1') ?? match[2] ?? match[4]!);
    rest = rest.slice(match[0].length);
  }
  return keys;
}

function found(value: Json | undefined, keys: readonly string[]): Json[] {
  const [key, ...rest] = keys;
  if (value === undefined) return [];
  if (key === undefined) return [value];
  if (key === '*') return (Array.isArray(value) ? value : isObject(value) ? Object.values(value) : []).flatMap((item: Json | undefined) => found(item, rest));
  if (Array.isArray(value)) return found((value as readonly Json[]).at(Number(key)), rest);
  return found(isObject(value) ? value[key] : undefined, rest);
}

function render(pieces: readonly Piece[], value: Json): string {
  return pieces.map((piece) => {
    if ('text' in piece) return piece.text;
    if ('path' in piece) return found(value, piece.path).map((item) => (typeof item === 'string' ? item : canonical(item))).join(' ');
    return found(value, piece.range).map((item) => render(piece.body, item)).join('');
  }).join('');
}
