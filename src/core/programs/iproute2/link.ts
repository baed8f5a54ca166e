import { KernelError } from '../../kernel/errno.ts';
import { moduleOfDevice } from '../../kernel/devices/ip-tunnel/tunnel-modules.ts';
import { delLink, getLink, newLink, setLink } from '../../kernel/netlink/link.ts';
import type { NewLinkRequest, SetLinkRequest } from '../../kernel/netlink/requests.ts';
import { isTunnelKind } from '../../kernel/netlink/link-tunnel.ts';
import type { LinkRow, TunnelKind } from '../../kernel/rows.ts';
import { NotSimulated } from '../../shell/process.ts';
import { isMulticastMac, MAC_ZERO } from '../../wire/address.ts';
import { linkFilterWord } from './addr.ts';
import { type Args, duplicateOrGarbage, Exit, Failure, given, matches } from './args.ts';
import { talk, type Ip } from './ip-context.ts';
import { parseBridgeOptions, parsePortOptions, parseVlanOptions } from './link-kinds.ts';
import { parseLinkWords, type LinkWords } from './link-parse.ts';
import { noLinkFilter, showLinks } from './link-show.ts';
import { findLink, linkMap, needLink } from './links.ts';
import { needTunnel, parseTunnelOptions } from './link-tunnel.ts';
import { parseVxlanOptions, type VxlanWords } from './link-vxlan.ts';
import { LINK_KINDS_NOT_SIMULATED } from './not-simulated.ts';
import { VETH_OPTIONS } from './usage-bridge.ts';
import { linkUsage } from './usage-text.ts';

/** `ip link ...` */
export function ipLink(ip: Ip, args: Args): number {
  const word = args.word;
  if (!args.more) return list(ip, args);
  args.shift();
  if (matches(word, 'add')) return add(ip, args);
  if (matches(word, 'set') || matches(word, 'change')) return set(ip, args);
  if (matches(word, 'replace')) throw new NotSimulated('ip link replace');
  if (matches(word, 'delete')) return remove(ip, args);
  if (matches(word, 'show') || matches(word, 'lst') || matches(word, 'list')) return list(ip, args);
  if (matches(word, 'xstats') || matches(word, 'afstats') || matches(word, 'property')) throw new NotSimulated(`ip link ${word}`);
  if (matches(word, 'help')) linkUsage();
  throw new Exit(255, `Command "${word}" is unknown, try "ip link help".\n`);
}

function list(ip: Ip, args: Args): number {
  const filter = noLinkFilter();
  let device: string | null = null;
  for (; args.more; args.shift()) {
    if (linkFilterWord(ip, args, filter)) continue;
    if (args.word === 'dev') args.next();
    else if (matches(args.word, 'help')) linkUsage();
    if (device !== null) duplicateOrGarbage('dev', args.word);
    device = args.word;
  }
  if (device !== null) {
    // The kernel is asked by name, which loads no module.
    const link = moduleOfDevice(device) === null ? findLink(ip.ns, device) : getLink(ip.ns, device);
    if (!link) throw new Failure(`Device "${device}" does not exist.\n`);
    filter.ifindex = link.ifindex;
  }
  showLinks(ip, filter);
  return 0;
}

/** The namespace of `netns`, or the error for a process that is not there. */
function nsOf(words: LinkWords): SetLinkRequest['ns'] {
  if (words.ns === 'unknown') throw new KernelError('ESRCH');
  return words.ns;
}

