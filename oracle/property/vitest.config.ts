import { defineConfig } from 'vitest/config';

/** Random cases on the real kernel (`npm run property`): one file after the other and nothing beside them, because the programs in them have little time. */
export default defineConfig({ test: { include: ['oracle/property/*.property.ts'], pool: 'forks', fileParallelism: false, reporters: ['default'] } });
