/** Ways out of the middle of a script, thrown and caught by the interpreter. */

/** break and continue: through `levels` loops. */
export class LoopExit {
  readonly kind: 'break' | 'continue';
  levels: number;
  constructor(kind: 'break' | 'continue', levels: number) {
    this.kind = kind;
    this.levels = levels;
  }
}

/** return, from a function or a sourced file. */
export class Return {
  readonly status: number;
  constructor(status: number) {
    this.status = status;
  }
}

/** The shell (or subshell) ends. */
export class Exit {
  readonly status: number;
  constructor(status: number) {
    this.status = status;
  }
}

/** An expansion failed, its message is printed: the rest of the line is thrown away (jump to top level with DISCARD). */
export class Discard {
  readonly status: number;
  constructor(status = 1) {
    this.status = status;
  }
}
