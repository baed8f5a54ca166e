import { strerror } from '../../kernel/errno.ts';
import type { NetNamespace } from '../../kernel/net-namespace.ts';
import { XtError, xtCommit } from '../../kernel/netlink/xtables.ts';
import type { XtOp, XtTableName } from '../../kernel/netfilter/xtables/xt-rule.ts';
import type { XtEnv } from './extension.ts';
import { type CachedTable, readTable } from './table-cache.ts';
import { XtablesError } from './xtables-error.ts';

/** Changes that go to the kernel together, and the tables as they will be then. */
export interface Batch {
  readonly ns: NetNamespace;
  readonly env: XtEnv;
  readonly tables: Map<XtTableName, CachedTable>;
  readonly ops: XtOp[];
  /** The line of iptables-restore's input that each change comes from. */
  readonly lines: number[];
  /** The line that is carried out; null outside of iptables-restore. */
  line: number | null;
  readonly out: (text: string) => void;
}

export function newBatch(ns: NetNamespace, env: XtEnv, out: (text: string) => void): Batch {
  return { ns, env, tables: new Map(), ops: [], lines: [], line: null, out };
}

export function tableOf(batch: Batch, name: XtTableName): CachedTable {
  const known = batch.tables.get(name);
  if (known !== undefined) return known;
  const table = readTable(batch.ns, name);
  batch.tables.set(name, table);
  return table;
}

export function push(batch: Batch, op: XtOp): void {
  batch.ops.push(op);
  batch.lines.push(batch.line ?? 0);
}

const NAMES: Readonly<Record<XtOp['op'], string>> = {
  append: 'RULE_APPEND', insert: 'RULE_INSERT', replace: 'RULE_REPLACE', delete: 'RULE_DELETE', flush: 'RULE_FLUSH', 'new-chain': 'CHAIN_USER_ADD',
  'delete-chain': 'CHAIN_DEL', 'rename-chain': 'CHAIN_RENAME', policy: 'CHAIN_UPDATE', zero: 'CHAIN_ZERO', 'clear-table': 'TABLE_FLUSH',
};

function place(op: XtOp): string {
  if (op.op === 'clear-table') return `table ${op.table}`;
  const rule = op.op === 'append' || op.op === 'insert' || op.op === 'replace' || op.op === 'delete' || op.op === 'flush';
  return `${rule ? 'rule in ' : ''}chain ${op.chain}`;
}

/** Hands the changes to the kernel. What it refuses is named in the words of mnl_append_error. */
export function commit(batch: Batch): void {
  if (batch.ops.length === 0) return;
  try {
    xtCommit(batch.ns, batch.ops);
  } catch (error) {
    if (!(error instanceof XtError)) throw error;
    const text = error.failures.map(({ opIndex, errno }) => {
      const op = batch.ops[opIndex]!;
      const at = batch.line === null ? ' ' : `\nline ${batch.lines[opIndex]}: `;
      return `${at}${NAMES[op.op]} failed (${strerror(errno)}): ${place(op)}`;
    }).join('');
    throw new XtablesError(text, 4);
  } finally {
    batch.ops.length = 0;
    batch.lines.length = 0;
    batch.tables.clear();
  }
}
