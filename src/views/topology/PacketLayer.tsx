import { useEffect, useLayoutEffect, useMemo, useRef } from 'react';
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

interface Moving {
  readonly packet: ScenePacket;
  readonly path: (t: number) => Point;
}

/**
 * The packets of the current stop, over the map. Their place is a function of the share of the way between two stops, driven by
 * one clock; at rest every packet stands exactly where its step says.
 */
export function PacketLayer({ layout }: { readonly layout: Layout }) {
  const player = usePlayer();
  const run = usePlayerState((state) => state.run);
  const seq = usePlayerState((state) => state.seq);
  const from = usePlayerState((state) => state.from);
  const mode = usePlayerState((state) => state.mode);
  const speed = usePlayerState((state) => state.speed);
  const elements = useRef(new Map<number, HTMLDivElement>());
  const moving = useMemo((): Moving[] => {
    if (!run || seq < 0) return [];
    const before = Math.abs(seq - from) < 64 && from >= 0 ? sceneAt(run.scenes, from).packets : [];
    const parents = new Map(run.trace.skbs.map((info) => [info.id, info.parent]));
    return sceneAt(run.scenes, seq).packets.map((packet) => {
      const old = before.find((other) => other.skb === packet.skb) ?? before.find((other) => other.skb === parents.get(packet.skb));
      return { packet, path: pathBetween(layout, old?.where ?? null, packet.where) };
    });
  }, [run, seq, from, layout]);

  const place = (t: number): void => {
    for (const { packet, path } of moving) {
      const element = elements.current.get(packet.skb);
      const { x, y } = path(t);
      if (element) element.style.transform = `translate(${x.toFixed(2)}px, ${y.toFixed(2)}px) translate(-50%, -50%)`;
    }
  };
  useLayoutEffect(() => {
    place(mode === 'stepping' || mode === 'playing' ? 0 : 1);
  });
  useEffect(() => {
    if (mode !== 'stepping' && mode !== 'playing') return;
    const still = reducedMotion() || mode === 'stepping' && Math.abs(seq - from) >= 64;
    const travel = still ? 0 : TRAVEL / speed;
    const total = travel + (mode === 'playing' ? (still ? 1200 : REST) / speed : 0);
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
    // The clock restarts for every stop, not for every render.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [mode, seq, from, speed, moving]);

  const crowd = moving.length > 3;
  return (
    <>
      {moving.map(({ packet }) => (
        <div
          key={packet.skb}
          className={`map-packet ${packet.layer}`}
          data-packet={packet.skb}
          data-where={packet.where.kind === 'link' ? `${packet.where.from}~${packet.where.to}` : packet.where.id}
          ref={(element) => {
            if (element) elements.current.set(packet.skb, element);
            else elements.current.delete(packet.skb);
          }}
        >
          <PacketStrip packet={packet.packet} state={packet.state} small={crowd} />
        </div>
      ))}
    </>
  );
}
