import type { CommentMatch, LengthMatch, MacMatch, RpfilterMatch, TtlMatch } from '../../../kernel/netfilter/xtables/xt-rule.ts';
import { type Mac, formatMac } from '../../../wire/address.ts';
import { type Instance, saveString, uintOption, uintRangeOption } from '../extension.ts';
import { type MatchKind, bang } from '../kind.ts';
import { UINT16_MAX } from '../numbers.ts';
import { fail } from '../xtables-error.ts';

/** libxt_comment. */
export const comment: MatchKind<'comment'> = {
  extension: {
    name: 'comment', options: [{ name: 'comment', arg: true, must: true }],
    begin: () => {
      let match: CommentMatch | null = null;
      return {
        option({ arg }) { match = { name: 'comment', comment: arg.slice(0, 255) }; },
        finish() { return match; },
      };
    },
  },
  save: (match) => ` --comment ${saveString(match.comment)}`,
  print: (match) => ` /* ${match.comment} */`,
};

function parseMac(text: string): Mac {
  const parts = text.split(':');
  if (parts.length !== 6 || !parts.every((part) => /^[0-9a-fA-F]{0,2}$/.test(part))) fail('Invalid MAC address specified.');
  return parts.reduce((mac, part) => mac * 256 + (part === '' ? 0 : Number.parseInt(part, 16)), 0);
}

/** libxt_mac: the Ethernet source. */
export const mac: MatchKind<'mac'> = {
  extension: {
    name: 'mac', options: [{ name: 'mac-source', arg: true, invert: true, must: true }],
    begin: () => {
      let match: MacMatch | null = null;
      return {
        option({ arg, invert }) { match = { name: 'mac', source: parseMac(arg), invert }; },
        finish() { return match; },
      };
    },
  },
  save: ({ source, invert }) => `${bang(invert)} --mac-source ${formatMac(source)}`,
  print: ({ source, invert }) => ` MAC${bang(invert)} ${formatMac(source)}`,
};

function lengthText({ range: [from, to] }: LengthMatch): string {
  return from === to ? String(from) : `${from}:${to}`;
}

/** libxt_length: bytes of the IP packet. */
export const length: MatchKind<'length'> = {
  extension: {
    name: 'length', options: [{ name: 'length', arg: true, invert: true, must: true }],
    begin: () => {
      let match: LengthMatch | null = null;
      return {
        option(call) { match = { name: 'length', range: uintRangeOption(call, UINT16_MAX), invert: call.invert }; },
        finish() { return match; },
      };
    },
  },
  save: (match) => `${bang(match.invert)} --length ${lengthText(match)}`,
  print: (match) => ` length ${match.invert ? '!' : ''}${lengthText(match)}`,
};

const TTL_OPTIONS: Readonly<Record<TtlMatch['op'], string>> = { eq: '--ttl-eq', ne: '! --ttl-eq', lt: '--ttl-lt', gt: '--ttl-gt' };
const TTL_SIGNS: Readonly<Record<TtlMatch['op'], string>> = { eq: '==', ne: '!=', lt: '<', gt: '>' };

function beginTtl(): Instance<TtlMatch> {
  let match: TtlMatch | null = null;
  return {
    option(call) {
      const ttlValue = uintOption(call, 0, 255);
      const op = call.id === 'ttl-eq' ? (call.invert ? 'ne' : 'eq') : call.id === 'ttl-lt' ? 'lt' : 'gt';
      match = { name: 'ttl', op, ttl: ttlValue };
    },
    check(seen) { if (seen.size === 0) fail("TTL match: You must specify one of `--ttl-eq', `--ttl-lt', `--ttl-gt"); },
    finish() { return match; },
  };
}

/** libipt_ttl. */
export const ttl: MatchKind<'ttl'> = {
  extension: {
    name: 'ttl', begin: beginTtl,
    options: [
      { name: 'ttl-lt', arg: true, excl: ['ttl-gt', 'ttl-eq'] }, { name: 'ttl-gt', arg: true, excl: ['ttl-lt', 'ttl-eq'] },
      { name: 'ttl-eq', arg: true, invert: true, excl: ['ttl-lt', 'ttl-gt'] }, { name: 'ttl', id: 'ttl-eq', arg: true, invert: true, excl: ['ttl-lt', 'ttl-gt'] },
    ],
  },
  save: (match) => ` ${TTL_OPTIONS[match.op]} ${match.ttl}`,
  print: (match) => ` TTL match TTL ${TTL_SIGNS[match.op]} ${match.ttl}`,
};

function rpfilterText(match: RpfilterMatch, prefix: string): string {
  return `${match.loose ? ` ${prefix}loose` : ''}${match.validmark ? ` ${prefix}validmark` : ''}${match.acceptLocal ? ` ${prefix}accept-local` : ''}${match.invert ? ` ${prefix}invert` : ''}`;
}

/** libxt_rpfilter: would the answer go back through this device? */
export const rpfilter: MatchKind<'rpfilter'> = {
  extension: {
    name: 'rpfilter', options: [{ name: 'loose' }, { name: 'validmark' }, { name: 'accept-local' }, { name: 'invert' }],
    begin: () => {
      const given = new Set<string>();
      return {
        option({ id }) { given.add(id); },
        finish() { return { name: 'rpfilter', loose: given.has('loose'), validmark: given.has('validmark'), acceptLocal: given.has('accept-local'), invert: given.has('invert') }; },
      };
    },
  },
  save: (match) => rpfilterText(match, '--'),
  print: (match) => ` rpfilter${rpfilterText(match, '')}`,
};
