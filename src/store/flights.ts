import type { Step, Trace } from '../core/index.ts';

/** One frame on one link: it leaves at step `xmit` and arrives at step `rx` (null when it never does). */
export interface Flight {
  readonly skb: number;
  readonly xmit: number;
  readonly rx: number | null;
  readonly from: string;
  readonly to: string;
}

/** Where a step happens, as the map knows places: a device, a namespace's stack, a bridge or a switch. */
export type Where =
  | { readonly kind: 'device'; readonly id: string }
  | { readonly kind: 'stack'; readonly id: string }
  | { readonly kind: 'switch'; readonly id: string }
  | { readonly kind: 'link'; readonly from: string; readonly to: string };

export function placeOf(step: Step): string {
  return step.netns === '' ? step.machine : `${step.machine}/${step.netns}`;
}

/** The end of a link as the map knows it: a device, or the whole of an ideal switch for a port of it. */
function endAt(device: string, switches: ReadonlySet<string>): string {
  const [machine] = device.split(':') as [string];
  return switches.has(machine) ? machine : device;
}

export function whereIs(step: Step, switches: ReadonlySet<string>): Where {
  if (switches.has(step.machine)) return { kind: 'switch', id: step.machine };
  const place = placeOf(step);
  if (step.kind === 'dev.xmit' && step.peer !== null) return { kind: 'link', from: `${place}:${step.device}`, to: endAt(step.peer, switches) };
  if (step.kind === 'bridge.forward' || step.kind === 'bridge.learn') return { kind: 'device', id: `${place}:${step.bridge}` };
  if (step.kind === 'dev.rx' || step.kind === 'dev.xmit' || step.kind === 'tunnel.encap' || step.kind === 'tunnel.decap' || step.kind === 'vxlan.learn') return { kind: 'device', id: `${place}:${step.device}` };
  if (step.kind === 'drop' && step.device !== null && !STACK_DROP.test(step.fn)) return { kind: 'device', id: `${place}:${step.device}` };
  return { kind: 'stack', id: place };
}

const STACK_DROP = /^_{0,2}(ip_|arp_|icmp|neigh_|udp_|tcp_|raw_|fib_|nf_|nft_)/;

/** Pairs every transmission with its arrival: the next `dev.rx` of the same sk_buff. */
export function flightsOf(trace: Trace, switches: ReadonlySet<string>): Flight[] {
  const flights: { skb: number; xmit: number; rx: number | null; from: string; to: string }[] = [];
  const open = new Map<number, { rx: number | null }>();
  for (const step of trace.steps) {
    if (step.kind === 'dev.xmit' && step.peer !== null) {
      const flight = { skb: step.skb, xmit: step.seq, rx: null, from: endAt(`${placeOf(step)}:${step.device}`, switches), to: endAt(step.peer, switches) };
      flights.push(flight);
      open.set(step.skb, flight);
    } else if (open.has(step.skb) && step.kind !== 'dev.xmit') {
      open.get(step.skb)!.rx = step.seq;
      open.delete(step.skb);
    }
  }
  return flights;
}

/** For every sk_buff its exchange: the first packet of the chain of parents (a request, with its ARP, its clones and its answers). */
export function exchangesOf(trace: Trace): Int32Array {
  const root = new Int32Array(trace.skbs.length);
  for (const { id, parent } of trace.skbs) root[id] = parent === 0 ? id : root[parent]!;
  return root;
}
