import { KernelError } from '../../kernel/errno.ts';
import type { NetNamespace } from '../../kernel/net-namespace.ts';
import { joinPath } from '../../shell/files/path.ts';
import { namespaceOfPath } from '../../shell/files/namespace-path.ts';
import { NotSimulated, type Process, type Program, type Running } from '../../shell/process.ts';
import { parseSignal } from '../../shell/signals.ts';
import { complain, quoted, readAll } from './io.ts';
import { missingOperand, type OptionSpecs, parseOptions } from './options.ts';

/** Programs that run others: env(1), sudo(8), nohup(1), setsid(1), stdbuf(1), nice(1), nsenter(1), xargs(1). And kill(1). */

/** Becomes the program of `argv`; `missing` says that there is none. */
function* become(process: Process, argv: readonly string[], env: ReadonlyMap<string, string>, missing: () => number): Running {
  return process.knows(argv[0]!) ? yield* process.exec(argv, { env }) : missing();
}

/** Takes `NAME=value` words from the front. */
function takeAssignments(words: readonly string[], env: Map<string, string>): readonly string[] {
  let i = 0;
  for (; i < words.length; i++) {
    const match = /^([^=]+)=(.*)$/s.exec(words[i]!);
    if (!match) break;
    env.set(match[1]!, match[2]!);
  }
  return words.slice(i);
}

export const env: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, {
    i: 'no', 'ignore-environment': '=i', 0: 'no', null: '=0', u: 'yes', unset: '=u', C: 'yes', chdir: '=C', S: 'never', 'split-string': '=S', v: 'never', debug: '=v',
  }, { exit: 125, stopAtOperand: true });
  if (failed !== null) return failed;
  const given = new Map(options);
  const clean = given.has('i') || operands[0] === '-';
  const variables = new Map(clean ? [] : process.env);
  for (const [name, value] of options) if (name === 'u') variables.delete(value);
  const argv = takeAssignments(operands[0] === '-' ? operands.slice(1) : operands, variables);
  if (argv.length === 0) {
    process.stdout.write([...variables].map(([name, value]) => `${name}=${value}${given.has('0') ? '\0' : '\n'}`).join(''));
    return 0;
  }
  const name = argv[0]!;
  if (!process.knows(name)) {
    complain(process, `${quoted(name)}: No such file or directory`);
    return 127;
  }
  return yield* process.exec(argv, { env: variables, cwd: given.has('C') ? joinPath(process.cwd, given.get('C')!) : process.cwd });
};

const SUDO: OptionSpecs = {
  A: 'no', b: 'never', background: '=b', B: 'no', E: 'no', 'preserve-env': '=E', e: 'never', g: 'yes', group: '=g', H: 'no', 'set-home': '=H', h: 'never', i: 'no', login: '=i', k: 'no', K: 'no', l: 'never',
  n: 'no', 'non-interactive': '=n', P: 'no', p: 'yes', s: 'no', shell: '=s', S: 'no', stdin: '=S', u: 'yes', user: '=u', V: 'never', v: 'no', validate: '=v',
};

/** sudo(8): everybody is root already, so it only runs the command. */
export const sudo: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, SUDO, { exit: 1, stopAtOperand: true, hint: 'usage: sudo [-ABbEHnPS] [-g group] [-u user] [command [arg ...]]\n' });
  if (failed !== null) return failed;
  const given = new Map(options);
  const user = given.get('u') ?? 'root';
  if (user !== 'root' && user !== '#0' && user !== '0') throw new NotSimulated(`sudo -u ${user}`);
  const variables = new Map(process.env);
  variables.set('SUDO_USER', 'root');
  const argv = takeAssignments(operands, variables);
  if (given.has('s') || given.has('i')) {
    const text = argv.map((word) => word.replace(/[^\w/.:=@%+,-]/g, '\\$&')).join(' ');
    return yield* process.exec(argv.length > 0 ? ['bash', '-c', text] : ['bash'], { env: variables, cwd: given.has('i') ? '/root' : process.cwd });
  }
  if (argv.length === 0) {
    if (given.has('v') || given.has('k') || given.has('K')) return 0;
    process.stderr.write('usage: sudo -h | -K | -k | -V\nusage: sudo [-ABbEHnPS] [-g group] [-u user] [VAR=value] [-i | -s] [command [arg ...]]\n');
    return 1;
  }
  return yield* become(process, argv, variables, () => {
    process.stderr.write(`sudo: ${argv[0]}: command not found\n`);
    return 1;
  });
};

