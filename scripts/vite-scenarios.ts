import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';
import { parseLab } from '../src/core/lab/parse.ts';

const INDEX = 'virtual:scenarios';
const ONE = 'virtual:scenario/';

/** Paths of all scenario files, by chapter and name. */
export function scenarioFiles(root: string): string[] {
  return readdirSync(join(root, 'scenarios'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.yaml'))
    .sort()
    .map((file) => join(root, 'scenarios', file));
}

/**
 * Gives the page its scenarios already parsed, so that it needs no YAML: `virtual:scenarios` lists id, title, chapter, summary and
 * a loader each; `virtual:scenario/<id>` is the whole lab.
 */
export function scenarios(): Plugin {
  let root = process.cwd();
  const labs = () =>
    scenarioFiles(root).map((file) => {
      const result = parseLab(readFileSync(file, 'utf8'), { file });
      if (!result.ok) throw new Error(result.errors.map((error) => `${file}:${error.line}:${error.column}: ${error.message}`).join('\n'));
      return { file, lab: result.lab };
    });
  return {
    name: 'hopscope-scenarios',
    configResolved(config) {
      root = config.root;
    },
    resolveId(id) {
      return id === INDEX || id.startsWith(ONE) ? `\0${id}` : null;
    },
    load(id) {
      if (id === `\0${INDEX}`) {
        const entries = labs().map(({ file, lab }) => {
          this.addWatchFile(file);
          const { id: name, title, chapter, summary } = lab;
          const questions = lab.steps.flatMap((step) => step.beats).filter((beat) => beat.ask).length;
          const beats = lab.steps.reduce((sum, step) => sum + step.beats.length, 0);
          const meta = JSON.stringify({ id: name, title, chapter, summary, beats, questions });
          return `{ ...${meta}, load: () => import(${JSON.stringify(ONE + name)}).then((module) => module.default) }`;
        });
        return `export default [${entries.join(',\n')}];`;
      }
      if (id.startsWith(`\0${ONE}`)) {
        const name = id.slice(ONE.length + 1);
        const found = labs().find(({ lab }) => lab.id === name);
        if (!found) throw new Error(`there is no scenario ${name}`);
        this.addWatchFile(found.file);
        return `export default ${JSON.stringify(found.lab)};`;
      }
      return null;
    },
  };
}
