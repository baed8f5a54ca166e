import type { XtTarget } from '../../../kernel/netfilter/xtables/xt-rule.ts';
import { type Instance, type OptionCall, saveString, stringOption } from '../extension.ts';
import type { TargetKind } from '../kind.ts';
import { wholeNumber } from '../numbers.ts';
import { fail } from '../xtables-error.ts';

type Log = Extract<XtTarget, { name: 'LOG' }>;

const WARNING = 4;
const LEVELS = new Map([['emerg', 0], ['panic', 0], ['alert', 1], ['crit', 2], ['error', 3], ['warning', WARNING], ['notice', 5], ['info', 6], ['debug', 7]]);
const LEVEL_NAMES = ['emerg', 'alert', 'crit', 'err', 'warn', 'notice', 'info', 'debug'];
/** Room for the prefix in struct ipt_log_info. */
const PREFIX_SIZE = 29;

const FLAGS = [['tcpSequence', 'tcp-sequence', 1], ['tcpOptions', 'tcp-options', 2], ['ipOptions', 'ip-options', 4], ['uid', 'uid', 8], ['macdecode', 'macdecode', 32]] as const;
type Flag = (typeof FLAGS)[number][0];

function parsePrefix(call: OptionCall): string {
  const text = stringOption(call, 1, Number.MAX_SAFE_INTEGER);
  if (text.includes('\n')) fail('Newlines not allowed in --log-prefix');
  return text.slice(0, PREFIX_SIZE);
}

function begin(): Instance<Log> {
  let [level, prefix] = [WARNING, ''];
  const flags = new Set<Flag>();
  return {
    option(call) {
      if (call.id === 'log-level') level = wholeNumber(call.arg, 0, 7) ?? LEVELS.get(call.arg) ?? fail(`log level "${call.arg}" unknown\n`);
      else if (call.id === 'log-prefix') prefix = parsePrefix(call);
      else flags.add(FLAGS.find(([, name]) => call.id === `log-${name}`)![0]);
    },
    finish: () => ({
      name: 'LOG', level, prefix, tcpSequence: flags.has('tcpSequence'), tcpOptions: flags.has('tcpOptions'), ipOptions: flags.has('ipOptions'), uid: flags.has('uid'),
      macdecode: flags.has('macdecode'),
    }),
  };
}

/** libxt_LOG. */
export const LOG: TargetKind<'LOG'> = {
  extension: {
    name: 'LOG', begin,
    options: [{ name: 'log-level', arg: true }, { name: 'log-prefix', arg: true }, ...FLAGS.map(([, name]) => ({ name: `log-${name}` }))],
  },
  save: (target) => (target.prefix === '' ? '' : ` --log-prefix ${saveString(target.prefix)}`) + (target.level === WARNING ? '' : ` --log-level ${target.level}`)
    + FLAGS.filter(([key]) => target[key]).map(([, name]) => ` --log-${name}`).join(''),
  print: (target, { numeric }) => {
    const given = FLAGS.filter(([key]) => target[key]);
    const what = numeric
      ? ` flags ${given.reduce((bits, [, , bit]) => bits | bit, 0)} level ${target.level}`
      : ` level ${LEVEL_NAMES[target.level]}${given.map(([, name]) => ` ${name}`).join('')}`;
    return ` LOG${what}${target.prefix === '' ? '' : ` prefix "${target.prefix}"`}`;
  },
};
