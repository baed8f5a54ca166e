import type { AddrTypeName, AddrtypeMatch } from '../../../kernel/netfilter/xtables/xt-rule.ts';
import type { Instance, OptionCall } from '../extension.ts';
import { type MatchKind, bang } from '../kind.ts';
import { fail } from '../xtables-error.ts';

/** In the order of the routing types of rtnetlink(7). */
const TYPES: readonly AddrTypeName[] = [
  'UNSPEC', 'UNICAST', 'LOCAL', 'BROADCAST', 'ANYCAST', 'MULTICAST', 'BLACKHOLE', 'UNREACHABLE', 'PROHIBIT', 'THROW', 'NAT', 'XRESOLVE',
];

type Side = NonNullable<AddrtypeMatch['src']>;

function parseTypes({ arg, invert }: OptionCall): Side {
  const given = new Set<AddrTypeName>();
  for (let rest: string | null = arg; rest !== null;) {
    const comma: number = rest.indexOf(',');
    const word = (comma < 0 ? rest : rest.slice(0, comma)).toUpperCase();
    const type = TYPES.find((one) => one.startsWith(word));
    if (word === '' || type === undefined) fail(`addrtype: bad type "${rest}"`);
    given.add(type);
    rest = comma < 0 ? null : rest.slice(comma + 1);
  }
  return { types: TYPES.filter((one) => given.has(one)), invert };
}

function begin(): Instance<AddrtypeMatch> {
  let [src, dst]: [Side | null, Side | null] = [null, null];
  let limitIface: AddrtypeMatch['limitIface'] = null;
  return {
    option(call) {
      if (call.id === 'src-type') src = parseTypes(call);
      else if (call.id === 'dst-type') dst = parseTypes(call);
      else limitIface = call.id === 'limit-iface-in' ? 'in' : 'out';
    },
    check(seen) { if (!seen.has('src-type') && !seen.has('dst-type')) fail('addrtype: you must specify --src-type or --dst-type'); },
    finish() { return { name: 'addrtype', src, dst, limitIface }; },
  };
}

/** libxt_addrtype: what an address is to this host. */
export const addrtype: MatchKind<'addrtype'> = {
  extension: {
    name: 'addrtype', begin,
    options: [
      { name: 'src-type', arg: true, invert: true }, { name: 'dst-type', arg: true, invert: true }, { name: 'limit-iface-in', excl: ['limit-iface-out'] },
      { name: 'limit-iface-out', excl: ['limit-iface-in'] },
    ],
  },
  save: ({ src, dst, limitIface }) => (src ? `${bang(src.invert)} --src-type ${src.types.join(',')}` : '') + (dst ? `${bang(dst.invert)} --dst-type ${dst.types.join(',')}` : '')
    + (limitIface ? ` --limit-iface-${limitIface}` : ''),
  print: ({ src, dst, limitIface }) => {
    const side = (name: string, value: Side | null): string => (value ? ` ${name}-type ${value.invert ? '!' : ''}${value.types.join(',')}` : '');
    return ` ADDRTYPE match${side('src', src)}${side('dst', dst)}${limitIface ? ` limit-${limitIface}` : ''}`;
  },
};
