import { describe, expect, it } from 'vitest';
import type { Layout } from './layout/geometry.ts';
import { viewportAround, ZOOM } from './viewport.ts';

const layout: Layout = { width: 1600, height: 300, boxes: new Map(), routes: new Map(), buses: [] };

describe('viewportAround', () => {
  it('brings the point into the frame', () => {
    for (const x of [0, 300, 800, 1600]) {
      const { x: left, zoom } = viewportAround({ x, y: 150 }, layout, 390, 600);
      const seen = left + x * zoom;
      expect(seen).toBeGreaterThanOrEqual(14 - 1e-9);
      expect(seen).toBeLessThanOrEqual(390 - 14 + 1e-9);
    }
  });

  it('shows no empty room beyond the edges, and centres what is smaller than the frame', () => {
    expect(viewportAround({ x: 0, y: 0 }, layout, 390, 600).x).toBe(14);
    const { x, y } = viewportAround({ x: 1600, y: 0 }, layout, 390, 600);
    expect(x + 1600 * ZOOM.readable).toBeCloseTo(390 - 14);
    expect(y + (300 * ZOOM.readable) / 2).toBeCloseTo((48 + 600 - 14) / 2);
  });
});
