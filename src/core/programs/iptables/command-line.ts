import type { InterfaceMatch, Masked, XtCounters, XtMatch, XtRule, XtTarget } from '../../kernel/netfilter/xtables/xt-rule.ts';
import { NotSimulated } from '../../shell/process.ts';
import { type AddressMask, parseAddresses } from './addresses.ts';
import { type CommandName, addCommand, checkOptions, setOption } from './command-checks.ts';
import type { HeadSoFar, XtEnv } from './extension.ts';
import { type Cursor, type Loaded, type Step, hasArgument, nextOption, takeArgument } from './get-option.ts';
import { parseInterface } from './interfaces.ts';
import { checkExtension, extensionOption, load } from './load-extension.ts';
import { findMatch } from './matches/index.ts';
import { wholeNumber } from './numbers.ts';
import { parseProtocol, protocolName } from './protocols.ts';
import { saveAddresses, saveRest } from './rule-text.ts';
import { findTarget, saveTarget } from './targets/index.ts';
import { XtablesError, fail } from './xtables-error.ts';

/** A command line of iptables, read. */
export interface CommandLine {
  readonly commands: ReadonlySet<CommandName>;
  readonly table: string;
  readonly chain: string | null;
  /** From 1; 0 when it was not given. */
  readonly ruleNumber: number;
  readonly newName: string | null;
  readonly policy: string | null;
  readonly verbose: number;
  readonly numeric: boolean;
  readonly exact: boolean;
  readonly lineNumbers: boolean;
  /** Of -c; null when it was not given. */
  readonly counters: XtCounters | null;
  /** The rule, once for each pair of addresses. */
  readonly rules: readonly XtRule[];
}

/** How the program is called. */
export interface Mode {
  readonly restore: boolean;
  readonly env: XtEnv;
}

/** What parsing came to: a command, a text that is all that is wanted (`-V`, `-h`), or a line that is passed over. */
export type Parsed = { readonly line: CommandLine } | { readonly show: 'version' | 'not-version' | 'help' } | { readonly skip: true };

/** What is known of the command line so far. */
interface Parse extends Cursor {
  readonly mode: Mode;
  readonly commands: Set<CommandName>;
  readonly given: Set<string>;
  readonly head: HeadSoFar;
  table: string;
  tableSet: boolean;
  chain: string | null;
  ruleNumber: number;
  newName: string | null;
  policy: string | null;
  verbose: number;
  invert: boolean;
  /** The protocol as typed, and whether its match was loaded for an option that nobody knew. */
  protocol: string | null;
  protocolLoaded: boolean;
  source: { readonly text: string; readonly invert: boolean } | null;
  destination: { readonly text: string; readonly invert: boolean } | null;
  in: InterfaceMatch | null;
  out: InterfaceMatch | null;
  fragment: { readonly invert: boolean } | null;
  jump: { readonly name: string; readonly goto: boolean } | null;
  target: Loaded | null;
  counters: XtCounters | null;
  wait: boolean;
  waitInterval: boolean;
}

/** Reads a command line, `argv` with the program's name (do_parse). Throws XtablesError for what iptables refuses, NotSimulated. */
export function parseCommandLine(argv: readonly string[], mode: Mode): Parsed {
  const parse: Parse = {
    argv, mode, at: 1, cluster: '', loaded: [], commands: new Set(), given: new Set(), head: { protocol: 0, invertProtocol: false }, table: 'filter', tableSet: false,
    chain: null, ruleNumber: 0, newName: null, policy: null, verbose: 0, invert: false, protocol: null, protocolLoaded: false, source: null, destination: null, in: null,
    out: null, fragment: null, jump: null, target: null, counters: null, wait: false, waitInterval: false,
  };
  for (let step = nextOption(parse); step !== null; step = nextOption(parse)) {
    const ended = takeStep(parse, step);
    if (ended !== null) return ended;
  }
  return { line: finish(parse) };
}

function takeStep(parse: Parse, step: Step): Parsed | null {
  switch (step.kind) {
    case 'word':
      if (step.value !== '!') throw new XtablesError(`Bad argument \`${step.value}'`, 2, false);
      if (parse.invert) fail('multiple consecutive ! not allowed');
      parse.invert = true;
      return null;
    case 'extension': extensionOption(step, parse, parse); break;
    case 'main': {
      const ended = mainOption(parse, step.letter, step.value);
      if (ended !== null) return ended;
      break;
    }
    default:
      if (loadProtocol(parse)) {
        parse.at--;
        return null;
      }
      if (step.kind === ':') fail(`option "${parse.argv[parse.at - 1]}" requires an argument`);
      fail(`unknown option "${parse.argv[parse.at - 1]}"`);
  }
  parse.invert = false;
  return null;
}

