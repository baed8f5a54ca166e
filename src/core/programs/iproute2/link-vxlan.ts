import { KernelError } from '../../kernel/errno.ts';
import type { VxlanOptions } from '../../kernel/rows.ts';
import { NotSimulated } from '../../shell/process.ts';
import { isMulticastIpv4 } from '../../wire/address.ts';
import { getAddress, type Prefix } from './addresses.ts';
import { type Args, duplicateOrGarbage, Failure, invalidArgument, matches, parseUnsigned } from './args.ts';
import type { Ip } from './ip-context.ts';
import { needLink } from './links.ts';
import { dsfieldOf } from './names.ts';
import { VXLAN_OPTIONS } from './usage-bridge.ts';

type Writable<Row> = { -readonly [Key in keyof Row]?: Row[Key] };

/** What was said behind `type vxlan`, and what this kernel would say to words that no member of VxlanOptions stands for. */
export interface VxlanWords {
  readonly options: Partial<VxlanOptions>;
  /** Throws what the kernel answers, or NotSimulated; called before the kernel is asked. */
  check(): void;
}

interface State {
  readonly ip: Ip;
  readonly options: Writable<VxlanOptions>;
  /** Attributes that were given: each only once (check_duparg). */
  readonly given: Set<string>;
  /** `group` or `remote`, and `local`: an address of one rules out the other family for the other. */
  far: Prefix | null;
  near: Prefix | null;
  external: boolean;
  vnifilter: boolean;
  gpe: boolean;
  flowlabel: number;
  /** Flags without a member in VxlanOptions, by the kernel's name, and whether they are on. */
  readonly flags: Map<string, { readonly word: string; readonly on: boolean }>;
}

/** Words behind `type vxlan` in vxlan_parse_opt's order: the first that the word abbreviates is meant. */
type Word = readonly [names: readonly string[], read: (state: State, args: Args) => void, whole?: true];

const U16 = 0xffff;
const VNI_END = 1 << 24;

function once(state: State, attribute: string, key: string, word: string): void {
  if (state.given.has(attribute)) duplicateOrGarbage(key, word);
  state.given.add(attribute);
}

/** The value behind the word, which may be given once. */
function value(state: State, args: Args, key: string): string {
  const word = args.next();
  once(state, key, key, word);
  return word;
}

function number(word: string, max: number, why: string): number {
  return parseUnsigned(word, max) ?? invalidArgument(why, word);
}

function isMulticast(address: Prefix): boolean {
  return address.family === 'inet' ? isMulticastIpv4(address.ip) : address.family === 'inet6' && /^ff/i.test(address.word);
}

function isUnicast(address: Prefix): boolean {
  return address.family !== 'any' && !isMulticast(address);
}

/** The other address settles the family. */
function addressOf(word: string, other: Prefix | null): Prefix {
  return getAddress(word, other?.family === 'inet' || other?.family === 'inet6' ? other.family : 'unspec');
}

function readFar(kind: 'group' | 'remote', state: State, args: Args): void {
  const clash = state.far !== null && (kind === 'group' ? isUnicast(state.far) : isMulticast(state.far));
  if (clash) throw new Failure('vxlan: both group and remote cannot be specified\n');
  const word = args.next();
  once(state, 'remote', kind, word);
  state.far = addressOf(word, state.near);
  if (kind === 'group' ? !isMulticast(state.far) : !isUnicast(state.far)) invalidArgument(`invalid ${kind} address`, word);
  if (state.far.family === 'inet') state.options.remote = state.far.ip === 0 ? null : state.far.ip;
}

function readLocal(state: State, args: Args): void {
  const word = value(state, args, 'local');
  state.near = addressOf(word, state.far);
  if (!isUnicast(state.near)) invalidArgument('invalid local address', word);
  if (state.near.family === 'inet') state.options.local = state.near.ip === 0 ? null : state.near.ip;
}

function readTtl(state: State, args: Args): void {
  const word = value(state, args, 'ttl');
  if (word === 'inherit') state.options.ttlInherit = true;
  else if (word === 'auto') state.options.ttl = 0;
  else {
    const ttl = number(word, 0xffff_ffff, 'invalid TTL');
    if (ttl > 255) invalidArgument('TTL must be <= 255', word);
    state.options.ttl = ttl;
  }
}

function readTos(state: State, args: Args): void {
  const word = value(state, args, 'tos');
  state.options.tos = word === 'inherit' ? 1 : dsfieldOf(word) ?? invalidArgument('bad TOS value', word);
}

