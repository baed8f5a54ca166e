/* What says in English what happens at a step. Only the views' captions need it, so it is fetched beside the simulation (see captions.ts). */
export { DROP_REASONS, expandWalk, explain } from '../core/index.ts';
