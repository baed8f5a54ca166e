import type { XtMatch, XtTarget } from '../../kernel/netfilter/xtables/xt-rule.ts';
import type { Extension, HeadSoFar, XtEnv } from './extension.ts';
import { type Cursor, type Loaded, type Step, takeArgument } from './get-option.ts';
import type { Mode } from './command-line.ts';
import { fail } from './xtables-error.ts';

/** Makes a match or target part of the rule. */
export function load(cursor: Cursor, extension: Extension<XtMatch> | Extension<XtTarget>, env: XtEnv): Loaded {
  const loaded: Loaded = { extension, instance: extension.begin(env), seen: new Set() };
  cursor.loaded.push(loaded);
  return loaded;
}

interface RuleSoFar {
  readonly head: HeadSoFar;
  readonly invert: boolean;
  readonly mode: Mode;
}

/** Gives an option to its extension, after what libxtables checks of all of them (xtables_option_parse). */
export function extensionOption({ loaded, option, value }: Extract<Step, { kind: 'extension' }>, cursor: Cursor, { head, invert, mode }: RuleSoFar): void {
  const { extension, seen } = loaded;
  const id = option.id ?? option.name;
  if (extension.legacy !== true) {
    if (option.multi !== true && seen.has(id)) fail(`${extension.name}: option "--${option.name}" can only be used once.\n`);
    if (invert && option.invert !== true) fail(`${extension.name}: option "--${option.name}" cannot be inverted.\n`);
  }
  loaded.instance.option({ extension: extension.name, option: option.name, id, arg: value, invert, next: () => takeArgument(cursor), head, env: mode.env });
  seen.add(id);
}

/** What an extension says of its options as a whole (xtables_options_fcheck). */
export function checkExtension({ extension, instance, seen }: Loaded): void {
  instance.check?.(seen);
  if (extension.legacy === true) return;
  for (const option of extension.options) {
    if (!seen.has(option.id ?? option.name)) {
      if (option.must === true) fail(`${extension.name}: option "--${option.name}" must be specified\n`);
      continue;
    }
    if (option.also === undefined && option.excl === undefined) continue;
    for (const other of extension.options) {
      if (option.also?.includes(other.name) && !seen.has(other.name)) fail(`${extension.name}: option "--${option.name}" also requires "--${other.name}".\n`);
      if (option.excl?.includes(other.name) && seen.has(other.name)) fail(`${extension.name}: option "--${option.name}" cannot be used together with "--${other.name}".\n`);
    }
  }
}
