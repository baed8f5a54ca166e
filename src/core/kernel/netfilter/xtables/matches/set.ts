import type { XtMatcher } from '../xt-param.ts';
import type { SetMatch } from '../xt-rule.ts';
import { setTest } from '../set-port.ts';

/** set_match_v4 */
export function setMatch({ set, dimensions, invert, returnNomatch }: SetMatch): XtMatcher {
  return (par) => setTest(par, set, dimensions, returnNomatch) !== invert;
}
