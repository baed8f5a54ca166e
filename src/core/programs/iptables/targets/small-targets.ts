import type { RejectWith, XtTarget } from '../../../kernel/netfilter/xtables/xt-rule.ts';
import { NotSimulated } from '../../../shell/process.ts';
import { type Instance, type OptionCall, uintOption } from '../extension.ts';
import type { TargetKind } from '../kind.ts';
import { UINT16_MAX, UINT32_MAX, wholeNumber } from '../numbers.ts';
import { parseSetReference } from '../set-arguments.ts';
import { fail } from '../xtables-error.ts';

/** Names and their shorter forms, in the order in which libipt_REJECT looks for what a word may be short for. */
const REJECTS: readonly (readonly [name: RejectWith, alias: string])[] = [
  ['icmp-net-unreachable', 'net-unreach'], ['icmp-host-unreachable', 'host-unreach'], ['icmp-proto-unreachable', 'proto-unreach'],
  ['icmp-port-unreachable', 'port-unreach'], ['icmp-net-prohibited', 'net-prohib'], ['icmp-host-prohibited', 'host-prohib'], ['tcp-reset', 'tcp-rst'],
  ['icmp-admin-prohibited', 'admin-prohib'],
];

function parseReject({ arg, env }: OptionCall): RejectWith {
  const word = arg.toLowerCase();
  const found = REJECTS.find((names) => names.some((name) => name.startsWith(word)));
  if (found) return found[0];
  if (['echo-reply', 'echoreply'].some((name) => name.startsWith(word))) env.warn('--reject-with echo-reply no longer supported');
  return fail(`unknown reject type "${arg}"`);
}

/** libipt_REJECT. */
export const REJECT: TargetKind<'REJECT'> = {
  extension: {
    name: 'REJECT', options: [{ name: 'reject-with', arg: true }],
    begin: () => {
      let answer: RejectWith = 'icmp-port-unreachable';
      return {
        option(call) { answer = parseReject(call); },
        finish() { return { name: 'REJECT', with: answer }; },
      };
    },
  },
  save: (target) => ` --reject-with ${target.with}`,
  print: (target) => ` reject-with ${target.with}`,
};

type Ct = Extract<XtTarget, { name: 'CT' }>;
type Zone = NonNullable<Ct['zone']>;
const ZONES: Readonly<Record<string, 'both' | 'orig' | 'reply'>> = { zone: 'both', 'zone-orig': 'orig', 'zone-reply': 'reply' };

function parseZone({ id, arg }: OptionCall): Zone {
  const direction = ZONES[id]!;
  if (arg === 'mark') {
    if (direction !== 'both') throw new NotSimulated(`iptables -j CT --${id} mark`);
    return { id: 0, direction: 'mark' };
  }
  return { id: wholeNumber(arg, 0, UINT16_MAX) ?? fail(`Cannot parse ${arg} as a zone ID`), direction };
}

function ctText({ notrack, zone }: Ct, prefix: string): string {
  const option = zone === null ? '' : zone.direction === 'orig' ? 'zone-orig' : zone.direction === 'reply' ? 'zone-reply' : 'zone';
  return `${notrack ? ` ${prefix}notrack` : ''}${zone === null ? '' : ` ${prefix}${option} ${zone.direction === 'mark' ? 'mark' : zone.id}`}`;
}

/** libxt_CT. */
export const CT: TargetKind<'CT'> = {
  extension: {
    name: 'CT',
    options: [
      { name: 'notrack' }, { name: 'helper', arg: true }, { name: 'timeout', arg: true }, { name: 'ctevents', arg: true }, { name: 'expevents', arg: true },
      ...Object.keys(ZONES).map((name) => ({ name, arg: true, excl: Object.keys(ZONES).filter((other) => other !== name) })),
    ],
    begin: () => {
      let [notrack, zone]: [boolean, Ct['zone']] = [false, null];
      return {
        option(call) {
          if (call.id === 'notrack') notrack = true;
          else if (call.id in ZONES) zone = parseZone(call);
          else throw new NotSimulated(`iptables -j CT --${call.id}`);
        },
        finish() { return { name: 'CT', notrack, zone }; },
      };
    },
  },
  save: (target) => ctText(target, '--'),
  print: (target) => ` CT${ctText(target, '')}`,
};

