import type { ArithmeticFor, Case, CompoundCommand, CompoundList, For, If, Redirected, While } from 'unbash';
import { arithmeticText } from './arithmetic-text.ts';
import { evaluateOrFail } from './arithmetic.ts';
import { plainQuotes } from './assignments.ts';
import { runConditional } from './conditional.ts';
import { Discard, LoopExit } from './control.ts';
import { checked, type Place, runList, setStatus, tolerantly } from './execute.ts';
import { reportForeground } from './jobs.ts';
import { matchesPattern } from './pattern.ts';
import { applyRedirects } from './redirects.ts';
import type { Shell, Step } from './shell.ts';
import { runSubshell } from './subshell.ts';
import { waitFor } from './substitution.ts';
import { expandPattern, expandText, expandWords } from './words.ts';
import { trace } from './xtrace.ts';

/** if, for, while, case, `{ }`, `( )`, `[[ ]]`, `(( ))`. */
export function* runCompound(shell: Shell, node: CompoundCommand | Redirected | CompoundList, place: Place): Step {
  switch (node.type) {
    case 'Redirected': return yield* runRedirected(shell, node, place);
    case 'CompoundList': return yield* runList(shell, node);
    case 'BraceGroup': return yield* runList(shell, node.body);
    case 'Subshell': return yield* checked(shell, yield* runInSubshell(shell, node, place));
    case 'If': return setStatus(shell, yield* runIf(shell, node));
    case 'While': return setStatus(shell, yield* runWhile(shell, node));
    case 'For': return setStatus(shell, yield* runFor(shell, node));
    case 'ArithmeticFor': return setStatus(shell, yield* runArithmeticFor(shell, node));
    case 'Case': return yield* runCase(shell, node);
    case 'TestCommand': {
      shell.at(node);
      return yield* checked(shell, yield* runConditional(shell, node.expression));
    }
    case 'ArithmeticCommand': {
      shell.at(node);
      return yield* checked(shell, (yield* evaluateTraced(shell, node.body)) ? 0 : 1);
    }
    case 'Select': {
      shell.at(node);
      return shell.notSimulated('select');
    }
  }
}

function* runRedirected(shell: Shell, node: Redirected, place: Place): Step {
  shell.at(node);
  const redirected = yield* applyRedirects(shell, node.redirects);
  if (!redirected) return yield* checked(shell, 1);
  try {
    return yield* runCompound(shell, node.command, place);
  } finally {
    redirected.undo();
  }
}

function* runInSubshell(shell: Shell, node: Extract<CompoundCommand, { type: 'Subshell' }>, place: Place): Step {
  if (place.last && shell.traps.size === 0) {
    shell.subshells++;
    return yield* runSubshell(shell, node.body.commands);
  }
  const child = shell.fork((copy) => runSubshell(copy, node.body.commands));
  const status = yield* waitFor(shell, child);
  reportForeground(shell, child, node);
  return status;
}

function* runIf(shell: Shell, node: If): Step {
  if ((yield* tolerantly(shell, () => runList(shell, node.clause))) === 0) return yield* runList(shell, node.then);
  for (const branch of node.elif) {
    if ((yield* tolerantly(shell, () => runList(shell, branch.clause))) === 0) return yield* runList(shell, branch.then);
  }
  return node.else ? yield* runList(shell, node.else) : 0;
}

/** One turn of a loop. `left`: the loop is over. */
function* turn(shell: Shell, body: CompoundList): Step<{ readonly status: number; readonly left: boolean }> {
  try {
    return { status: yield* runList(shell, body), left: false };
  } catch (error) {
    if (!(error instanceof LoopExit)) throw error;
    if (error.levels > 1 && shell.loops > 1) {
      error.levels--;
      throw error;
    }
    return { status: 0, left: error.kind === 'break' };
  }
}

function* runWhile(shell: Shell, node: While): Step {
  let status = 0;
  shell.loops++;
  try {
    for (;;) {
      shell.task.work();
      let condition: number;
      try {
        condition = yield* tolerantly(shell, () => runList(shell, node.clause));
      } catch (error) {
        if (!(error instanceof LoopExit) || (error.levels > 1 && shell.loops > 1)) throw error;
        if (error.kind === 'break') return 0;
        continue;
      }
      if ((condition === 0) !== (node.kind === 'while')) return status;
      const turned = yield* turn(shell, node.body);
      status = turned.status;
      if (turned.left) return status;
    }
  } finally {
    shell.loops--;
  }
}

function* runFor(shell: Shell, node: For): Step {
  shell.at(node);
  const words = node.wordlist ? yield* expandWords(shell, node.wordlist) : [...shell.positional];
  let status = 0;
  shell.loops++;
  try {
    for (const word of words) {
      shell.task.work();
      shell.at(node);
      if (shell.set.has('xtrace')) yield* trace(shell, `for ${node.name.text} in ${node.wordlist ? node.wordlist.map(plainQuotes).join(' ') : '"$@"'}`);
      shell.assign(node.name.text, word);
      const turned = yield* turn(shell, node.body);
      status = turned.status;
      if (turned.left) return status;
    }
    return status;
  } finally {
    shell.loops--;
  }
}

function* runArithmeticFor(shell: Shell, node: ArithmeticFor): Step {
  const evaluate = function* (part: { readonly pos: number; readonly end: number } | undefined): Step<bigint | null> {
    if (!part) return 1n;
    shell.at(node);
    return yield* evaluateTraced(shell, shell.source.slice(part));
  };
  let status = 0;
  if ((yield* evaluate(node.initialize)) === null) return 1;
  shell.loops++;
  try {
    for (;;) {
      shell.task.work();
      const condition = yield* evaluate(node.test);
      if (condition === null) return 1;
      if (condition === 0n) return status;
      const turned = yield* turn(shell, node.body);
      status = turned.status;
      if (turned.left) return status;
      yield* evaluate(node.update);
    }
  } finally {
    shell.loops--;
  }
}

/** Evaluates the text of `((...))`; null, after its message, when it is wrong. The trace shows it expanded, a blank at each end. */
function* evaluateTraced(shell: Shell, body: string): Step<bigint | null> {
  const text = yield* arithmeticText(shell, body);
  if (shell.set.has('xtrace')) yield* trace(shell, `(( ${text.trim()} ))`);
  try {
    return evaluateOrFail(shell, text, '((');
  } catch (error) {
    if (error instanceof Discard) return null;
    throw error;
  }
}

function* runCase(shell: Shell, node: Case): Step {
  shell.at(node);
  const word = yield* expandText(shell, node.word);
  if (shell.set.has('xtrace')) yield* trace(shell, `case ${node.word.text} in`);
  const options = { extended: shell.shopt.has('extglob'), ignoreCase: shell.shopt.has('nocasematch') };
  let status = 0;
  let falls = false;
  for (const item of node.items) {
    let matches = falls;
    for (const pattern of matches ? [] : item.pattern) {
      if (matchesPattern(word, yield* expandPattern(shell, pattern), options)) {
        matches = true;
        break;
      }
    }
    if (!matches) continue;
    status = yield* runList(shell, item.body);
    falls = item.terminator === ';&';
    if (item.terminator !== ';&' && item.terminator !== ';;&') break;
  }
  return setStatus(shell, status);
}
