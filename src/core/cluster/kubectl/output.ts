import { stringify } from 'yaml';
import { NotSimulated } from '../../shell/process.ts';
import { isObject, type ApiObject, type Json } from '../api-object.ts';
import { Complaint } from './errors.ts';
import { jsonPath } from './json-path.ts';
import type { Kind } from '../kinds.ts';

/** What `-o` asks for, of one object or of a list; null for a table. */
export function formatted(kind: Kind, output: string | null, objects: readonly ApiObject[], single: boolean): string | null {
  if (output === null || output === '' || output === 'wide') return null;
  const value: Json = single ? objects[0]! : { apiVersion: 'v1', items: objects, kind: 'List', metadata: { resourceVersion: '' } };
  const [format = '', argument] = output.split(/=(.*)/s);
  switch (format) {
    case 'json': return `${JSON.stringify(sorted(value), null, 4)}\n`;
    case 'yaml': return yamlText(value);
    case 'name': return objects.map((object) => `${kind.singular}/${object.metadata.name}\n`).join('');
    case 'jsonpath':
      if (argument === undefined || argument === '') throw new Complaint('error: template format specified but no template given');
      return jsonPath(argument, value);
    case 'custom-columns': case 'custom-columns-file': case 'go-template': case 'go-template-file': case 'template': case 'templatefile': case 'jsonpath-file': case 'jsonpath-as-json':
      throw new NotSimulated(`kubectl -o ${format}`);
    default:
      throw new Complaint(`error: unable to match a printer suitable for the output format "${output}", allowed formats are: custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,name,template,templatefile,wide,yaml`);
  }
}

/** YAML as kubectl writes it: keys in order, lists not indented, no line is folded. */
function yamlText(value: Json): string {
  return stringify(sorted(value), { indentSeq: false, lineWidth: 0, version: '1.1' });
}

function sorted(value: Json | undefined): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value ?? null;
  const result: Record<string, Json> = {};
  for (const key of Object.keys(value).sort()) if (value[key] !== undefined) result[key] = sorted(value[key]);
  return result;
}
