/** Something wrong with a lab file, or with what a lab promised. Lines and columns count from 1; 0 when there is no file. */
export interface LabProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  /** What to do about it; '' when the message says it. */
  readonly hint: string;
  /** Where in the data: `['steps', 0, 'beats', 1]`. */
  readonly path: Path;
}

export type Path = readonly (string | number)[];

/** `file:line:column: message` and the hint on a line of its own, as compilers print it. */
export function formatProblem({ file, line, column, message, hint }: LabProblem): string {
  const where = line > 0 ? `${file}:${line}:${column}: ` : file === '' ? '' : `${file}: `;
  return hint === '' ? `${where}${message}` : `${where}${message}\n  ${hint}`;
}

/** The candidate that `word` was probably meant to be: the closest by edit distance, if it is close; null otherwise. */
export function nearest(word: string, candidates: readonly string[]): string | null {
  let best: string | null = null;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase(), bestDistance);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** A hint for a word that is not one of `candidates`. */
export function didYouMean(word: string, candidates: readonly string[], what: string): string {
  const close = nearest(word, candidates);
  if (close !== null) return `Did you mean “${close}”?`;
  if (candidates.length === 0) return '';
  const shown = candidates.slice(0, 12).join(', ');
  return `${what}: ${shown}${candidates.length > 12 ? ' ...' : ''}.`;
}

/** Damerau-Levenshtein distance (neighbouring letters swapped count as one), not looked at beyond `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit || a.length > 80 || b.length > 80) return limit;
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, before[j - 2]! + 1);
      row.push(cost);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length]!;
}
