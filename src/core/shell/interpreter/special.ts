import type { Shell } from './shell.ts';

const NANOSECONDS = 1e9;

/** Seconds since 1970 when a lab's clock is at zero: 2024-01-01 00:00:00 UTC. */
export const EPOCH = 1_704_067_200;

/** Variables and parameters whose value is made when they are asked for; undefined when `name` is none. */
export function specialParameter(shell: Shell, name: string): string | undefined {
  const { task } = shell;
  switch (name) {
    case '?': return String(shell.status);
    case '$': return String(shell.shellPid);
    case '!': return shell.lastBackground ? String(shell.lastBackground.pid) : undefined;
    case '#': return String(shell.positional.length);
    case '0': return shell.name;
    case '-': return flags(shell);
    case '_': return shell.value('_') ?? '';
    case 'BASHPID': return String(task.pid);
    case 'PPID': return String(parentPid(shell));
    case 'UID': case 'EUID': return '0';
    case 'RANDOM': return String(task.world.random.below(32768));
    case 'SRANDOM': return String(task.world.random.u32());
    case 'SECONDS': return String(Math.floor((task.now - shell.secondsFrom) / NANOSECONDS));
    case 'EPOCHSECONDS': return String(EPOCH + Math.floor(task.now / NANOSECONDS));
    case 'EPOCHREALTIME': return realTime(task.now);
    case 'LINENO': return String(shell.line);
    case 'HOSTNAME': return task.machine.hostname;
    case 'HOSTTYPE': return 'x86_64';
    case 'MACHTYPE': return 'x86_64-pc-linux-gnu';
    case 'OSTYPE': return 'linux-gnu';
    case 'BASH': return '/usr/bin/bash';
    case 'GROUPS': return '0';
    case 'BASH_VERSINFO': return '5';
    case 'BASH_VERSION': return '5.2.15(1)-release';
    case 'BASH_SUBSHELL': return String(shell.subshells);
    case 'FUNCNAME': return shell.calls.at(-1);
    case 'SHELLOPTS': return ['braceexpand', 'hashall', ...[...shell.set].filter((o) => o !== 'braceexpand')].sort().join(':');
    default: return /^[1-9]\d*$/.test(name) ? shell.positional[Number(name) - 1] : undefined;
  }
}

/** Names of the special variables that are never unset, for `${!prefix*}`, `declare -p` and the like. */
function flags(shell: Shell): string {
  const letters = { allexport: 'a', errexit: 'e', noglob: 'f', nounset: 'u', verbose: 'v', xtrace: 'x', noclobber: 'C', errtrace: 'E', functrace: 'T' } as const;
  const on = (Object.keys(letters) as (keyof typeof letters)[]).filter((option) => shell.set.has(option)).map((option) => letters[option]);
  const fixed = ['h', ...(shell.set.has('braceexpand') ? ['B'] : [])];
  return order([...on, ...fixed]) + (shell.commandString ? 'c' : '');
}

/** bash prints its flags in the order of its own table. */
function order(letters: readonly string[]): string {
  return [...'abefhkmnptuvxBCEHPT'].filter((letter) => letters.includes(letter)).join('');
}

function parentPid(shell: Shell): number {
  let task = shell.task;
  while (task.pid !== shell.shellPid && task.parent) task = task.parent;
  return task.parent?.pid ?? 1;
}

function realTime(now: number): string {
  const micros = Math.floor(now / 1000);
  return `${EPOCH + Math.floor(micros / 1e6)}.${String(micros % 1_000_000).padStart(6, '0')}`;
}
