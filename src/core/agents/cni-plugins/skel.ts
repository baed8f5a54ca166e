import type { Process, Program, Running } from '../../shell/process.ts';
import { namespaceOfPath } from '../../shell/files/namespace-path.ts';
import type { AgentRunning } from '../agent.ts';
import {
  CNI_DECODING_FAILURE, CNI_INCOMPATIBLE_VERSION, CNI_INVALID_CONFIG, CNI_INVALID_ENVIRONMENT, CNI_INVALID_NETNS, CNI_UNKNOWN_CONTAINER, CniError, explained,
} from './cni-error.ts';
import { fieldsOf } from './fields.ts';
import { JsonSyntaxError, type JsonObject, type JsonValue, parseJson, printJson } from './go-json.ts';

/** The versions of the specification that the plugins know. */
export const CNI_VERSIONS: readonly string[] = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'];
const PLUGINS_VERSION = 'v1.9.1';

/** What a plugin is called with (CNI_* and its stdin). */
export interface CmdArgs {
  readonly process: Process;
  readonly containerId: string;
  /** Path of the namespace; '' in a DEL that comes after its end. */
  readonly netns: string;
  readonly ifName: string;
  readonly args: string;
  readonly stdin: string;
  readonly config: JsonValue;
  /** cniVersion of the configuration; 0.1.0 when it has none. */
  readonly version: string;
}

/** Gives what the plugin prints; fails with CniError. */
export type Command = (args: CmdArgs) => AgentRunning<string>;

export interface Commands {
  readonly add: Command;
  readonly del: Command;
  readonly check: Command;
  /** A plugin without one answers with success, once its environment and configuration have been checked; so does every plugin of this release to GC. */
  readonly status?: Command;
}

/** The commands that came later, with the version of the specification that has them. */
const LATER_COMMANDS: ReadonlyMap<string, { readonly key: 'check' | 'status' | null; readonly since: string }> = new Map([
  ['CHECK', { key: 'check', since: '0.4.0' }], ['GC', { key: null, since: '1.1.0' }], ['STATUS', { key: 'status', since: '1.1.0' }],
]);

/** The main function of a plugin (pkg/skel): its environment and configuration are checked, then a command runs. */
export function pluginMain(name: string, commands: Commands, about = `CNI ${name} plugin ${PLUGINS_VERSION}`): Program {
  return function* (process): Running {
    if ((process.env.get('CNI_COMMAND') ?? '') === '') {
      process.stderr.write(`${about}\nCNI protocol versions supported: ${CNI_VERSIONS.join(', ')}\n`);
      return 0;
    }
    try {
      process.stdout.write(yield* dispatch(process, commands));
      return 0;
    } catch (error) {
      if (!(error instanceof CniError)) throw error;
      process.stdout.write(printError(error));
      return 1;
    }
  };
}

function printError({ code, message, details }: CniError): string {
  const object: JsonObject = details === '' ? { code, msg: message } : { code, msg: message, details };
  return printJson(object, '    ');
}

function* dispatch(process: Process, commands: Commands): AgentRunning<string> {
  const command = process.env.get('CNI_COMMAND')!;
  checkEnvironment(process, command);
  if (command === 'VERSION') return `${printJson({ cniVersion: CNI_VERSIONS.at(-1)!, supportedVersions: CNI_VERSIONS })}\n`;
  const args = yield* readArguments(process);
  if (command === 'ADD' || command === 'DEL') {
    checkVersion(args.version);
    const printed = yield* (command === 'ADD' ? commands.add : commands.del)(args);
    if (!/^(true|1)$/i.test(process.env.get('CNI_NETNS_OVERRIDE') ?? '') && args.netns !== '' && namespaceOfPath(process, args.netns) === process.ns) {
      throw new CniError(CNI_INVALID_NETNS, "plugin's netns and netns from CNI_NETNS should not be the same");
    }
    return printed;
  }
  const later = LATER_COMMANDS.get(command) ?? unknownCommand(command);
  const not = (whose: string): never => {
    throw new CniError(CNI_INCOMPATIBLE_VERSION, `${whose} version does not allow ${command}`);
  };
  if (!versionAtLeast(args.version, later.since)) not('config');
  if (!CNI_VERSIONS.some((version) => versionAtLeast(version, args.version))) not('plugin');
  checkVersion(args.version);
  const run = later.key && commands[later.key];
  return run ? yield* run(args) : '';
}

function unknownCommand(command: string): never {
  throw new CniError(CNI_INVALID_ENVIRONMENT, `unknown CNI_COMMAND: ${command}`);
}

