import { AGENTS } from '../agents/registry.ts';
import { CLUSTER_PROGRAMS } from '../cluster/registry.ts';
import { PROGRAMS } from '../programs/registry.ts';
import type { Programs } from '../shell/computer.ts';

/** Everything that a machine of a lab can run: Linux's programs, the agents, and the cluster's. */
export const LAB_PROGRAMS: Programs = { ...PROGRAMS, ...AGENTS, ...CLUSTER_PROGRAMS };
