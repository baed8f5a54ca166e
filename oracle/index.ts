/** Labs on the real kernel, and the comparison with the simulator. */
export { kernelUnavailable } from './availability.ts';
export { compareRecords, type Difference } from './compare.ts';
export { KernelRunError, KernelUnavailableError, type UnavailableReason } from './kernel-error.ts';
export * from './legitimate.ts';
export { printDifferences, type PrintOptions } from './print.ts';
export { recordOnKernel, type RecordOptions } from './record-on-kernel.ts';
export { atTimesOf, verifyLab, type Verification } from './verify.ts';
