import { connectionsOf, exchangesOf, formatIpv4, historyOf, journeysOf, packetName, type ConntrackRow, type ConntrackTuple, type Journey, type NatSetupStep, type Packet, type RowRef, type Trace } from '../core/index.ts';
import { placeOf } from './flights.ts';
import type { Run } from './player.ts';

/** One crossing from a namespace to the next, with the addresses that the packet had there. */
export interface Leg {
  readonly from: string;
  readonly to: string;
  readonly seq: number;
  readonly src: string;
  readonly dst: string;
  /** What is not as it was on the leg before. */
  readonly changed: { readonly src: boolean; readonly dst: boolean };
}

export interface Way {
  /** `UDP datagram`. */
  readonly name: string;
  readonly start: number;
  readonly legs: readonly Leg[];
  /** Namespaces in order. */
  readonly places: readonly string[];
  readonly end: { readonly kind: 'delivered' | 'dropped' | 'unknown'; readonly place: string; readonly seq: number; readonly reason: string };
}

/** The entry in one namespace that both directions hang on. */
export interface Hinge {
  readonly place: string;
  readonly entry: RowRef;
  readonly original: string;
  readonly reply: string;
  readonly translated: 'source' | 'destination' | 'both' | 'none';
  /** The rules that asked for it, and the steps in which NAT decided. */
  readonly setups: readonly { readonly seq: number; readonly rule: RowRef | null; readonly text: string }[];
}

export interface ExchangeView {
  readonly request: Way;
  readonly reply: Way | null;
  readonly hinges: readonly Hinge[];
  /** What is not as it should be, in sentences. */
  readonly odd: readonly string[];
}

interface Known {
  readonly journeys: readonly Journey[];
  readonly exchangeOf: ReadonlyMap<number, readonly Journey[]>;
  readonly bySkb: ReadonlyMap<number, Journey>;
}
const cache = new WeakMap<Trace, Known>();

function knownOf(trace: Trace): Known {
  let known = cache.get(trace);
  if (!known) {
    const journeys = journeysOf(trace);
    const exchangeOf = new Map(exchangesOf(trace, journeys).flatMap((exchange) => exchange.journeys.map((journey) => [journey.id, exchange.journeys] as const)));
    known = { journeys, exchangeOf, bySkb: new Map(journeys.flatMap((journey) => journey.skbs.map((skb) => [skb, journey] as const))) };
    cache.set(trace, known);
  }
  return known;
}

/** The packet of a step, the one that it answers or that answers it, and what stands between them; null when there is none to show. */
export function exchangeView(run: Run, seq: number): ExchangeView | null {
  const { trace } = run;
  const known = knownOf(trace);
  const mine = journeyAt(run, known, seq);
  if (!mine) return null;
  const members = (known.exchangeOf.get(mine.id) ?? [mine]).filter((journey) => endsOf(journey.packet) !== null);
  const first = members[0] ?? mine;
  const asks = (journey: Journey): boolean => directionOf(trace, journey, first) === 'original';
  const request = asks(mine) ? mine : (members.findLast((other) => asks(other) && startOf(other) < startOf(mine)) ?? mine);
  const reply = request === mine ? replyOf(run, known, members, mine, asks) : mine;
  const way = wayOf(run, request);
  const back = reply ? wayOf(run, reply) : null;
  const hinges = hingesOf(trace, request, seq);
  return { request: way, reply: back, hinges, odd: back ? oddities(trace, way, back, hinges, reply!) : [] };
}

function journeyAt(run: Run, known: Known, seq: number): Journey | null {
  for (let i = seq; i >= run.first; i--) {
    const step = run.trace.steps[i]!;
    const journey = step.skb === 0 ? undefined : known.bySkb.get(step.skb);
    if (journey && endsOf(journey.packet) !== null) return journey;
    if (step.kind === 'lab.step') return null;
  }
  return null;
}

const startOf = (journey: Journey): number => journey.steps[0]!;

