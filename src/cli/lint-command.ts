import { formatProblem, lintLab, lintScript } from '../core/index.ts';
import { expand, load } from './files.ts';
import { parseOptions } from './options.ts';
import { UsageError, type Output } from './output.ts';

/** `hopscope lint FILE...`: what of labs and scripts is not simulated. */
export function lintCommand(words: readonly string[], output: Output): number {
  const { files } = parseOptions('lint', words, {});
  if (files.length === 0) throw new UsageError('hopscope lint: give at least one lab or shell script');
  let findings = 0;
  for (const file of expand(files)) {
    const { kind, text, lab, locate } = load(file);
    const problems = kind === 'script' ? lintScript(text, file) : lintLab(lab, text, file, locate);
    findings += problems.length;
    for (const problem of problems) output.out(`${formatProblem(problem)}\n`);
  }
  output.out(findings === 0 ? 'Everything is simulated.\n' : `${findings} ${findings === 1 ? 'thing is' : 'things are'} not simulated.\n`);
  return findings === 0 ? 0 : 1;
}
