import type { Process } from '../../shell/process.ts';
import { network } from '../../wire/address.ts';
import { agentRemove, agentWrite, type AgentRunning } from '../agent.ts';
import { formatCidr, parseCidr } from './cidr.ts';
import { explained, fail, withPath } from './cni-error.ts';
import { type Fields, fieldsOf } from './fields.ts';
import { isObject, type JsonObject, type JsonValue, parseJson, printJson, sorted } from './go-json.ts';
import { cniPath, delegate, execPlugin, findPlugin } from './invoke.ts';
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

interface FlannelConf {
  readonly fields: Fields;
  readonly subnetFile: string;
  readonly dataDir: string;
  readonly delegate: JsonObject;
}

function loadFlannelConf({ config }: CmdArgs): FlannelConf {
  return explained('loadFlannelNetConf failed: failed to load netconf: ', () => {
    const fields = fieldsOf(config, 'NetConf');
    fields.object('delegate');
    const raw = fields.raw('delegate');
    return { fields, subnetFile: fields.text('subnetFile') || '/run/flannel/subnet.env', dataDir: fields.text('dataDir') || '/var/lib/cni/flannel', delegate: isObject(raw) ? raw : {} };
  });
}

/** The configuration of the plugin that does the work (doCmdAdd in flannel_linux.go); the defaults make it a bridge. */
function delegateConfig({ fields, delegate: given }: FlannelConf, env: SubnetEnv): JsonObject {
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

function* add(args: CmdArgs): AgentRunning<string> {
  const { process } = args;
  const conf = loadFlannelConf(args);
  const config = delegateConfig(conf, loadSubnetEnv(process, conf.subnetFile));
  const text = printJson(sorted(config));
  const type = String(config.type);
  agentWrite(process, AGENT, `${conf.dataDir}/${args.containerId}`, text, `the DEL needs the configuration for ${type} again, whatever flanneld says then`, 0o600);
  const path = explained('failed to delegate add: ', () => findPlugin(process, type, cniPath(process)));
  const printed = yield* execPlugin(process, path, text, process.env);
  return printResult(readResult(parseJson(printed)), args.version);
}

function* del(args: CmdArgs): AgentRunning<string> {
  const path = `${loadFlannelConf(args).dataDir}/${args.containerId}`;
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
