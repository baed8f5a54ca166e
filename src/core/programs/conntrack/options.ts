import { NotSimulated } from '../../shell/process.ts';
import { netmask, parseIpv4, type Ipv4 } from '../../wire/address.ts';
import { IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP } from '../../wire/packet.ts';

/** What conntrack(8) is told: one command, and what narrows or sets it. */
export interface ConntrackOptions {
  readonly command: Command;
  readonly table: 'conntrack' | 'expect' | 'dying' | 'unconfirmed';
  readonly family: 'ipv4' | 'ipv6';
  readonly protocol: number | null;
  readonly addresses: Readonly<Partial<Record<AddressField, { readonly address: Ipv4; readonly mask: number }>>>;
  readonly numbers: Readonly<Partial<Record<NumberField, number>>>;
  readonly state: string | null;
  readonly status: readonly string[] | null;
  readonly mark: { readonly value: number; readonly mask: number } | null;
  readonly zone: number | null;
  readonly timeout: number | null;
  /** `-n`, `-g`, `-j`; the address, or null for any. Absent when not asked for. */
  readonly nat: Readonly<Partial<Record<'src' | 'dst' | 'any', Ipv4 | null>>>;
  readonly events: ReadonlySet<string>;
  readonly output: ReadonlySet<string>;
}

export type Command = 'L' | 'G' | 'D' | 'I' | 'U' | 'E' | 'F' | 'C' | 'S' | 'V' | 'h';
export type AddressField = 's' | 'd' | 'r' | 'q';
export type NumberField = 'sport' | 'dport' | 'reply-port-src' | 'reply-port-dst' | 'icmp-type' | 'icmp-code' | 'icmp-id';

/** Ends the program with a message and the hint to its help (exit_error with PARAMETER_PROBLEM). */
export class Complaint extends Error {}

const COMMANDS: Readonly<Record<string, Command>> = {
  L: 'L', dump: 'L', G: 'G', get: 'G', D: 'D', delete: 'D', I: 'I', create: 'I', U: 'U', update: 'U', E: 'E', event: 'E', F: 'F', flush: 'F', C: 'C', count: 'C',
  S: 'S', stats: 'S', V: 'V', version: 'V', h: 'h', help: 'h',
};
/** Commands that a name of a table may follow. */
const WITH_TABLE = new Set<Command>(['L', 'G', 'D', 'I', 'U', 'E', 'F', 'C']);

/** Long names, with the letter that each is reported as. */
const LETTERS: Readonly<Record<string, string>> = {
  src: 's', 'orig-src': 's', dst: 'd', 'orig-dst': 'd', 'reply-src': 'r', 'reply-dst': 'q', protonum: 'p', proto: 'p', family: 'f', timeout: 't', status: 'u',
  zone: 'w', mark: 'm', 'src-nat': 'n', 'dst-nat': 'g', 'any-nat': 'j', 'event-mask': 'e', zero: 'z', output: 'o', 'buffer-size': 'b', secmark: 'c', label: 'l',
};
const NAMES: Readonly<Record<string, string>> = {
  s: 'src', d: 'dst', r: 'reply-src', q: 'reply-dst', p: 'protonum', f: 'family', t: 'timeout', u: 'status', w: 'zone', m: 'mark', n: 'src-nat', g: 'dst-nat',
  j: 'any-nat', e: 'event-mask', z: 'zero', o: 'output', b: 'buffer-size',
};
const REQUIRED = 'sdrqpftuwmeob';
const OPTIONAL = 'ngj';

/** What each command takes (commands_v_options). */
const ALLOWED: Readonly<Record<Command, string>> = {
  L: 'sdrqpfuwmngjzo', G: 'sdrqpfwo', D: 'sdrqpfuwmngjo', I: 'sdrqpftuwmngo', U: 'sdrqpftuwmngo', E: 'sdrqpfuwmngjeob', F: 'f', C: 'f', S: 'f', V: '', h: '',
};
const OUTPUTS = new Set(['xml', 'extended', 'timestamp', 'id', 'ktimestamp', 'labels', 'save', 'userspace']);
const STATUSES = new Set(['ASSURED', 'SEEN_REPLY', 'UNSET', 'FIXED_TIMEOUT', 'EXPECTED', 'OFFLOAD', 'HW_OFFLOAD']);
const STATES = new Set(['NONE', 'SYN_SENT', 'SYN_RECV', 'ESTABLISHED', 'FIN_WAIT', 'CLOSE_WAIT', 'LAST_ACK', 'TIME_WAIT', 'CLOSE', 'LISTEN']);
const PROTOCOLS: Readonly<Record<string, number>> = { tcp: IPPROTO_TCP, udp: IPPROTO_UDP, icmp: IPPROTO_ICMP, icmpv4: IPPROTO_ICMP };
const EVENTS: Readonly<Record<string, readonly string[]>> = { ALL: ['NEW', 'UPDATE', 'DESTROY'], NEW: ['NEW'], UPDATES: ['UPDATE'], DESTROY: ['DESTROY'] };

