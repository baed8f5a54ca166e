import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { KernelUnavailableError } from './kernel-error.ts';

/** Commands without which no lab can be recorded, and their Debian packages. */
const NEEDED: Readonly<Record<string, string>> = {
  ip: 'iproute2', bridge: 'iproute2', unshare: 'util-linux', nsenter: 'util-linux', flock: 'util-linux', taskset: 'util-linux',
  python3: 'python3', bash: 'bash',
};

/** The PATH of root on Debian; the labs see this one, with the wrapper of `ip` before it. */
export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Null when labs can be recorded here, otherwise the error that `recordOnKernel` would throw. */
export function kernelUnavailable(): KernelUnavailableError | null {
  if (process.platform !== 'linux') {
    return new KernelUnavailableError('not-linux', `The comparison needs a Linux kernel; this is ${process.platform}.`);
  }
  if (process.getuid?.() !== 0) {
    return new KernelUnavailableError('not-root', 'The comparison with the real kernel needs root (it makes network namespaces).');
  }
  const missing = Object.keys(NEEDED).filter((command) => findCommand(command) === null);
  if (missing.length > 0) {
    const packages = [...new Set(missing.map((command) => NEEDED[command]))].join(' ');
    return new KernelUnavailableError('tools-missing', `Not found: ${missing.join(', ')}. To have them: apt-get install ${packages}`);
  }
  const attempt = spawnSync('unshare', ['--net', '--mount', '--uts', '--pid', '--fork', 'mount', '-t', 'tmpfs', 'tmpfs', '/run'], { encoding: 'utf8' });
  if (attempt.status !== 0) {
    return new KernelUnavailableError('no-namespaces', `Namespaces cannot be made here: ${(attempt.stderr || String(attempt.error ?? '')).trim()}`);
  }
  return null;
}

/** The first `command` of SYSTEM_PATH, or of this process's PATH. */
export function findCommand(command: string): string | null {
  for (const folder of [...SYSTEM_PATH.split(':'), ...(process.env.PATH ?? '').split(delimiter)]) {
    const path = join(folder, command);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      continue;
    }
  }
  return null;
}
