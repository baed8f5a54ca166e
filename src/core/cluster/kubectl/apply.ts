import type { Process, Wait, Wake } from '../../shell/process.ts';
import { canonical, isObject, type Json, type JsonObject, type Manifest } from '../api-object.ts';
import { ApiError, type Cluster, createObject, deleteObject, findObject, patchObject } from '../store.ts';
import { serverError } from './errors.ts';
import { readManifests, type Wanted } from './manifests.ts';
import type { Options } from './options.ts';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** Does something with every object of the files; 1 when the server refused any. */
function* forEachObject(process: Process, options: Options, doing: string, act: (wanted: Wanted) => string): Generator<Wait, number, Wake> {
  let exit = 0;
  for (const wanted of yield* readManifests(process, options.files)) {
    try {
      process.stdout.write(`${act(wanted)}\n`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      exit = 1;
      process.stderr.write(`${serverError(error, doing === '' ? '' : `${doing} "${wanted.from}"`)}\n`);
    }
  }
  return exit;
}

/** kubectl create -f. */
export function createFiles(process: Process, cluster: Cluster, options: Options): Generator<Wait, number, Wake> {
  return forEachObject(process, options, 'error when creating', ({ kind, manifest }) => {
    createObject(cluster, kind, manifest);
    return `${kind.singular}/${manifest.metadata.name} created`;
  });
}

/** kubectl delete -f. */
export function deleteFiles(process: Process, cluster: Cluster, options: Options): Generator<Wait, number, Wake> {
  return forEachObject(process, options, 'error when deleting', ({ kind, manifest }) => {
    deleteObject(cluster, kind, manifest.metadata.name, manifest.metadata.namespace);
    return `${kind.singular} "${manifest.metadata.name}" deleted`;
  });
}

/** kubectl apply -f: what was applied last, what is asked for and what is there now make the patch (kubectl's three-way merge). */
export function applyFiles(process: Process, cluster: Cluster, options: Options): Generator<Wait, number, Wake> {
  return forEachObject(process, options, 'error when applying', (wanted) => {
    const { kind, manifest } = wanted;
    const name = `${kind.singular}/${manifest.metadata.name}`;
    const live = findObject(cluster, kind, manifest.metadata.name, manifest.metadata.namespace);
    const asked = withAnnotation(manifest, `${canonical(withoutAnnotation(manifest))}\n`);
    if (!live) {
      createObject(cluster, kind, asked);
      return `${name} created`;
    }
    const last = live.metadata.annotations?.[LAST_APPLIED];
    if (last === undefined) {
      process.stderr.write(`Warning: resource ${kind.plural}/${manifest.metadata.name} is missing the ${LAST_APPLIED} annotation which is required by kubectl apply. `
        + 'kubectl apply should only be used on resources created declaratively by either kubectl create --save-config or kubectl apply. The missing annotation will be patched automatically.\n');
    }
    const removed = last === undefined ? {} : removals(JSON.parse(last) as Json, manifest);
    const after = patchObject(cluster, kind, manifest.metadata.name, mergeChanges(removed, asked), null, manifest.metadata.namespace);
    return `${name} ${after === live ? 'unchanged' : 'configured'}`;
  });
}

function withoutAnnotation(manifest: Manifest): JsonObject {
  const { annotations } = manifest.metadata;
  if (!isObject(annotations)) return { ...manifest, metadata: { ...manifest.metadata, annotations: {} } };
  const { [LAST_APPLIED]: _last, ...rest } = annotations;
  return { ...manifest, metadata: { ...manifest.metadata, annotations: rest } };
}

function withAnnotation(manifest: Manifest, text: string): Manifest {
  const { annotations } = manifest.metadata;
  return { ...manifest, metadata: { ...manifest.metadata, annotations: { ...(isObject(annotations) ? annotations : {}), [LAST_APPLIED]: text } } };
}

/** A merge patch that takes away what was asked for before and is not any more. */
function removals(before: Json, now: Json): JsonObject {
  const patch: Record<string, Json> = {};
  if (!isObject(before)) return patch;
  for (const [key, value] of Object.entries(before)) {
    const other = isObject(now) ? now[key] : undefined;
    if (other === undefined) patch[key] = null;
    else if (isObject(value) && isObject(other)) {
      const inner = removals(value, other);
      if (Object.keys(inner).length > 0) patch[key] = inner;
    }
  }
  return patch;
}

/** Both patches in one; the nulls of the first stay. */
function mergeChanges(removed: JsonObject, asked: JsonObject): JsonObject {
  const result: Record<string, Json | undefined> = { ...removed };
  for (const [key, value] of Object.entries(asked)) {
    const other = result[key];
    result[key] = isObject(other) && isObject(value) ? mergeChanges(other, value) : value;
  }
  return result;
}
