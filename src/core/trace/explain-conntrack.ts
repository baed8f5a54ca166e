import type { Explanation } from './explain.ts';
import { namesOf, placeOfStep } from './names.ts';
import type { ConntrackInStep, ConntrackConfirmStep, ConntrackStateStep, NatSetupStep, NatRewriteStep } from './step.ts';
import type { Trace } from './trace.ts';

export function explainConntrack(step: ConntrackInStep | ConntrackConfirmStep | ConntrackStateStep | NatSetupStep | NatRewriteStep, trace: Trace): Explanation {
  const host = namesOf(trace).host(placeOfStep(step));
  return { title: `${host}: ${step.kind}`, text: '' };
}
