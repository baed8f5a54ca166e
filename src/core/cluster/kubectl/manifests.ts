import { isMap, parseAllDocuments } from 'yaml';
import { KernelError } from '../../kernel/errno.ts';
import { readAll } from '../../programs/text/io.ts';
import { NotSimulated, type Process, type Wait, type Wake } from '../../shell/process.ts';
import { field, isObject, type Json, type Manifest } from '../api-object.ts';
import { isKindOfKubernetes, kindOf, type Kind } from '../kinds.ts';
import { Complaint } from './errors.ts';

/** An object that a file asks for, and what messages call the file. */
export interface Wanted {
  readonly kind: Kind;
  readonly manifest: Manifest;
  readonly from: string;
}

/** Reads the objects of files (`-`: stdin), YAML or JSON, several a file. Throws Complaint, NotSimulated. */
export function* readManifests(process: Process, files: readonly string[]): Generator<Wait, Wanted[], Wake> {
  const wanted: Wanted[] = [];
  for (const file of files) {
    const from = file === '-' ? 'STDIN' : file;
    const text = yield* readText(process, file);
    for (const value of documents(text, from)) wanted.push(...objectsOf(value, from));
  }
  if (wanted.length === 0) throw new Complaint('error: no objects passed to apply');
  return wanted;
}

function* readText(process: Process, file: string): Generator<Wait, string, Wake> {
  if (/^https?:\/\//.test(file)) throw new NotSimulated(`kubectl -f ${file}`);
  try {
    return yield* readAll(process, file === '-' ? process.stdin : process.open(file));
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    if (error.errno === 'EISDIR') throw new NotSimulated('kubectl -f with a directory');
    throw new Complaint(`error: the path "${file}" does not exist`);
  }
}

function documents(text: string, from: string): Json[] {
  const values: Json[] = [];
  for (const document of parseAllDocuments(text, { version: '1.1' })) {
    const [error] = document.errors;
    if (error) {
      const line = error.linePos?.[0].line ?? 1;
      throw new Complaint(`error: error parsing ${from}: error converting YAML to JSON: yaml: line ${line}: ${error.message.split(' at line ')[0]!}`);
    }
    if (document.contents === null) continue;
    if (!isMap(document.contents)) throw new Complaint('error: unable to decode ' + `"${from}": json: cannot unmarshal into Go value of type unstructured.detector`);
    values.push(document.toJS() as Json);
  }
  return values;
}

function objectsOf(value: Json, from: string): Wanted[] {
  const apiVersion = field(value, 'apiVersion');
  const kindName = field(value, 'kind');
  if (typeof kindName !== 'string' || kindName === '') throw new Complaint(`error: unable to decode "${from}": Object 'Kind' is missing in '${JSON.stringify(value)}'`);
  const items = field(value, 'items');
  if (kindName.endsWith('List') && Array.isArray(items)) return items.flatMap((item: Json) => objectsOf(item, from));
  if (typeof apiVersion !== 'string' || apiVersion === '') throw new Complaint(`error: error validating "${from}": error validating data: apiVersion not set; if you choose to ignore these errors, turn validation off with --validate=false`);
  const kind = kindOf(apiVersion, kindName);
  if (!kind) {
    if (isKindOfKubernetes(kindName)) throw new NotSimulated(`the kind ${kindName}`);
    throw new Complaint(`error: resource mapping not found for name: "${String(field(value, 'metadata', 'name') ?? '')}" namespace: "" from "${from}": no matches for kind "${kindName}" in version "${apiVersion}"\nensure CRDs are installed first`);
  }
  const name = field(value, 'metadata', 'name');
  if (typeof name !== 'string' || name === '') throw new Complaint('error: resource name may not be empty');
  if (!isObject(value)) return [];
  return [{ kind, manifest: value as Manifest, from }];
}
