import { getViewportForBounds, useReactFlow, type Viewport } from '@xyflow/react';
import { useCallback, useEffect, useRef, type RefObject } from 'react';
import { viewOf, type Run } from '../../store/player.ts';
import type { View } from '../../store/url.ts';
import { placeOf } from '../../store/flights.ts';
import { sceneAt } from '../../store/scene.ts';
import { usePlayer } from '../player/player-context.ts';
import { center, type Layout, type Point } from './layout/geometry.ts';
import { anchorOf } from './motion.ts';

/** Room for the tools above, a little on the other sides. */
const PADDING = { top: '48px', right: '14px', bottom: '14px', left: '14px' } as const;
const SIDE = 14;
const TOP = 48;
/** A frame of this width stands on a desk: smaller letters can be read there. */
const WIDE = 600;
/** `readable`: the size at which a part of the map is shown where the whole would be too small; that is a matter of the screen. */
export const ZOOM = { least: 0.2, readable: 0.68, wide: 0.5, fit: 1.25, most: 3 } as const;

/** Where the reader's eye should be at a step: at the packet, else at the machine that is at work. */
export function focusAt(run: Run, layout: Layout, seq: number, view: View = 'both'): Point | null {
  const { packets } = sceneAt(run.scenes, seq, view);
  const packet = packets.find(({ faded }) => !faded) ?? packets[0];
  const step = run.trace.steps[seq];
  const box = step ? (layout.boxes.get(placeOf(step)) ?? layout.boxes.get(step.machine)) : undefined;
  return (packet && anchorOf(layout, packet.where)) ?? (box ? center(box) : null);
}

/** A part of the map, at a readable size or larger where its height allows it, around a point, without empty room beyond the map's own edges. */
export function viewportAround({ x, y }: Point, layout: Layout, width: number, height: number): Viewport {
  const zoom = Math.max(ZOOM.readable, Math.min(1, (height - TOP - SIDE) / layout.height));
  return {
    zoom, x: shift(x * zoom, layout.width * zoom, SIDE, width - SIDE),
    y: shift(y * zoom, layout.height * zoom, TOP, height - SIDE),
  };
}

/** Where the map's own edge goes so that `at` comes to the middle of the frame from `from` to `to`. */
function shift(at: number, size: number, from: number, to: number): number {
  const room = to - from;
  if (size <= room) return from + (room - size) / 2;
  return Math.max(to - size, Math.min(from, (from + to) / 2 - at));
}

/**
 * Keeps the map in its frame: all of it where that can be read, else the part where the packet is, which then goes with it until the
 * reader moves the map. `toggle` changes between all and the part.
 */
export function useViewport(layout: Layout, frame: RefObject<HTMLDivElement | null>) {
  const player = usePlayer();
  const { setViewport } = useReactFlow();
  const following = useRef(true);
  const show = useCallback(() => {
    if (!frame.current) return;
    const { clientWidth, clientHeight } = frame.current;
    // The library would fit the boxes alone; the cables below them belong to the picture, too.
    const whole = getViewportForBounds({ x: 0, y: 0, width: layout.width, height: layout.height }, clientWidth, clientHeight, ZOOM.least, ZOOM.fit, PADDING);
    const state = player.store.getState();
    const { run, seq } = state;
    const focus = following.current && run && whole.zoom < (clientWidth < WIDE ? ZOOM.readable : ZOOM.wide) ? focusAt(run, layout, seq, viewOf(state)) : null;
    void setViewport(focus ? viewportAround(focus, layout, clientWidth, clientHeight) : whole);
  }, [player, setViewport, layout, frame]);
  useEffect(() => player.store.subscribe((state, before) => {
    if ((state.seq !== before.seq || state.view !== before.view) && following.current) show();
  }), [player, show]);
  const toggle = useCallback(() => {
    following.current = !following.current;
    show();
  }, [show]);
  const onMoved = useCallback((event: unknown) => {
    if (event) following.current = false;
  }, []);
  return { show, toggle, onMoved };
}
