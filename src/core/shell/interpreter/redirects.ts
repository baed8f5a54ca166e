import type { HereDoc, Redirection, WordPart } from 'unbash';
import { KernelError } from '../../kernel/errno.ts';
import { openFile, type OpenMode } from '../open-file.ts';
import { OpenFile, textInput } from '../streams.ts';
import { Fields } from './fields.ts';
import type { Shell, Step } from './shell.ts';
import { expandText, expandWords, walkQuoted } from './words.ts';
import { assignTarget } from './parameter.ts';

/** Redirections that are in force: `undo` puts the descriptors back as they were, `keep` leaves them (exec). */
export interface Redirected {
  undo(): void;
  keep(): void;
}

const NOTHING_REDIRECTED: Redirected = { undo() {}, keep() {} };

/** Does the redirections in their order. Null when one failed, its message printed and those before it undone. */
export function* applyRedirects(shell: Shell, redirects: readonly Redirection[]): Step<Redirected | null> {
  if (redirects.length === 0) return NOTHING_REDIRECTED;
  const saved: [number, OpenFile | undefined][] = [];
  const { files } = shell.task;
  const undo = (): void => {
    for (const [fd, file] of saved.splice(0).reverse()) {
      if (file) files.set(fd, file);
      else files.close(fd);
    }
  };
  const save = (fd: number): void => {
    saved.push([fd, files.get(fd)?.dup()]);
  };
  try {
    for (const redirect of redirects) yield* applyOne(shell, redirect, save);
    return { undo, keep: () => saved.splice(0).forEach(([, file]) => file?.close()) };
  } catch (error) {
    undo();
    if (error instanceof RedirectError) {
      shell.complain(error.message);
      return null;
    }
    throw error;
  }
}

class RedirectError extends Error {}

function* applyOne(shell: Shell, redirect: Redirection, save: (fd: number) => void): Step<void> {
  const { files } = shell.task;
  const fd = descriptor(shell, redirect);
  if (redirect.type === 'HereDoc') {
    save(fd);
    files.set(fd, new OpenFile('here-document', textInput(yield* hereDocument(shell, redirect)), null));
    return;
  }
  if (!redirect.target) throw new RedirectError('syntax error near a redirection');
  if (redirect.type === 'HereString') {
    const text = yield* expandText(shell, redirect.target);
    save(fd);
    files.set(fd, new OpenFile('here-string', textInput(`${text}\n`), null));
    return;
  }
  const { operator } = redirect;
  const target = yield* oneWord(shell, redirect.target);
  if (operator === '&>' || operator === '&>>' || (operator === '>&' && !redirect.descriptor && !/^(?:\d+-?|-)$/.test(target))) {
    const file = open(shell, target, operator === '&>>' ? 'append' : 'truncate');
    save(1);
    files.set(1, file);
    save(2);
    files.set(2, file.dup());
    return;
  }
  if (operator === '>&' || operator === '<&') return duplicate(shell, redirect, fd, target, save);
  const mode: OpenMode = operator === '<' ? 'read' : operator === '>>' ? 'append' : operator === '<>' ? 'both' : 'truncate';
  if (operator === '>' && shell.set.has('noclobber') && isFile(shell, target)) throw new RedirectError(`${target}: cannot overwrite existing file`);
  const file = open(shell, target, mode);
  save(fd);
  files.set(fd, file);
  assignDescriptor(shell, redirect, fd);
}

/** `{name}>file`: the shell chooses a descriptor from 10 on and puts its number into the variable. */
function assignDescriptor(shell: Shell, redirect: Redirection, fd: number): void {
  if (redirect.descriptor?.type === 'FileDescriptorVariable') assignTarget(shell, { name: redirect.descriptor.name, index: null }, String(fd));
}

