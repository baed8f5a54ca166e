/** Names one row of one table of one namespace. `table` is `<place>#<name>`, as in `node1/ns1#neigh`. */
export interface RowRef {
  readonly table: string;
  readonly key: string;
}

/** A row written (`before` null), rewritten, or deleted (`after` null). Rows are immutable plain data. */
export interface Change extends RowRef {
  readonly before: object | null;
  readonly after: object | null;
}

export const NO_READS: readonly RowRef[] = Object.freeze([]);
export const NO_CHANGES: readonly Change[] = Object.freeze([]);
