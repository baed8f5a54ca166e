import { resolve } from 'node:path';

/** The project's folder, where npm runs its scripts; the bundle of the benchmarks lies elsewhere. */
export const ROOT = resolve('.');
