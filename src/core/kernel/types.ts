/** Small shared type names of the kernel, in one place so that its files need not import one another for them. */
export type { RouteType, NudState } from '../trace/step.ts';
export type { Scope } from './rows.ts';
