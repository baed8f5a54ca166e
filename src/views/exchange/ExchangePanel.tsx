import { useMemo } from 'react';
import { rowText, type RowRef } from '../../core/index.ts';
import { exchangeView, type ExchangeView, type Hinge, type Leg, type Way } from '../../store/exchange-view.ts';
import { natPorts } from '../../store/usage.ts';
import { stateOf, usePlayer, usePlayerState } from '../player/player-context.ts';
import { Bar } from '../tables/Bar.tsx';
import './exchange.css';

/** A request and its reply side by side, place by place, with the entries between them that tie the two together. */
export default function ExchangePanel() {
  const run = usePlayerState((state) => state.run);
  const seq = usePlayerState((state) => state.seq);
  const view = useMemo(() => (run ? exchangeView(run, seq) : null), [run, seq]);
  if (!run || !view) return <p className="panel-empty">No IP packet is on its way yet. Step on, and it will appear here, with its answer.</p>;
  const rows = rowsOf(view);
  const bars = view.hinges.flatMap((hinge) => natPorts(stateOf(run, seq), hinge.place));
  return (
    <div className="exchange">
      {view.odd.map((line) => (
        <p key={line} className="exchange-odd">
          <b aria-hidden="true">⚠</b> {line}
        </p>
      ))}
      <div className="exchange-heads" aria-hidden="true">
        <span>
          <b>Request ↓</b> {view.request.name}
        </span>
        <span>
          <b>Reply ↑</b> {view.reply?.name ?? 'none'}
        </span>
      </div>
      <ol className="exchange-rows">
        {rows.map(({ place, there, back, hinges }, index) => (
          <li key={index}>
            <PlaceLine place={place} way={view.request} reply={view.reply} first={index === 0} last={index === rows.length - 1} />
            {hinges.map((hinge) => (
              <HingeBox key={hinge.entry.key} hinge={hinge} seq={seq} />
            ))}
            {there === null && back === null ? null : (
              <div className="exchange-legs">
                <LegButton leg={there} name="Request" seq={seq} />
                <LegButton leg={back} name="Reply" seq={seq} />
              </div>
            )}
          </li>
        ))}
      </ol>
      {view.reply ? null : <p className="panel-note">There is no reply.</p>}
      <OtherLegs view={view} seq={seq} />
      {bars.map((bar) => (
        <Bar key={bar.label} usage={bar} />
      ))}
    </div>
  );
}

interface Row {
  readonly place: string;
  readonly there: Leg | null;
  readonly back: Leg | null;
  readonly hinges: readonly Hinge[];
}

/** One row a place of the request, with the leg to the next one, and the reply's leg between the same two. */
function rowsOf({ request, reply, hinges }: ExchangeView): Row[] {
  const shown = new Set<string>();
  return request.places.map((place, index): Row => {
    const there = request.legs[index] ?? null;
    const back = there ? (reply?.legs.findLast((leg) => leg.from === there.to && leg.to === there.from) ?? null) : null;
    const own = shown.has(place) ? [] : hinges.filter((hinge) => hinge.place === place);
    shown.add(place);
    return { place, there, back, hinges: own };
  });
}

interface PlaceLineProps {
  readonly place: string;
  readonly way: Way;
  readonly reply: Way | null;
  readonly first: boolean;
  readonly last: boolean;
}

function PlaceLine({ place, way, reply, first, last }: PlaceLineProps) {
  const ends = [
    first ? 'asks' : '', last && way.end.kind === 'delivered' ? 'gets the request' : '', last && way.end.kind === 'dropped' ? `drops the request: ${way.end.reason}` : '',
    reply?.end.place === place && reply.end.kind === 'dropped' ? `drops the reply: ${reply.end.reason}` : '',
    first && reply?.end.place === place && reply.end.kind === 'delivered' ? 'gets the reply' : '',
  ].filter((part) => part !== '');
  const bad = ends.some((part) => part.startsWith('drops'));
  return (
    <p className={`exchange-place${bad ? ' bad' : ''}`}>
      <b>{place}</b> {ends.join(', ')}
    </p>
  );
}

function LegButton({ leg, name, seq }: { readonly leg: Leg | null; readonly name: string; readonly seq: number }) {
  const player = usePlayer();
  if (!leg) return <span className="exchange-none">{name === 'Reply' ? 'not this way' : ''}</span>;
  const mark = (text: string, changed: boolean) => (changed ? <mark>{text}</mark> : text);
  return (
    <button
      type="button" className={`exchange-leg${leg.seq === seq ? ' now' : leg.seq > seq ? ' later' : ''}`} aria-current={leg.seq === seq ? 'step' : undefined}
      aria-label={`${name} from ${leg.from} to ${leg.to}: ${leg.src} to ${leg.dst}${leg.changed.src ? ', source rewritten' : ''}${leg.changed.dst ? ', destination rewritten' : ''}`}
      onClick={() => player.goTo(leg.seq)}
    >
      <span>{mark(leg.src, leg.changed.src)}</span>
      <span>→ {mark(leg.dst, leg.changed.dst)}</span>
    </button>
  );
}

const DONE: Readonly<Record<Hinge['translated'], string>> = { source: 'source translated', destination: 'destination translated', both: 'both translated', none: 'nothing translated' };

/** The entry: what the request looks like where it came in, and what the reply must look like. */
function HingeBox({ hinge, seq }: { readonly hinge: Hinge; readonly seq: number }) {
  const player = usePlayer();
  const run = usePlayerState((state) => state.run)!;
  const open = (ref: RowRef): void => {
    player.setPanel('tables');
    player.select({ kind: 'row', table: ref.table, key: ref.key });
  };
  return (
    <div className={`hinge ${hinge.translated}`} data-hinge={`${hinge.place}/${hinge.entry.key}`}>
      <p className="hinge-head">
        <button type="button" className="link-button" onClick={() => open(hinge.entry)}>
          connection {hinge.entry.key}
        </button>{' '}
        {DONE[hinge.translated]}
      </p>
      <dl>
        <dt>original</dt>
        <dd>{hinge.original}</dd>
        <dt>reply</dt>
        <dd>{hinge.reply}</dd>
      </dl>
      {hinge.setups.map((setup) => (
        <p key={setup.seq} className="hinge-why">
          <button type="button" className="link-button" onClick={() => player.goTo(setup.seq)}>
            {setup.text}
          </button>
          {setup.rule === null ? ' by no rule' : (
            <>
              {' '}by{' '}
              <button type="button" className="link-button" onClick={() => setup.rule && open(setup.rule)}>
                {rowText(run.trace, setup.rule, Math.max(seq, setup.seq)) ?? 'a rule that is gone'}
              </button>
            </>
          )}
        </p>
      ))}
    </div>
  );
}

/** Legs of the reply between places that the request did not go between. */
function OtherLegs({ view, seq }: { readonly view: ExchangeView; readonly seq: number }) {
  const { request, reply } = view;
  const others = reply?.legs.filter((leg) => !request.legs.some((there) => there.from === leg.to && there.to === leg.from)) ?? [];
  if (others.length === 0) return null;
  return (
    <section className="exchange-other">
      <h2 className="panel-head">The reply’s own way</h2>
      {others.map((leg) => (
        <div key={leg.seq}>
          <p className="exchange-place">
            <b>{leg.from}</b> → <b>{leg.to}</b>
          </p>
          <LegButton leg={leg} name="Reply" seq={seq} />
        </div>
      ))}
    </section>
  );
}