/** An option that nobody knows may be one of the protocol's match (load_proto). */
function loadProtocol(parse: Parse): boolean {
  const { protocol } = parse;
  if (protocol === null || parse.protocolLoaded) return false;
  const number = wholeNumber(protocol, 0, 255);
  const name = number === null ? protocol : protocolName(number);
  const extension = name === null || parse.given.has('n') ? null : findMatch(name);
  if (extension === null) return false;
  if (extension === 'not-simulated') throw new NotSimulated(`iptables -m ${name}`);
  parse.protocolLoaded = true;
  load(parse, extension, parse.mode.env);
  return true;
}

const LISTS: readonly CommandName[] = ['list', 'list-rules'];
const ZEROS: readonly CommandName[] = ['zero', 'zero-number'];

function mainOption(parse: Parse, letter: string, value: string | null): Parsed | null {
  if ('ACDRILSFZNXEP'.includes(letter)) commandOption(parse, letter, value);
  else if ('psdgjiof'.includes(letter)) ruleOption(parse, letter, value ?? '');
  else return otherOption(parse, letter, value);
  return null;
}

function ruleNumber(text: string): number {
  return wholeNumber(text, 1, 0x7fff_ffff) ?? fail(`Invalid rule number \`${text}'`);
}

function commandOption(parse: Parse, letter: string, value: string | null): void {
  const { commands, invert } = parse;
  // The one that a file of rules is full of.
  if (letter === 'A') {
    addCommand(commands, 'append', [], invert);
    parse.chain = value;
    return;
  }
  const add = (command: CommandName, beside: readonly CommandName[] = []): void => addCommand(commands, command, beside, invert);
  const optionalChain = (): string | null => value ?? takeArgument(parse);
  const number = (): number => (hasArgument(parse) ? ruleNumber(takeArgument(parse)!) : 0);
  const only = (command: CommandName): void => {
    commands.clear();
    commands.add(command);
  };
  switch (letter) {
    case 'C': add('check'); parse.chain = value; break;
    case 'D':
      add('delete');
      parse.chain = value;
      if ((parse.ruleNumber = number()) > 0) only('delete-number');
      break;
    case 'R':
      add('replace');
      parse.chain = value;
      parse.ruleNumber = number() || fail('-R requires a rule number');
      break;
    case 'I': add('insert'); parse.chain = value; parse.ruleNumber = number() || 1; break;
    case 'L':
    case 'S':
      add(letter === 'L' ? 'list' : 'list-rules', ZEROS);
      parse.chain = optionalChain() ?? parse.chain;
      parse.ruleNumber = number() || parse.ruleNumber;
      break;
    case 'F': add('flush'); parse.chain = optionalChain(); break;
    case 'Z':
      add('zero', LISTS);
      parse.chain = optionalChain() ?? parse.chain;
      if (hasArgument(parse)) {
        parse.ruleNumber = number();
        only('zero-number');
      }
      break;
    case 'N': checkChainName(value!); add('new-chain'); parse.chain = value; break;
    case 'X': add('delete-chain'); parse.chain = optionalChain(); break;
    case 'E': add('rename-chain'); parse.chain = value; parse.newName = takeArgument(parse) ?? fail('-E requires old-chain-name and new-chain-name'); break;
    default: add('policy'); parse.chain = value; parse.policy = takeArgument(parse) ?? fail('-P requires a chain and a policy');
  }
}

/** XT_EXTENSION_MAXNAMELEN */
const NAME_SIZE = 29;

/** Is it a name for a new chain? (parse_chain) */
export function checkChainName(name: string): void {
  if (name.length >= NAME_SIZE) fail(`chain name \`${name}' too long (must be under ${NAME_SIZE} chars)`);
  if (name.startsWith('-') || name.startsWith('!')) fail(`chain name not allowed to start with \`${name[0]}'`);
  if (name === '' || findTarget(name) !== null) fail('chain name may not clash with target name');
  if (/\s/.test(name)) fail(`Invalid chain name \`${name}'`);
}

function targetNameOf(name: string): string {
  if (name === '') fail('Invalid target name (too short)');
  if (name.length >= NAME_SIZE) fail(`Invalid target name \`${name}' (${NAME_SIZE - 1} chars max)`);
  if (/\s/.test(name)) fail(`Invalid target name \`${name}'`);
  return name;
}

