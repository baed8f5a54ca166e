import type { SetMatch } from '../../../kernel/netfilter/xtables/xt-rule.ts';
import { NotSimulated } from '../../../shell/process.ts';
import type { Instance } from '../extension.ts';
import { type MatchKind, bang } from '../kind.ts';
import { type SetReference, parseSetReference } from '../set-arguments.ts';
import { fail } from '../xtables-error.ts';

const COUNTERS = ['update-counters', 'update-subcounters'];
const COMPARISONS = ['packets-eq', 'packets-lt', 'packets-gt', 'bytes-eq', 'bytes-lt', 'bytes-gt'];

function begin(): Instance<SetMatch> {
  let [reference, invert, returnNomatch]: [SetReference | null, boolean, boolean] = [null, false, false];
  return {
    option(call) {
      if (call.id === 'return-nomatch') returnNomatch = true;
      else if (call.id === 'match-set') {
        if (call.option === 'set') call.env.warn('--set option deprecated, please use --match-set');
        if (reference) fail('--match-set can be specified only once');
        reference = parseSetReference(call);
        ({ invert } = call);
      } else throw new NotSimulated(`iptables -m set --${call.id}`);
    },
    finish() {
      if (reference === null) fail("You must specify `--match-set' with proper arguments");
      return { name: 'set', ...reference, invert, returnNomatch };
    },
  };
}

/** libxt_set: is it in the ipset? */
export const set: MatchKind<'set'> = {
  extension: {
    name: 'set', legacy: true, begin,
    options: [
      { name: 'match-set', arg: true }, { name: 'set', id: 'match-set', arg: true }, { name: 'return-nomatch' }, ...COUNTERS.map((name) => ({ name })),
      ...COMPARISONS.map((name) => ({ name, arg: true })),
    ],
  },
  save: (match) => `${bang(match.invert)} --match-set ${match.set} ${match.dimensions.join(',')}${match.returnNomatch ? ' --return-nomatch' : ''}`,
  print: (match) => `${bang(match.invert)} match-set ${match.set} ${match.dimensions.join(',')}${match.returnNomatch ? ' return-nomatch' : ''}`,
};
