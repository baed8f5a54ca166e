import { explain } from './explain.ts';
import { exchangesOf, type Exchange, type Hop, type Journey } from './journey.ts';
import { shownAt, type Granularity } from './levels.ts';
import { namesOf, placeOfStep } from './names.ts';
import { packetEnds, packetName, withArticle } from './packet-name.ts';
import type { Step } from './step.ts';
import type { Trace } from './trace.ts';

export interface TranscriptOptions {
  readonly granularity: Granularity;
  /** First and last step to tell of; exchanges that begin between them are told whole. */
  readonly from?: number;
  readonly to?: number;
  /** Also print the Linux function of each step. */
  readonly functions?: boolean;
}

/** The exchanges of a stretch of the trace as lines of text: what happened, where, when, and why. */
export function transcript(trace: Trace, options: TranscriptOptions, exchanges: readonly Exchange[] = exchangesOf(trace)): string[] {
  const { from = 0, to = trace.steps.length - 1 } = options;
  const lines: string[] = [];
  for (const exchange of exchanges) {
    const first = exchange.steps[0]!;
    if (first < from || first > to) continue;
    if (lines.length > 0) lines.push('');
    lines.push(...exchangeLines(trace, exchange, options));
  }
  return lines;
}

/** `echo request 192.168.1.1 → 192.168.1.2, answered`: what an exchange is, in a line. */
export function exchangeTitle(exchange: Exchange): string {
  const main = exchange.journeys[0]!;
  const answers = [...new Set(exchange.journeys.filter(({ relation, parent, hops }) => relation === 'answer' && parent === main.id && hops.some(({ out }) => out.length > 0)).map(({ packet }) => packetName(packet)))];
  const arps = exchange.journeys.filter(({ relation }) => relation === 'arp-for').length;
  const parts = [`${packetName(main.packet)} ${packetEnds(main.packet)}`.trim()];
  if (arps > 0 && packetName(main.packet) !== 'ARP request') parts.push(arps === 1 ? 'with an ARP request first' : `with ${arps} ARP requests first`);
  if (answers.length > 0) parts.push(`answered by ${answers.map(withArticle).join(' and ')}`);
  return parts.join(', ');
}

function exchangeLines(trace: Trace, exchange: Exchange, options: TranscriptOptions): string[] {
  const names = namesOf(trace);
  const first = trace.steps[exchange.steps[0]!]!;
  const shown = exchange.steps.map((seq) => trace.steps[seq]!).filter((step) => shownAt(step, options.granularity));
  const width = Math.max(0, ...shown.map((step) => names.host(placeOfStep(step)).length));
  return [
    exchangeTitle(exchange),
    ...exchange.journeys.map((journey) => `  ${pathLine(trace, journey)}`),
    ...shown.map((step) => {
      const time = sinceText(step.at - first.at).padStart(13);
      const fn = options.functions && step.fn !== '' ? `  [${step.fn}]` : '';
      return `${time}  ${names.host(placeOfStep(step)).padEnd(width)}  ${explain(step, trace).title}${fn}`;
    }),
  ];
}

/** `+0.010 ms`, `+3.000010 s`. */
function sinceText(ns: number): string {
  return ns < 1e9 ? `+${(ns / 1e6).toFixed(3)} ms` : `+${(ns / 1e9).toFixed(6)} s`;
}

/** What happened in a stretch of the trace outside of every packet's journey: commands that changed something, timers, refusals. */
export function asides(trace: Trace, { granularity, from = 0, to = trace.steps.length - 1, functions }: TranscriptOptions): string[] {
  if (granularity === 'wire') return [];
  const names = namesOf(trace);
  const shown = trace.steps.slice(from, to + 1).filter((step) => step.skb === 0 && isAside(step, trace) && (granularity === 'rules' || shownAt(step, 'stack')));
  const width = Math.max(0, ...shown.map((step) => names.host(placeOfStep(step)).length));
  const begin = trace.steps[from]?.at ?? 0;
  return shown.map((step) => {
    return `${sinceText(step.at - begin).padStart(13)}  ${names.host(placeOfStep(step)).padEnd(width)}  ${explain(step, trace).title}${functions && step.fn !== '' ? `  [${step.fn}]` : ''}`;
  });
}

function isAside(step: Step, trace: Trace): boolean {
  if (step.kind === 'netlink' || step.kind === 'table') return true;
  if (step.kind === 'neigh.state') return step.cause < 0 || trace.steps[step.cause]!.skb === 0;
  return step.kind === 'route.lookup' && (step.result === null || !['unicast', 'local', 'broadcast', 'multicast'].includes(step.result.type));
}

/** `ARP request: veth11 → veth10 → { veth20 → veth22, brx } (delivered to ns2)`: the devices a packet crossed and how it ended. */
function pathLine(trace: Trace, journey: Journey): string {
  const names = namesOf(trace);
  const delivered = [...new Set(journey.outcomes.filter(({ kind }) => kind === 'delivered').map(({ place }) => names.host(place)))];
  const dropped = journey.outcomes.flatMap((outcome) => (outcome.kind === 'dropped' ? [`${outcome.reason} at ${names.host(outcome.place)}`] : []));
  const ends = [...(delivered.length > 0 ? [`delivered to ${delivered.join(', ')}`] : []), ...(dropped.length > 0 ? [`dropped: ${[...new Set(dropped)].join(', ')}`] : [])];
  const path = pathText(trace, journey);
  return `${packetName(journey.packet)}: ${path === '' ? 'never left' : path}${ends.length === 0 ? '' : ` (${ends.join('; ')})`}`;
}

const MOST_HOPS = 200;

function pathText(trace: Trace, { hops }: Journey): string {
  const names = namesOf(trace);
  const left = new Set(hops);
  const label = (hop: Hop, device: string): string => names.device(hop.place, device, hop.steps[0]!);
  const tell = (hop: Hop): string => {
    left.delete(hop);
    const branches = hop.out.map(({ device, peer }) => {
      const next = [...left].find((other) => other.in !== null && `${other.place}:${other.in}` === peer);
      const rest = next ? tell(next) : '';
      return rest === '' ? label(hop, device) : `${label(hop, device)} → ${rest}`;
    });
    branches.push(...hop.also.map((device) => label(hop, device)));
    const onward = branches.length > 1 ? `{ ${branches.join(', ')} }` : (branches[0] ?? '');
    return [...(hop.in === null ? [] : [hop.in]), ...hop.through].map((device) => label(hop, device)).concat(onward === '' ? [] : [onward]).join(' → ');
  };
  if (hops.length > MOST_HOPS) return `${hops.length} hops`;
  const paths: string[] = [];
  for (const hop of hops) if (left.has(hop)) paths.push(tell(hop));
  return paths.filter((path) => path !== '').join('; ');
}
