import type { Json } from '../api-object.ts';
import type { Kind } from '../kinds.ts';
import { type Cluster, getObject, patchObject, textMap } from '../store.ts';
import { Complaint } from './errors.ts';

/** What the words behind the name of an object ask of its labels or annotations: `a=b` sets, `a-` takes away. */
export interface Marks {
  readonly set: ReadonlyMap<string, string>;
  readonly remove: readonly string[];
}

const KEY = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const LABEL_VALUE = /^(?=.{0,63}$)([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/;

/** Reads them. Throws Complaint in kubectl's words. */
export function parseMarks(what: 'label' | 'annotation', words: readonly string[]): Marks {
  const set = new Map<string, string>();
  const remove: string[] = [];
  for (const word of words) {
    const at = word.indexOf('=');
    if (at > 0) {
      const key = word.slice(0, at);
      const value = word.slice(at + 1);
      if (!KEY.test(key)) throw new Complaint(`error: invalid ${what === 'label' ? 'label' : 'annotation'} key "${key}"`);
      if (what === 'label' && !LABEL_VALUE.test(value)) {
        throw new Complaint(`error: invalid label value: "${word}": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`);
      }
      set.set(key, value);
    } else if (word.endsWith('-') && word.length > 1) remove.push(word.slice(0, -1));
    else throw new Complaint(`error: unrecognized ${what} "${word}"`);
  }
  if (set.size === 0 && remove.length === 0) throw new Complaint(`error: at least one ${what} update is required`);
  return { set, remove };
}

/** Sets them on one object; gives what kubectl says of it. Throws Complaint, ApiError. */
export function mark(cluster: Cluster, kind: Kind, name: string, what: 'label' | 'annotation', marks: Marks, overwrite: boolean): string {
  const before = getObject(cluster, kind, name);
  const field = `${what}s` as const;
  const known = textMap(before.metadata[field]);
  if (!overwrite) refuseOverwrite(what, known, marks);
  const changes: Record<string, Json> = Object.fromEntries(marks.set);
  for (const key of marks.remove) changes[key] = null;
  const after = patchObject(cluster, kind, name, { metadata: { [field]: changes } });
  if (what === 'annotation') return `${kind.singular}/${name} annotated`;
  const verb = after === before ? 'not labeled' : marks.set.size > 0 ? 'labeled' : 'unlabeled';
  return `${kind.singular}/${name} ${verb}`;
}

function refuseOverwrite(what: 'label' | 'annotation', known: Readonly<Record<string, string>>, { set }: Marks): void {
  const clash = [...set].filter(([key, value]) => known[key] !== undefined && known[key] !== value);
  if (clash.length === 0) return;
  const [key] = clash[0]!;
  throw new Complaint(what === 'label'
    ? `error: '${key}' already has a value (${known[key]!}), and --overwrite is false`
    : `error: --overwrite is false but found the following declared annotation(s): ${clash.map(([name]) => `'${name}' already has a value (${known[name]!})`).join('; ')}`);
}
