/** Exit codes of iptables (enum xtables_exittype): OTHER_PROBLEM, PARAMETER_PROBLEM, VERSION_PROBLEM, RESOURCE_PROBLEM. */
export type XtablesExit = 1 | 2 | 3 | 4;

/** An error that ends the program (xtables_error). `text` is what follows `iptables v1.8.9 (nf_tables): `, often with a newline of its own. */
export class XtablesError extends Error {
  readonly text: string;
  readonly status: XtablesExit;
  /** False: printed as it is, without the program's name and version. */
  readonly prefixed: boolean;

  constructor(text: string, status: XtablesExit = 2, prefixed = true) {
    super(text);
    this.name = 'XtablesError';
    this.text = text;
    this.status = status;
    this.prefixed = prefixed;
  }
}

/** Ends the program with a message and exit code 2 (PARAMETER_PROBLEM). */
export function fail(text: string): never {
  throw new XtablesError(text);
}
