import type { World } from '../kernel/machine.ts';
import { formatDate } from '../programs/text/date-format.ts';
import { parseDate } from '../programs/text/date-parse.ts';
import { EPOCH } from '../shell/interpreter/special.ts';
import { MILLISECOND, SECOND } from '../sim/time.ts';
import { WaitQueue } from '../sim/wait-queue.ts';
import { type ApiObject, canonical, field, type Json, type JsonObject, type Manifest, mergePatch, type ObjectMeta } from './api-object.ts';
import type { Kind } from './kinds.ts';

/** From a change in the store until who watches hears of it. */
export const WATCH_LATENCY = 2 * MILLISECOND;

export type ApiReason = 'NotFound' | 'AlreadyExists' | 'Conflict' | 'Invalid' | 'BadRequest';

/** What the API server refuses: metav1.Status with its reason and message. */
export class ApiError extends Error {
  readonly reason: ApiReason;

  constructor(reason: ApiReason, message: string) {
    super(message);
    this.name = 'ApiError';
    this.reason = reason;
  }
}

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  /** As it is now; with DELETED, as it last was. */
  readonly object: ApiObject;
}

/** Somebody who is told of every change to objects of one kind, from all there is now on. */
export interface Watch {
  /** What has arrived, oldest first; the watcher takes it out. */
  readonly events: WatchEvent[];
  /** Woken when something arrives. */
  readonly readable: WaitQueue;
  close(): void;
}

/** The Kubernetes API server of a lab, with what it keeps. It is not on the lab's network: whoever asks it is answered at once. */
export interface Cluster {
  readonly world: World;
  revision: number;
  /** By plural name of the kind, then by `namespace/name` (or name). */
  readonly objects: Map<string, Map<string, ApiObject>>;
  readonly watchers: Map<string, Set<Watch>>;
}

const clusters = new WeakMap<World, Cluster>();

/** The cluster of a lab; there is one for all its machines. */
export function clusterOf(world: World): Cluster {
  let cluster = clusters.get(world);
  if (!cluster) clusters.set(world, (cluster = { world, revision: 0, objects: new Map(), watchers: new Map() }));
  return cluster;
}

function objectsOf(cluster: Cluster, kind: Kind): Map<string, ApiObject> {
  let objects = cluster.objects.get(kind.plural);
  if (!objects) cluster.objects.set(kind.plural, (objects = new Map()));
  return objects;
}

function keyOf(kind: Kind, name: string, namespace: string): string {
  return kind.namespaced ? `${namespace}/${name}` : name;
}

/** One object. Throws ApiError NotFound. */
export function getObject(cluster: Cluster, kind: Kind, name: string, namespace = 'default'): ApiObject {
  const object = objectsOf(cluster, kind).get(keyOf(kind, name, namespace));
  if (!object) throw new ApiError('NotFound', `${kind.plural} "${name}" not found`);
  return object;
}

export function findObject(cluster: Cluster, kind: Kind, name: string, namespace = 'default'): ApiObject | null {
  return objectsOf(cluster, kind).get(keyOf(kind, name, namespace)) ?? null;
}

/** All objects of a kind, by namespace and name. */
export function listObjects(cluster: Cluster, kind: Kind): ApiObject[] {
  return [...objectsOf(cluster, kind)].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
}

/** POST. Throws ApiError AlreadyExists, Invalid. */
export function createObject(cluster: Cluster, kind: Kind, manifest: Manifest): ApiObject {
  const { name } = manifest.metadata;
  const namespace = manifest.metadata.namespace ?? 'default';
  if (findObject(cluster, kind, name, namespace)) throw new ApiError('AlreadyExists', `${kind.plural} "${name}" already exists`);
  const wanted = kind.defaults(manifest);
  refuse(kind, name, kind.validate(wanted));
  const metadata: ObjectMeta = {
    ...wanted.metadata, ...(kind.namespaced ? { namespace } : {}), name, uid: newUid(cluster), resourceVersion: String(++cluster.revision), creationTimestamp: timestamp(cluster),
  };
  return keep(cluster, kind, { ...wanted, apiVersion: kind.apiVersion, kind: kind.kind, metadata }, 'ADDED');
}

/** PUT: the object becomes this; of its status only the subresource `status` changes anything. Throws ApiError NotFound, Conflict, Invalid. */
export function updateObject(cluster: Cluster, kind: Kind, manifest: Manifest, subresource: 'status' | null = null): ApiObject {
  const { name } = manifest.metadata;
  const before = getObject(cluster, kind, name, manifest.metadata.namespace);
  const version = manifest.metadata['resourceVersion'];
  if (version !== undefined && version !== before.metadata.resourceVersion) {
    throw new ApiError('Conflict', `Operation cannot be fulfilled on ${kind.plural} "${name}": the object has been modified; please apply your changes to the latest version and try again`);
  }
  const { uid, creationTimestamp, resourceVersion } = before.metadata;
  const wanted = subresource === 'status'
    ? { ...before, metadata: manifest.metadata, status: manifest['status'] }
    : { ...kind.defaults(manifest), status: before['status'] };
  refuse(kind, name, [...kind.validate(wanted), ...kind.validateUpdate(before, wanted)]);
  const after: ApiObject = { ...wanted, apiVersion: kind.apiVersion, kind: kind.kind, metadata: { ...wanted.metadata, name, uid, creationTimestamp, resourceVersion } };
  if (canonical(after) === canonical(before)) return before;
  return keep(cluster, kind, { ...after, metadata: { ...after.metadata, resourceVersion: String(++cluster.revision) } }, 'MODIFIED');
}

