import { joinPath } from '../../shell/files/path.ts';
import type { Process } from '../../shell/process.ts';
import { type AgentRunning, runCaptured } from '../agent.ts';
import { CniError } from './cni-error.ts';
import { fieldsOf } from './fields.ts';
import { isObject, JsonSyntaxError, type JsonValue, parseJson } from './go-json.ts';

/** The folders of CNI_PATH. */
export function cniPath(process: Process): readonly string[] {
  const path = process.env.get('CNI_PATH') ?? '';
  return path === '' ? [] : path.split(':');
}

/** Looks for a plugin as libcni does (invoke.FindInPath). */
export function findPlugin(process: Process, type: string, paths: readonly string[]): string {
  if (type === '') throw new CniError(999, 'no plugin name provided');
  if (type.includes('/')) throw new CniError(999, `invalid plugin name: ${type}`);
  if (paths.length === 0) throw new CniError(999, 'no paths provided');
  for (const folder of paths) {
    const path = joinPath(joinPath(process.cwd, folder), type);
    if (process.fs.exists(path) && process.fs.stat(path).type === 'file') return path;
  }
  throw new CniError(999, `failed to find plugin ${JSON.stringify(type)} in path [${paths.join(' ')}]`);
}

/** Runs a plugin with a configuration; its error becomes the caller's (invoke.RawExec). Gives what it printed. */
export function* execPlugin(process: Process, path: string, config: string, env: ReadonlyMap<string, string>): AgentRunning<string> {
  const { exit, stdout, stderr } = yield* runCaptured(process, [path], { stdin: config, env });
  if (exit === 0) {
    if (stderr !== '') process.stderr.write(stderr);
    return stdout;
  }
  if (stdout === '') throw new CniError(0, stderr === '' ? `netplugin failed with no error message: exit status ${exit}` : `netplugin failed: ${JSON.stringify(stderr)}: exit status ${exit}`);
  throw errorOf(stdout);
}

function errorOf(stdout: string): CniError {
  let value: JsonValue;
  try {
    value = parseJson(stdout);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    return new CniError(0, `netplugin failed but error parsing its diagnostic message ${JSON.stringify(stdout)}: ${error.message}`);
  }
  const fields = fieldsOf(isObject(value) ? value : {}, 'Error');
  return new CniError(fields.integer('code'), fields.text('msg'), fields.text('details'));
}

/** Hands the command over to another plugin, with the same environment. */
export function* delegate(process: Process, type: string, config: string): AgentRunning<string> {
  return yield* execPlugin(process, findPlugin(process, type, cniPath(process)), config, process.env);
}
