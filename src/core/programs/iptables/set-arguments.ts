import type { OptionCall } from './extension.ts';
import { fail } from './xtables-error.ts';

/** IPSET_MAXNAMELEN, IPSET_DIM_MAX. */
const NAME_SIZE = 32;
const DIMENSIONS = 6;

export interface SetReference {
  readonly set: string;
  readonly dimensions: readonly ('src' | 'dst')[];
}

/** The two words behind `--match-set`, `--add-set`, `--del-set`. */
export function parseSetReference(call: OptionCall): SetReference {
  const directions = call.next() ?? fail(`--${call.option} requires two args.`);
  const set = call.arg;
  if (set.length > NAME_SIZE - 1) fail(`setname \`${set}' too long, max ${NAME_SIZE - 1} characters.`);
  if (call.env.setDimensions(set) === null) fail(`Set ${set} doesn't exist.\n`);
  const words = directions.split(',');
  if (words.length > DIMENSIONS) fail(`Can't be more src/dst options than ${DIMENSIONS}.`);
  const dimensions = words.map((word) => (word === 'src' || word === 'dst' ? word : fail("You must spefify (the comma separated list of) 'src' or 'dst'.")));
  return { set, dimensions };
}