function add(ip: Ip, args: Args): number {
  const words = parseLinkWords(ip, args);
  if (words.type === null) throw new Failure('Not enough information: "type" argument is required\n');
  const name = words.name ?? words.device;
  const link = words.link === null ? undefined : needLink(ip.ns, words.link).ifindex;
  const kind = words.type;
  if (LINK_KINDS_NOT_SIMULATED.includes(kind)) throw new NotSimulated(`ip link add type ${kind}`);
  if (kind !== 'veth' && kind !== 'bridge' && kind !== 'vlan' && kind !== 'vxlan' && !isTunnelKind(kind)) return unknownKind(args);
  if (kind === 'veth' && args.more && args.word !== 'peer') {
    ip.out(VETH_OPTIONS);
    return 1;
  }
  const base: Omit<NewLinkRequest, 'bridge' | 'peer'> = { name, kind, link, mac: words.mac, mtu: words.mtu, txqlen: words.txqlen, up: words.up, master: words.master };
  const bridge = kind === 'bridge' && args.more ? parseBridgeOptions(args) : undefined;
  const peer = kind === 'veth' && args.more ? parsePeer(ip, args) : undefined;
  const vlanId = kind === 'vlan' ? parseVlanOptions(args) ?? undefined : undefined;
  const tunnel = isTunnelKind(kind) ? parseTunnelOptions(ip, args, kind) : undefined;
  const vxlan = kind === 'vxlan' && args.more ? parseVxlanOptions(ip, args, false) : undefined;
  talk(() => {
    checkNewLink(words, kind, vlanId, vxlan);
    const request: NewLinkRequest = { ...base, ns: nsOf(words), bridge, vlanId, vxlan: vxlan?.options, tunnel, peer: peer && peerRequest(peer) };
    newLink(ip.ns, given(request));
    setRest(ip, words, name);
  });
  return 0;
}

function unknownKind(args: Args): never {
  if (args.more) {
    if (matches(args.word, 'help')) linkUsage();
    throw new Failure(`Garbage instead of arguments "${args.word} ...". Try "ip link help".\n`);
  }
  throw new Failure('Error: Unknown device type.\n', 2);
}

/** What the kernel refuses before it looks at anything else (rtnl_validate, vlan_validate, vlan_newlink, vxlan_validate). */
function checkNewLink(words: LinkWords, kind: string, vlanId: number | undefined, vxlan: VxlanWords | undefined): void {
  const name = words.name ?? words.device;
  if (name !== null && name.length > 15) throw new KernelError('ERANGE', 'Attribute failed policy validation');
  if (words.macLength !== undefined && words.macLength !== 6) {
    throw new KernelError('EINVAL', kind === 'vxlan' ? 'Provided link layer address is not Ethernet' : null);
  }
  if (kind === 'vxlan') validateVxlan(words, vxlan).check();
  if (kind !== 'vlan') return;
  if (vlanId === undefined) throw new KernelError('EINVAL', 'VLAN properties not specified');
  if (vlanId >= 4095) throw new KernelError('ERANGE', 'Invalid VLAN id');
  if (words.link === null) throw new KernelError('EINVAL', 'link not specified');
}

/** vxlan_validate, in its order. */
function validateVxlan({ mac, mtu }: LinkWords, vxlan: VxlanWords | undefined): VxlanWords {
  if (mac !== undefined && (mac === MAC_ZERO || isMulticastMac(mac))) throw new KernelError('EADDRNOTAVAIL', 'Provided Ethernet address is not unicast');
  if (mtu !== undefined && (mtu < 68 || mtu > 65535)) throw new KernelError('EINVAL', 'MTU must be between 68 and 65535');
  if (!vxlan) throw new KernelError('EINVAL', 'Required attributes not provided to perform the operation');
  return vxlan;
}

/** The words behind `peer`, with their own device. */
function parsePeer(ip: Ip, args: Args): LinkWords {
  args.shift();
  const peer = parseLinkWords(ip, args);
  if (peer.type !== null) throw new Exit(255, `Error: duplicate "type": "${peer.type}" is the second value.\n`);
  if (peer.master !== undefined || peer.link !== null) throw new NotSimulated('ip link add type veth peer ... master');
  return peer;
}

function peerRequest(peer: LinkWords): NewLinkRequest['peer'] {
  return given({ name: peer.name ?? peer.device, mac: peer.mac, mtu: peer.mtu, txqlen: peer.txqlen, up: peer.up, ns: nsOf(peer) });
}

/** Flags and names that a new device is given beside its kind. */
function setRest(ip: Ip, words: LinkWords, name: string | null): void {
  const { multicast, allmulti, promisc, arp, alias, group } = words;
  if ([multicast, allmulti, promisc, arp, alias, group].every((value) => value === undefined)) return;
  const ns = nsOf(words) ?? ip.ns;
  const made = name === null ? null : findLink(ns, name);
  if (!made) throw new NotSimulated('ip link add without a name but with flags');
  setLink(ns, made.ifindex, given({ multicast, allmulti, promisc, arp, alias, group }));
}

