import type { IcmpMatch } from '../../../kernel/netfilter/xtables/xt-rule.ts';
import { type MatchKind, bang } from '../kind.ts';
import { wholeNumber } from '../numbers.ts';
import { fail } from '../xtables-error.ts';

/** `name[,alias] type[/code]`, in the order in which libipt_icmp looks for them. */
const TYPES = `
any 255;echo-reply 0;pong 0;destination-unreachable 3;network-unreachable 3/0;host-unreachable 3/1;protocol-unreachable 3/2;port-unreachable 3/3
fragmentation-needed 3/4;source-route-failed 3/5;network-unknown 3/6;host-unknown 3/7;network-prohibited 3/9;host-prohibited 3/10
TOS-network-unreachable 3/11;TOS-host-unreachable 3/12;communication-prohibited 3/13;host-precedence-violation 3/14;precedence-cutoff 3/15
source-quench 4;redirect 5;network-redirect 5/0;host-redirect 5/1;TOS-network-redirect 5/2;TOS-host-redirect 5/3;echo-request 8;ping 8
router-advertisement 9;router-solicitation 10;time-exceeded 11;ttl-exceeded 11;ttl-zero-during-transit 11/0;ttl-zero-during-reassembly 11/1
parameter-problem 12;ip-header-bad 12/0;required-option-missing 12/1;timestamp-request 13;timestamp-reply 14;address-mask-request 17
address-mask-reply 18
`.trim().split(/[;\n]/).map((entry) => {
  const [name, number] = entry.split(' ') as [string, string];
  const [type, code] = number.split('/');
  return { name, type: Number(type), code: code === undefined ? [0, 255] as const : [Number(code), Number(code)] as const };
});

type TypeAndCode = Pick<IcmpMatch, 'type' | 'code'>;

function parseType(text: string): TypeAndCode {
  const wanted = text.toLowerCase();
  const found = TYPES.filter(({ name }) => name.toLowerCase().startsWith(wanted));
  if (found.length > 1) fail(`Ambiguous ICMP type \`${text}': \`${found[0]!.name}' or \`${found[1]!.name}'?`);
  if (found[0]) return found[0];
  const [typeText, codeText] = text.split(/\/(.*)/s) as [string, string?];
  const type = wholeNumber(typeText, 0, 255) ?? fail(`Unknown ICMP type \`${text}'`);
  if (codeText === undefined) return { type, code: [0, 255] };
  const code = wholeNumber(codeText, 0, 255) ?? fail(`Unknown ICMP code \`${text}'`);
  return { type, code: [code, code] };
}

function isAnyCode([from, to]: IcmpMatch['code']): boolean {
  return from === 0 && to === 255;
}

/** libipt_icmp: the type and code of ICMP. */
export const icmp: MatchKind<'icmp'> = {
  extension: {
    name: 'icmp', options: [{ name: 'icmp-type', arg: true, invert: true, must: true }],
    begin: () => {
      let match: IcmpMatch | null = null;
      return {
        option({ arg, invert }) { match = { name: 'icmp', ...typeAndCode(parseType(arg)), invert }; },
        finish() { return match; },
      };
    },
  },
  save: ({ type, code, invert }) => `${bang(invert)} --icmp-type ${type === 255 ? 'any' : `${type}${isAnyCode(code) ? '' : `/${code[0]}`}`}`,
  print: ({ type, code, invert }, { numeric }) => {
    const named = numeric ? undefined : TYPES.find((one) => one.type === type && one.code[0] === code[0] && one.code[1] === code[1]);
    const mark = invert ? ' !' : '';
    if (named) return ` icmp${mark || ' '}${named.name}`;
    const codes = isAnyCode(code) ? '' : code[0] === code[1] ? ` code ${code[0]}` : ` codes ${code[0]}-${code[1]}`;
    return ` icmp${mark}type ${type}${codes}`;
  },
};

function typeAndCode({ type, code }: TypeAndCode): TypeAndCode {
  return { type, code };
}
