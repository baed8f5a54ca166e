import { Trace, type Lab, type SkbInfo, type Step } from '../core/index.ts';
import workerUrl from './simulation-worker.ts?worker&url';
import type { StoryBeat } from './timeline.ts';
import type { FromWorker, ToWorker } from './simulation-worker.ts';

export interface Simulation {
  readonly trace: Trace;
  readonly beats: readonly StoryBeat[];
  /** What was not as the lab promises, for the page to tell. */
  readonly problems: readonly string[];
}

interface SimulateOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (share: number, what: string) => void;
}

/**
 * Runs a lab in a Web Worker, so that the page never waits for it. The trace arrives in pieces. Rejects with the simulation's own
 * message when the lab is wrong; aborting ends the worker at once.
 */
export function simulateInWorker(lab: Lab, { signal, onProgress }: SimulateOptions): Promise<Simulation> {
  return new Promise((resolve, reject) => {
    const worker = startWorker();
    const steps: Step[] = [];
    const skbs: SkbInfo[] = [];
    const end = (): void => {
      worker.terminate();
      signal.removeEventListener('abort', abort);
    };
    const abort = (): void => {
      end();
      reject(new Error('cancelled'));
    };
    signal.addEventListener('abort', abort);
    worker.onerror = (event) => {
      end();
      reject(new Error(event.message || 'The simulation could not start in this browser.'));
    };
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.type === 'progress') onProgress(data.share, data.what);
      else if (data.type === 'steps') steps.push(...data.steps);
      else if (data.type === 'skbs') skbs.push(...data.skbs);
      else if (data.type === 'failed') {
        end();
        reject(new Error(data.message));
      } else {
        end();
        resolve({ trace: new Trace(steps, skbs), beats: data.beats, problems: data.problems });
      }
    };
    const message: ToWorker = { lab };
    worker.postMessage(message);
  });
}

/**
 * A frame that is sandboxed without an origin may not start a worker from the site's address, but may from a blob of its own, and
 * a classic worker may import the script from anywhere. (The development server serves modules only.)
 */
function startWorker(): Worker {
  const url = new URL(workerUrl, import.meta.url).href;
  if (import.meta.env.DEV) return new Worker(url, { type: 'module' });
  if (self.origin !== 'null') return new Worker(url);
  return new Worker(URL.createObjectURL(new Blob([`importScripts(${JSON.stringify(url)});`], { type: 'text/javascript' })));
}
