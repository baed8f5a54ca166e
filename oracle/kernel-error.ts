/** Why a lab cannot be recorded on the kernel of this computer at all. */
export type UnavailableReason = 'not-linux' | 'not-root' | 'no-namespaces' | 'tools-missing';

/** The real kernel cannot be used here. `message` says what is missing; callers say what they leave out. */
export class KernelUnavailableError extends Error {
  override readonly name = 'KernelUnavailableError';
  readonly reason: UnavailableReason;

  constructor(reason: UnavailableReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** A lab could not be run to its end: a setup failed, a machine did not start, frames were lost, the caller aborted. */
export class KernelRunError extends Error {
  override readonly name = 'KernelRunError';
}