/** A program that only changes something about how another runs. */
function wrapper(specs: OptionSpecs, exit: number, missing: (process: Process) => number, before: (process: Process) => void = () => undefined): Program {
  return function* (process) {
    const { operands, failed } = parseOptions(process, specs, { exit, stopAtOperand: true });
    if (failed !== null) return failed;
    if (operands.length === 0) return missing(process);
    before(process);
    return yield* become(process, operands, process.env, () => {
      complain(process, `failed to run command ${quoted(operands[0]!)}: No such file or directory`);
      return 127;
    });
  };
}

export const nohup = wrapper({}, 125, (process) => missingOperand(process, 125), (process) => process.ignore('SIGHUP'));
export const stdbuf = wrapper({ i: 'yes', input: '=i', o: 'yes', output: '=o', e: 'yes', error: '=e' }, 125, (process) => missingOperand(process, 125));
export const nice = wrapper({ n: 'yes', adjustment: '=n' }, 125, (process) => {
  process.stdout.write('0\n');
  return 0;
});
export const setsid: Program = function* (process) {
  const { operands, failed } = parseOptions(process, { c: 'no', ctty: '=c', f: 'no', fork: '=f', w: 'no', wait: '=w' }, { exit: 1, stopAtOperand: true });
  if (failed !== null) return failed;
  if (operands.length === 0) {
    process.stderr.write("setsid: no command specified\nTry 'setsid --help' for more information.\n");
    return 1;
  }
  process.newGroup();
  return yield* become(process, operands, process.env, () => {
    process.stderr.write(`setsid: failed to execute ${operands[0]}: No such file or directory\n`);
    return 127;
  });
};

const NSENTER: OptionSpecs = {
  a: 'no', all: '=a', t: 'yes', target: '=t', n: 'optional', net: '=n', m: 'optional', mount: '=m', u: 'optional', uts: '=u', i: 'optional', ipc: '=i', p: 'optional', pid: '=p', C: 'optional', cgroup: '=C', U: 'never', user: '=U',
  T: 'never', time: '=T', S: 'never', G: 'never', r: 'never', w: 'never', W: 'never', e: 'never', F: 'no', 'no-fork': '=F', Z: 'never',
};

/** nsenter(1): only the network namespace is another here. */
export const nsenter: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, NSENTER, { exit: 1, stopAtOperand: true });
  if (failed !== null) return failed;
  const given = new Map(options);
  const wants = given.has('n') || given.has('a');
  let ns: NetNamespace = process.ns;
  if (wants) {
    const target = given.get('t');
    const path = (given.get('n') ?? '').replace(/^=/, '') || (target === undefined ? '' : `/proc/${target}/ns/net`);
    if (path === '') {
      complain(process, 'no target PID specified for --target');
      return 1;
    }
    const found = namespaceOfPath(process, path);
    if (found instanceof KernelError) {
      complain(process, found.errno === 'EINVAL' ? `reassociate to namespace 'ns/net' failed: Invalid argument` : `cannot open ${path}: ${found.message}`);
      return 1;
    }
    ns = found;
  }
  const argv = operands.length > 0 ? operands : [process.env.get('SHELL') ?? '/bin/sh'];
  if (!process.knows(argv[0]!)) {
    complain(process, `failed to execute ${argv[0]}: No such file or directory`);
    return 127;
  }
  return yield* process.exec(argv, { ns, keepMounts: !given.has('m') && !given.has('a') });
};

const XARGS: OptionSpecs = {
  0: 'no', null: '=0', a: 'yes', 'arg-file': '=a', d: 'yes', delimiter: '=d', E: 'yes', I: 'yes', replace: 'optional', i: '=replace', L: 'yes', 'max-lines': '=L', n: 'yes', 'max-args': '=n', P: 'never', 'max-procs': '=P', p: 'never',
  r: 'no', 'no-run-if-empty': '=r', s: 'never', t: 'no', verbose: '=t', x: 'no', exit: '=x',
};

