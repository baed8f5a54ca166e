import { KernelError } from '../../kernel/errno.ts';
import { delFdb, flushFdb, newFdb, useFdb, type FdbFlush } from '../../kernel/netlink/fdb.ts';
import type { FdbRequest, NewMode } from '../../kernel/netlink/requests.ts';
import type { LinkRow } from '../../kernel/rows.ts';
import type { Ipv4, Mac } from '../../wire/address.ts';
import { servicePort } from '../lib/services.ts';
import { getAddress } from './addresses.ts';
import { type Args, duplicateOrGarbage, Failure, given, invalidArgument, matches, parseInteger, parseUnsigned } from './args.ts';
import { talk, type Ip } from './ip-context.ts';
import { findLink, needLink } from './links.ts';
import { fdbUsage } from './usage-bridge.ts';

/** Six bytes in hex with colons; anything may follow, as with sscanf(3). */
export function parseMac(word: string): Mac {
  const match = /^([0-9a-f]{1,2}):([0-9a-f]{1,2}):([0-9a-f]{1,2}):([0-9a-f]{1,2}):([0-9a-f]{1,2}):([0-9a-f]{1,2})/i.exec(word);
  if (!match) throw new Failure(`Invalid mac address ${word}\n`);
  return match.slice(1).reduce((mac, byte) => mac * 256 + Number.parseInt(byte, 16), 0);
}

/** A VXLAN network identifier; `name`: as the message calls it. */
export function parseVni(word: string, name = 'VNI'): number {
  return parseUnsigned(word, 0xff_ffff) ?? invalidArgument(`invalid ${name}\n`, word);
}

interface Words {
  address: string | null;
  device: string | null;
  self: boolean;
  master: boolean;
  state?: FdbRequest['state'];
  use: boolean;
  extern?: boolean;
  sticky?: boolean;
  router?: boolean;
  vlan?: number;
  /** A destination that is no IPv4 address is as the kernel refuses it. */
  dst?: Ipv4 | 'inet6' | 'any';
  port?: number;
  vni?: number;
  srcVni?: number;
  via?: number;
  nhid: number;
}

/** `bridge fdb add`, `append`, `replace`, `del` (fdb_modify of iproute2 6.1). */
export function modifyFdb(ip: Ip, args: Args, command: Extract<NewMode, 'add' | 'append' | 'replace'> | 'delete'): number {
  const words: Words = { address: null, device: null, self: false, master: false, use: false, nhid: 0 };
  for (; args.more; args.shift()) if (!readTarget(ip, args, words)) readWord(args, words);
  if (words.device === null || words.address === null) throw new Failure('Device and address are required arguments.\n');
  if (words.nhid !== 0 && (words.dst !== undefined || words.port !== undefined || words.vni !== undefined)) {
    throw new Failure('dst, port, vni are mutually exclusive with nhid\n');
  }
  const mac = parseMac(words.address);
  const link = needLink(ip.ns, words.device);
  const { master, state = 'permanent', extern: externLearn, sticky, router, vlan, port, vni, srcVni, via } = words;
  const request: FdbRequest = given({
    ifindex: link.ifindex, mac, self: words.self || !master, master, state, externLearn, sticky, router, vlan, port, vni, srcVni, via,
    dst: typeof words.dst === 'number' ? words.dst : undefined,
  });
  talk(() => {
    checkTarget(link, request, words);
    if (command === 'delete') delFdb(ip.ns, request);
    else if (words.use) use(ip, link, request, command);
    else newFdb(ip.ns, request, command);
  });
  return 0;
}

/**
 * vxlan_fdb_parse, of a destination that is not an IPv4 address; other devices do not look at it. There are no next hop objects here (`ip
 * nexthop` is not simulated), so none has the number.
 */
function checkTarget(link: LinkRow, { self }: FdbRequest, { dst, nhid }: Words): void {
  if (!link.vxlan || !self) return;
  if (nhid !== 0) throw new KernelError('EINVAL', 'Nexthop id does not exist');
  if (dst === 'inet6') throw new KernelError('EAFNOSUPPORT');
  if (dst === 'any') throw new KernelError('EAFNOSUPPORT', 'Unsupported address family');
}

/** To a bridge NTF_USE is a frame from there; a VXLAN device adds the entry as without it. */
function use(ip: Ip, link: LinkRow, request: FdbRequest, command: Exclude<NewMode, 'change' | 'prepend'>): void {
  if (!link.vxlan || request.master) useFdb(ip.ns, link.vxlan ? { ...request, self: false } : request);
  if (link.vxlan && request.self) newFdb(ip.ns, { ...request, master: false }, command);
}

/** The words about where the frames of a VXLAN device go. */
function readTarget(ip: Ip, args: Args, words: Words): boolean {
  switch (args.word) {
    case 'dst': {
      const word = args.next();
      if (words.dst !== undefined) duplicateOrGarbage('dst', word);
      const { family } = ip.options;
      const address = getAddress(word, family === 'inet' || family === 'inet6' ? family : 'unspec');
      words.dst = address.family === 'inet' ? address.ip : address.family;
      return true;
    }
    case 'nhid': words.nhid = parseUnsigned(args.next()) ?? invalidArgument('"id" value is invalid\n', args.word); return true;
    case 'port': words.port = readPort(args.next()); return true;
    case 'vni': words.vni = parseVni(args.next()); return true;
    case 'src_vni': words.srcVni = parseVni(args.next(), 'src VNI'); return true;
    case 'via': words.via = needLink(ip.ns, args.next(), 255).ifindex; return true;
    default: return false;
  }
}

