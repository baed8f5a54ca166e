import { resolve } from 'node:path';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';
import { scenarios } from './scripts/vite-scenarios.ts';

export default defineConfig({
  base: './',
  plugins: [react(), scenarios()],
  worker: { format: 'iife', plugins: () => [scenarios()] },
  build: {
    target: 'es2023',
    outDir: 'dist',
    manifest: true,
    rollupOptions: {
      input: { main: resolve(import.meta.dirname, 'index.html'), embed: resolve(import.meta.dirname, 'embed/index.html') },
    },
  },
  test: {
    include: ['src/**/*.test.{ts,tsx}', 'oracle/**/*.test.ts', 'scripts/**/*.test.ts', 'scenarios/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: 'forks',
    reporters: ['default'],
  },
});
