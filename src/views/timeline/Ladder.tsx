import { memo, useEffect, useMemo, useRef } from 'react';
import { formatIpv4, type Step } from '../../core/index.ts';
import { agentLane, agentLog, answerTo, scriptBehind } from '../../store/agents.ts';
import { placeOf, whereIs, type Where } from '../../store/flights.ts';
import { layerOf, type Layer } from '../../store/scene.ts';
import type { Run } from '../../store/player.ts';
import { usePlayer, usePlayerState } from '../player/player-context.ts';

/** Height of a lane: as high as lets all of them be seen in `ROOM`, between these. */
const LANE = 22;
const LOW_LANE = 16;
const ROOM = 170;
/** The line above all lanes, where the cursor's head and the words are: there they cover nothing. */
const HEAD = 16;
/** Width of the column of names, which stays while the rungs scroll. */
const NAMES = 118;
/** Width of a stop: as wide as fits, between these. */
const NARROW = 17;
const WIDE = 44;
const TYPICAL = 700;
/** Where the cursor stands in the part that is seen, as a share of its width. */
const CURSOR = 0.6;
/** Of a long journey the ladder shows a part: this many stops at least on each side of the current one. */
const SIDE = 40;
/** The part moves on by so many stops at once, so that most steps move the cursor alone. */
const STRIDE = 40;
const SHOWN = 2 * SIDE + STRIDE + 1;

interface Mark {
  readonly index: number;
  readonly seq: number;
  readonly from: string;
  readonly to: string | null;
  readonly layer: Layer;
  readonly dropped: boolean;
  /** What is said, where kernel and agent talk; else ''. */
  readonly words: string;
}

/** The journey as a sequence diagram: a lane for each place, a rung for each frame between two, a dot for each decision. */
export default function Ladder() {
  const player = usePlayer();
  const run = usePlayerState((state) => state.run);
  const stops = usePlayerState((state) => state.stops);
  const at = usePlayerState((state) => state.at);
  const begin = Math.max(0, Math.min(Math.floor((at - SIDE) / STRIDE) * STRIDE, stops.length - SHOWN));
  const marks = useMemo(() => (run ? marksOf(run, stops.slice(begin, begin + SHOWN), begin) : []), [run, stops, begin]);
  const lanes = useMemo(() => lanesOf(marks, run), [marks, run]);
  const step = Math.max(NARROW, Math.min(WIDE, (TYPICAL - NAMES) / Math.max(1, stops.length)));
  const lane = Math.max(LOW_LANE, Math.min(LANE, Math.floor(ROOM / lanes.length)));
  const y = (name: string): number => lane / 2 + lanes.indexOf(name) * lane;
  const here = marks.filter((mark) => mark.index === at);
  const used = here.flatMap(({ from, to }) => (to === null ? [y(from)] : [y(from), y(to)]));
  const frame = useFollow((at - begin) * step, Math.min(...used) - lane / 2, Math.max(...used) + lane / 2);
  if (!run || lanes.length === 0) return null;
  const x = (index: number): number => 14 + (index - begin) * step;
  const width = Math.max(x(Math.min(stops.length, begin + SHOWN)) + 8, 300);
  const height = lanes.length * lane;
  return (
    <div className="ladder" aria-hidden="true" ref={frame}>
      <div className="ladder-names" style={{ width: NAMES, height: height + HEAD }}>
        {lanes.map((name) => (
          <span key={name} style={{ top: HEAD + y(name) - 8 }} title={name}>
            {nameOf(name, run)}
          </span>
        ))}
      </div>
      <div className="ladder-lanes" onClick={(event) => {
        const left = event.currentTarget.getBoundingClientRect().left;
        const index = Math.round((event.clientX - left - 14) / step) + begin;
        if (stops[index] !== undefined) player.send({ type: 'SEEK', seq: stops[index] });
      }}>
        <Head marks={here} x={x(at)} width={width} />
        <svg width={width} height={height}>
          {lanes.map((name) => (
            <path key={name} className="ladder-lane" d={`M0 ${y(name)}H${width}`} />
          ))}
          <path className="ladder-cursor" d={`M${x(at)} 0V${height}`} />
          {/* By their place, so that another part of the journey is drawn with what is there. */}
          {marks.map((mark, i) => (
            <LadderMark key={i} mark={mark} x={x(mark.index)} y1={y(mark.from)} y2={mark.to === null ? null : y(mark.to)} future={mark.index > at} />
          ))}
        </svg>
      </div>
    </div>
  );
}

