import { forEachChild, type ParsedScript, type ParseError, type Statement, type SyntaxNode } from 'unbash';
import { Discard } from './control.ts';
import { runStatement } from './execute.ts';
import type { Shell, Step } from './shell.ts';
import type { Source } from './source.ts';
import { syntaxErrorText } from './syntax-errors.ts';

/** Who runs the text, as it shows in messages about its syntax. */
export type ScriptKind = 'main' | 'eval' | 'source' | 'trap';

/** The first error of a script or of a substitution in it; null when there is none. */
export function firstError(script: ParsedScript): ParseError | null {
  let first: ParseError | null = null;
  const visit = (node: SyntaxNode, nested: boolean): void => {
    const own = node.type === 'Script' && (node as ParsedScript).source === undefined ? node.errors : undefined;
    for (const error of own ?? (nested ? [] : (script.errors ?? []))) if (!first || error.pos < first.pos) first = error;
    forEachChild(node, (child) => visit(child, true));
  };
  visit(script, false);
  return first;
}

/**
 * Runs a script as bash reads it, line by line: an expansion that fails throws the rest of its line away; what stands before a
 * syntax error has already run.
 */
export function* runScript(shell: Shell, script: ParsedScript, kind: ScriptKind): Step {
  const error = firstError(script);
  const { source } = shell;
  const broken = error ? brokenStatement(script, error, source) : script.commands.length;
  let status = kind === 'main' ? 0 : shell.status;
  if (kind === 'eval' || kind === 'source') status = 0;
  for (const unit of units(script.commands, source)) {
    if (unit.some((statement) => script.commands.indexOf(statement) >= broken)) break;
    status = yield* runUnit(shell, unit, kind === 'main' && !error && unit.at(-1) === script.commands.at(-1) && script.commands.length === 1);
  }
  if (!error) return status;
  shell.err(syntaxErrorText(shell, error, kind));
  return (shell.status = kind === 'source' ? 1 : 2);
}

/** Index of the first statement that the error spoils: the one it is in, or on whose line it is. */
function brokenStatement(script: ParsedScript, error: ParseError, source: Source): number {
  const { commands } = script;
  const after = commands.findIndex((statement) => statement.pos > error.pos);
  const last = (after < 0 ? commands.length : after) - 1;
  if (last < 0) return 0;
  const complete = error.message.startsWith('unexpected token') && source.line(Math.max(commands[last]!.pos, commands[last]!.end - 1)) < source.line(error.pos);
  return complete ? last + 1 : last;
}

/** Statements that bash reads together, because they are on one line. */
function units(statements: readonly Statement[], source: Source): Statement[][] {
  const groups: Statement[][] = [];
  let end = -1;
  for (const statement of statements) {
    const line = source.line(statement.pos);
    if (line === end) groups.at(-1)!.push(statement);
    else groups.push([statement]);
    end = source.line(Math.max(statement.pos, statement.end - 1));
  }
  return groups;
}

function* runUnit(shell: Shell, unit: readonly Statement[], last: boolean): Step {
  let status = 0;
  try {
    for (const statement of unit) status = yield* runStatement(shell, statement, { last: last && shell.traps.size === 0 });
  } catch (error) {
    if (!(error instanceof Discard) || shell.calls.length > 0) throw error;
    status = shell.status = error.status;
    shell.tolerant = 0;
  }
  return status;
}
