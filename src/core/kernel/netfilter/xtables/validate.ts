import type { Errno } from '../../errno.ts';
import type { XtChain, XtTable } from './xt-state.ts';

/** Chains that a packet may be in at a time (NFT_JUMP_STACK_SIZE). */
const MAX_DEPTH = 16;

/**
 * What is only seen of a table as a whole (nft_table_validate): from a built-in chain no way through the chains of the user leads deeper
 * than 16 (EMLINK; a loop has no end), or to a match or target that may not be used at its hook (EINVAL). A loop that no built-in
 * chain reaches is nobody's business.
 */
export function validateTable(table: XtTable): Errno | null {
  for (const chain of table.chains.values()) {
    if (chain.base === null) continue;
    const error = validateFrom(chain, chain, 0, new Map());
    if (error !== null) return error;
  }
  return null;
}

/** `deepest`: how deep each chain has been looked into, so that none is looked into twice for nothing. */
function validateFrom(base: XtChain, chain: XtChain, depth: number, deepest: Map<XtChain, number>): Errno | null {
  if (depth >= MAX_DEPTH) return 'EMLINK';
  const before = deepest.get(chain);
  if (before !== undefined && before >= depth) return null;
  deepest.set(chain, depth);
  const { hook } = base.base!;
  for (const { hooks, chain: target } of chain.rules) {
    if (before === undefined && chain !== base && hooks !== null && !hooks.includes(hook)) return 'EINVAL';
    if (target === null) continue;
    const error = validateFrom(base, target, depth + 1, deepest);
    if (error !== null) return error;
  }
  return null;
}
