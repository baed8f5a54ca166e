import { SECOND } from '../../../sim/time.ts';
import { formatIpv4, formatMac } from '../../../wire/address.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import { findCovering, keyOf, storedParts } from './elements.ts';
import type { IpSet, IpSetElement, IpSetHeader, IpSetPart } from './ipset-state.ts';

/** Why the kernel refuses (enum ipset_errno and the codes of the types). */
export type IpSetErrorCode =
  | 'ENOENT' | 'EEXIST' | 'EEXIST_RENAME' | 'EXIST_SET2' | 'TYPE_MISMATCH' | 'BUSY' | 'REFERENCED' | 'EXIST' | 'NOT_EXIST' | 'HASH_FULL' | 'HASH_ELEM'
  | 'TIMEOUT' | 'COMMENT' | 'INVALID_CIDR' | 'BITMAP_RANGE' | 'RANGE_SIZE' | 'LIST_NAME' | 'LIST_LOOP' | 'LIST_FULL' | 'LIST_NAMEREF' | 'LIST_REF_EXIST';

export class IpSetError extends Error {
  readonly code: IpSetErrorCode;
  constructor(code: IpSetErrorCode) {
    super(code);
    this.code = code;
  }
}

export interface ElementOptions {
  /** In seconds; null: as the set says. */
  readonly timeout: number | null;
  readonly comment: string | null;
  readonly nomatch: boolean;
  /** Where in a list it goes. */
  readonly place: { readonly before: boolean; readonly name: string } | null;
}

export function findSet(ns: NetNamespace, name: string): IpSet | null {
  const set = ns.nf.sets.find((one) => one?.name === name) ?? null;
  if (set) expire(ns, set);
  return set;
}

/** @throws IpSetError ENOENT */
export function needSet(ns: NetNamespace, name: string): IpSet {
  const set = findSet(ns, name);
  if (set === null) throw new IpSetError('ENOENT');
  return set;
}

/** In the order in which they are listed: lists last, as they name others. */
export function allSets(ns: NetNamespace): IpSet[] {
  const sets = ns.nf.sets.filter((set) => set !== null);
  for (const set of sets) expire(ns, set);
  const isList = (set: IpSet): boolean => set.header.type === 'list:set';
  return [...sets.filter((set) => !isList(set)), ...sets.filter(isList)];
}

function expire(ns: NetNamespace, set: IpSet): void {
  for (const [key, { expires }] of set.elements) if (expires !== null && expires <= ns.queue.now) set.elements.delete(key);
}

function rowText({ parts, nomatch }: IpSetElement): string {
  const text = parts.map((part) => {
    if (part.kind === 'mac') return part.mac === null ? '' : formatMac(part.mac);
    return part.kind === 'net' && part.cidr === 32 ? formatIpv4(part.ip) : keyOf([part]);
  }).filter((one) => one !== '').join(',');
  return nomatch ? `${text} nomatch` : text;
}

/** Puts the set into its table while somebody records, and again when its next element runs out. */
export function syncSet(ns: NetNamespace, set: IpSet): void {
  if (!ns.recorder.on) return;
  const { name, header: { type }, references } = set;
  ns.tables.ipset.put(name, { name, type, members: [...set.elements.values()].map(rowText), references });
  if (set.timer !== null) ns.queue.cancel(set.timer);
  set.timer = null;
  let first = Infinity;
  for (const { expires } of set.elements.values()) if (expires !== null && expires < first) first = expires;
  if (first === Infinity) return;
  set.timer = ns.queue.schedule(first, () => {
    set.timer = null;
    if (ns.dead || !ns.nf.sets.includes(set)) return;
    expire(ns, set);
    syncSet(ns, set);
    ns.recorder.flush(ns.machine.name, ns.name, `elements of the set ${set.name} have run out`);
  });
}

/** ip_set_create. With `exist` a set of the same type and options may be there. */
export function createSet(ns: NetNamespace, name: string, header: IpSetHeader, exist: boolean): void {
  const there = findSet(ns, name);
  if (there) {
    const same = there.header.type === header.type && JSON.stringify({ ...there.header, initval: 0 }) === JSON.stringify({ ...header, initval: 0 });
    if (exist && same) return;
    throw new IpSetError('EEXIST');
  }
  const set: IpSet = { name, header, elements: new Map(), references: 0, timer: null };
  const free = ns.nf.sets.indexOf(null);
  ns.nf.sets[free < 0 ? ns.nf.sets.length : free] = set;
  syncSet(ns, set);
}

/** A rule or list takes a set (+1) or gives it back (-1). */
export function referSet(ns: NetNamespace, name: string, by: 1 | -1): void {
  const set = needSet(ns, name);
  set.references += by;
  syncSet(ns, set);
}

function checkElement({ header }: IpSet, parts: readonly IpSetPart[]): void {
  const [low, high] = header.range;
  for (const [at, part] of parts.entries()) {
    if (header.type.startsWith('bitmap:')) {
      const value = part.kind === 'ip' ? part.ip : part.kind === 'port' ? part.port : low;
      if (value < low || value > high) throw new IpSetError('BITMAP_RANGE');
    } else if (part.kind === 'ip' && part.ip === 0 && at === 0 && header.type === 'hash:ip') throw new IpSetError('HASH_ELEM');
    else if (part.kind === 'net' && (part.cidr > 32 || (part.cidr === 0 && header.type !== 'hash:net,iface'))) throw new IpSetError('INVALID_CIDR');
  }
}

