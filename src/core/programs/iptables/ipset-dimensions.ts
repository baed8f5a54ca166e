import type { NetNamespace } from '../../kernel/net-namespace.ts';

/** How many parts an entry of an ipset has (`hash:ip,port`: 2); null when there is no set of that name. */
export function ipsetDimensions(ns: NetNamespace, name: string): number | null {
  for (const row of ns.tables.ipset.rows.values()) if (row.name === name) return row.type.split(',').length;
  return null;
}