/** Options whose value iptables takes from the word before the next one, whether the letter stands in it or not. */
function ruleOption(parse: Parse, letter: string, value: string): void {
  const { invert, mode, given } = parse;
  const word = parse.argv[parse.at - 1]!;
  if ((letter === 'i' || letter === 'o') && value === '') fail('Empty interface is likely to be undesired');
  setOption(given, letter === 'g' ? 'j' : letter, invert);
  switch (letter) {
    case 'p':
      parse.protocol = word.toLowerCase();
      parse.head.protocol = parseProtocol(parse.protocol);
      parse.head.invertProtocol = invert;
      if (parse.head.protocol === 0 && invert) fail('rule would never match protocol');
      break;
    case 's': parse.source = { text: word, invert }; break;
    case 'd': parse.destination = { text: word, invert }; break;
    case 'i': parse.in = parseInterface(word, invert, mode.env); break;
    case 'o': parse.out = parseInterface(word, invert, mode.env); break;
    case 'f': parse.fragment = { invert }; break;
    case 'g': parse.jump = { name: targetNameOf(value), goto: true }; break;
    default: jumpOption(parse, word);
  }
}

function jumpOption(parse: Parse, word: string): void {
  const name = targetNameOf(word);
  const extension = findTarget(name);
  if (extension === 'not-simulated') throw new NotSimulated(`iptables -j ${name}`);
  parse.jump = { name, goto: false };
  if (extension !== null) parse.target = load(parse, extension, parse.mode.env);
}

function otherOption(parse: Parse, letter: string, value: string | null): Parsed | null {
  const { given, invert, mode } = parse;
  switch (letter) {
    case 'v':
      if (parse.verbose++ === 0) setOption(given, 'v', invert);
      return null;
    case 'm': matchOption(parse, value!); return null;
    case 'n':
    case 'x':
    case '0': setOption(given, letter, invert); return null;
    case 't':
      if (invert) fail('unexpected ! flag before --table');
      if (mode.restore && parse.tableSet) fail('The -t option cannot be used in iptables-restore.\n');
      parse.table = value!;
      parse.tableSet = true;
      return null;
    case 'c': setOption(given, 'c', invert); countersOption(parse, value!); return null;
    case 'w':
    case 'W': waitOption(parse, letter, value); return null;
    case 'M':
    case '4': return null;
    case '6':
      if (mode.restore) return { skip: true };
      throw new XtablesError('', 2, false);
    case 'V': return { show: invert ? 'not-version' : 'version' };
    case 'h':
      if (parse.loaded.length > 0 || (parse.protocol !== null && findMatch(parse.protocol) !== null)) throw new NotSimulated('iptables -h for a match or target');
      return { show: 'help' };
    default: return fail('Unknown arg "(null)"');
  }
}

function matchOption(parse: Parse, name: string): void {
  if (parse.invert) fail('unexpected ! flag before --match');
  const extension = findMatch(name) ?? fail(`Couldn't load match \`${name}':No such file or directory\n`);
  if (extension === 'not-simulated') throw new NotSimulated(`iptables -m ${name}`);
  load(parse, extension, parse.mode.env);
}

function countersOption(parse: Parse, value: string): void {
  const comma = value.indexOf(',', 1);
  const bytes = comma >= 0 ? value.slice(comma + 1) : (takeArgument(parse) ?? fail('-c requires packet and byte counter'));
  const count = (text: string, what: string): number => {
    const digits = /^\s*\+?(\d+)/.exec(text) ?? fail(`-c ${what} counter not numeric`);
    return Number(digits[1]);
  };
  parse.counters = { packets: count(value, 'packet'), bytes: count(bytes, 'byte') };
}

function waitOption(parse: Parse, letter: 'w' | 'W', given: string | null): void {
  if (parse.mode.restore) fail(`You cannot use \`-${letter}' from iptables-restore`);
  const value = given ?? takeArgument(parse);
  if (letter === 'w') {
    if (value !== null && !/^\s*[+-]?\d/.test(value)) fail('wait seconds not numeric');
    parse.wait = true;
    return;
  }
  if (value === null) fail('wait interval value required');
  const digits = /^\s*\+?(\d+)/.exec(value) ?? fail('wait interval not numeric');
  if (Number(digits[1]) > 999_999) fail(`too long usec wait ${digits[1]} > 999999 usec`);
  parse.mode.env.warn('Ignoring deprecated --wait-interval option.');
  parse.waitInterval = true;
}

const RULE_COMMANDS: ReadonlySet<CommandName> = new Set<CommandName>(['append', 'insert', 'replace', 'delete', 'check']);

/** Does the command have a rule? */
function hasRule(commands: ReadonlySet<CommandName>): boolean {
  for (const command of commands) if (RULE_COMMANDS.has(command)) return true;
  return false;
}

