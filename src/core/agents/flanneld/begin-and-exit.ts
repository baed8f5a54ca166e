import { NotSimulated, type Process } from '../../shell/process.ts';
import type { Config } from './config.ts';
import { readConfig } from './start.ts';
import { parseFlags, UsageError, type Flags } from './flags.ts';
import { Fatal, klog } from './log.ts';

/** What every flanneld begins with: its command line and its configuration; null when it was only asked for its version. */
export function begin(process: Process, version: string): { readonly flags: Flags; readonly config: Config } | null {
  const flags = parseFlags(process.argv.slice(1));
  if (flags.version) {
    process.stderr.write(`${version}\n`);
    return null;
  }
  if (!flags.kubeSubnetMgr) throw new NotSimulated('flanneld with etcd (without --kube-subnet-mgr)');
  return { flags, config: readConfig(process, flags) };
}

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
