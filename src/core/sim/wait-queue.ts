/**
 * Where a coroutine sleeps until something happens (Linux's wait_queue_head). The kernel only wakes; who sleeps here is the
 * process scheduler's business.
 */
export class WaitQueue {
  readonly waiters = new Set<() => void>();

  wake(): void {
    if (this.waiters.size === 0) return;
    if (this.waiters.size === 1) {
      for (const wakeUp of this.waiters) return wakeUp();
    }
    for (const wakeUp of [...this.waiters]) wakeUp();
  }
}
