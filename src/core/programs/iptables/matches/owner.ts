import type { OwnerMatch, Range } from '../../../kernel/netfilter/xtables/xt-rule.ts';
import { NotSimulated } from '../../../shell/process.ts';
import type { Instance, OptionCall } from '../extension.ts';
import { type Look, type MatchKind, bang } from '../kind.ts';
import { UINT32_MAX, numberStart, wholeNumber } from '../numbers.ts';
import { fail } from '../xtables-error.ts';

type Id = NonNullable<OwnerMatch['uid']>;

function parseIds({ arg, option, invert, env }: OptionCall): Id {
  const named = option === 'uid-owner' ? env.user(arg) : env.group(arg);
  if (named !== null) return { range: [named, named], invert };
  const bad = (): never => fail(`owner: Bad value for "--${option}" option: "${arg}"`);
  const from = numberStart(arg, 0, UINT32_MAX - 1) ?? bad();
  if (from.rest === '') return { range: [from.value, from.value], invert };
  if (!/^[-:]/.test(from.rest)) return bad();
  const to = wholeNumber(from.rest.slice(1), 0, UINT32_MAX - 1) ?? bad();
  return { range: [from.value, to], invert };
}

function begin(): Instance<OwnerMatch> {
  let [uid, gid]: [Id | null, Id | null] = [null, null];
  let socketExists: OwnerMatch['socketExists'] = null;
  return {
    option(call) {
      if (call.id === 'uid-owner') uid = parseIds(call);
      else if (call.id === 'gid-owner') gid = parseIds(call);
      else if (call.id === 'suppl-groups') {
        if (gid === null) fail('owner: Bad value for "--suppl-groups" option: "you need to use --gid-owner first"');
        throw new NotSimulated('iptables -m owner --suppl-groups');
      } else socketExists = { invert: call.invert };
    },
    check(seen) { if (seen.size === 0) fail('owner: At least one of --uid-owner, --gid-owner or --socket-exists is required'); },
    finish() { return { name: 'owner', uid, gid, socketExists }; },
  };
}

function rangeText([from, to]: Range): string {
  return from === to ? String(from) : `${from}-${to}`;
}

function printId(label: string, id: Id | null, nameOf: (id: number) => string | null, { numeric }: Look): string {
  if (id === null) return '';
  const [from, to] = id.range;
  const name = from === to && !numeric ? nameOf(from) : null;
  return `${bang(id.invert)} owner ${label} match ${name ?? rangeText(id.range)}`;
}

/** libxt_owner: who sent the packet. */
export const owner: MatchKind<'owner'> = {
  extension: {
    name: 'owner', begin,
    options: [{ name: 'uid-owner', arg: true, invert: true }, { name: 'gid-owner', arg: true, invert: true }, { name: 'socket-exists', invert: true }, { name: 'suppl-groups' }],
  },
  save: ({ uid, gid, socketExists }) => (socketExists ? `${bang(socketExists.invert)} --socket-exists` : '') + (uid ? `${bang(uid.invert)} --uid-owner ${rangeText(uid.range)}` : '')
    + (gid ? `${bang(gid.invert)} --gid-owner ${rangeText(gid.range)}` : ''),
  print: ({ uid, gid, socketExists }, look) => (socketExists ? `${bang(socketExists.invert)} owner socket exists` : '')
    + printId('UID', uid, look.env.userName, look) + printId('GID', gid, look.env.groupName, look),
};
