import type { Process } from '../../shell/process.ts';
import { NotSimulated } from '../../shell/process.ts';
import { fail, withPath } from './cni-error.ts';
import { type Fields, fieldsOf } from './fields.ts';
import { isObject, JsonSyntaxError, type JsonObject, type JsonValue, parseJson, printJson, sorted } from './go-json.ts';
import { CNI_VERSIONS, versionAtLeast } from './skel.ts';

/** A plugin of a chain with its part of the configuration. */
export interface PluginConf {
  readonly type: string;
  /** Its own name: only a single configuration (`.conf`) has one. */
  readonly name: string;
  readonly config: JsonObject;
  readonly capabilities: readonly string[];
}

/** A network: the chain of its plugins (libcni.NetworkConfigList). */
export interface ConfList {
  readonly name: string;
  readonly version: string;
  readonly disableCheck: boolean;
  readonly plugins: readonly PluginConf[];
  readonly text: string;
}

/** The configuration of a network, from the files of a folder in their order (libcni.LoadNetworkConf). */
export function loadConfList(process: Process, folder: string, name: string): ConfList {
  const names = process.fs.exists(folder) ? process.fs.list(folder).sort() : [];
  const lists = names.filter((file) => file.endsWith('.conflist'));
  for (const file of lists) {
    const text = read(process, `${folder}/${file}`);
    const value = parse(text, 'error parsing configuration list: ');
    const list = fieldsOf(value, 'NetworkConfigList');
    if (!list.has('name')) fail('error parsing configuration list: no name');
    const conf = confList(list, text);
    if (process.fs.isDirectory(`${folder}/${conf.name}`)) throw new NotSimulated(`the plugin folder ${folder}/${conf.name}`);
    if (conf.plugins.length === 0) fail('no plugin configs found');
    if (conf.name === name) return conf;
  }
  const singles = names.filter((file) => /\.(conf|json)$/.test(file));
  if (singles.length === 0 && lists.length === 0) fail(`no net configurations found in ${folder}`);
  for (const file of singles) {
    const value = parse(read(process, `${folder}/${file}`), 'error parsing configuration: ');
    const plugin = pluginConf(value, 'error parsing configuration: ');
    if (plugin.name !== name) continue;
    const list: JsonObject = { cniVersion: fieldsOf(value, 'PluginConf').text('cniVersion'), name, plugins: [plugin.config] };
    return confList(fieldsOf(list, 'NetworkConfigList'), printJson(sorted(list)));
  }
  return fail(`no net configuration with name "${name}" in ${folder}`);
}

function read(process: Process, path: string): string {
  return withPath('error reading', `${path}: open ${path}`, () => process.fs.read(path));
}

function parse(text: string, before: string): JsonValue {
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    return fail(`${before}${error.message}`);
  }
}

function confList(list: Fields, text: string): ConfList {
  if (list.has('plugins') && list.list('plugins').length === 0) fail('error parsing configuration list: no plugins in list');
  const known = [list.text('cniVersion'), ...list.texts('cniVersions')].filter((version) => version !== '' && versionAtLeast(CNI_VERSIONS.at(-1)!, version));
  const version = list.has('cniVersions') ? known.reduce((best, one) => (versionAtLeast(one, best) ? one : best), known[0] ?? '') : list.text('cniVersion');
  const plugins = list.list('plugins').map((one, i) => pluginConf(one, `failed to parse plugin config ${i}: error parsing configuration: `));
  const disable = list.raw('disableCheck');
  return { name: list.text('name'), version, disableCheck: disable === true || String(disable).toLowerCase() === 'true', plugins, text };
}

function pluginConf(value: JsonValue, before: string): PluginConf {
  const fields = fieldsOf(value, 'PluginConf');
  const type = fields.text('type');
  if (type === '') fail(`${before}missing 'type'`);
  const capabilities = fields.raw('capabilities');
  const able = isObject(capabilities) ? Object.keys(capabilities).filter((key) => capabilities[key] === true) : [];
  return { type, name: fields.text('name'), config: isObject(value) ? value : {}, capabilities: able };
}
