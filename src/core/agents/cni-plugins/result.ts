import { fail } from './cni-error.ts';
import { type Fields, fieldsOf } from './fields.ts';
import { isObject, type JsonObject, type JsonValue, printJson, sorted } from './go-json.ts';
import { versionAtLeast } from './skel.ts';

export interface ResultInterface {
  readonly name: string;
  readonly mac: string;
  readonly sandbox: string;
}
export interface ResultIp {
  /** Index into the interfaces; null in the result of an IPAM plugin. */
  readonly interface: number | null;
  /** `10.244.1.5/24` */
  readonly address: string;
  readonly gateway: string | null;
}
export interface ResultRoute {
  readonly dst: string;
  readonly gw: string | null;
  /** `mtu`, `advmss`, `priority`, `table`, `scope`, as far as they were given. */
  readonly options: Readonly<Record<string, number>>;
}
export interface ResultDns {
  readonly nameservers?: readonly string[];
  readonly domain?: string;
  readonly search?: readonly string[];
  readonly options?: readonly string[];
}
/** What an ADD gives (SPEC.md section 5). */
export interface CniResult {
  readonly interfaces: readonly ResultInterface[];
  readonly ips: readonly ResultIp[];
  readonly routes: readonly ResultRoute[];
  readonly dns: ResultDns;
}

const ROUTE_OPTIONS = ['mtu', 'advmss', 'priority', 'table', 'scope'];

export function readDns(fields: Fields): ResultDns {
  const dns: { -readonly [Key in keyof ResultDns]: ResultDns[Key] } = {};
  if (fields.has('nameservers')) dns.nameservers = fields.texts('nameservers');
  if (fields.text('domain') !== '') dns.domain = fields.text('domain');
  if (fields.has('search')) dns.search = fields.texts('search');
  if (fields.has('options')) dns.options = fields.texts('options');
  return dns;
}

export function readRoute(value: JsonValue, struct: string): ResultRoute {
  const fields = fieldsOf(value, struct);
  const options = Object.fromEntries(ROUTE_OPTIONS.filter((key) => fields.has(key)).map((key) => [key, fields.integer(key)]));
  return { dst: fields.text('dst'), gw: fields.text('gw') || null, options };
}

/** A result of any version, read. */
export function readResult(value: JsonValue): CniResult {
  const fields = fieldsOf(value, 'Result');
  const old = [fields.object('ip4')].filter((one) => one.has('ip'));
  const ips = fields.list('ips').map((one) => fieldsOf(one, 'Result.ips'));
  return {
    interfaces: fields.list('interfaces').map((one) => fieldsOf(one, 'Result.interfaces')).map((one) => ({ name: one.text('name'), mac: one.text('mac'), sandbox: one.text('sandbox') })),
    ips: [
      ...ips.map((one) => ({ interface: one.has('interface') ? one.integer('interface') : null, address: one.text('address'), gateway: one.text('gateway') || null })),
      ...old.map((one) => ({ interface: null, address: one.text('ip'), gateway: one.text('gateway') || null })),
    ],
    routes: [...fields.list('routes'), ...old.flatMap((one) => one.list('routes'))].map((one) => readRoute(one, 'Result.routes')),
    dns: readDns(fields.object('dns')),
  };
}

/** prevResult of a configuration; null when there is none. Its version is that of the configuration. */
export function prevResultOf(config: JsonValue): CniResult | null {
  const value = fieldsOf(config, 'PluginConf').raw('prevResult');
  if (value === undefined) return null;
  if (!isObject(value)) fail('could not parse prevResult: cannot unmarshal it');
  return readResult(value);
}

function without(object: Readonly<Record<string, JsonValue | null>>): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null && value !== '')) as JsonObject;
}

function routeObject({ dst, gw, options }: ResultRoute): JsonObject {
  return without({ dst, gw, ...options });
}

/** The result as an object of the given version: 0.3.0 to 0.4.0 name the family of an address and always have `dns`; from 1.0.0 on Go sorts the keys. */
export function resultObject({ interfaces, ips, routes, dns }: CniResult, version: string): JsonObject {
  if (!versionAtLeast(version, '0.3.0')) {
    const first = ips[0];
    if (!first) return fail('cannot convert: no valid IP addresses');
    const list = routes.map(({ dst, gw }) => without({ dst, gw }));
    return { cniVersion: version, ip4: { ...without({ ip: first.address, gateway: first.gateway }), ...(list.length > 0 ? { routes: list } : {}) }, dns: { ...dns } };
  }
  const old = !versionAtLeast(version, '1.0.0');
  const object: JsonObject = {
    cniVersion: version,
    ...(interfaces.length > 0 ? { interfaces: interfaces.map(({ name, mac, sandbox }) => without({ name, mac, sandbox })) } : {}),
    ...(ips.length > 0 ? { ips: ips.map((one) => without({ version: old ? '4' : null, interface: one.interface, address: one.address, gateway: one.gateway })) } : {}),
    ...(routes.length > 0 ? { routes: routes.map(routeObject) } : {}),
    ...(old || Object.keys(dns).length > 0 ? { dns: { ...dns } } : {}),
  };
  return old ? object : (sorted(object) as JsonObject);
}

/** What a plugin prints: four spaces of indentation, no line feed at the end (types.PrintResult). */
export function printResult(result: CniResult, version: string): string {
  return printJson(resultObject(result, version), '    ');
}
