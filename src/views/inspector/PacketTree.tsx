import { useMemo, type MouseEvent } from 'react';
import { encode, layout, type FieldChange, type FieldSpan, type Packet } from '../../core/index.ts';
import { packetChanges } from '../../store/packet-history.ts';
import { innerIndex } from '../../store/tunnels.ts';
import { HEADER_LOOK } from '../packet/layers.ts';
import { usePlayer, usePlayerState } from '../player/player-context.ts';

/** A MAC address as its device's name; other text as it is. */
export type NameMac = (text: string) => string;

interface PacketTreeProps {
  readonly packet: Packet;
  readonly before: Packet | null;
  readonly nameMac: NameMac;
}

export function PacketTree({ packet, before, nameMac }: PacketTreeProps) {
  const spans = useMemo(() => layout(packet), [packet]);
  const changes = useMemo(() => (before ? packetChanges(before, packet) : []), [before, packet]);
  const sizes = useMemo(() => headerSizes(spans, encode(packet).length), [spans, packet]);
  const inner = innerIndex(packet);
  return (
    <div className="packet-tree" role="group" aria-label="Headers of the packet">
      {packet.map((header, index) => {
        const { name, layer } = HEADER_LOOK[header.kind];
        const added = before === null || changes.some((change) => change.change === 'added' && change.index === index && change.field === null);
        const rewritten = changes.some((change) => change.change === 'changed' && change.index === index);
        return (
          <section key={index} className={`layer ${layer}${inner > 0 && index >= inner ? ' carried' : ''}`}>
            <h2>
              {name} <span>{sizes.get(index) ?? 0} B{added ? ' · new' : rewritten ? ' · rewritten' : ''}</span>
            </h2>
            <dl>
              {spans.filter((span) => span.header === index && worthShowing(span)).map((span) => (
                <FieldRow key={`${span.field}@${span.offset}.${span.bits?.from ?? 0}`} span={span} change={changes.find((change) => change.change === 'changed' && change.index === index && change.field === span.field)} nameMac={nameMac} />
              ))}
            </dl>
          </section>
        );
      })}
    </div>
  );
}

/** Derived and constant fields are in the hex view; the tree shows what somebody decided. */
const QUIET = new Set(['checksum', 'headerLength', 'version', 'totalLength', 'hardwareType', 'protocolType', 'hardwareSize', 'protocolSize', 'reserved', 'tos', 'length', 'htype', 'ptype', 'hlen', 'plen', 'ihl']);
function worthShowing(span: FieldSpan): boolean {
  if (span.quoted) return ['src', 'dst', 'ttl', 'protocol', 'type', 'code'].includes(span.field);
  if (QUIET.has(span.field)) return false;
  return !(span.kind === 'ipv4' && ((span.field === 'offset' && span.value.startsWith('0')) || span.field === 'mf' && span.value !== '1' && span.value !== 'set'));
}

function FieldRow({ span, change, nameMac }: { readonly span: FieldSpan; readonly change: FieldChange | undefined; readonly nameMac: NameMac }) {
  const player = usePlayer();
  const selected = usePlayerState(({ selection }) => selection?.kind === 'field' && selection.header === span.header && selection.field === spanId(span));
  const value = span.kind === 'data' && !span.quoted ? shorten(span.value) : nameMac(span.value);
  return (
    <>
      <dt>{labelOf(span)}</dt>
      <dd>
        <button
          type="button" className={selected ? 'field selected-field' : 'field'} aria-pressed={selected} title={`${span.label}: ${span.value}; byte ${span.offset}`}
          onClick={() => player.select(selected ? null : { kind: 'field', header: span.header, field: spanId(span) })}
        >
          {change?.old ? <s>{nameMac(change.old)}</s> : null} {change ? <mark>{value}</mark> : value}
        </button>
        {change && span.kind !== 'eth' ? (
          <button type="button" className="field why" aria-label={`Who changed ${span.label}`} title="Who changed it" onClick={showWhy}>
            why?
          </button>
        ) : null}
      </dd>
    </>
  );
}

/** `VXLAN Network Identifier (VNI)` is called by what stands in the brackets; the tooltip has the whole name. */
function labelOf({ label }: FieldSpan): string {
  return (/\(([A-Z]+)\)$/.exec(label)?.[1] ?? label).toLowerCase();
}

/** To the list of who has rewritten what, below the headers. */
function showWhy(event: MouseEvent<HTMLElement>): void {
  const list = event.currentTarget.closest('.inspector-body')?.querySelector<HTMLElement>('.rewritten');
  list?.scrollIntoView({ block: 'nearest' });
  list?.focus();
}

export function spanId(span: FieldSpan): string {
  return `${span.kind}.${span.field}@${span.offset}`;
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 38)}…` : text;
}

function headerSizes(spans: readonly FieldSpan[], total: number): ReadonlyMap<number, number> {
  const starts = new Map<number, number>();
  for (const span of spans) if (!starts.has(span.header) || span.offset < starts.get(span.header)!) starts.set(span.header, span.offset);
  const order = [...starts].sort((a, b) => a[1] - b[1]);
  return new Map(order.map(([header, start], index) => [header, (order[index + 1]?.[1] ?? total) - start]));
}
