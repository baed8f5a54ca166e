import type { ApiError } from '../store.ts';

/** Ends kubectl with a message on stderr and exit code 1. */
export class Complaint extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Complaint';
  }
}

/** What kubectl prints for an answer of the server that is no success. */
export function serverError(error: ApiError, doing = ''): string {
  // An Invalid answer names its object and is printed as it is.
  if (error.reason === 'Invalid') return error.message;
  return `Error from server (${error.reason}): ${doing === '' ? '' : `${doing}: `}${error.message}`;
}