/** Options of the protocols, by name. */
const PORTS: Readonly<Record<string, NumberField>> = {
  sport: 'sport', 'orig-port-src': 'sport', dport: 'dport', 'orig-port-dst': 'dport', 'reply-port-src': 'reply-port-src', 'reply-port-dst': 'reply-port-dst',
};
const ICMP: Readonly<Record<string, NumberField>> = { 'icmp-type': 'icmp-type', 'icmp-code': 'icmp-code', 'icmp-id': 'icmp-id' };

type Draft = { -readonly [K in keyof ConntrackOptions]: ConntrackOptions[K] } & { commands: Command[]; given: string[] };

/** Reads a command line; null for none at all, which asks for help. Throws Complaint. */
export function parseConntrack(args: readonly string[]): ConntrackOptions | null {
  const draft: Draft = {
    command: 'h', table: 'conntrack', family: 'ipv4', protocol: null, addresses: {}, numbers: {}, state: null, status: null, mark: null, zone: null, timeout: null,
    nat: {}, events: new Set(EVENTS.ALL), output: new Set(), commands: [], given: [],
  };
  for (let i = 0; i < args.length; ) i += takeWord(draft, args, i);
  const [command] = draft.commands;
  if (command === undefined) return null;
  draft.command = command;
  for (const letter of draft.given) if (!ALLOWED[command].includes(letter)) throw new Complaint(`Illegal option \`--${NAMES[letter] ?? letter}' with this command`);
  checkNeeds(draft);
  return draft;
}

function checkNeeds({ command, protocol, timeout, addresses }: Draft): void {
  if (command === 'I') {
    for (const [name, value] of [['protonum', protocol], ['timeout', timeout]] as const) if (value === null) throw new Complaint(`You need to supply the \`--${name}' option for this command`);
  }
  if ((command === 'I' || command === 'G') && (!addresses.s || !addresses.d) && (!addresses.r || !addresses.q)) throw new Complaint("you have to specify `--src' and `--dst'");
}

/** Serves the word at `i`; gives how many words that took. */
function takeWord(draft: Draft, args: readonly string[], i: number): number {
  const word = args[i]!;
  if (!word.startsWith('-') || word === '-') throw new Complaint(`unknown type \`${word}'`);
  const long = word.startsWith('--');
  const [head, ...tail] = word.slice(long ? 2 : 1).split('=');
  const name = long ? head! : word[1]!;
  const attached = long ? (tail.length > 0 ? tail.join('=') : null) : word.length > 2 ? word.slice(2) : null;
  const command = (long ? name.length > 1 : true) ? COMMANDS[name] : undefined;
  const next = args[i + 1];
  if (command !== undefined) return takeCommand(draft, command, next);
  const field = draft.protocol === IPPROTO_ICMP ? ICMP[name] : draft.protocol === null ? undefined : PORTS[name];
  if (long && field !== undefined) return takeValue(word, attached, next, (value) => { draft.numbers = { ...draft.numbers, [field]: Number.parseInt(value, 10) || 0 }; });
  if (long && name === 'state' && draft.protocol === IPPROTO_TCP) return takeValue(word, attached, next, (value) => { draft.state = knownState(value); });
  const letter = long ? LETTERS[name] : name;
  if (letter === undefined || !`${REQUIRED}${OPTIONAL}zcl`.includes(letter)) throw new Complaint(`unknown option \`${long ? `--${name}` : `-${name}`}'`);
  if (letter === 'c' || letter === 'l') throw new NotSimulated(`conntrack ${word}`);
  draft.given.push(letter);
  if (letter === 'z') return 1;
  if (OPTIONAL.includes(letter)) return takeNat(draft, letter, attached, next);
  return takeValue(word, attached, next, (value) => setOption(draft, letter, value));
}

