import { NotSimulated } from '../../shell/process.ts';
import { Exit, matches } from './args.ts';
import type { Family } from './addresses.ts';
import { defaultOptions, type GlobalOptions } from './ip-context.ts';
import { ipUsage } from './usage-text.ts';
import { bridgeUsage } from './usage-bridge.ts';

/** The options before the object, and what is left of the command line. */
export interface CommandLine {
  readonly options: GlobalOptions;
  readonly rest: readonly string[];
  /** Names of `-netns`, in order: each is looked up when its turn comes. */
  readonly netns: readonly string[];
  /** What to print and leave: `-V`. */
  readonly version: boolean;
}

const FAMILIES: Readonly<Record<string, Family>> = { inet: 'inet', inet6: 'inet6', link: 'link', mpls: 'mpls', bridge: 'bridge' };
const SHORT_FAMILIES: Readonly<Record<string, Family>> = { '-4': 'inet', '-6': 'inet6', '-0': 'link', '-M': 'mpls', '-B': 'bridge' };

interface State {
  readonly options: GlobalOptions;
  readonly netns: string[];
  version: boolean;
  /** The word that an option takes; undefined when there is none. */
  next(): string | undefined;
}

/** The word behind the option; the usage when there is none. */
function needed(state: State, usage: () => never): string {
  return state.next() ?? usage();
}

type Option = readonly [names: readonly string[], apply: (state: State) => void];

const COMMON: readonly Option[] = [
  [['-human', '-human-readable'], ({ options }) => { options.human = true; }],
  [['-iec'], ({ options }) => { options.iec = true; }],
];

/** In the order in which ip(8) tries them: the first that the word abbreviates is meant. */
const IP_OPTIONS: readonly Option[] = [
  [['-loops'], (state) => { needed(state, ipUsage); }],
  [['-family'], (state) => {
    const word = state.next();
    if (word === undefined || word === 'help') ipUsage();
    const family = FAMILIES[word];
    if (!family) throw new Exit(255, `Error: argument "${word}" is wrong: invalid protocol family\n`);
    setFamily(state, family);
  }],
  ...COMMON,
  [['-stats', '-statistics'], ({ options }) => { options.stats++; }],
  [['-details'], ({ options }) => { options.details++; }],
  [['-resolve'], () => { throw new NotSimulated('ip -resolve'); }],
  [['-oneline'], ({ options }) => { options.oneline = true; }],
  [['-timestamp'], ({ options }) => { options.timestamp = 'long'; }],
  [['-tshort'], ({ options }) => { options.timestamp = 'short'; }],
  [['-Version'], (state) => { state.version = true; }],
  [['-force'], ({ options }) => { options.force = true; }],
  [['-batch'], (state) => { state.options.batch = needed(state, ipUsage); }],
  [['-brief'], ({ options }) => { options.brief = true; }],
  [['-json'], ({ options }) => { options.json = true; }],
  [['-pretty'], ({ options }) => { options.pretty = true; }],
  [['-rcvbuf'], (state) => { needed(state, ipUsage); }],
  [['-color'], () => {}],
  [['-help'], () => ipUsage()],
  [['-netns'], (state) => { state.netns.push(state.next() ?? '(null)'); }],
  [['-Numeric'], ({ options }) => { options.numeric = true; }],
  [['-all'], ({ options }) => { options.all = true; }],
];

const BRIDGE_OPTIONS: readonly Option[] = [
  [['-help'], () => bridgeUsage()],
  [['-Version'], (state) => { state.version = true; }],
  [['-stats', '-statistics'], ({ options }) => { options.stats++; }],
  [['-details'], ({ options }) => { options.details++; }],
  [['-oneline'], ({ options }) => { options.oneline = true; }],
  [['-timestamp'], ({ options }) => { options.timestamp = 'long'; }],
  [['-family'], (state) => { needed(state, bridgeUsage); }],
  [['-netns'], (state) => { state.netns.push(state.next() ?? '(null)'); }],
  [['-color'], () => {}],
  [['-compressvlans'], ({ options }) => { options.compressVlans = true; }],
  [['-force'], ({ options }) => { options.force = true; }],
  [['-json'], ({ options }) => { options.json = true; }],
  [['-pretty'], ({ options }) => { options.pretty = true; }],
  [['-batch'], (state) => { state.options.batch = needed(state, bridgeUsage); }],
];

/** Reads the options of `ip` or `bridge`; `argv` without the program's name. Throws Exit for one that is unknown. */
export function parseOptions(program: 'ip' | 'bridge', argv: readonly string[]): CommandLine {
  const options = defaultOptions();
  let at = 0;
  const state: State = { options, netns: [], version: false, next: () => argv[++at] };
  for (; at < argv.length; at++) {
    const word = argv[at]!;
    if (word === '--') {
      at++;
      break;
    }
    if (!word.startsWith('-')) break;
    readOption(program, word.startsWith('--') ? word.slice(1) : word, state);
    if (state.version) break;
  }
  return { options, rest: argv.slice(at), netns: state.netns, version: state.version };
}

function setFamily(state: State, family: Family): void {
  if (family === 'bridge' || family === 'mpls') throw new NotSimulated(`ip -family ${family}`);
  state.options.family = family;
}

function readOption(program: 'ip' | 'bridge', word: string, state: State): void {
  const family = SHORT_FAMILIES[word];
  if (family && (program === 'ip' || word === '-4' || word === '-6')) {
    setFamily(state, family);
    return;
  }
  const plain = /^-c[a-z]*=(always|auto|never)$/.test(word) ? word.slice(0, word.indexOf('=')) : word;
  const option = (program === 'ip' ? IP_OPTIONS : BRIDGE_OPTIONS).find(([names]) => names.some((name) => matches(plain, name)));
  if (!option) throw new Exit(255, `Option "${word}" is unknown, try "${program}${program === 'ip' ? ' -help' : ' help'}".\n`);
  option[1](state);
}
