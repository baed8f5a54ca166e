import { fail } from './cni-error.ts';
import { isObject, type JsonObject, type JsonValue } from './go-json.ts';

/**
 * The fields of a JSON object as Go's decoder puts them into a struct: names match in any case, `null` and a missing field leave the
 * zero value, and a value of another type is refused in its words.
 */
export interface Fields {
  has(key: string): boolean;
  raw(key: string): JsonValue | undefined;
  text(key: string): string;
  flag(key: string): boolean;
  integer(key: string): number;
  /** An empty one when it is missing. */
  object(key: string): Fields;
  list(key: string): readonly JsonValue[];
  texts(key: string): readonly string[];
  /** The name of a field for a message: `NetConf.ipam.type`. */
  name(key: string): string;
}

function kindOf(value: JsonValue): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

/** `cannot unmarshal string into Go struct field NetConf.mtu of type int` */
function mismatch(value: JsonValue, field: string, type: string): never {
  return fail(`json: cannot unmarshal ${kindOf(value)} into Go struct field ${field} of type ${type}`);
}

/** `struct` is the name of the Go type, and of the field that holds it when there is one; `folder` is the package that it is of. */
export function fieldsOf(value: JsonValue, struct: string, folder = 'main'): Fields {
  if (!isObject(value)) fail(`json: cannot unmarshal ${kindOf(value)} into Go value of type ${folder}.${struct}`);
  return objectFields(value, struct);
}

function objectFields(object: JsonObject, struct: string): Fields {
  const name = (key: string): string => `${struct}.${key}`;
  const raw = (key: string): JsonValue | undefined => {
    if (Object.hasOwn(object, key)) return object[key] ?? undefined;
    const other = Object.keys(object).find((one) => one.toLowerCase() === key.toLowerCase());
    return other === undefined ? undefined : (object[other] ?? undefined);
  };
  const list = (key: string): readonly JsonValue[] => {
    const value = raw(key) ?? [];
    return Array.isArray(value) ? value : mismatch(value, name(key), '[]interface {}');
  };
  return {
    name,
    raw,
    list,
    has: (key) => raw(key) !== undefined,
    text: (key) => {
      const value = raw(key) ?? '';
      return typeof value === 'string' ? value : mismatch(value, name(key), 'string');
    },
    flag: (key) => {
      const value = raw(key) ?? false;
      return typeof value === 'boolean' ? value : mismatch(value, name(key), 'bool');
    },
    integer: (key) => integerOf(raw(key) ?? 0, name(key)),
    object: (key) => {
      const value = raw(key) ?? {};
      return isObject(value) ? objectFields(value, name(key)) : mismatch(value, name(key), 'struct');
    },
    texts: (key) => list(key).map((one) => (typeof one === 'string' ? one : mismatch(one, name(key), 'string'))),
  };
}

function integerOf(value: JsonValue, field: string): number {
  if (typeof value !== 'number') return mismatch(value, field, 'int');
  if (!Number.isSafeInteger(value)) fail(`json: cannot unmarshal number ${value} into Go struct field ${field} of type int`);
  return value;
}
