import { parseDocument } from 'yaml';
import { NotSimulated, type Process, type Running, type Wait, type Wake } from '../../shell/process.ts';
import { type ApiObject, isObject, type Json } from '../api-object.ts';
import { isKindOfKubernetes, type Kind, kindNamed } from '../kinds.ts';
import { ApiError, type Cluster, clusterOf, deleteObject, getObject, listObjects, patchObject, textMap } from '../store.ts';
import { applyFiles, createFiles, deleteFiles } from './apply.ts';
import { Complaint, serverError } from './errors.ts';
import { mark, parseMarks } from './marks.ts';
import { type Options, parseOptions } from './options.ts';
import { formatted } from './output.ts';
import { nodeHead, nodeRow, tableText } from './table.ts';

const NOT_SIMULATED = new Set(`
alpha api-resources api-versions attach auth autoscale certificate cluster-info completion config cordon cp debug describe diff drain edit events explain exec expose kustomize logs
options plugin port-forward proxy replace rollout run scale set taint top uncordon version wait
`.split(/\s+/).filter((name) => name !== ''));

type Verb = (process: Process, cluster: Cluster, options: Options) => Generator<Wait, number, Wake>;

const VERBS: Readonly<Record<string, Verb>> = { get, apply, create, delete: remove, annotate: marker('annotation'), label: marker('label'), patch };

/** kubectl(1), for nodes. It asks the lab's API server, on whatever machine it runs. */
export function* kubectl(process: Process): Running {
  try {
    const options = parseOptions(process.argv.slice(1));
    const verb = options.words[0];
    if (verb === undefined || NOT_SIMULATED.has(verb)) throw new NotSimulated(verb === undefined ? 'kubectl without a command' : `kubectl ${verb}`);
    if (!Object.hasOwn(VERBS, verb)) throw new Complaint(`error: unknown command "${verb}" for "kubectl"`);
    return yield* VERBS[verb]!(process, clusterOf(process.world), { ...options, words: options.words.slice(1) });
  } catch (error) {
    if (error instanceof Complaint) process.stderr.write(`${error.message}\n`);
    else if (error instanceof ApiError) process.stderr.write(`${serverError(error)}\n`);
    else throw error;
    return 1;
  }
}

interface Named {
  readonly kind: Kind;
  readonly names: readonly string[];
  /** The words that are no names, for `label` and `annotate`. */
  readonly rest: readonly string[];
}

/** `nodes`, `node NAME ...`, `node/NAME ...`. */
function target(words: readonly string[], isName: (word: string) => boolean = () => true): Named {
  const first = words[0];
  if (first === undefined) throw new Complaint('error: You must specify the type of resource to get. Use "kubectl api-resources" for a complete list of supported resources.\n\nerror: Required resource not specified.');
  const slash = /^([^/=]+)\/([^=]+)$/.exec(first);
  const kind = resource(slash?.[1] ?? first);
  const names = slash ? [] : words.slice(1).filter(isName);
  if (!slash) return { kind, names, rest: words.slice(1).filter((word) => !isName(word)) };
  const rest: string[] = [];
  for (const word of words) {
    const other = /^([^/=]+)\/([^=]+)$/.exec(word);
    if (other && resourceOrNull(other[1]!) === kind) names.push(other[2]!);
    else rest.push(word);
  }
  return { kind, names, rest };
}

function resource(word: string): Kind {
  const kind = resourceOrNull(word);
  if (kind) return kind;
  throw new Complaint(`error: the server doesn't have a resource type "${word}"`);
}

function resourceOrNull(word: string): Kind | null {
  if (word.includes(',')) throw new NotSimulated('several kinds in one kubectl command');
  const kind = kindNamed(word);
  if (!kind && isKindOfKubernetes(word)) throw new NotSimulated(`kubectl for ${word}`);
  return kind;
}

/** `a=b,c!=d,e,!f`. */
function selects(selector: string | null, object: ApiObject): boolean {
  if (selector === null) return true;
  const labels = textMap(object.metadata.labels);
  return selector.split(',').every((term) => {
    const match = /^\s*(!?)([\w./-]+)\s*(?:(==|=|!=)\s*([\w.-]*))?\s*$/.exec(term);
    if (!match) throw new NotSimulated(`the label selector ${term}`);
    const [, not, key, operator, value] = match;
    if (operator === undefined) return (labels[key!] !== undefined) !== (not === '!');
    return (labels[key!] === value) !== (operator === '!=');
  });
}