function readDf(state: State, args: Args): void {
  const word = value(state, args, 'df');
  if (word !== 'unset' && word !== 'set' && word !== 'inherit') invalidArgument("DF must be 'unset', 'set' or 'inherit'", word);
  state.options.df = word;
}

/** A range of 0 and 0 is not sent. */
function readSrcport(state: State, args: Args): void {
  const min = number(value(state, args, 'srcport'), U16, 'min port');
  const max = number(args.next(), U16, 'max port');
  if (min === 0 && max === 0) return;
  state.options.srcportMin = min;
  state.options.srcportMax = max;
}

function readExternal(on: boolean): (state: State, args: Args) => void {
  return (state, args) => {
    once(state, 'COLLECT_METADATA', args.word, args.word);
    state.external = on;
    // It also turns learning off, without counting as `nolearning`.
    if (on) state.options.learning = false;
    state.flags.set('COLLECT_METADATA', { word: 'external', on });
  };
}

function readVnifilter(on: boolean): (state: State, args: Args) => void {
  return (state, args) => {
    once(state, 'VNIFILTER', args.word, args.word);
    state.vnifilter ||= on;
    state.flags.set('VNIFILTER', { word: 'vnifilter', on });
  };
}

type Flag = 'learning' | 'proxy' | 'rsc' | 'l2miss' | 'l3miss' | 'udpcsum' | 'udp6ZeroCsumTx' | 'udp6ZeroCsumRx';

function flag(key: Flag, on: boolean): (state: State, args: Args) => void {
  return (state, args) => {
    once(state, key, args.word, args.word);
    state.options[key] = on;
  };
}

function unsupportedFlag(attribute: string, word: string, on: boolean): (state: State, args: Args) => void {
  return (state, args) => {
    once(state, attribute, args.word, args.word);
    state.flags.set(attribute, { word, on });
    if (word === 'gpe') state.gpe = true;
  };
}

const ADDRESSES: readonly Word[] = [
  [['id', 'vni'], (state, args) => {
    const word = value(state, args, 'id');
    state.options.vni = number(word, VNI_END - 1, 'invalid id');
  }],
  [['group'], (state, args) => readFar('group', state, args)],
  [['remote'], (state, args) => readFar('remote', state, args)],
  [['local'], readLocal],
  [['dev'], (state, args) => { state.options.link = needLink(state.ip.ns, value(state, args, 'dev'), 255).ifindex; }],
];

const VALUES: readonly Word[] = [
  [['ttl', 'hoplimit'], readTtl],
  [['tos', 'dsfield'], readTos],
  [['df'], readDf],
  [['label', 'flowlabel'], (state, args) => { state.flowlabel = number(value(state, args, 'flowlabel'), 0xfffff, 'invalid flowlabel'); }],
  [['ageing'], (state, args) => {
    const word = value(state, args, 'ageing');
    state.options.ageing = word === 'none' ? 0 : number(word, 0xffff_ffff, 'ageing timer');
  }],
  [['maxaddress'], (state, args) => {
    const word = value(state, args, 'maxaddress');
    state.options.maxAddress = word === 'unlimited' ? 0 : number(word, 0xffff_ffff, 'max addresses');
  }],
  [['port', 'srcport'], readSrcport],
  [['dstport'], (state, args) => {
    const port = number(value(state, args, 'dstport'), U16, 'dst port');
    if (port !== 0) state.options.dstport = port;
  }],
];

const FLAGS: readonly Word[] = [
  [['nolearning'], flag('learning', false)], [['learning'], flag('learning', true)],
  [['noproxy'], flag('proxy', false)], [['proxy'], flag('proxy', true)],
  [['norsc'], flag('rsc', false)], [['rsc'], flag('rsc', true)],
  [['nol2miss'], flag('l2miss', false)], [['l2miss'], flag('l2miss', true)],
  [['nol3miss'], flag('l3miss', false)], [['l3miss'], flag('l3miss', true)],
  [['udpcsum'], flag('udpcsum', true)], [['noudpcsum'], flag('udpcsum', false)],
  [['udp6zerocsumtx'], flag('udp6ZeroCsumTx', true)], [['noudp6zerocsumtx'], flag('udp6ZeroCsumTx', false)],
  [['udp6zerocsumrx'], flag('udp6ZeroCsumRx', true)], [['noudp6zerocsumrx'], flag('udp6ZeroCsumRx', false)],
  [['remcsumtx'], unsupportedFlag('REMCSUM_TX', 'remcsumtx', true)], [['noremcsumtx'], unsupportedFlag('REMCSUM_TX', 'remcsumtx', false)],
  [['remcsumrx'], unsupportedFlag('REMCSUM_RX', 'remcsumrx', true)], [['noremcsumrx'], unsupportedFlag('REMCSUM_RX', 'remcsumrx', false)],
  [['external'], readExternal(true)], [['noexternal'], readExternal(false)],
  [['gbp'], unsupportedFlag('GBP', 'gbp', true)], [['gpe'], unsupportedFlag('GPE', 'gpe', true)],
  [['vnifilter'], readVnifilter(true), true], [['novnifilter'], readVnifilter(false), true],
];

