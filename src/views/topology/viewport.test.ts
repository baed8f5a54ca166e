import { describe, expect, it } from 'vitest';
import type { Layout } from './layout/geometry.ts';
import { viewportAround, ZOOM } from './viewport.ts';

const layout: Layout = { width: 1600, height: 900, boxes: new Map(), routes: new Map(), buses: [] };

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
    expect(viewportAround({ x: 0, y: 0 }, layout, 390, 800).x).toBe(14);
    const { x, y, zoom } = viewportAround({ x: 1600, y: 0 }, { ...layout, height: 300 }, 390, 800);
    expect(x + 1600 * zoom).toBeCloseTo(390 - 14);
    expect(y + (300 * zoom) / 2).toBeCloseTo((48 + 800 - 14) / 2);
  });

  it('is larger where the height allows it, but no larger than life', () => {
    expect(viewportAround({ x: 0, y: 0 }, layout, 390, 400).zoom).toBe(ZOOM.readable);
    expect(viewportAround({ x: 0, y: 0 }, layout, 390, 48 + 0.8 * 900 + 14).zoom).toBeCloseTo(0.8);
    expect(viewportAround({ x: 0, y: 0 }, { ...layout, height: 300 }, 390, 600).zoom).toBe(1);
  });
});
