/**
 * Why a rule did not match, as it stands in the `walk` of an `nf.table` step: the first thing of the rule that did not fit. From
 * `XT_MISS_MATCH` on: the match of that place in the rule's list.
 */
export const XT_MISS = { matched: 0, in: 1, out: 2, src: 3, dst: 4, protocol: 5, fragment: 6 } as const;
export const XT_MISS_MATCH = 16;
