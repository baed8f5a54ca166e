import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';
import type { Lab } from '../src/core/index.ts';
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

interface Chapter {
  readonly chapter: string;
  readonly title: string;
  /** Ids in the order of the course. */
  readonly scenarios: readonly string[];
}

interface Listed {
  readonly file: string;
  readonly lab: Lab;
  readonly chapterTitle: string;
}

/** All scenarios, parsed, in the order of scenarios/chapters.json. Throws with every fault of every file, or when one is not listed. */
export function listScenarios(root: string): Listed[] {
  const chapters = JSON.parse(readFileSync(join(root, 'scenarios', 'chapters.json'), 'utf8')) as Chapter[];
  const labs = new Map<string, { file: string; lab: Lab }>();
  const faults: string[] = [];
  for (const file of scenarioFiles(root)) {
    const result = parseLab(readFileSync(file, 'utf8'), { file });
    if (result.ok) labs.set(result.lab.id, { file, lab: result.lab });
    else faults.push(...result.errors.map((error) => `${file}:${error.line}:${error.column}: ${error.message}`));
  }
  const listed = chapters.flatMap(({ chapter, title, scenarios }, index) =>
    scenarios.flatMap((id): Listed[] => {
      const found = labs.get(id);
      if (!found || found.lab.chapter !== chapter) {
        faults.push(`scenarios/chapters.json: ${chapter} has no scenario ${id}`);
        return [];
      }
      labs.delete(id);
      return [{ ...found, chapterTitle: `${index + 1} · ${title}` }];
    }));
  for (const id of labs.keys()) faults.push(`scenarios/chapters.json does not list ${id}`);
  if (faults.length > 0) throw new Error(faults.join('\n'));
  return listed;
}

/**
 * Gives the page its scenarios already parsed, so that it needs no YAML: `virtual:scenarios` lists id, title, chapter, summary and
 * a loader each; `virtual:scenario/<id>` is the whole lab.
 */
export function scenarios(): Plugin {
  let root = process.cwd();
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
        const entries = listScenarios(root).map(({ file, lab, chapterTitle }) => {
          this.addWatchFile(file);
          return `{ ...${JSON.stringify(describe(lab, chapterTitle))}, load: () => import(${JSON.stringify(ONE + lab.id)}).then((module) => module.default) }`;
        });
        return `export default [${entries.join(',\n')}];`;
      }
      if (id.startsWith(`\0${ONE}`)) {
        const name = id.slice(ONE.length + 1);
        const found = listScenarios(root).find(({ lab }) => lab.id === name);
        if (!found) throw new Error(`there is no scenario ${name}`);
        this.addWatchFile(found.file);
        return `export default ${JSON.stringify(found.lab)};`;
      }
      return null;
    },
  };
}

function describe({ id, title, chapter, summary, steps }: Lab, chapterTitle: string): object {
  const beats = steps.flatMap((step) => step.beats);
  return { id, title, chapter, chapterTitle, summary, beats: beats.length, questions: beats.filter((beat) => beat.ask).length };
}