/** Keeps the cursor and the lanes of its marks, from `top` to `bottom`, in the part that is seen. */
function useFollow(x: number, top: number, bottom: number) {
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!frame.current) return;
    const { clientWidth, clientHeight, scrollTop } = frame.current;
    frame.current.scrollLeft = x - (clientWidth - NAMES) * CURSOR;
    if (top < bottom) frame.current.scrollTop = Math.min(top, Math.max(bottom + HEAD - clientHeight, scrollTop));
  }, [x, top, bottom]);
  return frame;
}

/** The cursor's head, and what is said at it. */
function Head({ marks, x, width }: { readonly marks: readonly Mark[]; readonly x: number; readonly width: number }) {
  return (
    <svg className="ladder-head" width={width} height={HEAD}>
      {marks.filter(({ words }) => words !== '').map((mark) => (
        <Words key={mark.seq} text={mark.words} x={x} width={width} />
      ))}
      <path className="ladder-cursor" d={`M${x} 9V${HEAD}M${x - 5} 3h10l-5 7z`} />
    </svg>
  );
}

/** Width of a letter of what is said. */
const LETTER = 6.7;

/** What is said, on the side of the cursor that has more room in the part that is seen. */
function Words({ text, x, width }: { readonly text: string; readonly x: number; readonly width: number }) {
  const seen = TYPICAL - NAMES;
  const begin = Math.max(0, Math.min(x - seen * CURSOR, width - seen));
  const left = x - begin > seen / 2;
  const most = Math.floor(((left ? x - begin : begin + seen - x) - 14) / LETTER);
  return (
    <text className="ladder-words" x={left ? x - 9 : x + 9} y={HEAD / 2} textAnchor={left ? 'end' : 'start'}>
      {text.length > most ? `${text.slice(0, most - 1)}…` : text}
    </text>
  );
}

interface MarkProps {
  readonly mark: Mark;
  readonly x: number;
  readonly y1: number;
  readonly y2: number | null;
  readonly future: boolean;
}

const LadderMark = memo(function LadderMark({ mark, x, y1, y2, future }: MarkProps) {
  return (
    <g className={`ladder-mark ${mark.layer}${future ? ' future' : ''}`}>
      {mark.words === '' ? null : <title>{mark.words}</title>}
      {y2 === null ? (
        mark.dropped ? <path className="ladder-cross" d={`M${x - 4} ${y1 - 4}l8 8m0-8l-8 8`} /> : <circle cx={x} cy={y1} r={3} />
      ) : (
        <>
          <path d={`M${x} ${y1}V${y2}`} />
          <circle cx={x} cy={y1} r={3.5} />
          <path className="ladder-tip" d={y2 > y1 ? `M${x - 3.5} ${y2 - 6}h7l-3.5 6z` : `M${x - 3.5} ${y2 + 6}h7l-3.5-6z`} />
        </>
      )}
    </g>
  );
});

/** The lane of a place: its namespace, or the bridge or the switch itself. A port is its bridge's, but the end of a tunnel works for its host. */
function laneOf(run: Run, where: Where): string {
  if (where.kind === 'link') return laneOf(run, { kind: 'device', id: where.from });
  if (where.kind !== 'device') return where.id;
  const device = run.topology.devices.get(where.id);
  if (!device) return where.id.split(':')[0]!;
  if (device.kind === 'bridge') return device.id;
  return (device.tunnel === null ? device.master : null) ?? where.id.split(':')[0]!;
}

