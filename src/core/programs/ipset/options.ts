import { IPSET_TYPES, type ElementOptions, type IpSetHeader, type IpSetType } from '../../kernel/netlink/ipset.ts';
import { NotSimulated, type Process } from '../../shell/process.ts';
import { Complaint, syntaxError } from './complaint.ts';
import { parseAddressRange, parseNumber } from './element-text.ts';

/** Types that ipset 7.17 knows and the kernel of the oracle does not. */
const UNSUPPORTED: readonly string[] = ['hash:net,net', 'hash:net,port,net', 'hash:mac', 'hash:ip,mac', 'hash:ip,mark'];
const ALIASES: Readonly<Record<string, IpSetType>> = {
  iphash: 'hash:ip', nethash: 'hash:net', ipporthash: 'hash:ip,port', ipportiphash: 'hash:ip,port,ip', ipportnethash: 'hash:ip,port,net', ipmap: 'bitmap:ip',
  portmap: 'bitmap:port', macipmap: 'bitmap:ip,mac', setlist: 'list:set',
};

function typeOf(name: string): IpSetType {
  const type = ALIASES[name] ?? IPSET_TYPES.find((one) => one === name);
  if (type) return type;
  if (UNSUPPORTED.includes(name)) throw new Complaint('Kernel error received: set type not supported');
  return syntaxError(`typename '${name}' is unknown`);
}

function unknown(word: string): never {
  throw new Complaint(`Unknown argument: \`${word}'`, 2);
}

/** The word behind an option. */
function valueOf(words: string[], option: string): string {
  const value = words.shift();
  if (value === undefined) throw new Complaint(`Missing argument of option \`${option}'`, 2);
  return value;
}

/** The next power of two, as the kernel rounds hash sizes. */
function powerOfTwo(size: number): number {
  let power = 64;
  while (power < size) power *= 2;
  return power;
}

function initialHeader(type: IpSetType, name: string): IpSetHeader {
  let initval = 0x811c_9dc5;
  // Linux draws it at random; here it comes from the name, so that a run is the same each time.
  for (let i = 0; i < name.length; i++) initval = Math.imul(initval ^ name.charCodeAt(i), 0x0100_0193);
  return { type, hashsize: 1024, maxelem: 65_536, bucketsize: 12, initval: initval >>> 0, netmask: 32, range: [0, 0], size: 8, timeout: null, comment: false };
}

/** `create NAME TYPE ...`: the words behind the name. */
export function parseHeader(process: Process, name: string, words: string[]): IpSetHeader {
  const type = typeOf(words.shift()!);
  const [hash, bitmap, list] = ['hash:', 'bitmap:', 'list:'].map((prefix) => type.startsWith(prefix));
  let header = initialHeader(type, name);
  let ranged = false;
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === 'timeout') header = { ...header, timeout: parseNumber(valueOf(words, word), 0, 2_147_483) };
    else if (word === 'comment') header = { ...header, comment: true };
    else if (['counters', 'skbinfo', 'forceadd', 'bitmask', 'markmask'].includes(word)) throw new NotSimulated(`ipset create ... ${word}`);
    else if (word === 'netmask' && (type === 'hash:ip' || type === 'bitmap:ip')) header = { ...header, netmask: parseNumber(valueOf(words, word), 1, 32) };
    else if (hash && word === 'family') family(valueOf(words, word));
    else if (hash && (word === '-4' || word === 'inet')) continue;
    else if (hash && word === 'hashsize') header = { ...header, hashsize: powerOfTwo(parseNumber(valueOf(words, word), 0, 4_294_967_295)) };
    else if (hash && word === 'maxelem') header = { ...header, maxelem: parseNumber(valueOf(words, word), 0, 4_294_967_295) };
    else if (hash && word === 'bucketsize') header = { ...header, bucketsize: bucket(parseNumber(valueOf(words, word), 0, 255)) };
    else if (hash && word === 'initval') header = { ...header, initval: parseNumber(valueOf(words, word), 0, 4_294_967_295) };
    else if (list && word === 'size') header = { ...header, size: Math.max(4, parseNumber(valueOf(words, word), 0, 4_294_967_295)) };
    else if (bitmap && word === 'range') {
      header = { ...header, range: range(process, type, valueOf(words, word)) };
      ranged = true;
    } else unknown(word);
  }
  if (bitmap && !ranged) throw new Complaint("Mandatory option `range' is missing", 2);
  return header;
}

function family(value: string): void {
  if (value === 'inet6') throw new NotSimulated('ipset create ... family inet6');
  if (value !== 'inet') syntaxError(`unknown INET family ${value}`);
}

function bucket(size: number): number {
  return Math.min(14, Math.max(2, size + (size % 2)));
}

function range(process: Process, type: IpSetType, text: string): readonly [number, number] {
  if (type !== 'bitmap:port') return parseAddressRange(process, text);
  const [from = '', to = from] = text.split('-');
  return [parseNumber(from, 0, 65_535), parseNumber(to, 0, 65_535)];
}

/** The words behind the element of `add`, `del`, `test`. */
export function parseElementOptions(type: IpSetType, words: string[]): ElementOptions {
  let options: ElementOptions = { timeout: null, comment: null, nomatch: false, place: null };
  const withNets = type.includes('net');
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === 'timeout') options = { ...options, timeout: parseNumber(valueOf(words, word), 0, 2_147_483) };
    else if (word === 'comment') options = { ...options, comment: valueOf(words, word) };
    else if (word === 'nomatch' && withNets) options = { ...options, nomatch: true };
    else if ((word === 'before' || word === 'after') && type === 'list:set') options = { ...options, place: { before: word === 'before', name: valueOf(words, word) } };
    else if (['packets', 'bytes', 'skbmark', 'skbprio', 'skbqueue'].includes(word)) throw new NotSimulated(`ipset ... ${word}`);
    else unknown(word);
  }
  return options;
}
