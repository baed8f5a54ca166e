import type { Process } from '../../shell/process.ts';
import { UsageError } from './flags.ts';
import { Fatal, klog } from './log.ts';

/** What flanneld says of an error that ends it, and its exit code: 2 for its command line, 1 for the rest. What is no error of its own goes on. */
export function exitOf(process: Process, error: unknown): number {
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\n`);
    return 2;
  }
  if (!(error instanceof Fatal)) throw error;
  klog(process, 'E', error.file, error.message);
  return 1;
}
