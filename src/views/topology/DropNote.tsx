import { useMemo } from 'react';
import type { DropReason } from '../../core/index.ts';
import { sceneAt } from '../../store/scene.ts';
import { usePlayerState } from '../player/player-context.ts';
import type { Layout } from './layout/geometry.ts';
import { noteAt } from './motion.ts';

/** Where a packet died, and why, beside it on the map. */
export function DropNote({ layout }: { readonly layout: Layout }) {
  const run = usePlayerState((state) => state.run);
  const seq = usePlayerState((state) => state.seq);
  const drop = useMemo(() => (run && seq >= 0 ? sceneAt(run.scenes, seq).drop : null), [run, seq]);
  if (!run || !drop) return null;
  const at = noteAt(layout, drop.where);
  if (!at) return null;
  return (
    <div className="map-drop" style={{ transform: `translate(${at.x}px, ${at.y}px) translate(-50%, 0)` }}>
      <b>{drop.reason}</b> {run.captions.DROP_REASONS[drop.reason as DropReason]?.[0] ?? drop.detail}
    </div>
  );
}