/** A number or the name of a service; 0 is as if it had not been said. */
function readPort(word: string): number | undefined {
  const port = parseUnsigned(word) ?? servicePort(word)?.port;
  if (port === undefined || port > 0xffff) invalidArgument('invalid port\n', word);
  return port === 0 ? undefined : port;
}

function readWord(args: Args, words: Words): void {
  const word = args.word;
  if (word === 'dev') words.device = args.next();
  else if (word === 'self') words.self = true;
  else if (matches(word, 'master')) words.master = true;
  else if (matches(word, 'router')) words.router = true;
  else if (matches(word, 'local') || matches(word, 'permanent')) words.state = 'permanent';
  else if (matches(word, 'temp') || matches(word, 'static')) words.state = 'static';
  else if (matches(word, 'dynamic')) words.state = 'learned';
  else if (matches(word, 'vlan')) {
    if (words.vlan !== undefined) duplicateOrGarbage('vlan', args.next());
    words.vlan = parseInteger(args.next()) ?? 0;
  } else if (matches(word, 'use')) words.use = true;
  else if (matches(word, 'extern_learn')) words.extern = true;
  else if (matches(word, 'sticky')) words.sticky = true;
  else {
    if (word === 'to') args.next();
    if (matches(args.word, 'help')) fdbUsage();
    if (words.address !== null) duplicateOrGarbage('to', args.word);
    words.address = args.word;
  }
}

/** Local entries are static too, so `static` alone has to leave them out. */
const FLUSH_FLAGS: Readonly<Record<string, Partial<FdbFlush>>> = {
  permanent: { permanent: true }, nopermanent: { permanent: false }, static: { isStatic: true, permanent: false },
  nostatic: { isStatic: false }, dynamic: { isStatic: false, permanent: false }, nodynamic: { isStatic: true },
  added_by_user: { addedByUser: true }, noadded_by_user: { addedByUser: false }, extern_learn: { externLearn: true },
  noextern_learn: { externLearn: false }, sticky: { sticky: true }, nosticky: { sticky: false },
};

/** `bridge fdb flush`. Words that it does not know it passes over without a sound; so does this. */
export function flushFdbCommand(ip: Ip, args: Args): number {
  let device: string | null = null;
  let port: string | null = null;
  // No hardware holds an entry here.
  let offloaded = false;
  const flags: Record<string, unknown> = {};
  for (; args.more; args.shift()) {
    const word = args.word;
    const flag = FLUSH_FLAGS[word];
    if (word === 'dev') device = args.next();
    else if (word === 'brport') port = args.next();
    else if (word === 'vlan') flags.vlan = parseUnsigned(args.next(), 0xffff) ?? invalidArgument('Invalid VLAN ID\n', args.word);
    else if (word === 'self' || word === 'master') flags[word] = true;
    else if (flag) Object.assign(flags, flag);
    else if (word === 'offloaded') offloaded = true;
    else if (word === 'nooffloaded') offloaded = false;
    else if (word === 'help') args.next();
  }
  if (device === null) throw new Failure('Device is a required argument.\n');
  const link = needBridge(ip, device);
  const portIndex = port === null ? undefined : needPort(ip, port);
  const self = (flags.self as boolean | undefined) ?? flags.master === undefined;
  const request: FdbFlush = given({ ...flags, ifindex: link.ifindex, self, port: portIndex });
  talk(() => {
    if (link.vxlan && !request.master) checkVxlanFlush(request);
    if (link.kind === 'loopback' && !request.master) throw new KernelError('EINVAL', 'FDB delete only supported for Ethernet devices');
    if (!offloaded || !(link.bridge ?? link.vxlan ?? link.port)) flushFdb(ip.ns, request);
  });
  return 0;
}

/** What a VXLAN device cannot choose by (vxlan_fdb_delete_bulk). */
function checkVxlanFlush({ vlan, port, addedByUser, sticky }: FdbFlush): void {
  if (vlan !== undefined || port !== undefined) throw new KernelError('EINVAL', 'Unsupported attribute');
  if (addedByUser || sticky) throw new KernelError('EINVAL', 'Unsupported fdb flush ndm flag bits set');
}

/** The link of that name; `Cannot find bridge device "X"` when there is none. */
export function needBridge(ip: Ip, name: string): LinkRow {
  const link = findLink(ip.ns, name);
  if (!link) throw new Failure(`Cannot find bridge device "${name}"\n`);
  return link;
}

function needPort(ip: Ip, name: string): number {
  const link = findLink(ip.ns, name);
  if (!link) throw new Failure(`Cannot find bridge port device "${name}"\n`);
  return link.ifindex;
}