/** Which commands cannot do without a variable, and what they check of it as they read it. */
const VARIABLES: readonly { readonly name: string; readonly needed: readonly string[]; readonly check?: (text: string) => void }[] = [
  { name: 'CNI_CONTAINERID', needed: ['ADD', 'CHECK', 'DEL'], check: validateContainerId },
  { name: 'CNI_NETNS', needed: ['ADD', 'CHECK'] },
  { name: 'CNI_IFNAME', needed: ['ADD', 'CHECK', 'DEL'], check: validateInterfaceName },
  { name: 'CNI_PATH', needed: ['ADD', 'CHECK', 'DEL', 'GC', 'STATUS'] },
];

function checkEnvironment(process: Process, command: string): void {
  const missing: string[] = [];
  for (const { name, needed, check } of VARIABLES) {
    if (!needed.includes(command)) continue;
    const text = process.env.get(name) ?? '';
    if (text === '') missing.push(name);
    else check?.(text);
  }
  if (missing.length > 0) throw new CniError(CNI_INVALID_ENVIRONMENT, `required env variables [${missing.join(',')}] missing`);
}

function* readArguments(process: Process): AgentRunning<CmdArgs> {
  const stdin = yield* readAll(process);
  const wrong = 'error unmarshall network config: ';
  const config = decode(stdin, wrong);
  const fields = explained(wrong, () => fieldsOf(config, 'PluginConf', 'types'), CNI_DECODING_FAILURE);
  const [name, version] = explained(wrong, () => [fields.text('name'), fields.text('cniVersion') || '0.1.0'] as const, CNI_DECODING_FAILURE);
  if (name === '') throw new CniError(CNI_INVALID_CONFIG, 'missing network name');
  if (!VALID_NAME.test(name)) throw new CniError(CNI_INVALID_CONFIG, 'invalid characters found in network name', name);
  const variable = (key: string): string => process.env.get(key) ?? '';
  return { process, containerId: variable('CNI_CONTAINERID'), ifName: variable('CNI_IFNAME'), netns: variable('CNI_NETNS'), args: variable('CNI_ARGS'), stdin, config, version };
}

function* readAll(process: Process): AgentRunning<string> {
  const { stdin } = process;
  let text = '';
  while (!stdin.ended) {
    const more = stdin.read();
    if (more === '') yield { queues: [stdin.readable], deadline: null };
    text += more;
  }
  return text;
}

function decode(text: string, before: string): JsonValue {
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw new CniError(CNI_DECODING_FAILURE, `${before}${error.message}`);
  }
}

export const VALID_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

export function validateContainerId(id: string): void {
  if (id === '') throw new CniError(CNI_UNKNOWN_CONTAINER, 'missing containerID');
  if (!VALID_NAME.test(id)) throw new CniError(CNI_INVALID_ENVIRONMENT, 'invalid characters in containerID', id);
}

export function validateInterfaceName(name: string): void {
  const wrong = (message: string, details = ''): never => {
    throw new CniError(CNI_INVALID_ENVIRONMENT, message, details);
  };
  if (name === '') wrong('interface name is empty');
  if (name.length > 15) wrong('interface name is too long', 'interface name should be less than 16 characters');
  if (name === '.' || name === '..') wrong('interface name is . or ..');
  if (/[/:\s]/.test(name)) wrong('interface name contains / or : or whitespace characters');
}

function checkVersion(version: string): void {
  if (CNI_VERSIONS.includes(version)) return;
  const supported = CNI_VERSIONS.map((one) => `"${one}"`).join(' ');
  throw new CniError(CNI_INCOMPATIBLE_VERSION, 'incompatible CNI versions', `config is ${JSON.stringify(version)}, plugin supports [${supported}]`);
}

/** Compares versions part by part. */
export function versionAtLeast(version: string, least: string): boolean {
  const parts = (text: string): number[] => text.split('.').map(Number);
  const [a, b] = [parts(version), parts(least)];
  for (let i = 0; i < 3; i++) if ((a[i] ?? 0) !== (b[i] ?? 0)) return (a[i] ?? 0) > (b[i] ?? 0);
  return true;
}

/** CNI_ARGS (`K=V;K=V`): the keys that a plugin knows; others are refused unless IgnoreUnknown is among them (types.LoadArgs). */
export function loadArgs(args: string, known: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  if (args === '') return found;
  const unknown: string[] = [];
  for (const pair of args.split(';')) {
    const words = pair.split('=');
    if (words.length !== 2) throw new CniError(999, `ARGS: invalid pair ${JSON.stringify(pair)}`);
    if (words[0] === 'IgnoreUnknown' || known.includes(words[0]!)) found.set(words[0]!, words[1]!);
    else unknown.push(pair);
  }
  const ignore = (found.get('IgnoreUnknown') ?? 'false').toLowerCase();
  if (unknown.length > 0 && ignore !== '1' && ignore !== 'true') throw new CniError(999, `ARGS: unknown args [${unknown.map((pair) => JSON.stringify(pair)).join(' ')}]`);
  return found;
}
