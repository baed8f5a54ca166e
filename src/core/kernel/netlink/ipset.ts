/** What ipset(8) asks of the kernel (NFNL_SUBSYS_IPSET). */
export {
  addElement, allSets, createSet, deleteElement, destroySets, findSet, flushSet, IpSetError, needSet, renameSet, swapSets, testElement, type ElementOptions, type IpSetErrorCode,
} from '../netfilter/ipset/ipset-core.ts';
export { ipsetTest } from '../netfilter/ipset/ipset-packet.ts';
export { IPSET_TYPES, kindsOf, type IpSet, type IpSetElement, type IpSetHeader, type IpSetPart, type IpSetType } from '../netfilter/ipset/ipset-state.ts';
