import { SET_OPTIONS, type SetOption, type Shell, SHOPT_OPTIONS, type ShoptOption } from '../interpreter/shell.ts';
import { variableQuote } from '../interpreter/quote.ts';
import { arrayKeys, arrayValues, type Variable } from '../interpreter/variables.ts';
import { badOption, type Builtin, plain, say } from './builtin.ts';

const USAGE = 'set [-abefhkmnptuvxBCEHPT] [-o option-name] [--] [-] [arg ...]';

/** Options that bash has and that change nothing for a script that is simulated. */
const IGNORED: Readonly<Record<string, string>> = { emacs: '', hashall: 'h', history: '', interactive_comments: '', 'interactive-comments': '', vi: '' };
/** Options that bash has and that would change something. */
const NOT_SIMULATED: Readonly<Record<string, string>> = {
  histexpand: 'H', ignoreeof: '', keyword: 'k', monitor: 'm', noexec: 'n', nolog: '', notify: 'b', onecmd: 't', physical: 'P', posix: '', privileged: 'p',
};

/** Names of options that `set -o` takes and that are not simulated, for the linter. */
export const UNSIMULATED_SET_OPTIONS: ReadonlySet<string> = new Set([...Object.keys(NOT_SIMULATED), ...Object.values(NOT_SIMULATED).filter((letter) => letter !== '')]);

/** Turns an option of `set` on or off, by name or letter. False when there is none. */
export function setOption(shell: Shell, name: string, on: boolean): boolean {
  const option = (Object.keys(SET_OPTIONS) as SetOption[]).find((key) => key === name || (name.length === 1 && SET_OPTIONS[key] === name));
  if (option) {
    if (on) shell.set.add(option);
    else shell.set.delete(option);
    return true;
  }
  if (Object.hasOwn(IGNORED, name) || Object.values(IGNORED).includes(name)) return true;
  if (Object.hasOwn(NOT_SIMULATED, name) || Object.values(NOT_SIMULATED).includes(name)) {
    if (!on) return true;
    return shell.notSimulated(name.length === 1 ? `set -${name}` : `set -o ${name}`);
  }
  return false;
}

export const set: Builtin = plain((shell, words) => {
  if (words.length === 1) {
    shell.out(listVariables(shell));
    return 0;
  }
  let i = 1;
  for (; i < words.length; i++) {
    const word = words[i]!;
    if (word === '--' || word === '-') {
      if (word === '-') ['xtrace', 'verbose'].forEach((option) => shell.set.delete(option as SetOption));
      if (word === '--' || i + 1 < words.length) shell.positional = words.slice(i + 1);
      return 0;
    }
    if (!/^[-+]./.test(word)) break;
    const on = word.startsWith('-');
    for (const letter of word.slice(1)) {
      if (letter === 'o') {
        const name = words[i + 1];
        if (name === undefined) {
          shell.out(listOptions(shell, on));
          return 0;
        }
        i++;
        if (!setOption(shell, name, on)) {
          say(shell, 'set', `${name}: invalid option name`);
          return 2;
        }
      } else if (!setOption(shell, letter, on)) return badOption(shell, 'set', `${word[0]}${letter}`, USAGE);
    }
  }
  if (i < words.length) shell.positional = words.slice(i);
  return 0;
});

function listOptions(shell: Shell, table: boolean): string {
  const names = [...Object.keys(SET_OPTIONS), ...Object.keys(NOT_SIMULATED), 'hashall', 'history', 'interactive-comments', 'emacs', 'vi'].sort();
  const isOn = (name: string): boolean => shell.set.has(name as SetOption) || name === 'hashall' || name === 'interactive-comments';
  return names.map((name) => (table ? `${name.padEnd(15)}\t${isOn(name) ? 'on' : 'off'}\n` : `set ${isOn(name) ? '-' : '+'}o ${name}\n`)).join('');
}

function listVariables(shell: Shell): string {
  return shell.vars.names().map((name) => {
    const variable = shell.vars.get(name);
    return variable ? listVariable(name, variable) : '';
  }).join('');
}

