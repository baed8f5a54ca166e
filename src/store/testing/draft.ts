import { type Change, type Packet, type Step, type StepKind } from '../../core/index.ts';

/* What traces made by hand are made of: steps, and the changes of tables that belong to the next one. */

export interface Draft {
  readonly steps: Step[];
  pending: Change[];
}

export type More = Readonly<Record<string, unknown>>;

export function add(draft: Draft, kind: StepKind, machine: string, device: string | null, skb: number, packet: Packet | null, more: More = {}): number {
  const seq = draft.steps.length;
  const step = { kind, machine, netns: '', device, skb, packet, cause: -1, fn: '', reads: [], ...more, seq, at: seq * 5000, changes: draft.pending };
  draft.pending = [];
  draft.steps.push(step as unknown as Step);
  return seq;
}

export function put(draft: Draft, table: string, key: string, before: object | null, after: object | null): void {
  draft.pending.push({ table, key, before, after });
}
