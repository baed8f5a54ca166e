import { test } from 'vitest';
import { ruleLab, WIDTH } from './case-lab.ts';
import { cases, restoreText, simpler, type Case } from './cases.ts';
import { propertyTest } from './property-test.ts';
import type { CaseKind } from './run-cases.ts';

const RULES: CaseKind<Case> = {
  width: WIDTH, lab: ruleLab, simpler,
  text: (one) => `${restoreText(one)}\n${one.sends.map(({ from, command }) => `${from}$ ${command}`).join('\n')}`,
};

test('random rules and packets: frames, counters, connections, exit codes and the rules walked are those of Linux', { timeout: 1_200_000 }, () =>
  propertyTest({ name: 'random rules', kind: RULES, cases, runs: 300, ciSeed: 32, folder: '.' }));
