import { NotSimulated } from '../../shell/process.ts';
import { formatIpv4, type Ipv4, netmask, network } from '../../wire/address.ts';
import { type Cidr, firstAddress, formatCidr, parseAddress, parseCidr } from './cidr.ts';
import { explained, fail } from './cni-error.ts';
import { type Fields, fieldsOf } from './fields.ts';
import type { JsonValue } from './go-json.ts';
import { readRoute, type ResultRoute } from './result.ts';
import { type CmdArgs, loadArgs, versionAtLeast } from './skel.ts';

/** Addresses of one subnet that may be given out; both ends belong to it. */
export interface Range {
  readonly subnet: Cidr;
  readonly start: Ipv4;
  readonly end: Ipv4;
  readonly gateway: Ipv4;
}
export type RangeSet = readonly Range[];

export interface HostLocalConfig {
  readonly name: string;
  readonly dataDir: string;
  readonly resolvConf: string;
  readonly routes: readonly ResultRoute[];
  /** One address is allocated of each set. */
  readonly sets: readonly RangeSet[];
  /** Addresses asked for in CNI_ARGS, args or runtimeConfig. */
  readonly requested: readonly Ipv4[];
}

export function formatRange({ start, end }: Range): string {
  return `${formatIpv4(start)}-${formatIpv4(end)}`;
}

export function formatRangeSet(set: RangeSet): string {
  return set.map(formatRange).join(',');
}

export function inRange({ start, end }: Range, ip: Ipv4): boolean {
  return ip >= start && ip <= end;
}

/** Reads and checks the configuration (allocator.LoadIPAMConfig). */
export function loadHostLocalConfig({ config, args, version }: CmdArgs): HostLocalConfig {
  const fields = fieldsOf(config, 'Net');
  if (!fields.has('ipam')) fail("IPAM config missing 'ipam' key");
  const ipam = fields.object('ipam');
  const runtime = fields.object('runtimeConfig');
  const given = loadArgs(args, ['IP']).get('IP') ?? '';
  const inArgs = given === '' ? [] : [explained(`ARGS: error parsing value of pair "IP=${given}": `, () => addressOf(given))];
  const requested = [...inArgs, ...[...fields.object('args').object('cni').texts('ips'), ...runtime.texts('ips')].map(addressOf)];
  const raw = [...runtime.list('ipRanges').map(ranges), ...(ipam.has('subnet') ? [[ipam]] : []), ...ipam.list('ranges').map(ranges)];
  if (raw.length === 0) fail('no IP ranges specified');
  const sets = raw.map((set, i) => readSet(set, i));
  if (sets.length > 1 && !versionAtLeast(version, '0.3.0')) fail(`CNI version ${version} does not support more than 1 address per family`);
  sets.forEach((set, i) => sets.slice(i + 1).forEach((other, j) => {
    if (set.some((range) => other.some((one) => overlap(range, one)))) fail(`range set ${i} overlaps with ${i + j + 1}`);
  }));
  return {
    name: fields.text('name'), dataDir: ipam.text('dataDir') || '/var/lib/cni/networks', resolvConf: ipam.text('resolvConf'),
    routes: ipam.list('routes').map((one) => route(one)), sets, requested,
  };
}

/** An address that is asked for, with or without a mask. */
function addressOf(text: string): Ipv4 {
  return parseAddress(text.split('/')[0]!);
}

function route(value: JsonValue): ResultRoute {
  const { dst, gw, options } = readRoute(value, 'Net.ipam.routes');
  if (gw !== null) parseAddress(gw);
  return { dst: formatCidr(parseCidr(dst)), gw, options };
}

function ranges(value: JsonValue): readonly Fields[] {
  if (!Array.isArray(value)) return fail('json: cannot unmarshal object into Go struct field Net.ipam.ranges of type allocator.RangeSet');
  return value.map((one: JsonValue) => fieldsOf(one, 'Net.ipam.ranges'));
}

function readSet(raw: readonly Fields[], index: number): RangeSet {
  const wrong = (what: string): never => fail(`invalid range set ${index}: ${what}`);
  if (raw.length === 0) wrong('empty range set');
  const set = raw.map((fields) => readRange(fields, wrong));
  set.forEach((range, i) => set.slice(i + 1).forEach((other) => {
    if (overlap(range, other)) wrong(`subnets ${formatRange(range)} and ${formatRange(other)} overlap`);
  }));
  return set;
}

/** Range.Canonicalize: what is missing is filled in; the gateway is the first address. Nobody asks whether a gateway that was given is in the subnet. */
function readRange(fields: Fields, wrong: (what: string) => never): Range {
  if (fields.has('rangeFromFile')) throw new NotSimulated('rangeFromFile of the CNI plugin host-local');
  const text = fields.text('subnet');
  if (text.includes(':')) throw new NotSimulated(`the IPv6 subnet ${text} of the CNI plugin host-local`);
  const subnet = parseCidr(text);
  const net = formatCidr(subnet);
  if (subnet.length > 30) wrong(`Network ${net} too small to allocate from`);
  const first = network(subnet.ip, subnet.length);
  if (subnet.ip !== first) wrong(`Network has host bits set. For a subnet mask of length ${subnet.length} the network address is ${formatIpv4(first)}`);
  const address = (key: string): Ipv4 | null => (fields.text(key) === '' ? null : parseAddress(fields.text(key)));
  const gateway = address('gateway') ?? firstAddress(subnet);
  const [start, end] = [address('rangeStart'), address('rangeEnd')];
  // A start after the end is called outside of the network too.
  if (start !== null && (network(start, subnet.length) !== first || (end !== null && start > end))) wrong(`RangeStart ${formatIpv4(start)} not in network ${net}`);
  const from = start ?? firstAddress(subnet);
  if (end !== null && (network(end, subnet.length) !== first || end < from)) wrong(`RangeEnd ${formatIpv4(end)} not in network ${net}`);
  return { subnet, gateway, start: from, end: end ?? ((first | ~netmask(subnet.length)) >>> 0) - 1 };
}

function overlap(a: Range, b: Range): boolean {
  return a.start <= b.end && b.start <= a.end;
}
