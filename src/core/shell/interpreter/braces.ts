/** Brace expansion, on the text of a word as it was written: `a{b,c}d`, `{1..5}`, `{a..e..2}`. Quotes and `${...}` are left alone. */

/** A word's text expanded; the text alone when it has no braces to expand. */
export function expandBraces(text: string): string[] {
  for (let i = 0; i < text.length; i++) {
    const skipped = skipQuoted(text, i);
    if (skipped > i) {
      i = skipped - 1;
      continue;
    }
    if (text[i] !== '{') continue;
    const group = findGroup(text, i);
    if (!group) continue;
    const before = text.slice(0, i);
    const rest = expandBraces(text.slice(group.end));
    const middles = group.items.flatMap((item) => (group.sequence ? [item] : expandBraces(item)));
    return middles.flatMap((middle) => rest.map((after) => before + middle + after));
  }
  return [text];
}

interface Group {
  readonly items: string[];
  readonly sequence: boolean;
  readonly end: number;
}

function findGroup(text: string, open: number): Group | null {
  const commas: number[] = [];
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    const skipped = skipQuoted(text, i);
    if (skipped > i) {
      i = skipped - 1;
      continue;
    }
    const c = text[i];
    if (c === '{') depth++;
    else if (c === ',' && depth === 1) commas.push(i);
    else if (c === '}' && --depth === 0) {
      if (commas.length > 0) {
        const edges = [open, ...commas, i];
        return { items: edges.slice(1).map((edge, n) => text.slice(edges[n]! + 1, edge)), sequence: false, end: i + 1 };
      }
      const items = sequence(text.slice(open + 1, i));
      return items && { items, sequence: true, end: i + 1 };
    }
  }
  return null;
}

const MAX_ITEMS = 100_000;

function sequence(inner: string): string[] | null {
  const match = /^(-?\d+|[A-Za-z])\.\.(-?\d+|[A-Za-z])(?:\.\.(-?\d+))?$/.exec(inner);
  if (!match) return null;
  const [from, to] = [match[1]!, match[2]!];
  const letters = /^[A-Za-z]$/.test(from) && /^[A-Za-z]$/.test(to);
  if (!letters && !(/\d/.test(from) && /\d/.test(to))) return null;
  const start = letters ? from.charCodeAt(0) : Number(from);
  const end = letters ? to.charCodeAt(0) : Number(to);
  const step = Math.max(1, Math.abs(Number(match[3] ?? 1)));
  if (Math.abs(end - start) / step >= MAX_ITEMS) return null;
  const padded = /^-?0\d/.test(from) || /^-?0\d/.test(to);
  const width = padded ? Math.max(from.length, to.length) : 0;
  const items: string[] = [];
  for (let n = start; start <= end ? n <= end : n >= end; n += start <= end ? step : -step) {
    if (letters) items.push(n === 92 ? '\\\\' : /[A-Za-z]/.test(String.fromCharCode(n)) ? String.fromCharCode(n) : `\\${String.fromCharCode(n)}`);
    else items.push(n < 0 ? `-${String(-n).padStart(width - 1, '0')}` : String(n).padStart(width, '0'));
  }
  return items;
}

/** Where a quoted or `$` construct that begins here ends; `i` when none does. */
function skipQuoted(text: string, i: number): number {
  const c = text[i];
  if (c === '\\') return i + 2;
  if (c === "'") return after(text, text.indexOf("'", i + 1));
  if (c === '"' || c === '`') return skipTo(text, i + 1, c);
  if (c !== '$') return i;
  const next = text[i + 1];
  if (next === '{') return skipNested(text, i + 1, '{', '}');
  if (next === '(') return skipNested(text, i + 1, '(', ')');
  if (next === "'") return skipTo(text, i + 2, "'");
  return i;
}

function after(text: string, at: number): number {
  return at < 0 ? text.length : at + 1;
}

function skipTo(text: string, from: number, close: string): number {
  for (let i = from; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === close) return i + 1;
  }
  return text.length;
}

function skipNested(text: string, from: number, open: string, close: string): number {
  let depth = 0;
  for (let i = from; i < text.length; i++) {
    const c = text[i]!;
    if (c === '\\') i++;
    else if (c === "'") i = after(text, text.indexOf("'", i + 1)) - 1;
    else if (c === open) depth++;
    else if (c === close && --depth === 0) return i + 1;
  }
  return text.length;
}
