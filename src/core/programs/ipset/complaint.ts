/** What ipset prints behind `ipset v7.17: ` before it ends with `code`; 2 adds the hint at `ipset help`. */
export class Complaint extends Error {
  readonly code: 1 | 2;
  constructor(message: string, code: 1 | 2 = 1) {
    super(message);
    this.code = code;
  }
}

export function syntaxError(what: string): never {
  throw new Complaint(`Syntax error: ${what}`);
}
