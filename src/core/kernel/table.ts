import type { RowRef } from '../trace/change.ts';
import type { Recorder } from '../trace/recorder.ts';

/**
 * A table of a namespace: rows by key, every change reported to the recorder. Rows are immutable; to change one, put a new one.
 * Subscribers (ip monitor) hear of each change after it is made.
 */
export class Table<Row extends object> {
  /** `<place>#<name>`, as in `node1/ns1#neigh`. */
  readonly id: string;
  readonly rows = new Map<string, Row>();
  readonly subscribers = new Set<(key: string, before: Row | null, after: Row | null) => void>();
  #recorder: Recorder;
  /** What `reads` gave; a row is read far more often than it changes. */
  readonly #reads = new Map<string, readonly RowRef[]>();

  constructor(place: string, name: string, recorder: Recorder) {
    this.id = `${place}#${name}`;
    this.#recorder = recorder;
  }

  get(key: string): Row | undefined {
    return this.rows.get(key);
  }

  put(key: string, after: Row): void {
    const before = this.rows.get(key) ?? null;
    this.rows.set(key, after);
    this.#report(key, before, after);
  }

  delete(key: string): boolean {
    const before = this.rows.get(key);
    if (!before) return false;
    this.rows.delete(key);
    this.#report(key, before, null);
    return true;
  }

  ref(key: string): RowRef {
    return { table: this.id, key };
  }

  /** The `reads` of a step that read this one row. */
  reads(key: string): readonly RowRef[] {
    const known = this.#reads.get(key);
    if (known !== undefined) return known;
    const fresh = [this.ref(key)];
    this.#reads.set(key, fresh);
    return fresh;
  }

  #report(key: string, before: Row | null, after: Row | null): void {
    if (this.#recorder.on) this.#recorder.change({ table: this.id, key, before, after });
    if (this.subscribers.size > 0) for (const hear of [...this.subscribers]) hear(key, before, after);
  }
}
