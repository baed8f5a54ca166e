import type { InputStream } from '../process.ts';
import type { Shell } from './shell.ts';

/** What a descriptor reads from; null when it is not open for reading. */
export function openFd(shell: Shell, fd: number): InputStream | null {
  return shell.task.files.get(fd)?.input ?? null;
}
