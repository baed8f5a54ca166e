import type { Process } from '../../shell/process.ts';
import { network } from '../../wire/address.ts';
import { agentRemove, agentWrite, type AgentRunning } from '../agent.ts';
import { formatCidr, parseCidr } from './cidr.ts';
import { fail, withPath } from './cni-error.ts';
import { fieldsOf } from './fields.ts';
import { isObject, type JsonObject, type JsonValue, parseJson, printJson, sorted } from './go-json.ts';
import { delegate } from './invoke.ts';
import { printResult, readResult } from './result.ts';
import { type CmdArgs, pluginMain } from './skel.ts';

const AGENT = 'flannel';

/** What flanneld has written of this node. */
interface SubnetEnv {
  readonly networks: readonly string[];
  readonly subnet: string;
  readonly mtu: number;
  readonly ipMasq: boolean;
}

function cidr(text: string): string {
  const { ip, length } = parseCidr(text);
  return formatCidr({ ip: network(ip, length), length });
}

function loadSubnetEnv(process: Process, path: string): SubnetEnv {
  const text = withPath('loadFlannelSubnetEnv failed: open', path, () => process.fs.read(path));
  const values = new Map(text.split('\n').map((line) => [line.split('=')[0]!, line.slice(line.indexOf('=') + 1)] as const));
  const value = (key: string): string | undefined => values.get(key);
  const missing = [
    ...(value('FLANNEL_NETWORK') === undefined ? ['FLANNEL_NETWORK', 'FLANNEL_IPV6_NETWORK'] : []),
    ...(value('FLANNEL_SUBNET') === undefined ? ['FLANNEL_SUBNET', 'FLANNEL_IPV6_SUBNET'] : []),
    ...['FLANNEL_MTU', 'FLANNEL_IPMASQ'].filter((key) => value(key) === undefined),
  ];
  if (missing.length > 0) fail(`loadFlannelSubnetEnv failed: ${path} is missing ${missing.join(', ')}`);
  const mtu = value('FLANNEL_MTU')!;
  if (!/^\d+$/.test(mtu)) fail(`loadFlannelSubnetEnv failed: strconv.ParseUint: parsing ${JSON.stringify(mtu)}: invalid syntax`);
  return { networks: value('FLANNEL_NETWORK')!.split(',').map(cidr), subnet: cidr(value('FLANNEL_SUBNET')!), mtu: Number(mtu), ipMasq: value('FLANNEL_IPMASQ') === 'true' };
}

/** The configuration of the plugin that does the work (doCmdAdd in flannel_linux.go); the defaults make it a bridge. */
function delegateConfig(args: CmdArgs, env: SubnetEnv): JsonObject {
  const fields = fieldsOf(args.config, 'NetConf');
  const raw = fields.raw('delegate');
  if (raw !== undefined && !isObject(raw)) fields.object('delegate');
  const given = isObject(raw) ? raw : {};
  if (Object.hasOwn(given, 'type') && typeof given.type !== 'string') fail("'delegate' dictionary, if present, must have (string) 'type' field");
  for (const key of ['name', 'ipam']) if (Object.hasOwn(given, key)) fail(`'delegate' dictionary must not have '${key}' field, it'll be set by flannel`);
  const runtime = fields.raw('runtimeConfig');
  const own = fields.raw('ipam');
  const ipam = isObject(own) ? own : {};
  const routes: JsonValue[] = [...(Array.isArray(ipam.routes) ? (ipam.routes as JsonValue[]) : []), ...env.networks.map((dst) => ({ dst }))];
  const type = given.type ?? 'bridge';
  return {
    ipMasq: !env.ipMasq, mtu: env.mtu, ...(type === 'bridge' ? { isGateway: true } : {}), ...given, type, name: fields.text('name'),
    ...(fields.text('cniVersion') === '' ? {} : { cniVersion: fields.text('cniVersion') }),
    ...(runtime === undefined ? {} : { runtimeConfig: runtime }),
    ipam: { type: 'host-local', ...ipam, ranges: [[{ subnet: env.subnet }]], routes },
  };
}

function scratch({ config, containerId }: CmdArgs): string {
  return `${fieldsOf(config, 'NetConf').text('dataDir') || '/var/lib/cni/flannel'}/${containerId}`;
}

function* add(args: CmdArgs): AgentRunning<string> {
  const path = fieldsOf(args.config, 'NetConf').text('subnetFile') || '/run/flannel/subnet.env';
  const config = delegateConfig(args, loadSubnetEnv(args.process, path));
  const text = printJson(sorted(config));
  agentWrite(args.process, AGENT, scratch(args), text, `the DEL needs the configuration for ${String(config.type)} again, whatever flanneld says then`, 0o600);
  const printed = yield* delegate(args.process, String(config.type), text);
  return printResult(readResult(parseJson(printed)), args.version);
}

function* del(args: CmdArgs): AgentRunning<string> {
  const path = scratch(args);
  if (!args.process.fs.exists(path)) return '';
  const text = args.process.fs.read(path);
  yield* delegate(args.process, fieldsOf(parseJson(text), 'NetConf').text('type'), text);
  agentRemove(args.process, AGENT, path, 'the container is gone');
  return '';
}

function* check(): AgentRunning<string> {
  return '';
}

/** The CNI plugin flannel (flannel-io/cni-plugin): hands over to another plugin with what flanneld knows. The debugging output of the real one on stderr is left out. */
export const flannelCni = pluginMain(AGENT, { add, del, check }, 'CNI Plugin flannel version v1.9.0 (linux/amd64)');