function finish(parse: Parse): CommandLine {
  const { commands, given, chain } = parse;
  if (parse.table === 'nat' && (parse.policy === 'DROP' || parse.jump?.name === 'DROP')) {
    fail('\nThe "nat" table is not intended for filtering, the use of DROP is therefore inhibited.\n\n');
  }
  if (parse.waitInterval && !parse.wait) fail('--wait-interval only makes sense with --wait\n');
  for (const one of parse.loaded) if (one !== parse.target) checkExtension(one);
  if (parse.target !== null) checkExtension(parse.target);
  if (parse.at < parse.argv.length) fail('unknown arguments found on commandline');
  if (commands.size === 0) fail('no command specified');
  if (parse.invert) fail('nothing appropriate following !');
  const ruled = hasRule(commands);
  const addresses = ruled || parse.source !== null || parse.destination !== null ? addressPairs(parse) : [];
  if (commands.has('replace') && addresses.length !== 1) fail('Replacement rule does not specify a unique address');
  checkOptions(commands, given);
  if (chain !== null && chain.length >= NAME_SIZE) fail(`chain name \`${chain}' too long (must be under ${NAME_SIZE} chars)`);
  checkDevices(parse);
  return {
    commands, table: parse.table, chain, ruleNumber: parse.ruleNumber, newName: parse.newName, policy: parse.policy, verbose: parse.verbose, numeric: given.has('n'),
    exact: given.has('x'), lineNumbers: given.has('0'), counters: parse.counters, rules: ruled ? buildRules(parse, addresses) : [],
  };
}

function checkDevices({ commands, chain, given }: Parse): void {
  if (!hasRule(commands) && !commands.has('delete-number')) return;
  if ((chain === 'PREROUTING' || chain === 'INPUT') && given.has('o')) fail(`Can't use -o with ${chain}\n`);
  if ((chain === 'POSTROUTING' || chain === 'OUTPUT') && given.has('i')) fail(`Can't use -i with ${chain}\n`);
}

interface Pair {
  readonly src: Masked | null;
  readonly dst: Masked | null;
}

const ANY: readonly AddressMask[] = [{ address: 0, mask: 0 }];

function addressPairs({ source, destination, mode }: Parse): Pair[] {
  const sources = source === null ? ANY : parseAddresses(source.text, mode.env);
  const destinations = destination === null ? ANY : parseAddresses(destination.text, mode.env);
  if ((sources.length > 1 || destinations.length > 1) && ((source?.invert ?? false) || (destination?.invert ?? false))) {
    fail('! not allowed with multiple source or destination IP addresses');
  }
  const pairs: Pair[] = [];
  for (const src of sources) for (const dst of destinations) pairs.push({ src: masked(src, source?.invert ?? false), dst: masked(dst, destination?.invert ?? false) });
  return pairs;
}

function masked({ address, mask }: AddressMask, invert: boolean): Masked | null {
  return mask === 0 && address === 0 && !invert ? null : { address, mask, invert };
}

/** `-i +` is any device. */
function device(match: InterfaceMatch | null): InterfaceMatch | null {
  return match?.name === '+' && !match.invert ? null : match;
}

function buildRules(parse: Parse, pairs: readonly Pair[]): XtRule[] {
  const { head, jump, target, fragment } = parse;
  const matches: XtMatch[] = [];
  for (const one of parse.loaded) {
    if (one === target) continue;
    const match = one.instance.finish(head) as XtMatch | null;
    if (match !== null) addMatch(matches, match);
  }
  const end: XtTarget = jump === null ? { name: 'none' } : target === null ? { name: 'chain', chain: jump.name, goto: jump.goto } : (target.instance.finish(head) as XtTarget);
  const shared = {
    in: device(parse.in), out: device(parse.out), protocol: head.protocol === 0 ? null : { number: head.protocol, invert: head.invertProtocol }, fragment, matches, target: end,
  };
  const rest = saveRest(shared, matches) + saveTarget(end);
  return pairs.map(({ src, dst }) => ({ src, dst, ...shared, text: (saveAddresses(src, dst) + rest).slice(1) }));
}

/** Ports and flags of two matches of the same protocol are one match in nf_tables. */
function addMatch(matches: XtMatch[], match: XtMatch): void {
  const at = match.name === 'tcp' || match.name === 'udp' ? matches.findIndex((one) => one.name === match.name) : -1;
  const before = matches[at];
  if (before?.name === 'tcp' && match.name === 'tcp' && before.option === null && match.option === null) {
    matches[at] = { ...match, sport: match.sport ?? before.sport, dport: match.dport ?? before.dport, flags: match.flags ?? before.flags };
  } else if (before?.name === 'udp' && match.name === 'udp') matches[at] = { ...match, sport: match.sport ?? before.sport, dport: match.dport ?? before.dport };
  else matches.push(match);
}
