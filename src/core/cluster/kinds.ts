import { validateNode, validateNodeUpdate, withNodeDefaults } from './node.ts';
import type { ApiObject, Manifest } from './api-object.ts';

/** What the API server knows of a kind of object. */
export interface Kind {
  readonly kind: string;
  readonly apiVersion: string;
  /** As in URLs and messages: `nodes`. */
  readonly plural: string;
  readonly singular: string;
  readonly short: readonly string[];
  readonly namespaced: boolean;
  /** Fills in what the server fills in. */
  readonly defaults: (manifest: Manifest) => Manifest;
  /** What is wrong with it: `metadata.name: Invalid value: ...`. */
  readonly validate: (manifest: Manifest) => readonly string[];
  readonly validateUpdate: (before: ApiObject, after: Manifest) => readonly string[];
}

export const KINDS: readonly Kind[] = [
  { kind: 'Node', apiVersion: 'v1', plural: 'nodes', singular: 'node', short: ['no'], namespaced: false, defaults: withNodeDefaults, validate: validateNode, validateUpdate: validateNodeUpdate },
];

/** Kinds of Kubernetes that are not simulated, by the names kubectl knows them by. */
const NOT_SIMULATED = new Set(`
all bindings componentstatuses cs configmaps cm configmap endpoints ep events ev event limitranges limits namespaces ns namespace persistentvolumeclaims pvc persistentvolumes pv
pods po pod podtemplates replicationcontrollers rc resourcequotas quota secrets secret serviceaccounts sa serviceaccount services svc service customresourcedefinitions crd crds apiservices
controllerrevisions daemonsets ds daemonset deployments deploy deployment replicasets rs replicaset statefulsets sts statefulset cronjobs cj jobs job
horizontalpodautoscalers hpa leases lease endpointslices endpointslice ingressclasses ingresses ing ingress networkpolicies netpol networkpolicy runtimeclasses poddisruptionbudgets pdb
clusterrolebindings clusterroles rolebindings roles clusterrolebinding clusterrole rolebinding role priorityclasses pc csidrivers csinodes storageclasses sc volumeattachments
ippools bgppeers bgpconfigurations felixconfigurations
`.split(/\s+/).filter((name) => name !== ''));

/** By what somebody typed: `node`, `nodes`, `no`, `Node`. */
export function kindNamed(word: string): Kind | null {
  const name = word.toLowerCase();
  return KINDS.find(({ plural, singular, short }) => name === plural || name === singular || short.includes(name)) ?? null;
}

export function kindOf(apiVersion: string, kind: string): Kind | null {
  return KINDS.find((known) => known.kind === kind && known.apiVersion === apiVersion) ?? null;
}

/** True for a kind that Kubernetes has and the simulator has not. */
export function isKindOfKubernetes(word: string): boolean {
  return NOT_SIMULATED.has(word.toLowerCase()) || NOT_SIMULATED.has(`${word.toLowerCase()}s`);
}
