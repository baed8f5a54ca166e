// Writes public/schema/scenario.schema.json from the schema that the parser uses. Run: node --import tsx scripts/make-schema.ts
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { toJsonSchema } from '@valibot/to-json-schema';
import { ScenarioSchema } from '../src/core/lab/schema.ts';

export const SCHEMA_FILE = join(import.meta.dirname, '..', 'public', 'schema', 'scenario.schema.json');

/** The JSON Schema as it is published. What JSON Schema cannot say (a check in code) is left to the parser. */
export function scenarioJsonSchema(): string {
  const schema = toJsonSchema(ScenarioSchema, { errorMode: 'ignore', typeMode: 'input', target: 'draft-07' });
  return `${JSON.stringify({ $schema: 'http://json-schema.org/draft-07/schema#', ...schema }, null, 2)}\n`;
}

if (import.meta.filename === process.argv[1]) {
  mkdirSync(dirname(SCHEMA_FILE), { recursive: true });
  writeFileSync(SCHEMA_FILE, scenarioJsonSchema());
}
