import { joinPath } from '../../shell/files/path.ts';
import { type Process, type Program, type Running } from '../../shell/process.ts';
import { agentNote, agentRemove, agentWrite, type AgentRunning } from '../agent.ts';
import { base64 } from './base64.ts';
import { CniError, fail } from './cni-error.ts';
import { type ConfList, loadConfList, type PluginConf } from './conf-list.ts';
import { fieldsOf } from './fields.ts';
import { isObject, JsonSyntaxError, type JsonObject, type JsonValue, parseJson, printJson, sorted } from './go-json.ts';
import { cniPath, execPlugin, findPlugin } from './invoke.ts';
import { readResult, resultObject } from './result.ts';
import { sha512 } from './sha512.ts';
import { validateContainerId, validateInterfaceName, VALID_NAME, versionAtLeast } from './skel.ts';

const AGENT = 'cnitool';
const CACHE = '/var/lib/cni/results';
const CACHE_KIND = 'cniCacheV1';
/** The version of the specification that has GC and STATUS. */
const SINCE_GC = '1.1.0';
/** Digits of the hash of the namespace's path in a container's id. */
const ID_DIGITS = 20;

const USAGE = `cnitool: Add, check, remove, gc or status network interfaces from a network namespace
  cnitool add    <net> <netns>
  cnitool check  <net> <netns>
  cnitool del    <net> <netns>
  cnitool gc     <net> <netns>
  cnitool status <net> <netns>
`;

/** What a chain of plugins is run with (libcni.RuntimeConf). */
interface Runtime {
  readonly process: Process;
  readonly list: ConfList;
  readonly containerId: string;
  readonly netns: string;
  readonly ifName: string;
  readonly args: string;
  readonly capabilityArgs: JsonObject;
}

/** cnitool(1) of containernetworking/cni: runs the plugins of a network for one namespace, as a container runtime does. */
export const cnitool: Program = function* (process): Running {
  if (process.argv.length < 4) {
    process.stderr.write(USAGE);
    return 1;
  }
  try {
    const command = process.argv[1]!;
    const runtime = loadRuntime(process);
    if (command === 'add') process.stdout.write(yield* addNetworkList(runtime));
    else if (command === 'check') yield* checkNetworkList(runtime);
    else if (command === 'del') yield* delNetworkList(runtime);
    else if (command === 'gc') yield* gcNetworkList(runtime);
    else if (command === 'status') yield* statusNetworkList(runtime);
    return 0;
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    process.stderr.write(`${error.text}\n`);
    return 1;
  }
};

function loadRuntime(process: Process): Runtime {
  const { env } = process;
  const list = loadConfList(process, env.get('NETCONFPATH') || '/etc/cni/net.d', process.argv[2]!);
  const netns = joinPath(process.cwd, process.argv[3]!);
  const args = env.get('CNI_ARGS') ?? '';
  for (const pair of args === '' ? [] : args.split(';')) if (!/^[^=]+=[^=]+$/.test(pair)) fail(`invalid CNI_ARGS pair ${JSON.stringify(pair)}`);
  return { process, list, netns, args, containerId: `cnitool-${sha512(netns).slice(0, ID_DIGITS)}`, ifName: env.get('CNI_IFNAME') ?? 'eth0', capabilityArgs: capabilityArgs(env.get('CAP_ARGS') ?? '') };
}

function capabilityArgs(text: string): JsonObject {
  if (text === '') return {};
  try {
    const value = parseJson(text);
    return isObject(value) ? value : fail('json: cannot unmarshal into Go value of type map[string]interface {}');
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    return fail(error.message);
  }
}

/** Runs one plugin of the chain: the network's name and version, the result so far and the capabilities go into its configuration. */
function* runPlugin(runtime: Runtime, plugin: PluginConf, command: string, previous: JsonObject | null): AgentRunning<string> {
  const { process, list, containerId, netns, ifName, args } = runtime;
  const paths = cniPath(process);
  const path = findPlugin(process, plugin.type, paths);
  validateContainerId(containerId);
  if (!VALID_NAME.test(list.name)) fail(`invalid characters found in network name; ${list.name}`);
  validateInterfaceName(ifName);
  const given = plugin.capabilities.filter((key) => Object.hasOwn(runtime.capabilityArgs, key)).map((key) => [key, runtime.capabilityArgs[key]!] as const);
  const config: JsonObject = {
    ...plugin.config, name: list.name, cniVersion: list.version,
    ...(previous === null ? {} : { prevResult: previous }),
    ...(given.length > 0 ? { runtimeConfig: Object.fromEntries(given) } : {}),
  };
  agentNote(process, AGENT, `${command} of network ${list.name}: ${path} for ${ifName} in ${netns}`);
  return yield* execPlugin(process, path, printJson(sorted(config)), environment(process, command, { containerId, netns, args, ifName }));
}

function environment({ env }: Process, command: string, { containerId, netns, args, ifName }: Pick<Runtime, 'containerId' | 'netns' | 'args' | 'ifName'>): ReadonlyMap<string, string> {
  return new Map([...env, ['CNI_COMMAND', command], ['CNI_CONTAINERID', containerId], ['CNI_NETNS', netns], ['CNI_ARGS', args], ['CNI_IFNAME', ifName], ['CNI_PATH', env.get('CNI_PATH') ?? '']]);
}

/** Runs one plugin for the network as a whole, GC or STATUS: no container is named. */
function* askPlugin({ process, list }: Runtime, plugin: PluginConf, command: string): AgentRunning<void> {
  const path = findPlugin(process, plugin.type, cniPath(process));
  const config: JsonObject = { ...plugin.config, name: list.name, cniVersion: list.version };
  agentNote(process, AGENT, `${command} of network ${list.name}: ${path}`);
  yield* execPlugin(process, path, printJson(sorted(config)), environment(process, command, { containerId: '', netns: '', args: '', ifName: '' }));
}

