import type { SocketRow } from '../../kernel/rows.ts';
import { NotSimulated } from '../../shell/process.ts';
import { netmask, parseIpv4 } from '../../wire/address.ts';
import { servicePort } from '../lib/services.ts';
import { statesOf, type States } from './states.ts';

/** Ends the program with a message on the standard error output. */
export class SsError extends Error {
  readonly exit: number;

  constructor(message: string, exit: number) {
    super(message);
    this.exit = exit;
  }
}

export type Condition = (row: SocketRow) => boolean;

export interface Filter {
  /** Null when no `state` or `exclude` was given. */
  readonly states: States | null;
  readonly condition: Condition | null;
}

/** FILTER := [ state STATE-FILTER ] [ EXPRESSION ], one word each (parenthesis included, as the shell hands them over). */
export function parseFilter(words: readonly string[]): Filter {
  const tokens = words.flatMap((word) => word.replace(/([()])/g, ' $1 ').trim().split(/\s+/)).filter((word) => word !== '');
  let states: Set<string> | null = null;
  let at = 0;
  while (tokens[at] === 'state' || tokens[at] === 'exclude' || tokens[at] === 'excl') {
    const word = tokens[at + 1] ?? '';
    const named = statesOf(word);
    if (named === null) throw new SsError(`ss: wrong state name: ${word}\n`, 255);
    const exclude = tokens[at] !== 'state';
    const before: Set<string> = states ?? new Set(exclude ? statesOf('all')! : []);
    for (const name of named) {
      if (exclude) before.delete(name);
      else before.add(name);
    }
    states = before;
    at += 2;
  }
  const reader = { tokens, at };
  const condition = at < tokens.length ? either(reader) : null;
  if (reader.at < tokens.length) throw new SsError('ss: bison bellows (while parsing filter): "syntax error!" Sorry.\n', 1);
  return { states: states as States | null, condition };
}

interface Reader {
  readonly tokens: readonly string[];
  at: number;
}

function either(reader: Reader): Condition {
  let left = both(reader);
  while (['or', '|', '||'].includes(reader.tokens[reader.at] ?? '')) {
    reader.at++;
    const [a, b] = [left, both(reader)];
    left = (row) => a(row) || b(row);
  }
  return left;
}

function both(reader: Reader): Condition {
  let left = one(reader);
  while (reader.at < reader.tokens.length && ![')', 'or', '|', '||'].includes(reader.tokens[reader.at]!)) {
    if (['and', '&', '&&'].includes(reader.tokens[reader.at]!)) reader.at++;
    const [a, b] = [left, one(reader)];
    left = (row) => a(row) && b(row);
  }
  return left;
}

function one(reader: Reader): Condition {
  const word = reader.tokens[reader.at++] ?? '';
  if (word === 'not' || word === '!') {
    const inner = one(reader);
    return (row) => !inner(row);
  }
  if (word === '(') {
    const inner = either(reader);
    reader.at++;
    return inner;
  }
  if (word === 'src' || word === 'dst') return host(reader, word);
  if (word === 'sport' || word === 'dport') return port(reader, word);
  if (['dev', 'fwmark', 'cgroup', 'autobound'].includes(word)) throw new NotSimulated(`ss ... ${word}`);
  throw new SsError(`Error: an inet prefix is expected rather than "${word}".\nCannot parse dst/src address.\n`, 1);
}

function host(reader: Reader, side: 'src' | 'dst'): Condition {
  let text = reader.tokens[reader.at++] ?? '';
  if (text === '=' || text === '==' || text === 'eq') text = reader.tokens[reader.at++] ?? '';
  const [head = '', portText = ''] = text.split(':');
  const [addressText = '', length = '32'] = head.split('/');
  const address = addressText === '' || addressText === '*' ? null : parseIpv4(addressText);
  if (addressText !== '' && addressText !== '*' && address === null) throw new SsError(`Error: an inet prefix is expected rather than "${head}".\nCannot parse dst/src address.\n`, 1);
  const mask = netmask(Number(length));
  const wanted = portText === '' || portText === '*' ? null : portNumber(portText);
  return (row) => {
    const [ip, portOf] = side === 'src' ? [row.local, row.localPort] : [row.remote, row.remotePort];
    return (address === null || ((ip & mask) >>> 0) === ((address & mask) >>> 0)) && (wanted === null || wanted === portOf);
  };
}

function portNumber(text: string): number {
  const number = /^\d+$/.test(text) ? Number(text) : servicePort(text)?.port;
  if (number === undefined || number > 65535) throw new SsError(`Error: "${text}" does not look like a port.\nCannot parse dst/src address.\n`, 1);
  return number;
}

const COMPARE: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '=': (a, b) => a === b, '==': (a, b) => a === b, eq: (a, b) => a === b, '!=': (a, b) => a !== b, ne: (a, b) => a !== b, neq: (a, b) => a !== b,
  '>': (a, b) => a > b, gt: (a, b) => a > b, '>=': (a, b) => a >= b, ge: (a, b) => a >= b, geq: (a, b) => a >= b,
  '<': (a, b) => a < b, lt: (a, b) => a < b, '<=': (a, b) => a <= b, le: (a, b) => a <= b, leq: (a, b) => a <= b,
};

function port(reader: Reader, side: 'sport' | 'dport'): Condition {
  const operator = reader.tokens[reader.at] ?? '';
  const compare = COMPARE[operator];
  if (compare) reader.at++;
  const wanted = portNumber((reader.tokens[reader.at++] ?? '').replace(/^:/, ''));
  return (row) => (compare ?? COMPARE['=']!)(side === 'sport' ? row.localPort : row.remotePort, wanted);
}