const WORDS: readonly Word[] = [...ADDRESSES, ...VALUES, ...FLAGS];

/**
 * The words behind `type vxlan` (vxlan_parse_opt of iproute2 6.1). `setting`: of a device that exists, where the VNI and the port may be
 * left out. Says on stderr that a new device without a port gets Linux's own.
 */
export function parseVxlanOptions(ip: Ip, args: Args, setting: boolean): VxlanWords {
  const state: State = {
    ip, options: {}, given: new Set(), far: null, near: null, external: false, vnifilter: false, gpe: false, flowlabel: 0, flags: new Map(),
  };
  for (; args.more; args.shift()) {
    const word = WORDS.find(([names, , whole]) => names.some((name) => (whole ? args.word === name : matches(args.word, name))));
    if (!word) throw new Failure(`${matches(args.word, 'help') ? '' : `vxlan: unknown command "${args.word}"?\n`}${VXLAN_OPTIONS}`);
    word[1](state, args);
  }
  checkWords(state, setting);
  return { options: state.options, check: () => checkKernel(state, setting) };
}

/** What ip(8) refuses before the kernel is asked, and its hint about the port. */
function checkWords(state: State, setting: boolean): void {
  const { ip, options, given, far, external, vnifilter, gpe } = state;
  if (!external && vnifilter) throw new Failure("vxlan: vnifilter is valid only when 'external' is set\n");
  if (external && given.has('id')) throw new Failure("vxlan: both 'external' and vni cannot be specified\n");
  if (!external && !given.has('id') && !setting) throw new Failure('vxlan: missing virtual network identifier\n');
  if (far && isMulticast(far) && !given.has('dev')) throw new Failure("vxlan: 'group' requires 'dev' to be specified\n");
  if (given.has('dstport')) return;
  if (gpe) options.dstport = 4790;
  else if (!setting) {
    ip.err('vxlan: destination port not specified\nWill use Linux kernel default (non-standard value)\n');
    ip.err("Use 'dstport 4789' to get the IANA assigned value\nUse 'dstport 0' to get default and quiet this message\n");
  }
}

/** What the kernel says to words without a member in VxlanOptions (vxlan_nl2conf, vxlan_config_validate), and what is not simulated. */
function checkKernel(state: State, setting: boolean): void {
  const { ip, options, far, near, flowlabel, flags } = state;
  const command = `ip link ${setting ? 'set' : 'add'} ... type vxlan`;
  const inet6 = [far, near].find((address) => address?.family === 'inet6');
  if (inet6) throw new NotSimulated(`${command} ... ${inet6.word}`);
  if (!setting && !far && !near && ip.options.family === 'inet6') throw new NotSimulated('ip -6 link add ... type vxlan');
  for (const [attribute, { word, on }] of flags) {
    if (setting && attribute === 'GPE') continue;
    if (setting) throw new KernelError('EOPNOTSUPP', `vxlan: cannot change ${attribute === 'VNIFILTER' ? '' : `${attribute} `}flag`);
    if (attribute === 'GPE' && !flags.get('COLLECT_METADATA')?.on) throw new KernelError('EINVAL', 'VXLAN GPE does not support this combination of attributes');
    if (on) throw new NotSimulated(`${command} ... ${word}`);
  }
  if (setting && options.udp6ZeroCsumTx !== undefined) throw new KernelError('EOPNOTSUPP', 'vxlan: cannot change UDP_ZERO_CSUM6_TX flag');
  if (setting && options.udp6ZeroCsumRx !== undefined) throw new KernelError('EOPNOTSUPP', 'vxlan: cannot change UDP_ZERO_CSUM6_RX flag');
  if (flowlabel !== 0) throw new KernelError('EINVAL', 'Label attribute only applies to IPv6 VXLAN devices');
}
