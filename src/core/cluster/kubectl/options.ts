import { NotSimulated } from '../../shell/process.ts';
import { Complaint } from './errors.ts';

export interface Options {
  readonly words: readonly string[];
  /** Values of `-f`, in order. */
  readonly files: readonly string[];
  readonly output: string | null;
  readonly selector: string | null;
  readonly patch: string | null;
  readonly patchType: string;
  readonly subresource: string | null;
  readonly overwrite: boolean;
  readonly showLabels: boolean;
  readonly all: boolean;
  readonly ignoreNotFound: boolean;
  readonly noHeaders: boolean;
}

interface Known {
  readonly short?: string;
  readonly takes: boolean;
}

const KNOWN: Readonly<Record<string, Known>> = {
  filename: { short: 'f', takes: true }, output: { short: 'o', takes: true }, selector: { short: 'l', takes: true }, patch: { short: 'p', takes: true },
  type: { takes: true }, subresource: { takes: true }, overwrite: { takes: false }, 'show-labels': { takes: false }, all: { takes: false },
  'ignore-not-found': { takes: false }, 'no-headers': { takes: false },
};
/** Options of kubectl that are not simulated, and whether they take a value. */
const OTHERS = new Set(`
namespace n all-namespaces A watch w watch-only kubeconfig context cluster user server s token v dry-run recursive R kustomize k field-selector sort-by template
force grace-period wait timeout server-side field-manager validate prune cascade now chunk-size label-columns L raw save-config list edit resource-version local as request-timeout
`.split(/\s+/).filter((name) => name !== ''));

/** Takes the options out of the words, wherever they stand, as kubectl does (spf13/pflag). */
export function parseOptions(args: readonly string[]): Options {
  const words: string[] = [];
  const values = new Map<string, string[]>();
  for (let i = 0; i < args.length; i++) {
    const word = args[i]!;
    if (word === '--') {
      words.push(...args.slice(i + 1));
      break;
    }
    // A label that ends in a minus sign is taken away; one that begins with it is an option.
    if (!word.startsWith('-') || word === '-') {
      words.push(word);
      continue;
    }
    const { name, shown, inline } = split(word);
    const known = KNOWN[name];
    if (!known) throw OTHERS.has(name) ? new NotSimulated(`kubectl ${shown}`) : new Complaint(`error: unknown ${shown.startsWith('--') ? `flag: ${shown}` : `shorthand flag: '${name}' in ${word}`}\nSee 'kubectl --help' for usage.`);
    let value = inline;
    if (value === null && !known.takes) value = 'true';
    if (value === null) {
      value = args[++i] ?? null;
      if (value === null) throw new Complaint(`error: flag needs an argument: ${shown.startsWith('--') ? shown : `'${shown[1]!}' in ${shown}`}\nSee 'kubectl --help' for usage.`);
    }
    const all = values.get(name) ?? [];
    values.set(name, [...all, value]);
  }
  const last = (name: string): string | null => values.get(name)?.at(-1) ?? null;
  return {
    words, files: (values.get('filename') ?? []).flatMap((value) => value.split(',')), output: last('output'), selector: last('selector'), patch: last('patch'),
    patchType: last('type') ?? 'strategic', subresource: last('subresource'), overwrite: last('overwrite') === 'true', showLabels: last('show-labels') === 'true',
    all: last('all') === 'true', ignoreNotFound: last('ignore-not-found') === 'true', noHeaders: last('no-headers') === 'true',
  };
}

function split(word: string): { name: string; shown: string; inline: string | null } {
  if (word.startsWith('--')) {
    const at = word.indexOf('=');
    const name = at < 0 ? word.slice(2) : word.slice(2, at);
    return { name, shown: `--${name}`, inline: at < 0 ? null : word.slice(at + 1) };
  }
  const letter = word[1]!;
  const name = Object.keys(KNOWN).find((key) => KNOWN[key]!.short === letter) ?? letter;
  const rest = word.slice(2);
  return { name, shown: `-${letter}`, inline: rest === '' ? null : rest.replace(/^=/, '') };
}
