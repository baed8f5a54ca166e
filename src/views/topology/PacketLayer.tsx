import { useCallback, useEffect, useLayoutEffect, useMemo, useRef } from 'react';
import { viewOf, type Run } from '../../store/player.ts';
import type { View } from '../../store/url.ts';
import type { ScenePacket } from '../../store/scene.ts';
import { sceneAt } from '../../store/scene.ts';
import { PacketStrip } from '../packet/PacketStrip.tsx';
import { usePlayer, usePlayerState } from '../player/player-context.ts';
import { reducedMotion } from '../theme/theme.ts';
import type { Layout, Point } from './layout/geometry.ts';
import { ease, pathBetween } from './motion.ts';

/** Milliseconds that a packet travels between two stops at speed 1, and that it rests there while playing. */
const TRAVEL = 520;
const REST = 420;
/** Steps beyond which a move is a jump: nothing travels. */
const FAR = 64;

interface Moving {
  readonly packet: ScenePacket;
  readonly path: (t: number) => Point;
}

/**
 * The packets of the current stop, over the map. Their place is a function of the share of the way between two stops, driven by
 * one clock; at rest every packet stands exactly where its step says.
 */
export function PacketLayer({ layout }: { readonly layout: Layout }) {
  const run = usePlayerState((state) => state.run);
  const seq = usePlayerState((state) => state.seq);
  const from = usePlayerState((state) => state.from);
  const elements = useRef(new Map<string, HTMLDivElement>());
  const view = usePlayerState(viewOf);
  const moving = useMemo(() => (run && seq >= 0 ? movingAt(run, layout, seq, from, view) : []), [run, seq, from, layout, view]);
  const place = useCallback((t: number): void => {
    for (const { packet, path } of moving) {
      const element = elements.current.get(keyOf(packet));
      const { x, y } = path(t);
      if (element) element.style.transform = `translate(${x.toFixed(2)}px, ${y.toFixed(2)}px) translate(-50%, -50%)`;
    }
  }, [moving]);
  useClock(place);
  const crowd = moving.length > 3;
  return (
    <>
      {moving.map(({ packet }) => (
        <div
          key={keyOf(packet)}
          className={`map-packet ${packet.layer}${packet.faded ? ' faded' : ''}`}
          data-packet={packet.skb}
          data-where={packet.where.kind === 'link' ? `${packet.where.from}~${packet.where.to}` : packet.where.id}
          ref={(element) => {
            if (element) elements.current.set(keyOf(packet), element);
            else elements.current.delete(keyOf(packet));
          }}
        >
          <PacketStrip packet={packet.packet} state={packet.state} small={crowd} change={packet.change} outer={packet.outer} closed={view === 'underlay'} />
        </div>
      ))}
    </>
  );
}

function keyOf({ skb, copy }: ScenePacket): string {
  return `${skb}.${copy}`;
}

function movingAt(run: Run, layout: Layout, seq: number, from: number, view: View): Moving[] {
  const before = from >= 0 && Math.abs(seq - from) < FAR ? sceneAt(run.scenes, from, view).packets : [];
  return sceneAt(run.scenes, seq, view).packets.map((packet) => {
    const old = before.find((other) => other.skb === packet.skb) ?? before.find((other) => other.skb === run.trace.skbs[packet.skb]?.parent);
    return { packet, path: pathBetween(layout, old?.where ?? null, packet.where) };
  });
}

/** Runs from one stop to the next: places the packets at every frame, and says when they have arrived. */
function useClock(place: (t: number) => void): void {
  const player = usePlayer();
  const mode = usePlayerState((state) => state.mode);
  const seq = usePlayerState((state) => state.seq);
  const from = usePlayerState((state) => state.from);
  const speed = usePlayerState((state) => state.speed);
  useLayoutEffect(() => place(mode === 'stepping' || mode === 'playing' ? 0 : 1), [place, mode]);
  useEffect(() => {
    if (mode !== 'stepping' && mode !== 'playing') return;
    const still = reducedMotion() || Math.abs(seq - from) >= FAR;
    const travel = still ? 0 : TRAVEL / speed;
    const total = travel + (mode === 'playing' ? (still ? TRAVEL + REST : REST) / speed : 0);
    if (total === 0) {
      place(1);
      player.send({ type: 'ARRIVED' });
      return;
    }
    let begun: number | null = null;
    let frame = requestAnimationFrame(function tick(now) {
      begun ??= now;
      const passed = now - begun;
      place(travel === 0 ? 1 : ease(Math.min(1, passed / travel)));
      if (passed < total) frame = requestAnimationFrame(tick);
      else player.send({ type: 'ARRIVED' });
    });
    return () => cancelAnimationFrame(frame);
  }, [player, mode, seq, from, speed, place]);
}
