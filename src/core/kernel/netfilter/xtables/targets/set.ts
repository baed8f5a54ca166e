import { setChange } from '../set-port.ts';
import type { XtTargetFn } from '../xt-param.ts';
import type { XtTarget } from '../xt-rule.ts';

/** set_target_v3 */
export function setTarget(target: Extract<XtTarget, { name: 'SET' }>): XtTargetFn {
  return (par) => {
    setChange(par, target);
    return 'continue';
  };
}
