import { UsageError } from './output.ts';

/** Options by name: `flag` stands alone, `value` takes the next word (or what follows `=`). */
export type OptionSpec = Readonly<Record<string, 'flag' | 'value'>>;

export interface Parsed {
  readonly files: readonly string[];
  readonly flags: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, string>;
}

/** Reads the words after a command. Throws UsageError for what is not known, given twice, or lacks its value. */
export function parseOptions(command: string, words: readonly string[], spec: OptionSpec): Parsed {
  const files: string[] = [];
  const flags = new Set<string>();
  const values = new Map<string, string>();
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === '--') {
      files.push(...words.slice(i + 1));
      break;
    }
    if (!word.startsWith('-') || word === '-') {
      files.push(word);
      continue;
    }
    const [name, inline] = splitOnce(word);
    const kind = Object.hasOwn(spec, name) ? spec[name] : undefined;
    if (kind === undefined) throw new UsageError(`hopscope ${command}: unknown option ${name} (known: ${Object.keys(spec).join(', ')})`);
    if (kind === 'flag') {
      if (inline !== null) throw new UsageError(`hopscope ${command}: ${name} takes no value`);
      flags.add(name);
      continue;
    }
    const value = inline ?? words[++i];
    if (value === undefined || value === '') throw new UsageError(`hopscope ${command}: ${name} needs a value`);
    if (values.has(name)) throw new UsageError(`hopscope ${command}: ${name} is given twice`);
    values.set(name, value);
  }
  return { files, flags, values };
}

function splitOnce(word: string): [string, string | null] {
  const at = word.indexOf('=');
  return at < 0 ? [word, null] : [word.slice(0, at), word.slice(at + 1)];
}
