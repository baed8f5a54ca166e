import type { IprangeMatch, Range } from '../../../kernel/netfilter/xtables/xt-rule.ts';
import { formatIpv4 } from '../../../wire/address.ts';
import { numericAddress } from '../addresses.ts';
import type { Instance, OptionCall } from '../extension.ts';
import { type MatchKind, bang } from '../kind.ts';
import { fail } from '../xtables-error.ts';

type Side = NonNullable<IprangeMatch['src']>;

function parseRange({ arg, option, invert, env }: OptionCall): Side {
  const [from, to = from] = arg.split(/-(.*)/s) as [string, string?];
  const address = (text: string): number => numericAddress(text, true) ?? fail(`iprange: Bad value for "--${option}" option: "${text}"`);
  const range: Range = [address(from), address(to)];
  if (range[0] > range[1]) env.warn(`xt_iprange: range ${rangeText(range)} is reversed and will never match`);
  return { range, invert };
}

function begin(): Instance<IprangeMatch> {
  let [src, dst]: [Side | null, Side | null] = [null, null];
  return {
    option(call) {
      if (call.id === 'src-range') src = parseRange(call);
      else dst = parseRange(call);
    },
    check(seen) { if (seen.size === 0) fail("iprange match: You must specify `--src-range' or `--dst-range'"); },
    finish() { return { name: 'iprange', src, dst }; },
  };
}

function rangeText([from, to]: Range): string {
  return `${formatIpv4(from)}-${formatIpv4(to)}`;
}

/** libxt_iprange: addresses from one to another. */
export const iprange: MatchKind<'iprange'> = {
  extension: { name: 'iprange', begin, options: [{ name: 'src-range', arg: true, invert: true }, { name: 'dst-range', arg: true, invert: true }] },
  save: ({ src, dst }) => (src ? `${bang(src.invert)} --src-range ${rangeText(src.range)}` : '') + (dst ? `${bang(dst.invert)} --dst-range ${rangeText(dst.range)}` : ''),
  print: ({ src, dst }) => (src ? ` source IP range${bang(src.invert)} ${rangeText(src.range)}` : '') + (dst ? ` destination IP range${bang(dst.invert)} ${rangeText(dst.range)}` : ''),
};
