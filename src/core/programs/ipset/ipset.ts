import {
  addElement, allSets, createSet, deleteElement, destroySets, flushSet, IpSetError, needSet, renameSet, swapSets, testElement, type IpSetErrorCode,
} from '../../kernel/netlink/ipset.ts';
import { NotSimulated, type Process, type Running } from '../../shell/process.ts';
import { readAll } from '../text/io.ts';
import { Complaint } from './complaint.ts';
import { parseElements } from './element-text.ts';
import { listText, saveText } from './format.ts';
import { parseElementOptions, parseHeader } from './options.ts';

const VERSION = 'ipset v7.17';
const NAME_SIZE = 32;

/** lib/errcode.c of ipset: what the kernel's refusals are called. */
const MESSAGES: Readonly<Record<IpSetErrorCode, string>> = {
  ENOENT: 'The set with the given name does not exist',
  EEXIST: 'Set cannot be created: set with the same name already exists',
  EEXIST_RENAME: 'Set cannot be renamed: a set with the new name already exists',
  EXIST_SET2: 'Sets cannot be swapped: the second set does not exist',
  TYPE_MISMATCH: 'The sets cannot be swapped: their type does not match',
  BUSY: 'Set cannot be destroyed: it is in use by a kernel component',
  REFERENCED: 'Set cannot be renamed: it is in use by another system',
  EXIST: "Element cannot be added to the set: it's already added",
  NOT_EXIST: "Element cannot be deleted from the set: it's not added",
  HASH_FULL: 'Hash is full, cannot add more elements',
  HASH_ELEM: 'Null-valued element, cannot be stored in a hash type of set',
  TIMEOUT: 'Timeout cannot be used: set was created without timeout support',
  COMMENT: 'Comment cannot be used: set was created without comment support',
  INVALID_CIDR: 'The value of the CIDR parameter of the IP address is invalid',
  BITMAP_RANGE: 'Element is out of the range of the set',
  RANGE_SIZE: 'The range you specified exceeds the size limit of the set type',
  LIST_NAME: 'Set to be added/deleted/tested as element does not exist.',
  LIST_LOOP: 'Sets with list:set type cannot be added to the set.',
  LIST_FULL: 'The set is full, more elements cannot be added.',
  LIST_NAMEREF: 'The set to which you referred with \'before\' or \'after\' does not exist.',
  LIST_REF_EXIST: 'The set to which you referred with before/after does not exist in the set.',
};

interface Flags {
  exist: boolean;
  quiet: boolean;
  terse: boolean;
  names: boolean;
  sort: boolean;
  /** `-file`, null for stdin and stdout. */
  file: string | null;
}

const COMMANDS: Readonly<Record<string, string>> = {
  '-N': 'create', n: 'create', '--create': 'create', '-A': 'add', '--add': 'add', '-D': 'del', '--del': 'del', '-T': 'test', '--test': 'test',
  '-X': 'destroy', x: 'destroy', '--destroy': 'destroy', '-L': 'list', '--list': 'list', '-S': 'save', '--save': 'save', '-R': 'restore', '--restore': 'restore',
  '-F': 'flush', '--flush': 'flush', '-E': 'rename', e: 'rename', '--rename': 'rename', '-W': 'swap', w: 'swap', '--swap': 'swap', '-V': 'version', '--version': 'version', '-v': 'version',
};
const NAMES = ['create', 'add', 'del', 'test', 'destroy', 'list', 'save', 'restore', 'flush', 'rename', 'swap', 'version'];
/** How many words each command has to have. */
const MANDATORY: Readonly<Record<string, number>> = { create: 2, add: 2, del: 2, test: 2, rename: 2, swap: 2 };

/** Takes the options of the program out of the words. */
function takeFlags(words: readonly string[]): { flags: Flags; rest: string[] } {
  const flags: Flags = { exist: false, quiet: false, terse: false, names: false, sort: false, file: null };
  const rest: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    switch (word) {
      case '-!': case '-exist': case '--exist': flags.exist = true; break;
      case '-q': case '-quiet': case '--quiet': flags.quiet = true; break;
      case '-t': case '-terse': case '--terse': flags.terse = true; break;
      case '-n': case '-name': case '--name': flags.names = true; break;
      case '-s': case '-sorted': case '--sorted': flags.sort = true; break;
      case '-r': case '-resolve': case '--resolve': case '-o': case '-output': case '--output': throw new NotSimulated(`ipset ${word}`);
      case '-f': case '-file': case '--file': flags.file = words[++at] ?? fail("Missing mandatory argument to option -file"); break;
      default: rest.push(word);
    }
  }
  return { flags, rest };
}

function fail(message: string): never {
  throw new Complaint(message, 2);
}

function commandOf(word: string | undefined): string {
  if (word === undefined) return fail('No command specified.');
  const name = COMMANDS[word] ?? NAMES.find((one) => one === word);
  if (name !== undefined) return name;
  if (word === 'help' || word === '-h' || word === '-H') throw new NotSimulated('ipset help');
  return fail(`No command specified: unknown argument ${word}`);
}

/** ipset(8) 7.17. */
export function* ipset(process: Process): Running {
  const quiet = process.argv.some((word) => word === '-q' || word === '-quiet' || word === '--quiet');
  return yield* guarded(process, quiet, null, function* () {
    const { flags, rest } = takeFlags(process.argv.slice(1));
    const command = commandOf(rest.shift());
    if (command === 'restore') return yield* restore(process, flags);
    return run(process, flags, command, rest);
  });
}

