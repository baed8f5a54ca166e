import { defineConfig } from 'vitest/config';

/** Random rules on the real kernel (`npm run property`): alone, because the programs in them have little time. */
export default defineConfig({ test: { include: ['oracle/property/*.property.ts'], pool: 'forks', reporters: ['default'] } });
