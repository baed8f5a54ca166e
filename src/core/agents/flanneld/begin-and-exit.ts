import { NotSimulated, type Process } from '../../shell/process.ts';
import { type Config, Panic } from './config.ts';
import { readConfig } from './start.ts';
import { flagsText, parseFlags, type Release, UsageError, type Flags } from './flags.ts';
import { Fatal, klog, setVerbosity } from './log.ts';

const DAY_MINUTES = 24 * 60;

/** What every flanneld begins with: its command line and its configuration; null when it was only asked for its version. */
export function begin(process: Process, release: Release): { readonly flags: Flags; readonly config: Config } | null {
  const flags = parseFlags(process.argv.slice(1), process.env, release);
  setVerbosity(process, flags.verbosity);
  if (flags.version) {
    process.stderr.write(`v${release}\n`);
    return null;
  }
  if (release !== '0.8.0') klog(process, 'I', 'main.go', `CLI flags config: ${flagsText(flags)}`);
  if (flags.leaseRenewMargin >= DAY_MINUTES || flags.leaseRenewMargin <= 0) throw new Fatal('Invalid subnet-lease-renew-margin option, out of acceptable range');
  if (!flags.kubeSubnetMgr) throw new NotSimulated('flanneld with etcd (without --kube-subnet-mgr)');
  return { flags, config: readConfig(process, flags) };
}

/**
 * What flanneld says of an error that ends it, and its exit code: 1, 2 after a panic, but 0 for a command line
 * that it does not understand (it shows how it is used, and that ends it well). What is no error of its own goes on.
 */
export function exitOf(process: Process, error: unknown): number {
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\nUsage: ${process.argv[0]!} [OPTION]...\n`);
    return 0;
  }
  if (error instanceof Panic) {
    process.stderr.write(`panic: ${error.message}\n`);
    return 2;
  }
  if (!(error instanceof Fatal)) throw error;
  klog(process, 'E', error.file, error.message);
  if (error.cancels) klog(process, 'I', 'main.go', 'Stopping shutdownHandler...');
  return 1;
}