/** Prints what went wrong, in the words of the tool. */
function* guarded(process: Process, quiet: boolean, line: number | null, body: () => Running): Running {
  try {
    return yield* body();
  } catch (error) {
    return complain(process, error, quiet, line);
  }
}

function complain(process: Process, error: unknown, quiet: boolean, line: number | null): number {
  if (!(error instanceof IpSetError) && !(error instanceof Complaint)) throw error;
  const message = error instanceof Complaint ? error.message : MESSAGES[error.code];
  const code = error instanceof Complaint ? error.code : 1;
  if (!quiet) process.stderr.write(`${VERSION}: ${line === null || code === 2 ? '' : `Error in line ${line}: `}${message}\n${code === 2 ? "Try `ipset help' for more information.\n" : ''}`);
  return code;
}

function run(process: Process, flags: Flags, command: string, words: string[]): number {
  const { ns } = process;
  const wanted = MANDATORY[command] ?? 0;
  if (words.length < wanted) fail(`Missing ${words.length === 0 ? '' : 'second '}mandatory argument to command ${command}`);
  for (const name of command === 'create' ? words.slice(0, 1) : []) {
    if (name.length >= NAME_SIZE) throw new Complaint(`Syntax error: setname '${name}' is longer than ${NAME_SIZE - 1} characters`);
  }
  const [first, second] = words;
  switch (command) {
    case 'create': createSet(ns, first!, parseHeader(process, first!, words.slice(1)), flags.exist); return 0;
    case 'add': case 'del': case 'test': return element(process, flags, command, words);
    case 'destroy': destroySets(ns, first ?? null); return 0;
    case 'flush': for (const set of first === undefined ? allSets(ns) : [needSet(ns, first)]) flushSet(ns, set); return 0;
    case 'rename': renameSet(ns, first!, second!); return 0;
    case 'swap': swapSets(ns, first!, second!); return 0;
    case 'version': process.stdout.write(`${VERSION}, protocol version: 7\n`); return 0;
    default: return print(process, flags, command, first ?? null);
  }
}

function element(process: Process, { exist, quiet }: Flags, command: 'add' | 'del' | 'test', [name, text, ...words]: string[]): number {
  const { ns } = process;
  const set = needSet(ns, name!);
  const { type, netmask } = set.header;
  const options = parseElementOptions(type, words);
  for (const parts of parseElements(process, type, text!, netmask)) {
    if (command === 'add') addElement(ns, set, parts, options, exist);
    else if (command === 'del') deleteElement(ns, set, parts, options, exist);
    else {
      const is = testElement(set, parts, options);
      if (!quiet) process.stderr.write(is ? `Warning: ${text} is in set ${name}.\n` : `${text} is NOT in set ${name}.\n`);
      return is ? 0 : 1;
    }
  }
  return 0;
}

function print(process: Process, flags: Flags, command: string, name: string | null): number {
  const sets = name === null ? allSets(process.ns) : [needSet(process.ns, name)];
  let text: string;
  if (command === 'save') text = sets.map((set) => saveText(set, process.now, flags.sort)).join('');
  else if (flags.names) text = sets.map((set) => `${set.name}\n`).join('');
  else text = sets.map((set) => listText(set, process.now, flags)).join('\n');
  const out = flags.file === null ? process.stdout : process.create(flags.file, 'truncate');
  out.write(text);
  if (flags.file !== null) out.close();
  return 0;
}

/** The words of a line, in double quotes or not. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}

/**
 * `ipset restore`. Elements of one set that follow one another go to the kernel together, so a line that cannot be read takes those
 * before it with it; what was sent stays.
 */
function* restore(process: Process, flags: Flags): Running {
  const text = yield* readAll(process, flags.file === null ? process.stdin : process.open(flags.file));
  let waiting: { line: number; key: string; words: string[]; command: 'add' | 'del'; exist: boolean }[] = [];
  let number = 0;
  const send = (): void => {
    const batch = waiting;
    waiting = [];
    for (const { line, words, command, exist } of batch) {
      number = line;
      element(process, { ...flags, exist }, command, words);
    }
  };
  try {
    for (const [at, line] of text.split('\n').entries()) {
      const { flags: own, rest } = takeFlags(wordsOf(line));
      if (rest.length === 0 || rest[0]!.startsWith('#')) continue;
      number = at + 1;
      if (rest[0] === 'COMMIT') { send(); continue; }
      const command = commandOf(rest.shift());
      const exist = flags.exist || own.exist;
      const key = `${command} ${rest[0] ?? ''}`;
      if (waiting[0] && waiting[0].key !== key) send();
      number = at + 1;
      if ((command === 'add' || command === 'del') && rest.length >= 2) {
        waiting.push({ line: at + 1, key, words: rest, command, exist });
        check(process, rest);
      } else run(process, { ...flags, exist }, command, rest);
    }
    send();
    return 0;
  } catch (error) {
    return complain(process, error, flags.quiet, number);
  }
}

/** Reads an element without sending it: what cannot be read ends the restoring there and then. */
function check(process: Process, [name, text, ...words]: string[]): void {
  const { type, netmask } = needSet(process.ns, name!).header;
  parseElementOptions(type, words);
  parseElements(process, type, text!, netmask).next();
}
