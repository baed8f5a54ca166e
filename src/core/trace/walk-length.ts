import type { NfTableStep } from './step.ts';

/** How many rules the packet met. */
export function rulesWalked({ walk }: NfTableStep): number {
  let sum = 0;
  for (let i = 2; i < walk.length; i += 4) sum += walk[i]!;
  return sum;
}
