import { KernelError } from '../../kernel/errno.ts';

/** Codes of the CNI specification (SPEC.md, "Error"), and 999 for what a plugin says of its own (types.ErrInternal). */
export const CNI_INCOMPATIBLE_VERSION = 1;
export const CNI_UNKNOWN_CONTAINER = 3;
export const CNI_INVALID_ENVIRONMENT = 4;
export const CNI_IO_FAILURE = 5;
export const CNI_DECODING_FAILURE = 6;
export const CNI_INVALID_CONFIG = 7;
export const CNI_INVALID_NETNS = 8;
export const CNI_INTERNAL = 999;

/** What a plugin that failed prints: `{code, msg, details}`. */
export class CniError extends Error {
  readonly code: number;
  readonly details: string;

  constructor(code: number, message: string, details = '') {
    super(message);
    this.code = code;
    this.details = details;
  }

  /** The error in one line, as libcni passes it on (types.Error.Error). */
  get text(): string {
    return this.details === '' ? this.message : `${this.message}; ${this.details}`;
  }
}

/** Ends a plugin with an error of its own. */
export function fail(message: string): never {
  throw new CniError(CNI_INTERNAL, message);
}

/** Does something; what a plugin says of its failure begins with `before`. */
export function explained<Value>(before: string, act: () => Value, code = CNI_INTERNAL): Value {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    throw new CniError(code, `${before}${error.text}`);
  }
}

/** strerror(3) as Go's syscall.Errno says it. */
export function goErrno(error: KernelError): string {
  return error.message.charAt(0).toLowerCase() + error.message.slice(1);
}

/** Does something with a file; an error is Go's os.PathError: `open /run/flannel/subnet.env: no such file or directory`. */
export function withPath<Value>(what: string, path: string, act: () => Value): Value {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return fail(`${what} ${path}: ${goErrno(error)}`);
  }
}