function listVariable(name: string, variable: Variable): string {
  if (variable.kind === 'scalar') return variable.value === undefined ? '' : `${name}=${/[^\w@%+=:,./-]/.test(variable.value) ? variableQuote(variable.value) : variable.value}\n`;
  const values = arrayValues(variable);
  return `${name}=(${arrayKeys(variable).map((key, i) => `[${key}]="${values[i]}"`).join(' ')})\n`;
}

const SHOPT_USAGE = 'shopt [-pqsu] [-o] [optname ...]';
/** Options of shopt that change nothing for a script that is simulated, with what bash -c has them at. */
const SHOPT_IGNORED: Readonly<Record<string, boolean>> = {
  checkwinsize: true, cmdhist: true, complete_fullquote: true, extquote: true, force_fignore: true, globasciiranges: true, globskipdots: true,
  hostcomplete: true, histappend: false, histreedit: false, histverify: false, huponexit: false, interactive_comments: true, lithist: false,
  mailwarn: false, no_empty_cmd_completion: false, patsub_replacement: true, progcomp: true, promptvars: true, sourcepath: true, varredir_close: false,
};
const SHOPT_NOT_SIMULATED = [
  'assoc_expand_once', 'autocd', 'cdable_vars', 'cdspell', 'checkhash', 'checkjobs', 'compat31', 'compat32', 'compat40', 'compat41', 'compat42', 'compat43',
  'compat44', 'direxpand', 'dirspell', 'execfail', 'expand_aliases', 'extdebug', 'gnu_errfmt', 'globstar', 'localvar_inherit', 'localvar_unset', 'login_shell',
  'noexpand_translation', 'progcomp_alias', 'restricted_shell', 'shift_verbose',
];

export const UNSIMULATED_SHOPT: ReadonlySet<string> = new Set(SHOPT_NOT_SIMULATED);

export const shopt: Builtin = plain((shell, words) => {
  let mode = '';
  let i = 1;
  for (; i < words.length && /^-./.test(words[i]!); i++) {
    for (const letter of words[i]!.slice(1)) {
      if (!'pqsuo'.includes(letter)) return badOption(shell, 'shopt', `-${letter}`, SHOPT_USAGE);
      mode += letter;
    }
  }
  const names = words.slice(i);
  if (mode.includes('s') && mode.includes('u')) {
    say(shell, 'shopt', 'cannot set and unset shell options simultaneously');
    return 1;
  }
  if (names.length === 0) {
    const all = [...SHOPT_OPTIONS, ...Object.keys(SHOPT_IGNORED), ...SHOPT_NOT_SIMULATED].sort();
    shell.out(all.map((name) => line(shell, name, mode)).join(''));
    return 0;
  }
  let status = 0;
  for (const name of names) status = one(shell, name, mode) ? status : 1;
  return status;
});

function isOn(shell: Shell, name: string): boolean {
  return shell.shopt.has(name as ShoptOption) || (SHOPT_IGNORED[name] ?? false);
}

function line(shell: Shell, name: string, mode: string): string {
  return mode.includes('p') ? `shopt -${isOn(shell, name) ? 's' : 'u'} ${name}\n` : `${name.padEnd(15)}\t${isOn(shell, name) ? 'on' : 'off'}\n`;
}

function one(shell: Shell, name: string, mode: string): boolean {
  const changes = mode.includes('s') || mode.includes('u');
  if (mode.includes('o')) {
    if (!changes) return shell.set.has(name as SetOption);
    return setOption(shell, name, mode.includes('s'));
  }
  const known = (SHOPT_OPTIONS as readonly string[]).includes(name);
  if (!known && !Object.hasOwn(SHOPT_IGNORED, name) && !SHOPT_NOT_SIMULATED.includes(name)) {
    say(shell, 'shopt', `${name}: invalid shell option name`);
    return false;
  }
  if (!changes) {
    if (!mode.includes('q')) shell.out(line(shell, name, mode));
    return isOn(shell, name);
  }
  if (known) {
    if (mode.includes('s')) shell.shopt.add(name as ShoptOption);
    else shell.shopt.delete(name as ShoptOption);
  } else if (SHOPT_NOT_SIMULATED.includes(name) && mode.includes('s')) return shell.notSimulated(`shopt -s ${name}`);
  return true;
}