function* get(process: Process, cluster: Cluster, options: Options): Generator<Wait, number, Wake> {
  if (options.files.length > 0) throw new NotSimulated('kubectl get -f');
  const { kind, names } = target(options.words);
  let exit = 0;
  const objects: ApiObject[] = [];
  if (names.length === 0) objects.push(...listObjects(cluster, kind).filter((object) => selects(options.selector, object)));
  for (const name of names) {
    try {
      objects.push(getObject(cluster, kind, name));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (options.ignoreNotFound) continue;
      process.stderr.write(`${serverError(error)}\n`);
      exit = 1;
    }
  }
  if (objects.length === 0 && names.length > 0) return exit;
  const text = formatted(kind, options.output, objects, names.length === 1);
  if (text !== null) process.stdout.write(text);
  else if (objects.length === 0) process.stderr.write('No resources found\n');
  else {
    const wide = options.output === 'wide';
    const rows = objects.map((object) => nodeRow(cluster, object, wide, options.showLabels));
    process.stdout.write(tableText(options.noHeaders ? rows : [nodeHead(wide, options.showLabels), ...rows]));
  }
  return exit;
}

function needFiles({ files }: Options): void {
  if (files.length === 0) throw new Complaint('error: must specify one of -f and -k');
}

function* apply(process: Process, cluster: Cluster, options: Options): Generator<Wait, number, Wake> {
  needFiles(options);
  return yield* applyFiles(process, cluster, options);
}

function* create(process: Process, cluster: Cluster, options: Options): Generator<Wait, number, Wake> {
  if (options.words.length > 0) throw new NotSimulated(`kubectl create ${options.words[0]!}`);
  needFiles(options);
  return yield* createFiles(process, cluster, options);
}

function* remove(process: Process, cluster: Cluster, options: Options): Generator<Wait, number, Wake> {
  if (options.files.length > 0) return yield* deleteFiles(process, cluster, options);
  const { kind, names } = target(options.words);
  const chosen = names.length > 0 ? names
    : options.all || options.selector !== null ? listObjects(cluster, kind).filter((object) => selects(options.selector, object)).map(({ metadata }) => metadata.name) : null;
  if (chosen === null) throw new Complaint('error: resource(s) were provided, but no name was specified');
  if (chosen.length === 0) process.stdout.write('No resources found\n');
  return forEachName(process, chosen, options.ignoreNotFound, (name) => {
    deleteObject(cluster, kind, name);
    return `${kind.singular} "${name}" deleted`;
  });
}

/** Does something with each, and says what; 1 when any was refused. */
function forEachName(process: Process, names: readonly string[], ignoreNotFound: boolean, act: (name: string) => string): number {
  let exit = 0;
  for (const name of names) {
    try {
      process.stdout.write(`${act(name)}\n`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (ignoreNotFound && error.reason === 'NotFound') continue;
      process.stderr.write(`${serverError(error)}\n`);
      exit = 1;
    }
  }
  return exit;
}

function marker(what: 'label' | 'annotation'): Verb {
  return function* (process, cluster, options) {
    const { kind, names, rest } = target(options.words, (word) => !word.includes('=') && !word.endsWith('-'));
    const chosen = names.length > 0 ? names
      : options.all || options.selector !== null ? listObjects(cluster, kind).filter((object) => selects(options.selector, object)).map(({ metadata }) => metadata.name) : [];
    if (chosen.length === 0) throw new Complaint('error: resource(s) were provided, but no name was specified');
    const marks = parseMarks(what, rest);
    return forEachName(process, chosen, false, (name) => mark(cluster, kind, name, what, marks, options.overwrite));
  };
}

function* patch(process: Process, cluster: Cluster, options: Options): Generator<Wait, number, Wake> {
  const { kind, names } = target(options.words);
  if (options.patch === null) throw new Complaint('error: must specify --patch or --patch-file containing the contents of the patch');
  if (options.patchType === 'json') throw new NotSimulated('kubectl patch --type json');
  if (options.subresource !== null && options.subresource !== 'status') throw new NotSimulated(`kubectl patch --subresource ${options.subresource}`);
  if (names.length === 0) throw new Complaint('error: resource(s) were provided, but no name was specified');
  const document = parseDocument(options.patch, { version: '1.1' });
  const change = document.errors.length === 0 ? (document.toJS() as Json) : null;
  if (!isObject(change ?? undefined)) throw new Complaint(`error: unable to parse "${options.patch}": yaml: mapping values are not allowed in this context`);
  if (options.patchType !== 'merge' && mergesLists(change ?? undefined)) throw new NotSimulated('a strategic merge patch with a list of objects (kubectl patch without --type merge)');
  return forEachName(process, names, false, (name) => {
    const before = getObject(cluster, kind, name);
    const after = patchObject(cluster, kind, name, change as Record<string, Json>, options.subresource === 'status' ? 'status' : null);
    return `${kind.singular}/${name} patched${after === before ? ' (no change)' : ''}`;
  });
}

/** A strategic merge patch merges lists of objects by a key of theirs. */
function mergesLists(value: Json | undefined): boolean {
  if (Array.isArray(value)) return value.some((item: Json) => isObject(item));
  return isObject(value) && Object.values(value).some(mergesLists);
}
