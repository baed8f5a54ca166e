import { type Cidr, formatCidr, parseCidr } from '../../cluster/cidr.ts';
import { NotSimulated } from '../../shell/process.ts';
import { parseIpv4 } from '../../wire/address.ts';
import { isObject, type JsonObject, JsonSyntaxError, type JsonValue, parseJson } from '../cni-plugins/go-json.ts';

/** net-conf.json. */
export interface Config {
  /** Null when the file has none (or 0.0.0.0/0, which is the same to flannel). */
  readonly network: Cidr | null;
  readonly backendType: string;
  readonly backend: JsonObject;
  readonly enableIpv4: boolean;
}

export interface VxlanConfig {
  readonly vni: number;
  /** 0: the kernel's own, 8472. */
  readonly port: number;
  /** Null: that of the interface below. */
  readonly mtu: number | null;
  readonly gbp: boolean;
  readonly learning: boolean;
  readonly directRouting: boolean;
}

/** A configuration that flanneld refuses, in its words. */
export class ConfigError extends Error {}

/** What Go's runtime says of a panic: flanneld ends with exit code 2. */
export class Panic extends Error {}

const SIMULATED = ['vxlan', 'host-gw'];
/** The other backends of flannel. */
const BACKENDS = ['udp', 'alloc', 'ipip', 'ipsec', 'wireguard', 'extension', 'tencent-vpc'];

/** Reads a field as Go's decoder does; throws ConfigError. */
type Decode = (value: JsonValue, field: string) => void;

const CONFIG_FIELDS: Readonly<Record<string, Decode>> = {
  EnableIPv4: (value, field) => void boolOf(value, field),
  EnableIPv6: (value, field) => void boolOf(value, field),
  EnableNFTables: (value, field) => void boolOf(value, field),
  Network: (value) => void cidrOf(value),
  IPv6Network: (value) => void ipv6CidrOf(value),
  SubnetMin: addressOf,
  SubnetMax: addressOf,
  IPv6SubnetMin: (value) => (value === null ? undefined : addressOf(value)),
  IPv6SubnetMax: (value) => (value === null ? undefined : addressOf(value)),
  SubnetLen: uintOf,
  IPv6SubnetLen: uintOf,
};

/**
 * ParseConfig of flannel (pkg/subnet/config.go). SubnetLen, SubnetMin and SubnetMax are decoded and no more: only flannel with etcd looks
 * whether they make sense. Fields that it does not know are passed over. Throws ConfigError, Panic, and NotSimulated for IPv6 and nftables.
 */
export function parseConfig(text: string): Config {
  const parsed = json(text);
  if (parsed !== null && !isObject(parsed)) throw new ConfigError(`json: cannot unmarshal ${goKind(parsed)} into Go value of type subnet.Config`);
  const value: JsonObject = parsed ?? {};
  // In the order of the file: the decoder tells of the first that is wrong.
  for (const [key, field] of Object.entries(value)) {
    const name = Object.keys(CONFIG_FIELDS).find((known) => known.toLowerCase() === key.toLowerCase());
    if (name !== undefined) CONFIG_FIELDS[name]!(field, `Config.${name}`);
  }
  const { type: backendType, backend } = backendOf(lookup(value, 'Backend'));
  if (lookup(value, 'EnableIPv6') === true) throw new NotSimulated('EnableIPv6 of flannel');
  if (lookup(value, 'EnableNFTables') === true) throw new NotSimulated('EnableNFTables of flannel');
  const network = lookup(value, 'Network');
  const cidr = network === undefined ? null : cidrOf(network);
  return { network: cidr?.ip === 0 && cidr.prefixLength === 0 ? null : cidr, backendType, backend, enableIpv4: lookup(value, 'EnableIPv4') !== false };
}

/** parseBackendType: without a Backend it is udp; with `null` it has no type. */
function backendOf(backend: JsonValue | undefined): { readonly type: string; readonly backend: JsonObject } {
  if (backend === undefined) return { type: 'udp', backend: {} };
  if (backend === null) return { type: '', backend: {} };
  const wrong = (what: string): never => {
    throw new ConfigError(`error decoding Backend property of config: json: cannot unmarshal ${what}`);
  };
  if (!isObject(backend)) return wrong(`${goKind(backend)} into Go value of type struct { Type string }`);
  const type = lookup(backend, 'Type') ?? '';
  if (typeof type !== 'string') return wrong(`${goKind(type)} into Go struct field .Type of type string`);
  return { type, backend };
}

