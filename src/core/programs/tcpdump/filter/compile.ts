import { NotSimulated } from '../../../shell/process.ts';
import { parseIpv4 } from '../../../wire/address.ts';
import type { LinkType } from '../print/frame.ts';
import { parseRelation } from './arithmetic.ts';
import { and, BeyondEnd, type FilteredFrame, initialOffsets, NEVER, not, type Offsets, or, type Test } from './frame-test.ts';
import { FilterError, numberOf, type Token } from './lexer.ts';
import { UNSUPPORTED } from './names.ts';
import { broadcastTest, directionTest, type FilterContext, multicastTest, namedTest, netTest, protocolTest, type Qualifiers, vlanTest } from './primitives.ts';
import { type TokenStream, tokenStream } from './token-stream.ts';

const PROTOCOLS = new Set(['ether', 'link', 'ip', 'ip6', 'arp', 'rarp', 'tcp', 'udp', 'sctp', 'icmp', 'icmp6', 'igmp', 'igrp', 'pim', 'vrrp', 'carp', 'ah', 'esp']);
const TYPES = new Set(['host', 'net', 'port', 'portrange', 'proto']);
const DIRECTIONS = new Set(['src', 'dst']);

/** Words that are no names unless a backslash says so. */
const KEYWORDS = new Set([...PROTOCOLS, ...TYPES, ...DIRECTIONS, ...UNSUPPORTED, 'and', 'or', 'not', 'broadcast', 'multicast', 'less', 'greater', 'len', 'length', 'inbound', 'outbound', 'vlan', 'mask']);

interface Compiler {
  readonly tokens: TokenStream;
  readonly offsets: Offsets;
  readonly context: FilterContext;
  /** Qualifiers of the primitive before, which a bare name takes over. */
  inherited: Qualifiers | null;
}

/**
 * Compiles a filter expression of pcap-filter(7) to a test of frames; an empty one lets everything through. Throws FilterError in
 * libpcap's words, NotSimulated for primitives about links and protocols that no lab has.
 */
export function compileFilter(text: string, linkType: LinkType, context: FilterContext): (frame: FilteredFrame) => boolean {
  const compiler: Compiler = { tokens: tokenStream(text), offsets: initialOffsets(linkType), context, inherited: null };
  if (compiler.tokens.peek().kind === 'end') return () => true;
  const test = parseExpression(compiler);
  if (compiler.tokens.peek().kind !== 'end') compiler.tokens.fail();
  if (test === NEVER) throw new FilterError('expression rejects all packets');
  return (frame) => {
    try {
      return test(frame);
    } catch (error) {
      if (error instanceof BeyondEnd) return false;
      throw error;
    }
  };
}

/** `and` and `or` bind equally, from the left. */
function parseExpression(c: Compiler): Test {
  let left = parseTerm(c, false);
  for (;;) {
    if (c.tokens.take('and') || c.tokens.take('&&')) left = and(left, parseTerm(c, true));
    else if (c.tokens.take('or') || c.tokens.take('||')) left = or(left, parseTerm(c, true));
    else return left;
  }
}

function isName(token: Token): boolean {
  return token.escaped || token.kind === 'number' || token.kind === 'address' || token.kind === 'mac' || token.kind === 'word';
}

function parseTerm(c: Compiler, bare: boolean): Test {
  const { tokens } = c;
  if (tokens.take('not') || tokens.take('!')) return not(parseTerm(c, bare));
  const relation = parseRelation(tokens, c.offsets);
  if (relation) return relation;
  if (tokens.take('(')) {
    const inner = parseExpression(c);
    return tokens.take(')') ? inner : tokens.fail();
  }
  const token = tokens.peek();
  if (token.kind === 'word' && !token.escaped) {
    const special = parseSpecial(c, token.text);
    if (special) return special;
    const q = parseQualifiers(c);
    if (q) return parseQualified(c, q);
  }
  if (bare && c.inherited && isName(token)) return parseNames(c, c.inherited);
  return tokens.fail();
}

