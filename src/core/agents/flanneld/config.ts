import { type Cidr, formatCidr, parseCidr } from '../../cluster/cidr.ts';
import { NotSimulated } from '../../shell/process.ts';
import { isObject, type JsonObject, JsonSyntaxError, type JsonValue, parseJson } from '../cni-plugins/go-json.ts';

/** net-conf.json. */
export interface Config {
  /** Null when the file has none: what comes of that is the backend's business, as with the real one. */
  readonly network: Cidr | null;
  readonly backendType: string;
  readonly backend: JsonObject;
}

export interface VxlanConfig {
  readonly vni: number;
  /** 0: the kernel's own, 8472. */
  readonly port: number;
  /** 0: that of the interface below. */
  readonly mtu: number;
  readonly gbp: boolean;
  readonly learning: boolean;
  readonly directRouting: boolean;
}

/** A configuration that flanneld refuses, in its words. */
export class ConfigError extends Error {}

const SIMULATED = ['vxlan', 'host-gw'];
/** The other backends of flannel. */
const BACKENDS = ['udp', 'alloc', 'ipip', 'ipsec', 'wireguard', 'extension', 'tencent-vpc'];

/** ParseConfig of flannel (pkg/subnet/config.go). Throws ConfigError, and NotSimulated for IPv6 and nftables. */
export function parseConfig(text: string): Config {
  const value = json(text);
  if (!isObject(value)) throw new ConfigError(`json: cannot unmarshal ${goKind(value)} into Go value of type subnet.Config`);
  if (flag(value, 'EnableIPv6', 'Config')) throw new NotSimulated('EnableIPv6 of flannel');
  if (flag(value, 'EnableNFTables', 'Config')) throw new NotSimulated('EnableNFTables of flannel');
  if (lookup(value, 'EnableIPv4') === false) throw new NotSimulated('flannel without IPv4');
  const network = lookup(value, 'Network');
  const backend = lookup(value, 'Backend');
  const cidr = network === undefined || network === null ? null : cidrOf(network);
  if (backend === undefined || backend === null) return { network: cidr, backendType: 'udp', backend: {} };
  if (!isObject(backend)) throw new ConfigError(`error decoding Backend property of config: json: cannot unmarshal ${goKind(backend)} into Go value of type struct { Type string }`);
  const type = lookup(backend, 'Type') ?? '';
  if (typeof type !== 'string') throw new ConfigError(`error decoding Backend property of config: json: cannot unmarshal ${goKind(type)} into Go struct field .Type of type string`);
  return { network: cidr, backendType: type, backend };
}

function json(text: string): JsonValue {
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw new ConfigError(error.message);
  }
}

/** IP4Net.UnmarshalJSON: the address of the network, its host bits gone. */
function cidrOf(value: JsonValue): Cidr {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const cidr = parseCidr(text);
  if (!cidr) throw new ConfigError(`invalid CIDR address: ${text}`);
  return cidr;
}

/** The backend of that name: null when flannel has none. Throws NotSimulated for those that are flannel's and not here. */
export function knownBackend(type: string): 'vxlan' | 'host-gw' | null {
  if (BACKENDS.includes(type)) throw new NotSimulated(`the flannel backend ${type}`);
  return SIMULATED.includes(type) ? (type as 'vxlan' | 'host-gw') : null;
}

/** What the vxlan backend reads of the configuration. Throws ConfigError. */
export function vxlanConfig(backend: JsonObject): VxlanConfig {
  try {
    return {
      vni: integer(backend, 'VNI') ?? 1, port: integer(backend, 'Port') ?? 0, mtu: integer(backend, 'MTU') ?? 0,
      gbp: flag(backend, 'GBP', ''), learning: flag(backend, 'Learning', ''), directRouting: flag(backend, 'DirectRouting', ''),
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

function flag(value: JsonObject, name: string, struct: string): boolean {
  const found = lookup(value, name);
  if (found === undefined || found === null) return false;
  if (typeof found !== 'boolean') throw new ConfigError(`json: cannot unmarshal ${goKind(found)} into Go struct field ${struct}.${name} of type bool`);
  return found;
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