type Tcpmss = Extract<XtTarget, { name: 'TCPMSS' }>;

/** libxt_TCPMSS. */
export const TCPMSS: TargetKind<'TCPMSS'> = {
  extension: {
    name: 'TCPMSS', options: [{ name: 'set-mss', arg: true }, { name: 'clamp-mss-to-pmtu' }],
    begin: () => {
      let mss: Tcpmss['mss'] = null;
      return {
        option(call) { mss = call.id === 'set-mss' ? uintOption(call, 0, UINT16_MAX - 20) : null; },
        check(seen) { if (seen.size === 0) fail('TCPMSS target: At least one parameter is required'); },
        finish() { return { name: 'TCPMSS', mss }; },
      };
    },
  },
  save: ({ mss }) => (mss === null ? ' --clamp-mss-to-pmtu' : ` --set-mss ${mss}`),
  print: ({ mss }) => (mss === null ? ' TCPMSS clamp to PMTU' : ` TCPMSS set ${mss}`),
};

type Ttl = Extract<XtTarget, { name: 'TTL' }>;
const TTL_WORDS: Readonly<Record<Ttl['mode'], string>> = { set: 'set to', dec: 'decrement by', inc: 'increment by' };
const TTL_MODES: readonly Ttl['mode'][] = ['set', 'dec', 'inc'];

/** libipt_TTL. */
export const TTL: TargetKind<'TTL'> = {
  extension: {
    name: 'TTL', options: TTL_MODES.map((mode) => ({ name: `ttl-${mode}`, arg: true, excl: TTL_MODES.filter((other) => other !== mode).map((other) => `ttl-${other}`) })),
    begin: () => {
      let target: Ttl | null = null;
      return {
        option(call) {
          const mode = call.id.slice(4) as Ttl['mode'];
          target = { name: 'TTL', mode, value: uintOption(call, mode === 'set' ? 0 : 1, 255) };
        },
        check(seen) { if (seen.size === 0) fail('TTL: You must specify an action'); },
        finish() { return target; },
      };
    },
  },
  save: ({ mode, value }) => ` --ttl-${mode} ${value}`,
  print: ({ mode, value }) => ` TTL ${TTL_WORDS[mode]} ${value}`,
};

type SetTarget = Extract<XtTarget, { name: 'SET' }>;

function beginSet(): Instance<SetTarget> {
  let target = null as SetTarget | null;
  let [exist, timeout]: [boolean, number | null] = [false, null];
  return {
    option(call) {
      if (call.id === 'exist') exist = true;
      else if (call.id === 'timeout') timeout = wholeNumber(call.arg, 0, UINT32_MAX - 1) ?? fail('Invalid value for option --timeout or out of range 0-4294967294');
      else if (call.id === 'add-set' || call.id === 'del-set') {
        if (target?.op === call.id) fail(`--${call.id} can be specified only once`);
        if (target) throw new NotSimulated('iptables -j SET with both --add-set and --del-set');
        target = { name: 'SET', op: call.id, ...parseSetReference(call), exist: false, timeout: null };
      } else throw new NotSimulated(`iptables -j SET --${call.id}`);
    },
    finish() {
      if (target === null) fail("You must specify either `--add-set' or `--del-set' or `--map-set'");
      return { ...target, exist, timeout };
    },
  };
}

function setText(target: SetTarget, prefix: string): string {
  return ` ${prefix}${target.op} ${target.set} ${target.dimensions.join(',')}${target.exist ? ` ${prefix}exist` : ''}${target.timeout === null ? '' : ` ${prefix}timeout ${target.timeout}`}`;
}

/** libxt_SET. */
export const SET: TargetKind<'SET'> = {
  extension: {
    name: 'SET', legacy: true, begin: beginSet,
    options: [
      { name: 'add-set', arg: true }, { name: 'del-set', arg: true }, { name: 'exist' }, { name: 'timeout', arg: true }, { name: 'map-set', arg: true },
      { name: 'map-mark' }, { name: 'map-prio' }, { name: 'map-queue' },
    ],
  },
  save: (target) => setText(target, '--'),
  print: (target) => setText(target, ''),
};
