import type { Explanation } from './explain.ts';
import { namesOf, placeOfStep } from './names.ts';
import type { TcpStateStep, TcpRetransmitStep } from './step.ts';
import type { Trace } from './trace.ts';

export function explainTcp(step: TcpStateStep | TcpRetransmitStep, trace: Trace): Explanation {
  const host = namesOf(trace).host(placeOfStep(step));
  return { title: `${host}: ${step.kind}`, text: '' };
}
