/** A text that is run: a script file, the text after -c, of eval, of a trap. */
export class Source {
  readonly text: string;
  /** Line number of its first line. */
  readonly firstLine: number;
  #starts: number[] | null = null;

  constructor(text: string, firstLine = 1) {
    this.text = text;
    this.firstLine = firstLine;
  }

  /** Line that a position is on. */
  line(pos: number): number {
    return this.firstLine + this.#index(pos);
  }

  /** Column of a position, from 1. */
  column(pos: number): number {
    return pos - this.#lineStarts()[this.#index(pos)]! + 1;
  }

  /** The text of the line that a position is on. */
  lineText(pos: number): string {
    const start = this.#lineStarts()[this.#index(pos)]!;
    const end = this.text.indexOf('\n', start);
    return this.text.slice(start, end < 0 ? undefined : end);
  }

  slice(node: { readonly pos: number; readonly end: number }): string {
    return this.text.slice(node.pos, node.end);
  }

  #index(pos: number): number {
    const starts = this.#lineStarts();
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= pos) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #lineStarts(): number[] {
    if (!this.#starts) {
      this.#starts = [0];
      for (let at = this.text.indexOf('\n'); at >= 0; at = this.text.indexOf('\n', at + 1)) this.#starts.push(at + 1);
    }
    return this.#starts;
  }
}