/** xargs(1) */
export const xargs: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, XARGS, { exit: 1, stopAtOperand: true });
  if (failed !== null) return failed;
  const given = new Map(options);
  const input = given.has('a') ? process.open(given.get('a')!) : process.stdin;
  const text = yield* readAll(process, input);
  const replace = given.get('I') ?? (given.has('replace') ? given.get('replace') || '{}' : null);
  const base = operands.length > 0 ? operands : ['echo'];
  const items = splitInput(process, text, given, replace !== null);
  if (items === null) return 1;
  let commands: (readonly string[])[];
  if (replace !== null) commands = items.map((item) => base.map((word) => word.replaceAll(replace, item)));
  else {
    const size = Number(given.get('n') ?? (given.has('L') ? given.get('L') : 0)) || Math.max(items.length, 1);
    commands = items.length === 0 ? (given.has('r') ? [] : [base]) : Array.from({ length: Math.ceil(items.length / size) }, (_, i) => [...base, ...items.slice(i * size, (i + 1) * size)]);
  }
  let status = 0;
  for (const argv of commands) {
    if (given.has('t')) process.stderr.write(`${argv.join(' ')}\n`);
    if (!process.knows(argv[0]!)) {
      complain(process, `${argv[0]}: No such file or directory`);
      return 127;
    }
    const code = yield* process.run(argv, { stdin: { readable: input.readable, read: () => '', ended: true } });
    if (code === 255) {
      complain(process, `${argv[0]}: exited with status 255; aborting`);
      return 124;
    }
    if (code > 128) {
      complain(process, `${argv[0]}: terminated by signal ${code - 128}`);
      return 125;
    }
    if (code !== 0) status = 123;
  }
  return status;
};

/** The items of the input: words with quotes and backslashes, or what a delimiter separates. */
function splitInput(process: Process, text: string, given: ReadonlyMap<string, string>, byLine: boolean): string[] | null {
  const delimiter = given.has('0') ? '\0' : given.has('d') ? given.get('d')!.replace('\\n', '\n').replace('\\t', '\t').replace('\\0', '\0') : null;
  if (delimiter !== null) {
    const parts = text.split(delimiter);
    if (parts.at(-1) === '') parts.pop();
    return parts;
  }
  if (byLine || given.has('L')) return text.split('\n').map((line) => line.replace(/^[ \t]+/, '')).filter((line) => line !== '');
  const items: string[] = [];
  let item: string | null = null;
  for (const match of text.matchAll(/\\(.)|'([^'\n]*)'|"([^"\n]*)"|(['"])|(\s+)|([^\s\\'"]+)/gs)) {
    const [, escaped, single, double, open, space, plain] = match;
    if (open) {
      complain(process, `unmatched ${open === '"' ? 'double' : 'single'} quote; by default quotes are special to xargs unless you use the -0 option`);
      return null;
    }
    if (space !== undefined) {
      if (item !== null) items.push(item);
      item = null;
    } else item = (item ?? '') + (escaped ?? single ?? double ?? plain ?? '');
  }
  if (item !== null) items.push(item);
  return items;
}

/** kill(1), as a program. */
export const kill: Program = function* (process) {
  const args = process.argv.slice(1);
  let name = 'TERM';
  if (args[0] === '-s') name = args.splice(0, 2)[1] ?? '';
  else if (/^-./.test(args[0] ?? '') && args[0] !== '--') name = args.shift()!.slice(1);
  if (args[0] === '--') args.shift();
  const signal = parseSignal(name);
  if (signal === null || typeof signal !== 'string') {
    if (signal) throw new NotSimulated(`kill -${signal.unknown}`);
    complain(process, `unknown signal ${name}`);
    return 1;
  }
  if (args.length === 0) {
    process.stderr.write('Usage:\n kill [options] <pid|name> [...]\n');
    return 1;
  }
  let status = 0;
  for (const text of args) {
    if (/^-?\d+$/.test(text) && process.kill(Number(text), signal)) continue;
    complain(process, /^-?\d+$/.test(text) ? `(${text}): No such process` : `failed to parse argument: '${text}'`);
    status = 1;
  }
  return status;
};
