import { EventQueue } from '../sim/event-queue.ts';
import { MICROSECOND } from '../sim/time.ts';
import { MAC_BROADCAST, type Ipv4, type Mac } from '../wire/address.ts';
import { ARPOP_REPLY, ARPOP_REQUEST, ETH_P_ARP, ETH_P_IP, IPPROTO_ICMP, type Packet } from '../wire/packet.ts';
import { NO_READS } from './change.ts';
import { Recorder } from './recorder.ts';
import type { NewStep, Step } from './step.ts';
import { Trace } from './trace.ts';

const A: { mac: Mac; ip: Ipv4 } = { mac: 0x0201_0001_0002, ip: 0xc0a8_0101 };
const B: { mac: Mac; ip: Ipv4 } = { mac: 0x0201_0001_0004, ip: 0xc0a8_0102 };

function arp(op: number, from: typeof A, to: typeof A): Packet {
  const request = op === ARPOP_REQUEST;
  return [
    { kind: 'eth', dst: request ? MAC_BROADCAST : to.mac, src: from.mac, type: ETH_P_ARP },
    { kind: 'arp', op, sha: from.mac, spa: from.ip, tha: request ? 0 : to.mac, tpa: to.ip },
  ];
}

function echo(type: number, from: typeof A, to: typeof A): Packet {
  return [
    { kind: 'eth', dst: to.mac, src: from.mac, type: ETH_P_IP },
    { kind: 'ipv4', src: from.ip, dst: to.ip, ttl: 64, protocol: IPPROTO_ICMP, id: 7, df: type === 8, mf: false, offset: 0, tos: 0, options: null },
    { kind: 'icmp', type, code: 0, rest: 0x0001_0001 },
    { kind: 'data', bytes: new Uint8Array([1, 2, 3]) },
  ];
}

/** Two namespaces of one machine on a veth pair, and one ping with its ARP: a trace by hand, for tests of what is computed from traces. */
export function sampleTrace(): Trace {
  const queue = new EventQueue();
  const recorder = new Recorder(queue, 'everything');
  const step = (netns: string, device: string | null, skb: number, packet: Packet | null, more: Omit<Step, 'seq' | 'at' | 'changes' | 'machine' | 'netns' | 'device' | 'skb' | 'packet' | 'reads' | 'cause'> & { cause?: number; reads?: Step['reads'] }): number => {
    queue.runUntil(queue.now + 5 * MICROSECOND);
    return recorder.step({ machine: 'node1', netns, device, skb, packet, cause: -1, reads: NO_READS, ...more } as unknown as NewStep);
  };
  const link = (netns: string, ifindex: number, name: string, mac: Mac): void =>
    recorder.change({ table: `node1/${netns}#link`, key: String(ifindex), before: null, after: { ifindex, name, kind: 'veth', mac, bridge: null } });
  link('ns1', 2, 'veth1', A.mac);
  link('ns2', 2, 'veth2', B.mac);
  recorder.change({ table: 'node1/ns1#addr', key: '2/a', before: null, after: { ifindex: 2, local: A.ip, prefixLength: 24 } });
  recorder.change({ table: 'node1/ns2#addr', key: '2/b', before: null, after: { ifindex: 2, local: B.ip, prefixLength: 24 } });
  step('', null, 0, null, { kind: 'lab.step', fn: '', index: 1, run: 'ip netns exec ns1 ping -c 1 192.168.1.2' } as never);
  step('ns1', null, 0, null, { kind: 'process.exec', fn: 'ping', pid: 1000, argv: ['ping', '-c', '1', '192.168.1.2'] } as never);
  const request = recorder.newSkb(0, 'origin');
  step('ns1', 'veth1', request, echo(8, A, B).slice(1), { kind: 'socket.send', fn: 'raw_sendmsg', pid: 1000, protocol: 'icmp' } as never);
  const entry = { table: 'node1/ns1#neigh', key: `2/${B.ip}` };
  const incomplete = { ifindex: 2, ip: B.ip, mac: null, state: 'INCOMPLETE' };
  recorder.change({ ...entry, before: null, after: incomplete });
  const waits = step('ns1', 'veth1', request, echo(8, A, B).slice(1), { kind: 'neigh.resolve', fn: 'neigh_resolve_output', ip: B.ip, state: 'INCOMPLETE', verdict: 'queued', reads: [entry] } as never);
  const question = recorder.newSkb(request, 'arp-for');
  const ask = arp(ARPOP_REQUEST, A, B);
  step('ns1', 'veth1', question, ask, { kind: 'arp.request', fn: 'arp_solicit', tpa: B.ip, unicast: false, cause: waits } as never);
  step('ns1', 'veth1', question, ask, { kind: 'dev.xmit', fn: 'dev_hard_start_xmit', peer: 'node1/ns2:veth2' } as never);
  step('ns2', 'veth2', question, ask, { kind: 'dev.rx', fn: '__netif_receive_skb_core', other: false } as never);
  const asked = step('ns2', 'veth2', question, ask, { kind: 'arp.receive', fn: 'arp_process', op: 1, verdict: 'answer', why: '' } as never);
  const answer = recorder.newSkb(question, 'answer');
  const reply = arp(ARPOP_REPLY, B, A);
  step('ns2', 'veth2', answer, reply, { kind: 'dev.xmit', fn: 'dev_hard_start_xmit', peer: 'node1/ns1:veth1', cause: asked } as never);
  step('ns1', 'veth1', answer, reply, { kind: 'dev.rx', fn: '__netif_receive_skb_core', other: false } as never);
  recorder.change({ ...entry, before: incomplete, after: { ifindex: 2, ip: B.ip, mac: B.mac, state: 'REACHABLE' } });
  step('ns1', 'veth1', 0, null, { kind: 'neigh.state', fn: 'neigh_update', ip: B.ip, from: 'INCOMPLETE', to: 'REACHABLE', event: 'SOLICITED_REPLY' } as never);
  const frame = echo(8, A, B);
  step('ns1', 'veth1', request, frame, { kind: 'dev.xmit', fn: 'dev_hard_start_xmit', peer: 'node1/ns2:veth2' } as never);
  step('ns2', 'veth2', request, frame, { kind: 'dev.rx', fn: '__netif_receive_skb_core', other: false } as never);
  step('ns2', 'veth2', request, frame.slice(1), { kind: 'ip.deliver', fn: 'ip_local_deliver_finish', protocol: 1 } as never);
  const back = recorder.newSkb(request, 'answer');
  step('ns2', 'veth2', back, echo(0, B, A).slice(1), { kind: 'icmp.send', fn: 'icmp_reply', type: 0, code: 0 } as never);
  step('ns2', 'veth2', back, echo(0, B, A), { kind: 'drop', fn: 'noop_enqueue', reason: 'DEV_READY', detail: 'veth2 went down' } as never);
  step('', null, 0, null, { kind: 'lab.step.end', fn: '', index: 1, exit: 1 } as never);
  return new Trace(recorder.steps, recorder.skbs);
}