function takeCommand(draft: Draft, command: Command, next: string | undefined): number {
  if (draft.commands.length > 0 && draft.commands[0] !== command) throw new Complaint('Invalid commands combination');
  draft.commands.push(command);
  if (!WITH_TABLE.has(command) || next === undefined || next.startsWith('-')) return 1;
  if (!['conntrack', 'expect', 'dying', 'unconfirmed'].includes(next)) throw new Complaint(`unknown type \`${next}'`);
  draft.table = next as ConntrackOptions['table'];
  return 2;
}

function takeValue(word: string, attached: string | null, next: string | undefined, set: (value: string) => void): number {
  if (attached !== null) {
    set(attached);
    return 1;
  }
  if (next === undefined) throw new Complaint(`option \`${word}' requires an argument`);
  set(next);
  return 2;
}

function takeNat(draft: Draft, letter: string, attached: string | null, next: string | undefined): number {
  const value = attached ?? (next !== undefined && !next.startsWith('-') ? next : null);
  const side = letter === 'n' ? 'src' : letter === 'g' ? 'dst' : 'any';
  draft.nat = { ...draft.nat, [side]: value === null ? null : addressOf(value) };
  return attached === null && value !== null ? 2 : 1;
}

function setOption(draft: Draft, letter: string, value: string): void {
  if ('sdrq'.includes(letter)) draft.addresses = { ...draft.addresses, [letter]: maskedOf(value) };
  else if (letter === 'p') draft.protocol = protocolOf(value);
  else if (letter === 'f') draft.family = familyOf(value);
  else if (letter === 't') draft.timeout = Number.parseInt(value, 10) || 0;
  else if (letter === 'u') draft.status = listOf(value, STATUSES);
  else if (letter === 'w') draft.zone = Number.parseInt(value, 10) || 0;
  else if (letter === 'm') draft.mark = markOf(value);
  else if (letter === 'e') draft.events = new Set(listOf(value, new Set(Object.keys(EVENTS))).flatMap((name) => EVENTS[name]!));
  else if (letter === 'o') setOutput(draft, value);
}

function setOutput(draft: Draft, value: string): void {
  draft.output = new Set(listOf(value, OUTPUTS));
  if (draft.output.has('labels')) throw new NotSimulated('conntrack -o labels');
}

function listOf(text: string, known: ReadonlySet<string>): string[] {
  const words = text.split(',');
  for (const word of words) if (!known.has(word)) throw new Complaint(`Bad parameter \`${text}'`);
  return words;
}

function addressOf(text: string): Ipv4 {
  const address = parseIpv4(text);
  if (address === null) throw new Complaint(`Invalid IP address \`${text}'`);
  return address;
}

function maskedOf(text: string): { address: Ipv4; mask: number } {
  const [address, length] = text.split('/');
  const ip = addressOf(address!);
  if (length === undefined) return { address: ip, mask: 0xffff_ffff };
  const bits = Number(length);
  if (!/^\d+$/.test(length) || bits > 32) throw new Complaint('Invalid netmask');
  return { address: ip, mask: netmask(bits) };
}

function protocolOf(text: string): number {
  const number = PROTOCOLS[text] ?? (/^\d+$/.test(text) && Number(text) < 256 ? Number(text) : undefined);
  if (number === undefined) throw new Complaint(`\`${text}' unsupported protocol`);
  return number;
}

function familyOf(text: string): 'ipv4' | 'ipv6' {
  if (text !== 'ipv4' && text !== 'ipv6') throw new Complaint(`\`${text}' unsupported protocol`);
  return text;
}

/** strtoul(3) with base 0, twice: what is no number is 0. */
function markOf(text: string): { value: number; mask: number } {
  const number = (part: string): number => (/^(0x[0-9a-f]+|\d+)/i.test(part) ? Number(/^(0x[0-9a-f]+|\d+)/i.exec(part)![0]) >>> 0 : 0);
  const [value, mask] = text.split('/');
  return { value: number(value!), mask: mask === undefined ? 0xffff_ffff : number(mask) };
}

function knownState(text: string): string {
  if (!STATES.has(text)) throw new Complaint(`unknown TCP state \`${text}'`);
  return text;
}
