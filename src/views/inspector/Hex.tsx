import { useMemo } from 'react';
import { encode, layout, type FieldSpan, type Packet } from '../../core/index.ts';
import { HEADER_LOOK } from '../packet/layers.ts';
import { usePlayer, usePlayerState } from '../player/player-context.ts';
import { spanId } from './PacketTree.tsx';

/** The bytes as they are on the wire, each in its layer's colour; a byte and its field light each other up. */
export function Hex({ packet }: { readonly packet: Packet }) {
  const player = usePlayer();
  const selection = usePlayerState((state) => state.selection);
  const bytes = useMemo(() => encode(packet), [packet]);
  const owners = useMemo(() => ownersOf(bytes.length, layout(packet)), [bytes, packet]);
  const lit = selection?.kind === 'field' ? selection.field : null;
  const rows = Array.from({ length: Math.ceil(bytes.length / 16) }, (_, row) => row * 16);
  return (
    <>
      <h2 className="panel-head">Bytes · {bytes.length}</h2>
      <div className="hex" role="group" aria-label="Bytes of the frame" tabIndex={0}>
        {rows.map((start) => (
          <div key={start} className="hex-row">
            <span className="hex-offset">{start.toString(16).padStart(4, '0')}</span>
            {[...bytes.subarray(start, start + 16)].map((byte, index) => {
              const span = owners[start + index];
              const layer = span ? HEADER_LOOK[packet[span.header]!.kind].layer : 'eth';
              return (
                <span
                  key={index} className={`hex-byte ${layer}${span && spanId(span) === lit ? ' lit' : ''}`} title={span ? `${span.label}: ${span.value.slice(0, 60)}` : undefined}
                  onClick={() => span && player.select(spanId(span) === lit ? null : { kind: 'field', header: span.header, field: spanId(span) })}
                >
                  {byte.toString(16).padStart(2, '0')}
                </span>
              );
            })}
          </div>
        ))}
      </div>
    </>
  );
}

/** For every byte the narrowest field that covers it. */
function ownersOf(length: number, spans: readonly FieldSpan[]): (FieldSpan | undefined)[] {
  const owners: (FieldSpan | undefined)[] = new Array<FieldSpan | undefined>(length).fill(undefined);
  for (const span of [...spans].sort((a, b) => b.length - a.length)) {
    for (let i = span.offset; i < span.offset + span.length && i < length; i++) owners[i] = span;
  }
  return owners;
}