function directionOf(trace: Trace, journey: Journey, first: Journey): 'original' | 'reply' {
  for (const seq of journey.steps) {
    const step = trace.steps[seq]!;
    if (step.kind === 'conntrack.in' && step.direction !== null && step.state !== 'RELATED') return step.direction;
  }
  return placeOf(trace.steps[startOf(journey)]!) === placeOf(trace.steps[startOf(first)]!) ? 'original' : 'reply';
}

/** The first packet back from where a request has arrived, whoever knows of it; else what connection tracking has tied to it: an error from the way. */
function replyOf(run: Run, known: Known, members: readonly Journey[], request: Journey, asks: (journey: Journey) => boolean): Journey | null {
  const end = request.outcomes.find((outcome) => outcome.kind === 'delivered');
  const arrived = end ? endsOf(run.trace.steps[end.seq]!.packet) : null;
  const mirrored = end && arrived ? known.journeys.find((other) => {
    const ends = endsOf(other.packet);
    return startOf(other) > startOf(request) && placeOf(run.trace.steps[startOf(other)]!) === end.place && ends?.src === arrived.dst && ends.dst === arrived.src;
  }) : undefined;
  return mirrored ?? members.find((other) => !asks(other) && startOf(other) > startOf(request)) ?? null;
}

interface Ends {
  readonly src: string;
  readonly dst: string;
}

/** Addresses with their ports, of the outermost IP header. */
function endsOf(packet: Packet | null): Ends | null {
  const at = packet?.findIndex((header) => header.kind === 'ipv4') ?? -1;
  const header = packet?.[at];
  if (!packet || header?.kind !== 'ipv4') return null;
  const inner = packet[at + 1];
  const ports = inner?.kind === 'udp' || inner?.kind === 'tcp' ? [`:${inner.sport}`, `:${inner.dport}`] as const : ['', ''] as const;
  return { src: `${formatIpv4(header.src)}${ports[0]}`, dst: `${formatIpv4(header.dst)}${ports[1]}` };
}

function wayOf(run: Run, journey: Journey): Way {
  const legs: Leg[] = [];
  let via: string | null = null;
  for (const seq of journey.steps) {
    const step = run.trace.steps[seq]!;
    if (step.kind !== 'dev.xmit' || step.peer === null) continue;
    const ends = endsOf(step.packet);
    if (!ends || run.scenes.switches.has(step.machine)) continue;
    const to = throughSwitch(run, step.peer, journey, seq);
    if (to === null) continue;
    const from = placeOf(step);
    const before: Leg | undefined = legs.at(-1);
    // A flooded frame goes several ways: only that one counts on which the packet went on.
    if (via !== null && via !== from) {
      if (legs.length > 0 && legs.at(-1)!.from === from) legs.pop();
      else if (!legs.some((leg) => leg.to === from)) continue;
    }
    legs.push({ from, to, seq, ...ends, changed: { src: before !== undefined && before.src !== ends.src, dst: before !== undefined && before.dst !== ends.dst } });
    via = to;
  }
  const end = journey.outcomes.findLast((outcome) => outcome.kind === 'delivered') ?? journey.outcomes.at(-1);
  const last = journey.steps.at(-1)!;
  const origin = placeOf(run.trace.steps[startOf(journey)]!);
  return {
    name: packetName(journey.packet), start: startOf(journey), legs, places: legs.length === 0 ? [origin] : [legs[0]!.from, ...legs.map((leg) => leg.to)],
    end: end ? { kind: end.kind, place: end.place, seq: end.seq, reason: end.kind === 'dropped' ? end.reason : '' } : { kind: 'unknown', place: placeOf(run.trace.steps[last]!), seq: last, reason: '' },
  };
}

/** The namespace behind a link; behind an ideal switch, the one in which the packet was seen next. */
function throughSwitch(run: Run, peer: string, journey: Journey, seq: number): string | null {
  const place = peer.split(':')[0]!;
  if (!run.scenes.switches.has(place)) return place;
  const next = journey.steps.map((other) => run.trace.steps[other]!).find((step) => step.seq > seq && step.kind === 'dev.rx' && !step.other && !run.scenes.switches.has(step.machine));
  return next ? placeOf(next) : null;
}

