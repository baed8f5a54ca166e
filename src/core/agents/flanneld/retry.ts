import type { Process } from '../../shell/process.ts';
import { MILLISECOND } from '../../sim/time.ts';
import { type AgentRunning, agentRandom } from '../agent.ts';
import type { Pause } from './backend.ts';
import { klog } from './log.ts';

/** The defaults of retry-go, which flannel uses (pkg/retry). */
const ATTEMPTS = 10;
const FIRST_DELAY_MS = 100;
const JITTER_MS = 100;

/** One attempt: what went wrong, or null. `again`: words for the reason of a command that is not the first. */
export type Attempt = (again: string) => AgentRunning<string | null>;

/** retry.Do: tries ten times, and waits twice as long after each; 51 seconds in all. Gives what went wrong, or null. */
export function* retry(process: Process, pause: Pause, attempt: Attempt): AgentRunning<string | null> {
  const errors: string[] = [];
  for (let n = 0; ; n++) {
    const error = yield* attempt(n === 0 ? '' : ` (attempt ${n + 1} of ${ATTEMPTS})`);
    if (error === null) return null;
    errors.push(error);
    klog(process, 'E', 'retry.go', `#${n}: ${error}`);
    if (n === ATTEMPTS - 1) return `All attempts fail:\n${errors.map((one, i) => `#${i + 1}: ${one}`).join('\n')}`;
    yield* pause(process.now + (FIRST_DELAY_MS * 2 ** n + agentRandom(process.machine).below(JITTER_MS)) * MILLISECOND);
  }
}
