/** A shell variable with its attributes (declare(1)). The elements of arrays have maps only once there are some: every subshell copies all variables. */
export class Variable {
  kind: 'scalar' | 'indexed' | 'associative' = 'scalar';
  /** Of a scalar; undefined when it is declared but has no value. */
  value: string | undefined = undefined;
  exported = false;
  readonly = false;
  integer = false;
  letters: 'lower' | 'upper' | null = null;
  nameref = false;
  #indexed: Map<number, string> | null = null;
  #associative: Map<string, string> | null = null;

  get indexed(): Map<number, string> {
    return (this.#indexed ??= new Map());
  }
  set indexed(elements: Map<number, string>) {
    this.#indexed = elements;
  }

  get associative(): Map<string, string> {
    return (this.#associative ??= new Map());
  }
  set associative(elements: Map<string, string>) {
    this.#associative = elements;
  }

  clone(): Variable {
    const copy = new Variable();
    copy.kind = this.kind;
    copy.value = this.value;
    copy.exported = this.exported;
    copy.readonly = this.readonly;
    copy.integer = this.integer;
    copy.letters = this.letters;
    copy.nameref = this.nameref;
    if (this.#indexed !== null) copy.#indexed = new Map(this.#indexed);
    if (this.#associative !== null) copy.#associative = new Map(this.#associative);
    return copy;
  }
}

export type Scope = Map<string, Variable>;

/** The variables of a shell: one scope for the whole, one more for each function that is running (dynamic scope, as in bash). */
export class Variables {
  readonly scopes: Scope[];

  constructor(scopes: Scope[] = [new Map()]) {
    this.scopes = scopes;
  }

  get global(): Scope {
    return this.scopes[0]!;
  }
  get local(): Scope {
    return this.scopes.at(-1)!;
  }

  /** The variable of a name, name references not followed. */
  raw(name: string): Variable | undefined {
    for (let i = this.scopes.length - 1; i >= 0; i--) {
      const found = this.scopes[i]!.get(name);
      if (found) return found;
    }
    return undefined;
  }

  /** The name that a name leads to, through name references. */
  resolve(name: string): string {
    for (let hops = 0; hops < 8; hops++) {
      const variable = this.raw(name);
      if (!variable?.nameref || !variable.value) return name;
      name = variable.value;
    }
    return name;
  }

  get(name: string): Variable | undefined {
    return this.raw(this.resolve(name));
  }

  /** The variable to write to: the innermost of that name, else a new global one. */
  ensure(name: string): Variable {
    const resolved = this.resolve(name);
    let variable = this.raw(resolved);
    if (!variable) this.global.set(resolved, (variable = new Variable()));
    return variable;
  }

  /** Takes away the innermost variable of a name. */
  unset(name: string): boolean {
    for (let i = this.scopes.length - 1; i >= 0; i--) {
      if (this.scopes[i]!.delete(name)) return true;
    }
    return false;
  }

  /** Names that are set, sorted. */
  names(): string[] {
    const names = new Set<string>();
    for (const scope of this.scopes) for (const name of scope.keys()) names.add(name);
    return [...names].sort();
  }

  /** What a child process gets. */
  environment(): Map<string, string> {
    const env = new Map<string, string>();
    for (const scope of this.scopes) {
      for (const [name, variable] of scope) {
        if (variable.exported && variable.kind === 'scalar' && variable.value !== undefined) env.set(name, variable.value);
        else env.delete(name);
      }
    }
    return env;
  }

  /** A copy for a subshell. */
  fork(): Variables {
    return new Variables(this.scopes.map((scope) => {
      const copy: Scope = new Map();
      for (const [name, variable] of scope) copy.set(name, variable.clone());
      return copy;
    }));
  }
}

/** Values of an array in order of its indices (a scalar is an array of one). */
export function arrayValues(variable: Variable): string[] {
  if (variable.kind === 'indexed') return arrayKeys(variable).map((key) => variable.indexed.get(Number(key))!);
  if (variable.kind === 'associative') return [...variable.associative.values()];
  return variable.value === undefined ? [] : [variable.value];
}

/** Indices of an array in order. */
export function arrayKeys(variable: Variable): string[] {
  if (variable.kind === 'indexed') return [...variable.indexed.keys()].sort((a, b) => a - b).map(String);
  if (variable.kind === 'associative') return [...variable.associative.keys()];
  return variable.value === undefined ? [] : ['0'];
}

/** What `$name` is: for an array its element 0. */
export function scalarValue(variable: Variable | undefined): string | undefined {
  if (!variable) return undefined;
  if (variable.kind === 'indexed') return variable.indexed.get(0);
  if (variable.kind === 'associative') return variable.associative.get('0');
  return variable.value;
}

/** Value as the variable's attributes have it (-l, -u). */
export function withLetters(variable: Variable, value: string): string {
  if (variable.letters === 'lower') return value.toLowerCase();
  return variable.letters === 'upper' ? value.toUpperCase() : value;
}

export function setScalar(variable: Variable, value: string): void {
  const text = withLetters(variable, value);
  if (variable.kind === 'indexed') variable.indexed.set(0, text);
  else if (variable.kind === 'associative') variable.associative.set('0', text);
  else variable.value = text;
}

/** Turns a scalar into an array, its value into element 0. */
export function makeIndexed(variable: Variable): void {
  if (variable.kind !== 'scalar') return;
  variable.kind = 'indexed';
  if (variable.value !== undefined) variable.indexed.set(0, variable.value);
  variable.value = undefined;
}

export const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
