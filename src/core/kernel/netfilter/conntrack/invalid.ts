/** Why the packet that is being looked at is INVALID, or was let through unjudged; '' when nothing is out of order. One packet is served at a time. */
let why = '';

export function noteWhy(text: string): void {
  why = text;
}

/** Gives the reason, once. */
export function takeWhy(): string {
  const taken = why;
  why = '';
  return taken;
}
