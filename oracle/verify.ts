import type { KernelRecording, Lab, LabRecord } from '../src/core/index.ts';
import { compareRecords, type Difference } from './compare.ts';
import { recordOnKernel, type RecordOptions } from './record-on-kernel.ts';

export interface Verification {
  readonly kernel: KernelRecording;
  readonly simulator: LabRecord;
  /** In which the simulator is wrong. */
  readonly differences: readonly Difference[];
  /** In which the kernel differs from itself when the lab runs again: neither side is right. */
  readonly unstable: readonly Difference[];
}

/**
 * Runs a lab on the kernel, then in the simulator with every step at the time it began on the kernel, and compares. Where they differ the
 * kernel is asked once more; what it does not repeat itself is unstable. Errors: those of recordOnKernel, and the simulator's.
 */
export async function verifyLab(lab: Lab, simulate: (lab: Lab) => LabRecord | Promise<LabRecord>, options: RecordOptions = {}): Promise<Verification> {
  const kernel = await recordOnKernel(lab, options);
  const simulator = await simulate(atTimesOf(lab, kernel));
  const found = compareRecords(lab, kernel, simulator);
  if (found.length === 0) return { kernel, simulator, differences: [], unstable: [] };
  const again = compareRecords(lab, kernel, await recordOnKernel(lab, options));
  const wavers = ({ step, where }: Difference): boolean => again.some((other) => other.step === step && other.where === where);
  return { kernel, simulator, differences: found.filter((difference) => !wavers(difference)), unstable: found.filter(wavers) };
}

/** The lab with each step `at` the time it began on the kernel, so that timers (ARP, ageing) stand where they stood there. */
export function atTimesOf(lab: Lab, recording: LabRecord): Lab {
  return { ...lab, steps: lab.steps.map((step, index) => ({ ...step, at: (recording.steps[index]?.startNs ?? 0) / 1e9 })) };
}