function checkOptions({ header }: IpSet, { timeout, comment }: ElementOptions): void {
  if (timeout !== null && header.timeout === null) throw new IpSetError('TIMEOUT');
  if (comment !== null && !header.comment) throw new IpSetError('COMMENT');
}

/** Adds one element (mtype_add). @throws IpSetError */
export function addElement(ns: NetNamespace, set: IpSet, given: readonly IpSetPart[], options: ElementOptions, exist: boolean): void {
  checkOptions(set, options);
  checkElement(set, given);
  const parts = storedParts(set, given);
  const key = keyOf(parts);
  const seconds = options.timeout ?? set.header.timeout ?? 0;
  const element: IpSetElement = { parts, nomatch: options.nomatch, comment: options.comment ?? '', expires: seconds === 0 ? null : ns.queue.now + seconds * SECOND };
  if (set.header.type === 'list:set') addToList(ns, set, key, element, options, exist);
  else {
    const there = set.elements.has(key);
    if (there && !exist) throw new IpSetError('EXIST');
    if (!there && set.header.type.startsWith('hash:') && set.elements.size >= set.header.maxelem) throw new IpSetError('HASH_FULL');
    set.elements.set(key, element);
  }
  syncSet(ns, set);
}

function addToList(ns: NetNamespace, list: IpSet, name: string, element: IpSetElement, { place }: ElementOptions, exist: boolean): void {
  const member = findSet(ns, name);
  if (!member) throw new IpSetError('LIST_NAME');
  if (member.header.type === 'list:set') throw new IpSetError('LIST_LOOP');
  if (place && !findSet(ns, place.name)) throw new IpSetError('LIST_NAMEREF');
  if (list.elements.has(name)) {
    if (!exist) throw new IpSetError('EXIST');
    list.elements.set(name, element);
    return;
  }
  const order = [...list.elements];
  const at = place === null ? order.length : order.findIndex(([key]) => key === place.name);
  if (at < 0) throw new IpSetError('LIST_REF_EXIST');
  order.splice(place !== null && !place.before ? at + 1 : at, 0, [name, element]);
  list.elements = new Map(order);
  referSet(ns, name, 1);
}

/** Takes one element out (mtype_del). @throws IpSetError */
export function deleteElement(ns: NetNamespace, set: IpSet, given: readonly IpSetPart[], options: ElementOptions, exist: boolean): void {
  checkOptions(set, options);
  checkElement(set, given);
  const key = keyOf(storedParts(set, given));
  const isList = set.header.type === 'list:set';
  if (isList && !findSet(ns, key)) throw new IpSetError('LIST_NAME');
  if (!set.elements.delete(key)) {
    if (exist) return;
    throw new IpSetError('NOT_EXIST');
  }
  if (isList) referSet(ns, key, -1);
  syncSet(ns, set);
}

/** Is the element in the set, as `ipset test` asks? @throws IpSetError */
export function testElement(set: IpSet, parts: readonly IpSetPart[], options: ElementOptions): boolean {
  checkElement(set, parts);
  const found = findCovering(set, parts);
  return found !== undefined && found.nomatch === options.nomatch;
}

export function flushSet(ns: NetNamespace, set: IpSet): void {
  if (set.header.type === 'list:set') for (const name of set.elements.keys()) referSet(ns, name, -1);
  set.elements.clear();
  syncSet(ns, set);
}

/** ip_set_destroy; null: all of them, or none when one is in use. Lists that go give their members back. */
export function destroySets(ns: NetNamespace, name: string | null): void {
  const doomed = name === null ? allSets(ns) : [needSet(ns, name)];
  if (doomed.some(({ references }) => references > 0)) throw new IpSetError('BUSY');
  for (const set of doomed) {
    flushSet(ns, set);
    if (set.timer !== null) ns.queue.cancel(set.timer);
    ns.nf.sets[ns.nf.sets.indexOf(set)] = null;
    if (ns.recorder.on) ns.tables.ipset.delete(set.name);
  }
}

/** ip_set_rename */
export function renameSet(ns: NetNamespace, from: string, to: string): void {
  const set = needSet(ns, from);
  if (set.references > 0) throw new IpSetError('REFERENCED');
  if (findSet(ns, to)) throw new IpSetError('EEXIST_RENAME');
  set.name = to;
  if (ns.recorder.on) ns.tables.ipset.delete(from);
  syncSet(ns, set);
}

/** ip_set_swap: what refers to one finds the elements of the other. */
export function swapSets(ns: NetNamespace, one: string, other: string): void {
  const a = needSet(ns, one);
  const b = findSet(ns, other);
  if (!b) throw new IpSetError('EXIST_SET2');
  if (a.header.type !== b.header.type) throw new IpSetError('TYPE_MISMATCH');
  [a.header, b.header] = [b.header, a.header];
  [a.elements, b.elements] = [b.elements, a.elements];
  syncSet(ns, a);
  syncSet(ns, b);
}