function descriptor(shell: Shell, redirect: Redirection): number {
  const given = redirect.descriptor;
  if (given?.type === 'FileDescriptor') return given.value;
  if (given?.type === 'FileDescriptorVariable') {
    const closes = redirect.type === 'Redirect' && redirect.target?.value === '-';
    return closes ? Number(shell.value(given.name) ?? -1) : shell.task.files.free(10);
  }
  if (redirect.type !== 'Redirect') return 0;
  return redirect.operator.startsWith('<') ? 0 : 1;
}

function* oneWord(shell: Shell, word: NonNullable<Extract<Redirection, { type: 'Redirect' }>['target']>): Step<string> {
  const words = yield* expandWords(shell, [word]);
  if (words.length !== 1) throw new RedirectError(`${word.text}: ambiguous redirect`);
  return words[0]!;
}

function isFile(shell: Shell, path: string): boolean {
  try {
    const file = openFile(shell.task, path, 'read');
    file.close();
    return file.path !== '/dev/null' && !file.pipe;
  } catch (error) {
    if (error instanceof KernelError) return error.errno === 'EISDIR';
    throw error;
  }
}

function open(shell: Shell, path: string, mode: OpenMode): OpenFile {
  try {
    return openFile(shell.task, path, mode);
  } catch (error) {
    if (error instanceof KernelError) throw new RedirectError(`${path}: ${error.message}`);
    throw error;
  }
}

/** `2>&1`, `<&3`, `>&-`, `3>&1-` */
function duplicate(shell: Shell, redirect: Redirection, fd: number, target: string, save: (fd: number) => void): void {
  const { files } = shell.task;
  if (target === '-') {
    save(fd);
    files.close(fd);
    return;
  }
  const match = /^(\d+)(-?)$/.exec(target);
  if (!match) throw new RedirectError(`${target}: ambiguous redirect`);
  const from = Number(match[1]);
  const file = files.get(from);
  if (!file) throw new RedirectError(`${from}: Bad file descriptor`);
  save(fd);
  files.set(fd, file.dup());
  if (match[2] === '-' && from !== fd) {
    save(from);
    files.close(from);
  }
  assignDescriptor(shell, redirect, fd);
}

/** The text of a here-document: with an unquoted delimiter, expanded as in double quotes. */
function* hereDocument(shell: Shell, redirect: HereDoc): Step<string> {
  const strip = redirect.operator === '<<-';
  const body = redirect.closing || redirect.body.text.endsWith('\n') || redirect.body.text === '' ? redirect.body : withNewline(redirect.body);
  if (!redirect.closing && redirect.delimiter) warnUnclosed(shell, redirect);
  if (redirect.delimiter?.quoted || (!body.parts && !body.text.includes('\\'))) return strip ? body.text.replace(/^\t+/gm, '') : body.text;
  if (!body.parts) return unescapeBody(strip ? body.text.replace(/^\t+/gm, '') : body.text);
  const fields = new Fields('text', shell.ifs);
  const parts = !strip ? body.parts : body.parts.map((part, i) => {
    if (part.type !== 'Literal') return part;
    const value = part.value.replace(/\n\t+/g, '\n');
    return { ...part, value: i === 0 ? value.replace(/^\t+/, '') : value };
  });
  yield* walkQuoted(shell, parts, fields);
  return fields.text;
}

/** A here-document that the end of the text cut off still ends its last line. */
function withNewline(body: HereDoc['body']): HereDoc['body'] {
  const newline: WordPart = { type: 'Literal', pos: body.end, end: body.end, value: '\n', text: '\n' };
  return { ...body, text: `${body.text}\n`, parts: body.parts && [...body.parts, newline] };
}

function warnUnclosed(shell: Shell, redirect: HereDoc): void {
  const line = shell.source.line(redirect.pos);
  shell.err(`${shell.errorName}: line ${shell.source.line(shell.source.text.length)}: warning: here-document at line ${line} delimited by end-of-file (wanted \`${redirect.delimiter!.value}')\n`);
}

function unescapeBody(text: string): string {
  return text.replace(/\\([$`\\\n])/g, (_, c: string) => (c === '\n' ? '' : c));
}