/** What an error of a plugin is called to the user. */
function* described<Value>({ type, name }: PluginConf, verb: string, run: AgentRunning<Value>): AgentRunning<Value> {
  try {
    return yield* run;
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    const own = name === '' ? '' : ` name=${JSON.stringify(name)}`;
    return fail(`plugin type=${JSON.stringify(type)}${own} failed (${verb}): ${error.text}`);
  }
}

function* addNetworkList(runtime: Runtime): AgentRunning<string> {
  const { list, process } = runtime;
  let previous: JsonObject | null = null;
  for (const plugin of list.plugins) {
    const printed: string = yield* described(plugin, 'add', runPlugin(runtime, plugin, 'ADD', previous));
    previous = asObject(parseJson(printed));
  }
  const result = resultObject(readResult(previous!), list.version || '0.1.0');
  agentWrite(process, AGENT, cachePath(runtime), printJson(cacheObject(runtime, result)), 'the DEL and the CHECK get this result', 0o600);
  return printJson(result, '    ');
}

function asObject(value: JsonValue): JsonObject {
  return isObject(value) ? value : fail('no result');
}

function cachePath({ list, containerId, ifName }: Runtime): string {
  return `${CACHE}/${list.name}-${containerId}-${ifName}`;
}

function cacheObject({ list, containerId, ifName, netns, args, capabilityArgs: capabilities }: Runtime, result: JsonObject): JsonObject {
  const pairs = args === '' ? [] : args.split(';').map((pair) => pair.split('='));
  return {
    kind: CACHE_KIND, containerId, config: base64(list.text), ifName, networkName: list.name, netns,
    ...(pairs.length > 0 ? { cniArgs: pairs } : {}),
    ...(Object.keys(capabilities).length > 0 ? { capabilityArgs: sorted(capabilities) } : {}),
    result: sorted(result),
  };
}

/** The result of the ADD, in the version of the configuration; null when it is not there. */
function cachedResult(runtime: Runtime): JsonObject | null {
  const { process, list } = runtime;
  const path = cachePath(runtime);
  if (!versionAtLeast(list.version || '0.1.0', '0.4.0') || !process.fs.exists(path)) return null;
  const cached = asObject(parseJson(process.fs.read(path)));
  return resultObject(readResult(cached.result ?? {}), list.version);
}

function* delNetworkList(runtime: Runtime): AgentRunning<void> {
  const { process, list } = runtime;
  const previous = cachedResult(runtime);
  for (const plugin of [...list.plugins].reverse()) yield* described(plugin, 'delete', runPlugin(runtime, plugin, 'DEL', previous));
  if (previous !== null) agentRemove(process, AGENT, cachePath(runtime), 'the attachment is gone');
}

function* checkNetworkList(runtime: Runtime): AgentRunning<void> {
  const { list } = runtime;
  if (!versionAtLeast(list.version || '0.1.0', '0.4.0')) fail(`configuration version ${JSON.stringify(list.version)} does not support the CHECK command`);
  if (list.disableCheck) return;
  const previous = cachedResult(runtime);
  for (const plugin of list.plugins) yield* runPlugin(runtime, plugin, 'CHECK', previous);
}

/** The attachments of this network that were added and not deleted, as their results lie in the cache. */
function cachedAttachments(runtime: Runtime): readonly Runtime[] {
  const { process, list } = runtime;
  if (!process.fs.exists(CACHE)) return [];
  return process.fs.list(CACHE).sort().flatMap((name) => {
    const cached = fieldsOf(parseJson(process.fs.read(`${CACHE}/${name}`)), 'cachedInfo', 'libcni');
    if (cached.text('kind') !== CACHE_KIND || cached.text('networkName') !== list.name) return [];
    const given = cached.raw('capabilityArgs');
    const pairs = cached.list('cniArgs').map((pair) => (Array.isArray(pair) ? pair.join('=') : ''));
    return [{ process, list, containerId: cached.text('containerId'), ifName: cached.text('ifName'), netns: cached.text('netns'), args: pairs.join(';'), capabilityArgs: isObject(given) ? given : {} }];
  });
}

/** cnitool names no attachment as one that should stay: all of the network are deleted, then the plugins may clear away what is left. */
function* gcNetworkList(runtime: Runtime): AgentRunning<void> {
  const { list } = runtime;
  const errors: string[] = [];
  const attempt = function* (before: string, run: AgentRunning<void>): AgentRunning<void> {
    try {
      yield* run;
    } catch (error) {
      if (!(error instanceof CniError)) throw error;
      errors.push(`${before}: ${error.text}`);
    }
  };
  for (const attachment of cachedAttachments(runtime)) yield* attempt(`failed to delete stale attachment ${attachment.containerId} ${attachment.ifName}`, delNetworkList(attachment));
  if (versionAtLeast(list.version || '0.1.0', SINCE_GC)) for (const plugin of list.plugins) yield* attempt(`failed to GC plugin ${plugin.type}`, askPlugin(runtime, plugin, 'GC'));
  if (errors.length > 0) fail(errors.join('\n'));
}

/** Whether the plugins are ready for an ADD; the first that is not is what one hears of. */
function* statusNetworkList(runtime: Runtime): AgentRunning<void> {
  const { list } = runtime;
  if (!versionAtLeast(list.version || '0.1.0', SINCE_GC)) return;
  for (const plugin of list.plugins) yield* askPlugin(runtime, plugin, 'STATUS');
}
