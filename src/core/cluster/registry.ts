import type { Program } from '../shell/process.ts';
import { kubectl } from './kubectl/kubectl.ts';

/** Programs that talk to the cluster's API server, by name. core/lab joins them with the others. */
export const CLUSTER_PROGRAMS: Readonly<Record<string, Program>> = {
  kubectl,
};
