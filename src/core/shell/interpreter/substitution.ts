import type { CommandExpansionPart, ProcessSubstitutionPart, Redirect, Script } from 'unbash';
import { KernelError } from '../../kernel/errno.ts';
import { openFile } from '../open-file.ts';
import type { InputStream } from '../process.ts';
import { Pipe } from '../streams.ts';
import type { Task } from '../task.ts';
import { runSubshell } from './subshell.ts';
import type { Shell, Step } from './shell.ts';
import { Source } from './source.ts';
import { expandText } from './words.ts';

/** `$(...)`: what the commands print, without the newlines at its end. */
export function* substituteCommand(shell: Shell, part: CommandExpansionPart): Step<string> {
  const { script } = part;
  if (!script) return '';
  const file = fileOnly(script);
  if (file) return yield* readFile(shell, file);
  const pipe = new Pipe();
  const child = shell.fork((copy) => {
    copy.inSubstitution = true;
    copy.substitutions++;
    if (!shell.shopt.has('inherit_errexit')) copy.set.delete('errexit');
    copy.source = sourceOf(shell, part, script);
    return runSubshell(copy, script.commands);
  });
  child.files.set(1, pipe.writer);
  shell.enter();
  let text = '';
  try {
    text = yield* readAll(shell, pipe.reader.input!);
  } finally {
    pipe.reader.close();
    shell.leave();
  }
  shell.substituted = yield* waitFor(shell, child);
  if (text.includes('\0')) {
    shell.complain('warning: command substitution: ignored null byte in input');
    text = text.replaceAll('\0', '');
  }
  return text.replace(/\n+$/, '');
}

/** Backquotes have a text of their own. */
function sourceOf(shell: Shell, part: { readonly pos: number }, script: Script): Source {
  return script.source === undefined ? shell.source : new Source(script.source, shell.source.line(part.pos));
}

/** `$(< file)`: the redirect; null for anything else. */
function fileOnly(script: Script): Redirect | null {
  const only = script.commands.length === 1 ? script.commands[0]!.command : null;
  if (only?.type !== 'Command' || only.name || only.prefix.length + only.suffix.length !== 1) return null;
  const [redirect] = only.redirects;
  return redirect?.type === 'Redirect' && redirect.operator === '<' && !redirect.descriptor ? redirect : null;
}

function* readFile(shell: Shell, redirect: Redirect): Step<string> {
  const path = redirect.target ? yield* expandText(shell, redirect.target) : '';
  try {
    const file = openFile(shell.task, path, 'read');
    const text = yield* readAll(shell, file.input!);
    file.close();
    shell.substituted = 0;
    return text.replaceAll('\0', '').replace(/\n+$/, '');
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    shell.complain(`${path}: ${error.message}`);
    shell.substituted = 1;
    return '';
  }
}

/** Reads until the end. */
export function* readAll(shell: Shell, input: InputStream): Step<string> {
  let text = '';
  for (;;) {
    const piece = input.read();
    if (piece !== '') {
      text += piece;
      shell.task.work();
      shell.checkSize(text);
    } else if (input.ended) return text;
    else if ((yield { queues: [input.readable], deadline: null }) === 'signal') shell.collectSignals();
  }
}

/** Waits until a child has ended; its status. */
export function* waitFor(shell: Shell, child: Task): Step {
  while (child.exitCode === null) {
    if ((yield { queues: [child.exited], deadline: null }) === 'signal') shell.collectSignals();
  }
  return child.exitCode;
}

const FIRST_SUBSTITUTION_FD = 63;

/** `<(...)` and `>(...)`: the name of a descriptor that leads to or from the commands. */
export function* substituteProcess(shell: Shell, part: ProcessSubstitutionPart): Step<string> {
  const pipe = new Pipe();
  const reads = part.operator === '<';
  const child = shell.fork((copy) => {
    copy.inSubstitution = true;
    copy.substitutions++;
    copy.source = part.script ? sourceOf(shell, part, part.script) : shell.source;
    return runSubshell(copy, part.script?.commands ?? []);
  });
  child.files.set(reads ? 1 : 0, reads ? pipe.writer : pipe.reader);
  shell.lastBackground = child;
  let fd = FIRST_SUBSTITUTION_FD;
  while (shell.task.files.get(fd)) fd--;
  shell.task.files.set(fd, reads ? pipe.reader : pipe.writer);
  shell.substitutionFds.push(fd);
  return `/dev/fd/${fd}`;
}