function json(text: string): JsonValue {
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw new ConfigError(error.message);
  }
}

/** What an UnmarshalJSON of flannel's takes: the text of the value without its quotes. */
function rawText(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** IP4Net.UnmarshalJSON: the address of the network, its host bits gone. */
function cidrOf(value: JsonValue): Cidr {
  const text = rawText(value);
  const cidr = parseCidr(text);
  if (cidr) return cidr;
  if (IPV6_CIDR.test(text)) throw new Panic('Address is not an IPv4 address');
  throw new ConfigError(`invalid CIDR address: ${text}`);
}

const IPV6_CIDR = /^[0-9a-fA-F:]*:[0-9a-fA-F:.]*\/\d{1,3}$/;

function ipv6CidrOf(value: JsonValue): void {
  const text = rawText(value);
  if (!IPV6_CIDR.test(text) && parseCidr(text) === null) throw new ConfigError(`invalid CIDR address: ${text}`);
}

/** IP4.UnmarshalJSON. */
function addressOf(value: JsonValue): void {
  const text = rawText(value);
  if (parseIpv4(text) === null && !/^[0-9a-fA-F:]*:[0-9a-fA-F:.]*$/.test(text)) throw new ConfigError('invalid IP address format');
}

/** The backend of that name, in whatever case: null when flannel has none. Throws NotSimulated for those that are flannel's and not here. */
export function knownBackend(name: string): 'vxlan' | 'host-gw' | null {
  const type = name.toLowerCase();
  if (BACKENDS.includes(type)) throw new NotSimulated(`the flannel backend ${type}`);
  return SIMULATED.includes(type) ? (type as 'vxlan' | 'host-gw') : null;
}

/** What the vxlan backend reads of the configuration. Throws ConfigError. */
export function vxlanConfig(backend: JsonObject): VxlanConfig {
  try {
    return {
      vni: integer(backend, 'VNI') ?? 1, port: integer(backend, 'Port') ?? 0, mtu: integer(backend, 'MTU') ?? null,
      gbp: flag(backend, 'GBP'), learning: flag(backend, 'Learning'), directRouting: flag(backend, 'DirectRouting'),
    };
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigError(`error decoding VXLAN backend config: ${error.message}`);
    throw error;
  }
}

/** A field by its name, in whatever case, as Go's decoder finds it. */
function lookup(value: JsonObject, name: string): JsonValue | undefined {
  if (Object.hasOwn(value, name)) return value[name];
  const key = Object.keys(value).find((other) => other.toLowerCase() === name.toLowerCase());
  return key === undefined ? undefined : value[key];
}

function flag(value: JsonObject, name: string): boolean {
  return boolOf(lookup(value, name) ?? null, `.${name}`);
}

function boolOf(value: JsonValue, field: string): boolean {
  if (value === null) return false;
  if (typeof value !== 'boolean') throw new ConfigError(`json: cannot unmarshal ${goKind(value)} into Go struct field ${field} of type bool`);
  return value;
}

function uintOf(value: JsonValue, field: string): void {
  if (value === null) return;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) {
    throw new ConfigError(`json: cannot unmarshal ${typeof value === 'number' ? `number ${value}` : goKind(value)} into Go struct field ${field} of type uint`);
  }
}

function integer(value: JsonObject, name: string): number | undefined {
  const found = lookup(value, name);
  if (found === undefined || found === null) return undefined;
  if (typeof found !== 'number' || !Number.isInteger(found)) {
    const what = typeof found === 'number' ? `number ${found}` : goKind(found);
    throw new ConfigError(`json: cannot unmarshal ${what} into Go struct field .${name} of type int`);
  }
  return found;
}

function goKind(value: JsonValue): string {
  return Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value === 'boolean' ? 'bool' : typeof value;
}

/** Go prints an IP4Net that was never set as this. */
export function networkText(network: Cidr | null): string {
  return network === null ? '0.0.0.0/0' : formatCidr(network);
}