/** Primitives that are words of their own. */
function parseSpecial(c: Compiler, word: string): Test | null {
  const { tokens, offsets, context } = c;
  switch (word) {
    case 'broadcast':
    case 'multicast':
      tokens.next();
      return word === 'broadcast' ? broadcastTest(offsets, context, null) : multicastTest(offsets, null);
    case 'less':
    case 'greater': {
      tokens.next();
      const number = tokens.next();
      if (number.kind !== 'number') return tokens.fail();
      const limit = numberOf(number.text);
      return word === 'less' ? (frame) => frame.length <= limit : (frame) => frame.length >= limit;
    }
    case 'inbound':
    case 'outbound':
      tokens.next();
      return directionTest(context, word === 'inbound' ? 'in' : 'out', offsets);
    case 'vlan': {
      tokens.next();
      const id = tokens.peek().kind === 'number' ? numberOf(tokens.next().text) : null;
      return vlanTest(offsets, id);
    }
    case 'gateway':
      throw new FilterError("'gateway' not supported in this configuration");
    default:
      if (UNSUPPORTED.has(word)) throw new NotSimulated(`tcpdump filter "${word}"`);
      return null;
  }
}

/** The qualifiers at this place; null when there are none. */
function parseQualifiers(c: Compiler): Qualifiers | null {
  const { tokens } = c;
  const first = tokens.mark();
  const protocol = PROTOCOLS.has(tokens.peek().text) && !tokens.peek().escaped ? tokens.next().text : null;
  const direction = parseDirection(tokens);
  const type = TYPES.has(tokens.peek().text) && !tokens.peek().escaped ? (tokens.next().text as Qualifiers['type']) : null;
  if (tokens.mark() === first) return null;
  return { protocol: protocol === 'link' ? 'ether' : protocol, direction, type };
}

function parseDirection(tokens: TokenStream): Qualifiers['direction'] {
  const token = tokens.peek();
  if (!DIRECTIONS.has(token.text) || token.escaped) return null;
  const first = tokens.next().text as 'src' | 'dst';
  const mark = tokens.mark();
  const joint = tokens.take('or') ? 'or' : tokens.take('and') ? 'and' : null;
  if (joint && DIRECTIONS.has(tokens.peek().text) && tokens.peek().text !== first) {
    tokens.next();
    return joint === 'or' ? 'src or dst' : 'src and dst';
  }
  tokens.reset(mark);
  return first;
}

function parseQualified(c: Compiler, q: Qualifiers): Test {
  const { tokens, offsets, context } = c;
  const token = tokens.peek();
  if (q.direction === null && q.type === null && q.protocol !== null) {
    if (tokens.take('broadcast')) return broadcastTest(offsets, context, q.protocol);
    if (tokens.take('multicast')) return multicastTest(offsets, q.protocol);
    if (isOperand(token)) return tokens.fail();
    c.inherited = q;
    if (q.protocol === 'ether') throw new FilterError('link layer applied in wrong context');
    return protocolTest(offsets, q.protocol) ?? tokens.fail();
  }
  c.inherited = q;
  return parseNames(c, q);
}

/** True for what can be a name after qualifiers; a word that joins or begins something else cannot. */
function isOperand(token: Token): boolean {
  if (token.escaped || token.kind === 'number' || token.kind === 'address' || token.kind === 'mac') return true;
  return token.kind === 'word' && !['and', 'or', 'not'].includes(token.text);
}

/** A name, or several in parentheses: `port (80 or 443)`. */
function parseNames(c: Compiler, q: Qualifiers): Test {
  const { tokens, offsets, context } = c;
  if (tokens.take('not') || tokens.take('!')) return not(parseNames(c, q));
  if (tokens.take('(')) {
    let left = parseNames(c, q);
    for (;;) {
      if (tokens.take('or') || tokens.take('||')) left = or(left, parseNames(c, q));
      else if (tokens.take('and') || tokens.take('&&')) left = and(left, parseNames(c, q));
      else return tokens.take(')') ? left : tokens.fail();
    }
  }
  const token = tokens.next();
  if (!isOperand(token) || (token.kind === 'word' && !token.escaped && KEYWORDS.has(token.text))) return tokens.fail();
  if (token.kind === 'address' || token.kind === 'number') {
    const net = parseNetMask(c, q, token);
    if (net) return net;
  }
  return namedTest(offsets, context, q, token);
}

/** `A/N` and `A mask M`. */
function parseNetMask(c: Compiler, q: Qualifiers, token: Token): Test | null {
  const { tokens, offsets } = c;
  const slash = tokens.take('/');
  if (!slash && !tokens.take('mask')) return null;
  if (q.type !== 'net') throw new FilterError('Mask syntax for networks only');
  if (slash) {
    const bits = tokens.next();
    return bits.kind === 'number' ? netTest(offsets, q, token.text, { bits: numberOf(bits.text) }) : tokens.fail();
  }
  const mask = parseIpv4(tokens.next().text);
  return mask !== null ? netTest(offsets, q, token.text, { mask }) : tokens.fail();
}