function tupleText({ src, dst, sport, dport }: ConntrackTuple, protocol: number): string {
  return protocol === 6 || protocol === 17 ? `${formatIpv4(src)}:${sport} → ${formatIpv4(dst)}:${dport}` : `${formatIpv4(src)} → ${formatIpv4(dst)}${protocol === 1 ? ` id ${sport}` : ''}`;
}

/** The entries that a request met on its way, as they are at `seq`, or as they last were. */
function hingesOf(trace: Trace, request: Journey, seq: number): Hinge[] {
  const own = new Set(request.skbs);
  return connectionsOf(trace).filter((connection) => connection.packets.some((packet) => own.has(packet.skb))).flatMap((connection): Hinge[] => {
    const { entry, place } = connection;
    const row = (historyOf(trace).rowAt(entry, seq) ?? lastRow(trace, entry)) as ConntrackRow | null;
    if (!row) return [];
    const source = row.reply.dst !== row.original.src || row.reply.dport !== row.original.sport;
    const destination = row.reply.src !== row.original.dst || row.reply.sport !== row.original.dport;
    const ports = row.protocol === 6 || row.protocol === 17;
    const [src, dst] = ports ? [source, destination] : [row.reply.dst !== row.original.src, row.reply.src !== row.original.dst];
    const setups = connection.setups.map((at) => trace.steps[at] as NatSetupStep).filter((step) => step.from !== step.to);
    return [{
      place, entry, original: tupleText(row.original, row.protocol), reply: tupleText(row.reply, row.protocol),
      translated: src && dst ? 'both' : src ? 'source' : dst ? 'destination' : 'none',
      setups: setups.map((step) => ({ seq: step.seq, rule: step.rule, text: `${step.from} → ${step.to}` })),
    }];
  });
}

function lastRow(trace: Trace, entry: RowRef): object | null {
  const written = historyOf(trace).writers(entry);
  for (let i = written.length - 1; i >= 0; i--) {
    const row = historyOf(trace).rowAt(entry, written[i]!);
    if (row) return row;
  }
  return null;
}

const ICMP_ERRORS: ReadonlySet<number> = new Set([3, 4, 5, 11, 12]);

function isIcmpError(packet: Packet | null): boolean {
  return packet?.some((header) => header.kind === 'icmp' && ICMP_ERRORS.has(header.type)) ?? false;
}

function oddities(trace: Trace, request: Way, reply: Way, hinges: readonly Hinge[], journey: Journey): string[] {
  const odd: string[] = [];
  const there = request.places.join(' ');
  const back = [...reply.places].reverse().join(' ');
  // An error that somebody on the way has sent is not the reply of the other end.
  if (reply.places[0] !== request.end.place) return odd;
  const reached = reply.end.place === request.places[0];
  if (reached && there !== back) odd.push(`The reply takes another way: ${reply.places.join(' → ')}.`);
  for (const hinge of hinges) {
    if (hinge.translated === 'none') continue;
    const met = journey.steps.some((seq) => {
      const step = trace.steps[seq]!;
      return step.kind === 'conntrack.in' && placeOf(step) === hinge.place && step.entry === hinge.entry.key;
    });
    if (met) continue;
    odd.push(reply.places.includes(hinge.place)
      ? `${hinge.place} does not take the reply for one of this connection, so it is not translated back.`
      : `The reply does not pass ${hinge.place}, so nobody translates it back.`);
  }
  const [asked, heard] = [request.legs[0], reply.legs.at(-1)];
  if (reached && !isIcmpError(journey.packet) && asked && heard && heard.src !== asked.dst) odd.push(`${request.places[0]} has asked ${asked.dst} and hears from ${heard.src}.`);
  return odd;
}
