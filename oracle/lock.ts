import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KernelRunError } from './kernel-error.ts';

/**
 * One lab at a time on this computer (neighbour tables and timers are the whole machine's): waits for the lock, and answers with what
 * gives it back. The lock goes with this process, however it ends.
 */
export async function lockKernel(onWait?: () => void): Promise<() => void> {
  const file = join(tmpdir(), 'hopscope-kernel.lock');
  const holder = spawn('flock', ['--exclusive', file, 'sh', '-c', 'echo locked; exec cat'], { stdio: ['pipe', 'pipe', 'ignore'], detached: true });
  const waiting = setTimeout(() => onWait?.(), 2000);
  try {
    await new Promise<void>((resolve, reject) => {
      holder.stdout.once('data', () => resolve());
      holder.once('error', reject);
      holder.once('exit', (code) => reject(new KernelRunError(`${file} cannot be locked (flock ended with ${code})`)));
    });
  } finally {
    clearTimeout(waiting);
  }
  holder.removeAllListeners('exit');
  holder.unref();
  return () => {
    holder.stdin.end();
    holder.stdout.destroy();
  };
}