/** PATCH with a JSON merge patch. Throws ApiError NotFound, Invalid. */
export function patchObject(cluster: Cluster, kind: Kind, name: string, patch: JsonObject, subresource: 'status' | null = null, namespace = 'default'): ApiObject {
  const before = getObject(cluster, kind, name, namespace);
  const after = mergePatch(before, patch) as Manifest;
  const renamed = field(after, 'metadata', 'name') !== name;
  if (renamed) throw new ApiError('BadRequest', 'the name of the object (metadata.name) does not match the name on the URL');
  return updateObject(cluster, kind, after, subresource);
}

/** DELETE. Throws ApiError NotFound. */
export function deleteObject(cluster: Cluster, kind: Kind, name: string, namespace = 'default'): ApiObject {
  const object = getObject(cluster, kind, name, namespace);
  objectsOf(cluster, kind).delete(keyOf(kind, name, namespace));
  cluster.revision++;
  tell(cluster, kind, { type: 'DELETED', object: { ...object, metadata: { ...object.metadata, resourceVersion: String(cluster.revision) } } });
  return object;
}

/** Watches a kind: first all there is, as ADDED, then every change, each `WATCH_LATENCY` after it happened. */
export function watchObjects(cluster: Cluster, kind: Kind): Watch {
  let watchers = cluster.watchers.get(kind.plural);
  if (!watchers) cluster.watchers.set(kind.plural, (watchers = new Set()));
  const mine = watchers;
  const watch: Watch = { events: [], readable: new WaitQueue(), close: () => void mine.delete(watch) };
  mine.add(watch);
  for (const object of listObjects(cluster, kind)) deliver(cluster, watch, { type: 'ADDED', object });
  return watch;
}

function keep(cluster: Cluster, kind: Kind, object: ApiObject, type: 'ADDED' | 'MODIFIED'): ApiObject {
  const { name, namespace } = object.metadata;
  objectsOf(cluster, kind).set(keyOf(kind, name, namespace ?? 'default'), object);
  tell(cluster, kind, { type, object });
  return object;
}

function tell(cluster: Cluster, kind: Kind, event: WatchEvent): void {
  for (const watch of cluster.watchers.get(kind.plural) ?? []) deliver(cluster, watch, event);
}

function deliver({ world }: Cluster, watch: Watch, event: WatchEvent): void {
  world.queue.schedule(world.queue.now + WATCH_LATENCY, () => {
    watch.events.push(event);
    watch.readable.wake();
  });
}

function refuse(kind: Kind, name: string, wrong: readonly string[]): void {
  if (wrong.length === 0) return;
  throw new ApiError('Invalid', `The ${kind.kind} "${name}" is invalid: ${wrong.length === 1 ? wrong[0]! : `\n${wrong.map((line) => `* ${line}`).join('\n')}`}`);
}

/** In the form of RFC 4122, from the store's counter: not drawn, so that an object more changes nothing of what the network draws. */
function newUid({ revision }: Cluster): string {
  const digits = (length: number, salt: number): string => (Math.imul(revision + salt, 0x9e37_79b1) >>> 0).toString(16).padStart(8, '0').slice(0, length);
  return `${digits(8, 1)}-${digits(4, 2)}-4${digits(3, 3)}-8${digits(3, 4)}-${digits(8, 5)}${digits(4, 6)}`;
}

/** Seconds since 1970 on the lab's clock. */
function unixTime({ world }: Cluster): number {
  return EPOCH + Math.floor(world.queue.now / SECOND);
}

/** RFC 3339, as the API server writes times. */
export function timestamp(cluster: Cluster): string {
  return formatDate('%Y-%m-%dT%H:%M:%SZ', unixTime(cluster), 0);
}

/** How old an object is, in whole seconds. */
export function ageOf(cluster: Cluster, { metadata }: ApiObject): number {
  const now = unixTime(cluster);
  return now - (parseDate(metadata.creationTimestamp, now) ?? now);
}

/** Labels or annotations as plain text pairs. */
export function textMap(value: Json | undefined): Record<string, string> {
  const result: Record<string, string> = {};
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return result;
  for (const [key, text] of Object.entries(value)) if (typeof text === 'string') result[key] = text;
  return result;
}
