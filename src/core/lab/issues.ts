import * as v from 'valibot';
import { didYouMean, type Path } from './problem.ts';

/** What is wrong at one place of the data. `onKey`: the key itself is the matter, not its value. */
export interface DataIssue {
  readonly path: Path;
  readonly onKey: boolean;
  readonly message: string;
  readonly hint: string;
}

type AnySchema = v.GenericSchema & {
  readonly type: string;
  readonly entries?: Readonly<Record<string, AnySchema>>;
  readonly wrapped?: AnySchema;
  readonly item?: AnySchema;
  readonly value?: AnySchema;
  readonly options?: readonly unknown[];
  readonly pipe?: readonly unknown[];
};

/** Everything that is wrong with `data`, unknown keys of every level included, in the order of the schema. */
export function issuesOf(schema: v.GenericSchema, data: unknown, path: Path = []): DataIssue[] {
  const found: DataIssue[] = [...unknownKeys(schema as AnySchema, data, path)];
  for (const issue of v.safeParse(schema, data).issues ?? []) {
    const at: Path = [...path, ...(issue.path ?? []).map((item) => item.key as string | number)];
    if (issue.type === 'union') found.push(...unionIssues(issue as unknown as { input: unknown }, optionsAt(schema as AnySchema, data, issue.path ?? []), at));
    else found.push(...describe(issue, at));
  }
  return found;
}

function describe(issue: v.BaseIssue<unknown>, path: Path): DataIssue[] {
  const key = path.at(-1);
  const name = key === undefined ? 'The file' : typeof key === 'number' ? `Item ${key + 1}` : `“${key}”`;
  const onObject = issue.type === 'strict_object';
  if (onObject && issue.expected === 'never') return [];
  if (onObject && issue.received === 'undefined') return [{ path: path.slice(0, -1), onKey: false, message: `“${String(key)}” is missing here.`, hint: '' }];
  if (issue.input === undefined && typeof key === 'number') {
    return [{ path: path.slice(0, -1), onKey: false, message: 'A cable has exactly two ends.', hint: CABLE_HINT }];
  }
  if (issue.kind !== 'schema') return [{ path, onKey: false, message: issue.message, hint: typeof issue.input === 'string' ? `It is “${shorten(issue.input)}”.` : '' }];
  if (issue.type === 'strict_tuple' && issue.expected === 'never') {
    return [{ path: path.slice(0, -1), onKey: false, message: 'A cable has exactly two ends.', hint: CABLE_HINT }];
  }
  if (issue.type === 'picklist') {
    const options = issue.expected!.replace(/^\(|\)$/g, '').split(' | ').map((option) => option.replace(/"/g, ''));
    return [{ path, onKey: false, message: `${name} cannot be ${show(issue.input)}.`, hint: didYouMean(String(issue.input), options, 'It is one of') }];
  }
  const hint = issue.expected === 'string' && ['number', 'boolean'].includes(typeof issue.input) ? 'Put quotes around it.' : issue.expected === 'number' && typeof issue.input === 'string' ? 'Write a number without quotes.' : '';
  return [{ path, onKey: false, message: `${name} must be ${NOUNS[issue.expected ?? ''] ?? issue.expected}, not ${show(issue.input)}.`, hint }];
}

const CABLE_HINT = 'Two NICs are a cable; for more use {switch: NAME, ports: [...]}.';

/** Looks into the one option of a union that the value was meant to be. */
function unionIssues(issue: { input: unknown }, options: readonly AnySchema[], path: Path): DataIssue[] {
  const meant = options.find((option) => accepts(option, issue.input));
  if (meant) return issuesOf(meant, issue.input, path);
  const wanted = options.map((option) => NOUNS[expectedOf(option)] ?? expectedOf(option)).join(' or ');
  return [{ path, onKey: false, message: `${show(issue.input)} does not fit here: it must be ${wanted}.`, hint: '' }];
}

function accepts(option: AnySchema, input: unknown): boolean {
  if (Array.isArray(input)) return option.type === 'strict_tuple' || option.type === 'array';
  if (typeof input === 'object' && input !== null) return option.type === 'strict_object' || option.type === 'record';
  return typeof input === 'string' && option.type === 'picklist';
}

function expectedOf(option: AnySchema): string {
  return option.type === 'picklist' ? (option.options as string[]).join(' or ') : option.expects;
}

function optionsAt(schema: AnySchema, data: unknown, path: readonly { key: unknown }[]): readonly AnySchema[] {
  let here = bare(schema);
  let value = data;
  for (const { key } of path) {
    here = bare(childOf(here, key as string, value)!);
    value = (value as Record<string, unknown>)[key as string];
  }
  return (here.options ?? []) as readonly AnySchema[];
}

function childOf(schema: AnySchema, key: string | number, data: unknown): AnySchema | undefined {
  if (schema.type === 'union') {
    const option = (schema.options as readonly AnySchema[]).find((other) => accepts(bare(other), data));
    return option && childOf(bare(option), key, data);
  }
  return schema.entries?.[key] ?? schema.item ?? (schema.type === 'record' ? schema.value : undefined);
}

function bare(schema: AnySchema): AnySchema {
  return schema.wrapped ? bare(schema.wrapped) : schema;
}

function* unknownKeys(wrapped: AnySchema, data: unknown, path: Path): Generator<DataIssue> {
  const schema = bare(wrapped);
  if (typeof data !== 'object' || data === null || (schema.type === 'union' && path.length > 0)) return;
  for (const [rawKey, value] of Object.entries(data)) {
    const key = Array.isArray(data) ? Number(rawKey) : rawKey;
    if (schema.type === 'strict_object' && !Object.hasOwn(schema.entries!, rawKey)) {
      const hint = didYouMean(rawKey, Object.keys(schema.entries!), 'Known here');
      yield { path: [...path, key], onKey: true, message: `“${shorten(rawKey)}” is not known here.`, hint };
      continue;
    }
    const child = childOf(schema, key, data);
    if (child && bare(child).type === 'union') yield* unionKeys(bare(child), value, [...path, key]);
    else if (child) yield* unknownKeys(child, value, [...path, key]);
  }
}

/** Unknown keys under a union: only when the rest of the value is right, for otherwise the union's own issue looks into it. */
function* unionKeys(union: AnySchema, value: unknown, path: Path): Generator<DataIssue> {
  const option = (union.options as readonly AnySchema[]).find((other) => accepts(other, value));
  if (option && v.safeParse(union, value).success) yield* unknownKeys(option, value, path);
}

const NOUNS: Readonly<Record<string, string>> = { string: 'text', number: 'a number', boolean: 'true or false', Array: 'a list', Object: 'a block of keys' };

function show(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a block of keys';
  return typeof value === 'string' ? `the text “${shorten(value)}”` : String(value);
}

function shorten(text: string): string {
  const line = text.split('\n', 1)[0]!;
  return line.length > 60 ? `${line.slice(0, 60)}...` : line;
}
