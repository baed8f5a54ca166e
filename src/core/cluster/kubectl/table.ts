import { field, type ApiObject, type Json } from '../api-object.ts';
import { ageOf, textMap, type Cluster } from '../store.ts';

/** Columns with three blanks between them, as kubectl's tab writer sets them. */
export function tableText(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => void (widths[i] = Math.max(widths[i] ?? 3, cell.length)));
  return rows.map((row) => row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i]! + 3))).join('')).join('\n') + '\n';
}

/** A duration in seconds as kubectl's AGE says it (duration.HumanDuration). */
export function humanDuration(seconds: number): string {
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return minutes % 60 === 0 ? `${hours}h` : `${hours}h${minutes % 60}m`;
  if (hours < 48) return `${hours}h`;
  if (hours < 192) return hours % 24 === 0 ? `${Math.floor(hours / 24)}d` : `${Math.floor(hours / 24)}d${hours % 24}h`;
  return `${Math.floor(hours / 24)}d`;
}

const NODE_COLUMNS = ['NAME', 'STATUS', 'ROLES', 'AGE', 'VERSION'];
const WIDE_COLUMNS = ['INTERNAL-IP', 'EXTERNAL-IP', 'OS-IMAGE', 'KERNEL-VERSION', 'CONTAINER-RUNTIME'];

/** The head of `kubectl get nodes`. */
export function nodeHead(wide: boolean, labels: boolean): string[] {
  return [...NODE_COLUMNS, ...(wide ? WIDE_COLUMNS : []), ...(labels ? ['LABELS'] : [])];
}

/** One line of `kubectl get nodes` (printNode of the API server). */
export function nodeRow(cluster: Cluster, node: ApiObject, wide: boolean, labels: boolean): string[] {
  const row = [node.metadata.name, statusOf(node), rolesOf(node), humanDuration(ageOf(cluster, node)), text(field(node, 'status', 'nodeInfo', 'kubeletVersion'))];
  if (wide) {
    row.push(addressOf(node, 'InternalIP'), addressOf(node, 'ExternalIP'));
    for (const key of ['osImage', 'kernelVersion', 'containerRuntimeVersion']) row.push(text(field(node, 'status', 'nodeInfo', key)) || '<unknown>');
  }
  if (labels) row.push(Object.entries(textMap(node.metadata.labels)).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => `${key}=${value}`).join(',') || '<none>');
  return row;
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

function statusOf(node: ApiObject): string {
  const conditions = field(node, 'status', 'conditions');
  const ready = Array.isArray(conditions) ? conditions.find((condition: Json) => field(condition, 'type') === 'Ready') : undefined;
  const status = ready === undefined ? 'Unknown' : field(ready, 'status') === 'True' ? 'Ready' : 'NotReady';
  return field(node, 'spec', 'unschedulable') === true ? `${status},SchedulingDisabled` : status;
}

const ROLE = 'node-role.kubernetes.io/';

function rolesOf(node: ApiObject): string {
  const labels = textMap(node.metadata.labels);
  const roles = Object.keys(labels).flatMap((key) => (key.startsWith(ROLE) && key !== ROLE ? [key.slice(ROLE.length)] : key === 'kubernetes.io/role' && labels[key] !== '' ? [labels[key]!] : []));
  return [...new Set(roles)].sort().join(',') || '<none>';
}

function addressOf(node: ApiObject, type: string): string {
  const addresses = field(node, 'status', 'addresses');
  const found = Array.isArray(addresses) ? addresses.find((address: Json) => field(address, 'type') === type) : undefined;
  return text(field(found, 'address')) || '<none>';
}
