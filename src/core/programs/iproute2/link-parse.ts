import type { NetNamespace } from '../../kernel/net-namespace.ts';
import { NotSimulated } from '../../shell/process.ts';
import type { Mac } from '../../wire/address.ts';
import { macOf, parseLladdr } from './addresses.ts';
import { type Args, duplicateArgument, duplicateOrGarbage, Failure, invalidArgument, matches, onOff, parseInteger } from './args.ts';
import type { Ip } from './ip-context.ts';
import { findLink, isInterfaceName } from './links.ts';
import { groupOf } from './names.ts';
import { LINK_WORDS, LINK_WORDS_SHORT } from './not-simulated.ts';
import { findNamespace, namespaceOfPid } from './netns-find.ts';
import { linkUsage } from './usage-text.ts';

/** What `ip link add`, `set` and `delete` were told before `type`. Undefined: not said. */
export interface LinkWords {
  device: string | null;
  name: string | null;
  link: string | null;
  type: string | null;
  up?: boolean;
  mac?: Mac;
  macLength?: number;
  txqlen?: number;
  mtu?: number;
  /** `unknown`: the number of a process that is not there. */
  ns?: NetNamespace | 'unknown';
  multicast?: boolean;
  allmulti?: boolean;
  promisc?: boolean;
  arp?: boolean;
  master?: number;
  alias?: string;
  group?: string;
}

/** Reads words up to and with `type KIND`, or to the end (iplink_parse). */
export function parseLinkWords(ip: Ip, args: Args): LinkWords {
  const words: LinkWords = { device: null, name: null, link: null, type: null };
  for (; args.more; args.shift()) {
    if (readFlag(ip, args, words) || readValue(ip, args, words)) continue;
    if (args.word === 'vrf') invalidArgument('Not a valid VRF name\n', args.next());
    if (matches(args.word, 'type')) {
      words.type = args.next();
      args.shift();
      break;
    }
    if (matches(args.word, 'alias')) {
      words.alias = args.next();
      continue;
    }
    readDevice(args, words);
  }
  const { macLength } = words;
  if (macLength !== undefined && macLength !== 6 && words.device !== null && findLink(ip.ns, words.device)) {
    throw new Failure(`Invalid address length ${macLength} - must be 6 bytes\n`);
  }
  return words;
}

function readDevice(args: Args, words: LinkWords): void {
  if (matches(args.word, 'help')) linkUsage();
  const refused = LINK_WORDS.find((word) => word === args.word)
    ?? LINK_WORDS_SHORT.find((word) => matches(args.word, word));
  if (refused) throw new NotSimulated(`ip link ... ${refused}`);
  if (args.word === 'dev') args.next();
  if (words.device !== null && words.device !== words.name) duplicateOrGarbage('dev', args.word);
  if (args.word === '' || /[/\s]/.test(args.word)) invalidArgument('"dev" not a valid ifname', args.word);
  words.device = args.word;
}

function readFlag(ip: Ip, args: Args, words: LinkWords): boolean {
  switch (args.word) {
    case 'up': words.up = true; return true;
    case 'down': words.up = false; return true;
    case 'multicast': words.multicast = onOff('multicast', args.next()); return true;
    case 'allmulticast': words.allmulti = onOff('allmulticast', args.next()); return true;
    case 'promisc': words.promisc = onOff('promisc', args.next()); return true;
    case 'arp': words.arp = onOff('arp', args.next()); return true;
    case 'netns': readNetns(ip, args, words); return true;
    case 'group': {
      const group = groupOf(ip, args.next());
      if (group === null) invalidArgument('Invalid "group" value\n', args.word);
      words.group = group;
      return true;
    }
    default: return false;
  }
}

/** The words that may be abbreviated, in iproute2's order: the first that fits wins, so `a` is `address` and `l` is `link`. */
function readValue(ip: Ip, args: Args, words: LinkWords): boolean {
  const word = args.word;
  if (word === 'name') readName(args, words);
  else if (matches(word, 'index')) throw new NotSimulated('ip link ... index');
  else if (matches(word, 'link')) words.link = args.next();
  else if (matches(word, 'address')) readAddress(args, words);
  else if (matches(word, 'broadcast') || word === 'brd') throw new NotSimulated('ip link ... broadcast');
  else if (matches(word, 'txqueuelen') || word === 'qlen' || matches(word, 'txqlen')) {
    words.txqlen = readInteger('txqueuelen', args, words.txqlen);
  } else if (word === 'mtu') words.mtu = readInteger('mtu', args, words.mtu);
  else if (matches(word, 'master')) {
    const master = findLink(ip.ns, args.next());
    if (!master) invalidArgument('Device does not exist\n', args.word);
    words.master = master.ifindex;
  } else if (matches(word, 'nomaster')) words.master = 0;
  else return false;
  return true;
}

function readName(args: Args, words: LinkWords): void {
  const name = args.next();
  if (words.name !== null) duplicateArgument('name', name);
  if (!isInterfaceName(name)) invalidArgument('"name" not a valid ifname', name);
  words.name = name;
  words.device ??= name;
}

function readAddress(args: Args, words: LinkWords): void {
  const address = parseLladdr(args.next());
  if ('error' in address) throw new Failure(address.error);
  words.mac = macOf(address.bytes);
  words.macLength = address.bytes.length;
}

function readInteger(key: string, args: Args, before: number | undefined): number {
  const word = args.next();
  if (before !== undefined) duplicateArgument(key, word);
  const value = parseInteger(word);
  if (value === null) invalidArgument(`Invalid "${key}" value\n`, word);
  return value;
}

function readNetns(ip: Ip, args: Args, words: LinkWords): void {
  const word = args.next();
  if (words.ns !== undefined) duplicateArgument('netns', word);
  const named = findNamespace(ip.ns.machine, word);
  if (named) {
    words.ns = named;
    return;
  }
  const pid = parseInteger(word);
  if (pid === null) invalidArgument('Invalid "netns" value\n', word);
  words.ns = namespaceOfPid(ip, pid) ?? 'unknown';
}
