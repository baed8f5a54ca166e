import type { Program } from '../../shell/process.ts';
import { basename, dirname, falseProgram, printf, trueProgram, yes } from './basics.ts';
import { cat } from './cat.ts';
import { echo } from './echo.ts';
import { test } from './test.ts';
import { sleep, timeout } from './time.ts';

/** The programs of coreutils, grep, sed, mawk and their like, by name. */
export const TEXT_PROGRAMS: Readonly<Record<string, Program>> = {
  '[': test, basename, cat, dirname, echo, false: falseProgram, printf, sleep, test, timeout, true: trueProgram, yes,
};