function marksOf(run: Run, stops: readonly number[], begin: number): Mark[] {
  const marks: Mark[] = [];
  stops.forEach((stop, offset) => {
    for (const step of together(run, stop)) {
      const talk = talkOf(run, step);
      if (talk) marks.push({ index: begin + offset, seq: step.seq, layer: 'ctl', dropped: false, ...talk });
      if (!step.packet || talk) continue;
      const where = whereIs(step, run.scenes.switches);
      const from = laneOf(run, where);
      const to = where.kind === 'link' ? laneOf(run, run.scenes.switches.has(where.to) ? { kind: 'switch', id: where.to } : { kind: 'device', id: where.to }) : null;
      marks.push({ index: begin + offset, seq: step.seq, from, to: to === from ? null : to, layer: layerOf(step.packet), dropped: step.kind === 'drop', words: '' });
    }
  });
  return marks;
}

/** Kernel and agent: the kernel asks or tells, the agent gives its command, the kernel writes the entry. Null for every other step. */
function talkOf(run: Run, step: Step): Pick<Mark, 'from' | 'to' | 'words'> | null {
  const kernel = placeOf(step);
  switch (step.kind) {
    case 'netlink.notify': {
      const agent = answerTo(run, step);
      if (!step.miss && !agent) return null;
      return { from: kernel, to: agent ? agentLane(agent) : null, words: step.text.trim() };
    }
    case 'agent': return { from: agentLane(step), to: step.run === null ? null : kernel, words: (step.run ?? step.why).split('\n')[0]! };
    case 'igmp.join':
    case 'igmp.leave': return { from: kernel, to: null, words: `${step.kind === 'igmp.join' ? 'joins' : 'leaves'} ${formatIpv4(step.groupAddress)}` };
    case 'netlink': {
      const script = scriptBehind(run, step);
      if (script) return { from: agentLane(script), to: kernel, words: script.argv.join(' ') };
      return step.changes.length > 0 ? { from: kernel, to: null, words: step.request } : null;
    }
    default: return null;
  }
}

/** The step of a stop, and the frames of the same flood before it. */
function together(run: Run, stop: number): Step[] {
  const step = run.trace.steps[stop]!;
  const steps = [step];
  for (let i = stop - 1; step.kind === 'dev.xmit' && i >= 0; i--) {
    const before = run.trace.steps[i]!;
    if (before.kind !== 'dev.xmit' || before.at !== step.at || before.machine !== step.machine || before.netns !== step.netns) break;
    steps.unshift(before);
  }
  return steps;
}

/** Lanes in the order of the map: machine by machine, its namespaces, its bridges, its root; switches last. */
function lanesOf(marks: readonly Mark[], run: Run | null): string[] {
  const used = new Set(marks.flatMap((mark) => (mark.to === null ? [mark.from] : [mark.from, mark.to])));
  if (!run) return [];
  const order: string[] = [];
  const agents = [...new Set(agentLog(run).flatMap((line) => (line.kind === 'netlink.notify' ? [] : [agentLane(line)])))];
  for (const machine of run.topology.machines) {
    const root = machine.namespaces.find((namespace) => namespace.name === '')!;
    for (const namespace of machine.namespaces) if (namespace !== root) order.push(namespace.id, ...namespace.devices.filter((device) => device.kind === 'bridge').map((device) => device.id));
    order.push(...root.devices.filter((device) => device.kind === 'bridge').map((device) => device.id), root.id);
    order.push(...agents.filter((lane) => lane.split(/[ /]/)[0] === machine.name));
  }
  order.push(...run.topology.switches.map((lan) => lan.name));
  return [...order.filter((lane) => used.has(lane)), ...[...used].filter((lane) => !order.includes(lane))];
}

/** Several machines may have a bridge of the same name. */
function nameOf(lane: string, { topology }: Run): string {
  const [place, device] = lane.split(':') as [string, string?];
  const name = device === undefined ? lane : topology.machines.length > 1 ? `${place.split('/').at(-1)!} ${device}` : device;
  return name.length > 15 ? `${name.slice(0, 14)}…` : name;
}
