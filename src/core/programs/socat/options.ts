import { NotSimulated } from '../../shell/process.ts';

/** An address of socat(1), as it was typed: `UDP4-LISTEN:53,fork` is the type UDP4-LISTEN with the parameter 53 and the option fork. */
export interface AddressSpec {
  readonly type: string;
  readonly parameters: readonly string[];
  /** '' for an option without a value; `ip-add-membership` has a line each time that it was given. */
  readonly options: ReadonlyMap<string, string>;
}

export interface SocatOptions {
  readonly direction: 'both' | 'right' | 'left';
  /** Seconds that the other direction may go on after one has ended. */
  readonly linger: number;
  /** Seconds without any data after which all ends; 0 for never. */
  readonly inactivity: number;
  readonly left: AddressSpec;
  readonly right: AddressSpec;
}

/** What ends socat with a line of its log at level E. */
export class SocatError extends Error {}

const KNOWN_OPTIONS = new Set([
  'fork', 'reuseaddr', 'so-reuseaddr', 'reuseport', 'bind', 'sourceport', 'sp', 'pf', 'ttl', 'ip-ttl', 'backlog', 'nodelay', 'tcp-nodelay', 'keepalive', 'so-keepalive',
  'broadcast', 'so-broadcast', 'connect-timeout', 'so-bindtodevice', 'if', 'interface',
  'ip-add-membership', 'add-membership', 'ip-membership', 'membership', 'ip-multicast-if', 'multicast-if', 'ip-multicast-loop', 'multicast-loop', 'multicastloop',
  'ip-multicast-ttl', 'multicast-ttl', 'multicastttl',
]);
const ALIASES: Readonly<Record<string, string>> = {
  'so-reuseaddr': 'reuseaddr', sp: 'sourceport', 'ip-ttl': 'ttl', 'tcp-nodelay': 'nodelay', 'so-keepalive': 'keepalive', 'so-broadcast': 'broadcast', if: 'so-bindtodevice',
  interface: 'so-bindtodevice', 'add-membership': 'ip-add-membership', 'ip-membership': 'ip-add-membership', membership: 'ip-add-membership',
  'multicast-if': 'ip-multicast-if', 'multicast-loop': 'ip-multicast-loop', multicastloop: 'ip-multicast-loop', 'multicast-ttl': 'ip-multicast-ttl',
  multicastttl: 'ip-multicast-ttl',
};

/** Reads a command line. Throws SocatError in socat's words. */
export function parseSocat(args: readonly string[]): SocatOptions {
  let direction: SocatOptions['direction'] = 'both';
  let linger = 0.5;
  let inactivity = 0;
  const words: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const word = args[i]!;
    if (word === '-' || !word.startsWith('-')) words.push(word);
    else if (word === '-u') direction = 'right';
    else if (word === '-U') direction = 'left';
    else if (word === '-4') continue;
    else if (word.startsWith('-t') || word.startsWith('-T')) {
      const value = word.length > 2 ? word.slice(2) : (args[++i] ?? '');
      const seconds = Number(value);
      if (value === '' || Number.isNaN(seconds)) throw new SocatError(`option ${word.slice(0, 2)} requires an argument; use option "-h" for help`);
      if (word[1] === 't') linger = seconds;
      else inactivity = seconds;
    } else if (/^-(?:[hV?dDvxlbsLWgq6]|lf|ls|ly|lm|lp|lu|lh)/.test(word)) throw new NotSimulated(`socat ${word}`);
    else throw new SocatError(`unknown option "${word}"; use option "-h" for help`);
  }
  if (words.length !== 2) throw new SocatError(`exactly 2 addresses required (there are ${words.length}); use option "-h" for help`);
  return { direction, linger, inactivity, left: parseAddress(words[0]!), right: parseAddress(words[1]!) };
}

/** Splits at `separator`, but not within quotes or brackets; the quotes go. */
function split(text: string, separator: string): string[] {
  const parts = [''];
  let quote = '';
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (c === '\\' && i + 1 < text.length) parts[parts.length - 1] += text[++i]!;
    else if (quote !== '' ? c === quote : c === '"' || c === "'") quote = quote === '' ? c : '';
    else if (c === separator && quote === '') parts.push('');
    else parts[parts.length - 1] += c;
  }
  return parts;
}

function parseAddress(text: string): AddressSpec {
  if (text === '-') return { type: 'STDIO', parameters: [], options: new Map() };
  if (text.includes('!!')) throw new NotSimulated('socat with a dual address (!!)');
  const head = /^[^:,]*/.exec(text)![0];
  const type = head.toUpperCase();
  // The command of EXEC and SYSTEM has colons of its own, and SYSTEM commas as well unless an option follows.
  const command = type === 'EXEC' || type === 'SYSTEM' || type === 'SHELL';
  const [body = '', ...given] = split(text.slice(head.length), ',');
  const options = new Map<string, string>();
  for (const option of given) {
    const [name = '', ...value] = option.split('=');
    const known = ALIASES[name.toLowerCase()] ?? name.toLowerCase();
    if (!KNOWN_OPTIONS.has(name.toLowerCase())) throw new NotSimulated(`socat ${head}:...,${name}`);
    // A socket may be in several groups.
    const before = known === 'ip-add-membership' ? options.get(known) : undefined;
    options.set(known, before === undefined ? value.join('=') : `${before}\n${value.join('=')}`);
  }
  const rest = body.replace(/^:/, '');
  return { type, parameters: rest === '' ? [] : command ? [rest] : rest.split(':'), options };
}
