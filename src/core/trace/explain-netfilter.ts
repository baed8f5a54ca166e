import type { Explanation } from './explain.ts';
import { namesOf, placeOfStep } from './names.ts';
import type { NfTableStep, NfLogStep } from './step.ts';
import type { Trace } from './trace.ts';

export function explainNetfilter(step: NfTableStep | NfLogStep, trace: Trace): Explanation {
  const host = namesOf(trace).host(placeOfStep(step));
  return { title: step.kind === 'nf.log' ? `Logged: ${step.line}` : `${host}: ${step.table} ${step.hook} says ${step.verdict}`, text: '' };
}
