import type { Ip } from './ip-context.ts';

export interface Flush<Row> {
  /** What the rows are called in the plural. */
  readonly what: string;
  pick(): Row[];
  print(row: Row): void;
  remove(row: Row): void;
  /** One round is enough. */
  readonly once?: boolean;
}

const MAX_ROUNDS = 10;

/** The loop of `ip ... flush`: list, delete what was listed, list again until nothing is left. With `-s` it tells of the rounds. */
export function flushRounds<Row>(ip: Ip, flush: Flush<Row>): number {
  const { stats } = ip.options;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const rows = flush.pick();
    if (rows.length === 0 || (round > 0 && flush.once)) {
      if (stats > 0) ip.out(round === 0 ? 'Nothing to flush.\n' : `*** Flush is complete after ${round} round${round > 1 ? 's' : ''} ***\n`);
      return 0;
    }
    for (const row of rows) {
      if (stats > 1) flush.print(row);
      flush.remove(row);
    }
    if (stats > 0) ip.out(`\n*** Round ${round + 1}, deleting ${rows.length} ${flush.what} ***\n`);
  }
  ip.err(`*** Flush remains incomplete after ${MAX_ROUNDS} rounds. ***\n`);
  return 1;
}
