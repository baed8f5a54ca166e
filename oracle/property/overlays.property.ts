import { test } from 'vitest';
import { overlayCases, simplerOverlays, type OverlayCase } from './overlay-cases.ts';
import { OVERLAY_WIDTH, overlayLab, overlayText } from './overlay-lab.ts';
import { propertyTest } from './property-test.ts';
import type { CaseKind } from './run-cases.ts';

const OVERLAYS: CaseKind<OverlayCase> = { width: OVERLAY_WIDTH, lab: overlayLab, simpler: simplerOverlays, text: overlayText };

test('random VXLAN overlays: frames, tables, counters, what is printed and exit codes are those of Linux', { timeout: 1_200_000 }, () =>
  propertyTest({ name: 'random overlays', kind: OVERLAYS, cases: overlayCases, runs: 29, ciSeed: 7, folder: 'overlays' }));
