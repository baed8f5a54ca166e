import { allSets, type IpSet, type IpSetElement, type IpSetType } from '../../kernel/netlink/ipset.ts';
import type { NetNamespace } from '../../kernel/net-namespace.ts';
import { SECOND, type SimTime } from '../../sim/time.ts';
import { formatIpv4 } from '../../wire/address.ts';
import { elementText } from './element-text.ts';

/** Revision, size in memory when empty, and what an element adds: as measured on Linux 6. */
const FACTS: Readonly<Record<IpSetType, readonly [number, number, number]>> = {
  'hash:ip': [6, 216, 40], 'hash:net': [7, 456, 48], 'hash:ip,port': [7, 216, 48], 'hash:net,port': [8, 456, 48], 'hash:ip,port,ip': [6, 208, 48],
  'hash:ip,port,net': [8, 464, 48], 'hash:net,iface': [8, 488, 56], 'bitmap:ip': [3, 120, 0], 'bitmap:port': [3, 88, 0], 'bitmap:ip,mac': [3, 2160, 0], 'list:set': [3, 80, 48],
};

/** The options of a set, as `list` and `save` print them. */
function headerText({ header: h }: IpSet): string {
  const timeout = h.timeout === null ? '' : ` timeout ${h.timeout}`;
  const comment = h.comment ? ' comment' : '';
  if (h.type === 'list:set') return `size ${h.size}${timeout}${comment}`;
  if (h.type.startsWith('bitmap:')) {
    const end = (value: number): string => (h.type === 'bitmap:port' ? String(value) : formatIpv4(value));
    return `range ${end(h.range[0])}-${end(h.range[1])}${h.netmask === 32 ? '' : ` netmask ${h.netmask}`}${timeout}${comment}`;
  }
  const netmask = h.netmask === 32 ? '' : ` netmask ${h.netmask}`;
  const initval = `0x${h.initval.toString(16).padStart(8, '0')}`;
  return `family inet hashsize ${h.hashsize} maxelem ${h.maxelem}${netmask}${timeout}${comment} bucketsize ${h.bucketsize} initval ${initval}`;
}

function memberText(set: IpSet, { parts, nomatch, comment, expires }: IpSetElement, now: SimTime): string {
  const left = expires === null ? 0 : Math.max(1, Math.floor((expires - now) / SECOND));
  const timeout = set.header.timeout === null ? '' : ` timeout ${left}`;
  return `${elementText(parts, set.header.type)}${nomatch ? ' nomatch' : ''}${timeout}${comment === '' ? '' : ` comment "${comment}"`}`;
}

function sorted(set: IpSet, sort: boolean, now: SimTime): string[] {
  // A bitmap is listed in the order of its bits.
  const bit = ({ parts: [part] }: IpSetElement): number => (part?.kind === 'ip' ? part.ip : part?.kind === 'port' ? part.port : 0);
  const elements = [...set.elements.values()];
  if (set.header.type.startsWith('bitmap:')) elements.sort((a, b) => bit(a) - bit(b));
  const lines = elements.map((element) => memberText(set, element, now));
  return sort ? lines.sort() : lines;
}

/** A set as `ipset list` prints it; `terse`: without its members. */
export function listText(set: IpSet, now: SimTime, { terse, sort }: { terse: boolean; sort: boolean }): string {
  const [revision, size, each] = FACTS[set.header.type];
  const { name, header: { type }, references, elements } = set;
  const head = `Name: ${name}\nType: ${type}\nRevision: ${revision}\nHeader: ${headerText(set)}\nSize in memory: ${size + each * elements.size}\nReferences: ${references}\n`
    + `Number of entries: ${elements.size}\n`;
  if (terse) return head;
  return `${head}Members:\n${sorted(set, sort, now).map((line) => `${line}\n`).join('')}`;
}

/** A set as `ipset save` prints it. */
export function saveText(set: IpSet, now: SimTime, sort: boolean): string {
  return `create ${set.name} ${set.header.type} ${headerText(set)}\n${sorted(set, sort, now).map((line) => `add ${set.name} ${line}\n`).join('')}`;
}

/** What `ipset save` prints in a namespace. */
export function dumpSets(ns: NetNamespace): string {
  return allSets(ns).map((set) => saveText(set, ns.queue.now, false)).join('');
}
