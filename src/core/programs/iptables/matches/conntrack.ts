import type { ConntrackMatch, CtStateName, CtStatusName, Masked, PortMatch, StateMatch } from '../../../kernel/netfilter/xtables/xt-rule.ts';
import { formatIpv4 } from '../../../wire/address.ts';
import { anyName, maskSuffix } from '../addresses.ts';
import { type Instance, type OptionCall, type OptionDef, uintRangeOption } from '../extension.ts';
import { hostMaskOption } from '../host-option.ts';
import { type Look, type MatchKind, bang } from '../kind.ts';
import { UINT16_MAX, UINT32_MAX } from '../numbers.ts';
import { findPort } from '../ports.ts';
import { parseProtocol } from '../protocols.ts';
import { fail } from '../xtables-error.ts';

const STATES: readonly CtStateName[] = ['INVALID', 'NEW', 'RELATED', 'ESTABLISHED', 'UNTRACKED', 'SNAT', 'DNAT'];
const STATUSES: readonly CtStatusName[] = ['NONE', 'EXPECTED', 'SEEN_REPLY', 'ASSURED', 'CONFIRMED'];

/** Names with commas between them, each short for the first known name that begins so; in the order of `known`. */
function parseNames<T extends string>(text: string, known: readonly T[], what: string): T[] {
  const given = new Set<T>();
  for (let rest: string | null = text; rest !== null;) {
    const comma: number = rest.indexOf(',');
    const word = (comma < 0 ? rest : rest.slice(0, comma)).toUpperCase();
    const name = known.find((one) => one.startsWith(word));
    if (word === '' || name === undefined) fail(`Bad ${what} "${rest}"`);
    given.add(name);
    rest = comma < 0 ? null : rest.slice(comma + 1);
  }
  return known.filter((one) => given.has(one));
}

type Draft = { -readonly [K in Exclude<keyof ConntrackMatch, 'name'>]: ConntrackMatch[K] };
type AddressKey = 'origsrc' | 'origdst' | 'replsrc' | 'repldst';
type PortKey = 'origsrcport' | 'origdstport' | 'replsrcport' | 'repldstport';
const ADDRESS_KEYS: readonly AddressKey[] = ['origsrc', 'origdst', 'replsrc', 'repldst'];
const PORT_KEYS: readonly PortKey[] = ['origsrcport', 'origdstport', 'replsrcport', 'repldstport'];

function portRange(call: OptionCall): PortMatch {
  const parts = call.arg.split(':');
  if (parts.length > 2) fail(`${call.extension}: Too many components for option "--${call.option}" (max: 2)\n`);
  const ports = parts.map((part, i) => (part === '' ? (i === 0 ? 0 : UINT16_MAX) : (findPort(part, null) ?? fail(`Port "${part}" does not resolve to anything.\n`))));
  return { range: [ports[0]!, ports[1] ?? ports[0]!], invert: call.invert };
}

function conntrackOption(draft: Draft, call: OptionCall): void {
  const { id, arg, invert } = call;
  if (id === 'ctstate') draft.state = { states: parseNames(arg, STATES, 'ctstate'), invert };
  else if (id === 'ctstatus') draft.status = { statuses: statusNames(arg), invert };
  else if (id === 'ctproto') {
    const protocol = parseProtocol(arg.toLowerCase());
    if (protocol === 0 && invert) fail('conntrack: rule would never match protocol');
    draft.proto = { protocol, invert };
  } else if (id === 'ctexpire') draft.expire = { range: uintRangeOption(call, UINT32_MAX), invert };
  else if (id === 'ctdir') draft.direction = directionOf(arg);
  else {
    const key = id.slice(2);
    if (key.endsWith('port')) draft[key as PortKey] = portRange(call);
    else draft[key as AddressKey] = { ...hostMaskOption(call), invert };
  }
}

function statusNames(text: string): CtStatusName[] {
  const names = parseNames(text, STATUSES, 'ctstatus');
  return names.length > 1 ? names.filter((name) => name !== 'NONE') : names;
}

function directionOf(text: string): 'ORIGINAL' | 'REPLY' {
  const upper = text.toUpperCase();
  return upper === 'ORIGINAL' || upper === 'REPLY' ? upper : fail(`conntrack: Bad value for "--ctdir" option: "${text}"`);
}

function beginConntrack(): Instance<ConntrackMatch> {
  const draft: Draft = {
    state: null, status: null, proto: null, origsrc: null, origdst: null, replsrc: null, repldst: null, origsrcport: null, origdstport: null, replsrcport: null,
    repldstport: null, expire: null, direction: null,
  };
  return {
    option(call) { conntrackOption(draft, call); },
    check(seen) { if (seen.size === 0) fail('conntrack: At least one option is required'); },
    finish() { return { name: 'conntrack', ...draft }; },
  };
}

function dump(match: ConntrackMatch, prefix: string, address: (masked: Masked) => string): string {
  const { state, status, proto, expire, direction } = match;
  const range = ([from, to]: readonly [number, number]): string => (from === to ? String(from) : `${from}:${to}`);
  let text = '';
  if (state) text += `${bang(state.invert)} ${prefix}ctstate ${state.states.join(',')}`;
  if (proto) text += `${bang(proto.invert)} ${prefix}ctproto ${proto.protocol}`;
  for (const key of ADDRESS_KEYS) {
    const masked = match[key];
    if (masked) text += `${bang(masked.invert)} ${prefix}ct${key} ${address(masked)}`;
  }
  for (const key of PORT_KEYS) {
    const port = match[key];
    if (port) text += `${bang(port.invert)} ${prefix}ct${key} ${range(port.range)}`;
  }
  if (status) text += `${bang(status.invert)} ${prefix}ctstatus ${status.statuses.join(',')}`;
  if (expire) text += `${bang(expire.invert)} ${prefix}ctexpire ${range(expire.range)}`;
  if (direction) text += ` ${prefix}ctdir ${direction}`;
  return text;
}

const numericAddress = ({ address, mask }: Masked): string => formatIpv4(address) + maskSuffix(mask);
const named = ({ numeric, env }: Look) => (masked: Masked): string => (numeric ? numericAddress(masked) : anyName(masked.address, env) + maskSuffix(masked.mask));

const invertible = (name: string): OptionDef => ({ name, arg: true, invert: true });

/** libxt_conntrack: what connection tracking knows of the packet's connection. */
export const conntrack: MatchKind<'conntrack'> = {
  extension: {
    name: 'conntrack', begin: beginConntrack,
    options: [
      ...['ctstate', 'ctproto', 'ctorigsrc', 'ctorigdst', 'ctreplsrc', 'ctrepldst', 'ctstatus', 'ctexpire', 'ctorigsrcport', 'ctorigdstport', 'ctreplsrcport', 'ctrepldstport']
        .map(invertible),
      { name: 'ctdir', arg: true },
    ],
  },
  save: (match) => dump(match, '--', numericAddress),
  print: (match, look) => dump(match, '', named(look)),
};

/** `-m state`, the older name of `--ctstate`. */
export const state: MatchKind<'state'> = {
  extension: {
    name: 'state', options: [{ name: 'state', arg: true, invert: true, must: true }],
    begin: () => {
      let match: StateMatch | null = null;
      return {
        option({ arg, invert }) { match = { name: 'state', states: parseNames(arg, STATES.slice(0, 5), 'state'), invert }; },
        finish() { return match; },
      };
    },
  },
  save: ({ states, invert }) => `${bang(invert)} --state ${states.join(',')}`,
  print: ({ states, invert }) => `${bang(invert)} state ${states.join(',')}`,
};
