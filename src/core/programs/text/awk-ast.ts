/** An awk program as it was read. */

export type Expr =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'regex'; readonly source: string }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'element'; readonly name: string; readonly index: readonly Expr[] }
  | { readonly kind: 'field'; readonly index: Expr }
  | { readonly kind: 'group'; readonly list: readonly Expr[] }
  | { readonly kind: 'unary'; readonly operator: string; readonly operand: Expr }
  | { readonly kind: 'step'; readonly by: 1 | -1; readonly before: boolean; readonly target: Expr }
  | { readonly kind: 'binary'; readonly operator: string; readonly left: Expr; readonly right: Expr }
  | { readonly kind: 'concat'; readonly left: Expr; readonly right: Expr }
  | { readonly kind: 'match'; readonly negated: boolean; readonly left: Expr; readonly right: Expr }
  | { readonly kind: 'in'; readonly index: readonly Expr[]; readonly name: string }
  | { readonly kind: 'conditional'; readonly test: Expr; readonly yes: Expr; readonly no: Expr }
  | { readonly kind: 'assign'; readonly operator: string; readonly target: Expr; readonly value: Expr }
  | { readonly kind: 'builtin'; readonly name: string; readonly args: readonly Expr[] | null }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Expr[] }
  | { readonly kind: 'getline'; readonly target: Expr | null; readonly from: 'main' | 'file' | 'command'; readonly source: Expr | null };

export type Stmt =
  | { readonly kind: 'block'; readonly body: readonly Stmt[] }
  | { readonly kind: 'expr'; readonly expr: Expr }
  | { readonly kind: 'print'; readonly format: boolean; readonly args: readonly Expr[]; readonly to: '>' | '>>' | '|' | null; readonly target: Expr | null }
  | { readonly kind: 'if'; readonly test: Expr; readonly yes: Stmt; readonly no: Stmt | null }
  | { readonly kind: 'while'; readonly test: Expr; readonly body: Stmt; readonly after: boolean }
  | { readonly kind: 'for'; readonly init: Stmt | null; readonly test: Expr | null; readonly update: Stmt | null; readonly body: Stmt }
  | { readonly kind: 'forin'; readonly name: string; readonly array: string; readonly body: Stmt }
  | { readonly kind: 'leave'; readonly how: 'break' | 'continue' | 'next' | 'nextfile' }
  | { readonly kind: 'exit' | 'return'; readonly value: Expr | null }
  | { readonly kind: 'delete'; readonly name: string; readonly index: readonly Expr[] | null };

export interface Rule {
  readonly pattern: 'BEGIN' | 'END' | Expr | null;
  /** The second pattern of a range. */
  readonly until: Expr | null;
  /** Null prints the line. */
  readonly action: Stmt | null;
  active: boolean;
}

export interface Func {
  readonly name: string;
  readonly parameters: readonly string[];
  readonly body: Stmt;
}

export interface AwkProgram {
  readonly rules: readonly Rule[];
  readonly functions: ReadonlyMap<string, Func>;
}