function set(ip: Ip, args: Args): number {
  const words = parseLinkWords(ip, args);
  if (words.group !== undefined && words.device === null) return setGroup(ip, args, words);
  if (words.device === null) throw new Exit(255, 'Not enough information: "dev" argument is required.\n');
  const link = needLink(ip.ns, words.device);
  const kindOptions = parseKind(ip, args, words, link);
  const name = words.name !== null && words.name !== link.name ? words.name : undefined;
  talk(() => setLink(ip.ns, link.ifindex, given({ ...flagsOf(words), name, ...kindOptions() })));
  return 0;
}

function flagsOf(words: LinkWords): SetLinkRequest {
  const { up, mac, mtu, txqlen, master, promisc, allmulti, multicast, arp, alias, group } = words;
  return { up, mac, mtu, txqlen, master, promisc, allmulti, multicast, arp, alias, group, ns: nsOf(words) };
}

/** The words behind `type`; what they set, or the kernel's refusal when the device is of another kind. */
function parseKind(ip: Ip, args: Args, words: LinkWords, link: LinkRow): () => Pick<SetLinkRequest, 'bridge' | 'slave' | 'vxlan' | 'tunnel'> {
  if (words.type === 'vxlan') return parseVxlan(ip, args, words, link);
  if (words.type === null || !args.more) return () => ({});
  if (isTunnelKind(words.type)) return parseTunnel(ip, args, words.type, link);
  if (words.type === 'bridge') {
    const bridge = parseBridgeOptions(args);
    return () => {
      if (!link.bridge) throw new KernelError('EOPNOTSUPP');
      return { bridge };
    };
  }
  if (words.type === 'bridge_slave') {
    const slave = parsePortOptions(args);
    return () => {
      if (!link.port) throw new KernelError('EOPNOTSUPP');
      return { slave };
    };
  }
  if (words.type === 'veth' && args.word !== 'peer') {
    ip.out(VETH_OPTIONS);
    throw new Failure('');
  }
  throw new NotSimulated(`ip link set ... type ${words.type} ${args.word}`);
}

function parseVxlan(ip: Ip, args: Args, words: LinkWords, link: LinkRow): () => Pick<SetLinkRequest, 'vxlan'> {
  const vxlan = args.more ? parseVxlanOptions(ip, args, true) : undefined;
  return () => {
    const { options, check } = validateVxlan(words, vxlan);
    if (!link.vxlan) throw new KernelError('EOPNOTSUPP');
    check();
    if (words.mtu !== undefined) throw new KernelError('EOPNOTSUPP', 'Cannot change mtu');
    return { vxlan: options };
  };
}

function parseTunnel(ip: Ip, args: Args, kind: TunnelKind, link: LinkRow): () => Pick<SetLinkRequest, 'tunnel'> {
  needTunnel(link);
  const tunnel = parseTunnelOptions(ip, args, kind);
  return () => {
    if (link.kind !== kind) throw new KernelError('EOPNOTSUPP');
    return { tunnel };
  };
}

/** `ip link set group N ...`: every device of the group. */
function setGroup(ip: Ip, args: Args, words: LinkWords): number {
  if (args.more) throw new Failure(`Garbage instead of arguments "${args.word} ...". Try "ip link help".\n`);
  const request = given({ ...flagsOf(words), group: undefined });
  talk(() => {
    for (const row of linkMap(ip.ns).rows) if (row.group === words.group) setLink(ip.ns, row.ifindex, request);
  });
  return 0;
}

function remove(ip: Ip, args: Args): number {
  const words = parseLinkWords(ip, args);
  if (words.group !== undefined && words.device === null) {
    talk(() => {
      const rows = linkMap(ip.ns).rows.filter((row) => row.group === words.group);
      if (rows.length === 0) throw new KernelError('ENODEV');
      for (const row of rows) if (findLink(ip.ns, row.name)) delLink(ip.ns, row.ifindex);
    });
    return 0;
  }
  if (words.device === null) throw new Exit(255, 'Not enough information: "dev" argument is required.\n');
  const link = needLink(ip.ns, words.device);
  talk(() => delLink(ip.ns, link.ifindex));
  return 0;
}
