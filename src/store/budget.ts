import { frameLength, type HeaderKind, type LinkRow, type Packet, type State, type Step, type Trace } from '../core/index.ts';
import { placeOf } from './flights.ts';
import { madeOf, SAME_PACKET, stepsWithin } from './packet-steps.ts';
import { tableOf } from './topology.ts';
import type { Run } from './player.ts';
import { innerIndex } from './tunnels.ts';

/** A part of an IP packet that counts against an MTU: what a tunnel carries, or one of the headers around it. */
export interface BudgetPart {
  readonly kind: 'inner' | HeaderKind;
  readonly bytes: number;
}

/** What one device on a packet's way has to send in one frame, and what it may. Bytes; the frame's own Ethernet header does not count. */
export interface BudgetLine {
  readonly place: string;
  readonly device: string;
  readonly mtu: number;
  /** Innermost first. */
  readonly parts: readonly BudgetPart[];
  readonly total: number;
  readonly fits: boolean;
  /** The device is a tunnel's end: what it sends may be wrapped, and then counts once more, longer, at the device below. */
  readonly tunnel: boolean;
  /** The step at which it was that long. */
  readonly seq: number;
}

/** Kinds that stand before what counts. */
const LINK: ReadonlySet<string> = new Set(['eth', 'vlan']);

/** The bytes of a packet that count against the MTU of the device that sends it, innermost first. */
export function budgetParts(packet: Packet): BudgetPart[] {
  const begin = packet.findIndex(({ kind }) => !LINK.has(kind));
  const inner = innerIndex(packet);
  const carried = inner < 0 ? begin : packet.findIndex(({ kind }, index) => index >= inner && !LINK.has(kind));
  const load = carried < 0 ? packet.length : carried;
  const around = packet.slice(begin, load).map(({ kind }, index) => ({ kind, bytes: frameLength(packet, begin + index) - frameLength(packet, begin + index + 1) }));
  return [{ kind: 'inner', bytes: frameLength(packet, load) }, ...around.reverse()];
}

/**
 * The devices that the packet of a step passes, before and after it, each with the bytes that it had to send there: also where they
 * were too many and nothing was sent. Empty where nothing is known of a packet.
 */
export function budgetOf(run: Run, seq: number, state: State): readonly BudgetLine[] {
  const skb = run.trace.steps[seq]?.skb ?? 0;
  if (skb === 0) return [];
  const lines = new Map<string, BudgetLine>();
  /** The tunnel device that each sk_buff has come to. */
  const tunnels = new Map<number, LinkRow>();
  for (const step of stepsWithin(run.trace, seq, familyOf(run.trace, skb))) {
    if (!step.packet) continue;
    // Where the way through the tunnel leads to the machine itself, the packet comes back as it was.
    if (step.kind === 'dev.rx') tunnels.delete(step.skb);
    for (const device of devicesOf(step)) {
      const row = linkOf(state, placeOf(step), device);
      if (!row || row.kind === 'loopback') continue;
      // What a tunnel looks up a route for will be as long as it makes it, also where it finds that too long and sends nothing.
      const tunnel = step.kind === 'route.lookup' ? tunnels.get(step.skb) : undefined;
      const parts = tunnel ? [...budgetParts(step.packet), ...wrapping(tunnel)] : budgetParts(step.packet);
      if (step.kind === 'dev.xmit' && (row.vxlan || row.tunnel)) tunnels.set(step.skb, row);
      note(lines, step, row, parts);
    }
  }
  return [...lines.values()];
}

/** The most that a device had to send. */
function note(lines: Map<string, BudgetLine>, step: Step, { name, mtu, vxlan, tunnel }: LinkRow, parts: readonly BudgetPart[]): void {
  const place = placeOf(step);
  const key = `${place}:${name}`;
  const total = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  const known = lines.get(key);
  if (!known || known.total < total) lines.set(key, { place, device: name, mtu, parts, total, fits: total <= mtu, tunnel: Boolean(vxlan ?? tunnel), seq: known?.seq ?? step.seq });
}

/** What a tunnel device puts around a packet, innermost first. */
function wrapping({ kind, vxlan, tunnel }: LinkRow): BudgetPart[] {
  const outer: BudgetPart = { kind: 'ipv4', bytes: 20 };
  if (vxlan) return [{ kind: 'eth', bytes: 14 }, { kind: 'vxlan', bytes: 8 }, { kind: 'udp', bytes: 8 }, outer];
  if (!tunnel || kind === 'ipip') return [outer];
  const gre: BudgetPart = { kind: 'gre', bytes: 4 + (tunnel.ocsum ? 4 : 0) + (tunnel.okey === null ? 0 : 4) + (tunnel.oseq ? 4 : 0) };
  return kind === 'gretap' ? [{ kind: 'eth', bytes: 14 }, gre, outer] : [gre, outer];
}

/** The devices that a step sends through, or is about to. */
function devicesOf(step: Step): readonly string[] {
  switch (step.kind) {
    case 'dev.xmit': return step.device === null ? [] : [step.device];
    case 'bridge.forward': return step.ports;
    case 'ip.output':
    case 'ip.forward': return [step.out];
    case 'route.lookup': return step.result?.type === 'unicast' && step.result.dev !== null ? [step.result.dev] : [];
    default: return [];
  }
}

function linkOf(state: State, place: string, device: string): LinkRow | null {
  for (const row of tableOf<LinkRow>(state, place, 'link').values()) if (row.name === device) return row;
  return null;
}

/** What a packet was made of, and everything that was made of it. */
function familyOf(trace: Trace, skb: number): ReadonlySet<number> {
  const family = new Set<number>();
  for (let info = trace.skbs[skb]; info && info.parent !== 0 && SAME_PACKET.has(info.relation); info = trace.skbs[info.parent]) family.add(info.parent);
  const after = [skb];
  for (let id = after.pop(); id !== undefined; id = after.pop()) {
    family.add(id);
    after.push(...madeOf(trace, id));
  }
  return family;
}

/** Worth showing: a tunnel is on the way, or something comes near to an MTU. */
export function isTight(lines: readonly BudgetLine[]): boolean {
  return lines.some(({ parts, total, mtu, tunnel }) => tunnel || parts.length > 1 || total >= 0.9 * mtu);
}
