import { afterIp, ALWAYS, and, etherType, type FilteredFrame, ipProto, load, NEVER, type Offsets, type Test, unfragmented, type Value } from './frame-test.ts';
import { FilterError, numberOf } from './lexer.ts';
import { CONSTANTS, ETHER_TYPES, IP_PROTOCOLS } from './names.ts';
import type { TokenStream } from './token-stream.ts';

/** An arithmetic expression: its value, the tests that the protocols it looks into must pass, and the value when it is constant. */
export interface Arithmetic {
  readonly value: Value;
  readonly checks: readonly Test[];
  readonly constant: number | null;
}

const always = (n: number): Arithmetic => ({ value: () => n, checks: [], constant: n });

type Binary = (x: number, y: number) => number;
const OPERATORS: Readonly<Record<string, Binary>> = {
  '|': (x, y) => x | y, '^': (x, y) => x ^ y, '&': (x, y) => x & y, '<<': (x, y) => (y > 31 ? 0 : x << y), '>>': (x, y) => (y > 31 ? 0 : x >>> y), '+': (x, y) => x + y,
  '-': (x, y) => x - y, '*': (x, y) => Math.imul(x, y), '/': (x, y) => Math.floor(x / y), '%': (x, y) => x % y,
};
/** Loosest first. */
const LEVELS: readonly (readonly string[])[] = [['|', '^'], ['&'], ['<<', '>>'], ['+', '-'], ['*', '/', '%']];

function combine(operator: string, x: Arithmetic, y: Arithmetic): Arithmetic {
  const apply = OPERATORS[operator]!;
  if ((operator === '/' || operator === '%') && y.constant === 0) throw new FilterError(operator === '/' ? 'division by zero' : 'modulus by zero');
  const both = x.constant !== null && y.constant !== null ? apply(x.constant, y.constant) >>> 0 : null;
  return { value: (frame) => apply(x.value(frame), y.value(frame)) >>> 0, checks: [...x.checks, ...y.checks], constant: both };
}

/** Reads an arithmetic expression; null, with nothing read, when there is none. */
export function parseArithmetic(tokens: TokenStream, offsets: Offsets, level = 0): Arithmetic | null {
  if (level === LEVELS.length) return parseFactor(tokens, offsets);
  let left = parseArithmetic(tokens, offsets, level + 1);
  if (!left) return null;
  for (;;) {
    const operator = tokens.peek().text;
    if (tokens.peek().kind !== 'operator' || !LEVELS[level]!.includes(operator)) return left;
    const mark = tokens.mark();
    tokens.next();
    const right = parseArithmetic(tokens, offsets, level + 1);
    if (!right) {
      tokens.reset(mark);
      return left;
    }
    left = combine(operator, left, right);
  }
}

function parseFactor(tokens: TokenStream, offsets: Offsets): Arithmetic | null {
  const mark = tokens.mark();
  const token = tokens.next();
  if (token.kind === 'number') return always(numberOf(token.text) >>> 0);
  if (token.kind === 'operator' && token.text === '-') {
    const inner = parseFactor(tokens, offsets);
    if (inner) return combine('-', always(0), inner);
  } else if (token.kind === 'operator' && token.text === '(') {
    const inner = parseArithmetic(tokens, offsets);
    if (inner && tokens.take(')')) return inner;
  } else if (token.kind === 'word' && !token.escaped) {
    if (token.text === 'len' || token.text === 'length') return { value: (frame) => frame.length, checks: [], constant: null };
    const constant = CONSTANTS[token.text];
    if (constant !== undefined) return always(constant);
    if (tokens.peek().text === '[') {
      const loaded = parseLoad(token.text, tokens, offsets);
      if (loaded) return loaded;
    }
  }
  tokens.reset(mark);
  return null;
}

/** `icmp[0]`, `ip[2:2]`. */
function parseLoad(protocol: string, tokens: TokenStream, offsets: Offsets): Arithmetic | null {
  const base = baseOf(protocol, offsets);
  if (!base) return null;
  tokens.next();
  const index = parseArithmetic(tokens, offsets);
  if (!index) return null;
  let size = 1;
  if (tokens.take(':')) {
    const token = tokens.next();
    if (token.kind !== 'number') return null;
    size = numberOf(token.text);
  }
  if (!tokens.take(']')) return null;
  if (size !== 1 && size !== 2 && size !== 4) throw new FilterError('data size must be 1, 2, or 4');
  return { value: (frame) => load(frame, base.at(frame) + index.value(frame), size), checks: [...index.checks, ...base.checks], constant: null };
}

/** Where the bytes of a protocol begin, and what a frame must be to have them. */
function baseOf(protocol: string, offsets: Offsets): { at: (frame: FilteredFrame) => number; checks: readonly Test[] } | null {
  const { net } = offsets;
  if (protocol === 'ether' || protocol === 'link') return { at: () => 0, checks: [] };
  const type = ETHER_TYPES[protocol];
  if (type !== undefined) return { at: () => net, checks: [etherType(offsets, type)] };
  const number = IP_PROTOCOLS[protocol];
  if (number === undefined) return null;
  return { at: afterIp(offsets), checks: [and(ipProto(offsets, number), unfragmented(offsets))] };
}

const RELATIONS: Readonly<Record<string, (x: number, y: number) => boolean>> = {
  '=': (x, y) => x === y, '==': (x, y) => x === y, '!=': (x, y) => x !== y, '<': (x, y) => x < y, '<=': (x, y) => x <= y, '>': (x, y) => x > y, '>=': (x, y) => x >= y,
};

/** Reads `arithmetic relation arithmetic`; null, with nothing read, when it is something else. */
export function parseRelation(tokens: TokenStream, offsets: Offsets): Test | null {
  const mark = tokens.mark();
  const left = parseArithmetic(tokens, offsets);
  const relation = left ? RELATIONS[tokens.peek().text] : undefined;
  if (left && relation) {
    tokens.next();
    const right = parseArithmetic(tokens, offsets);
    if (right) {
      const known = left.constant !== null && right.constant !== null ? (relation(left.constant, right.constant) ? ALWAYS : NEVER) : null;
      return and(...left.checks, ...right.checks, known ?? ((frame) => relation(left.value(frame), right.value(frame))));
    }
  }
  tokens.reset(mark);
  return null;
}
