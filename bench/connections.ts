import { countConntrack, newSkb, netifRx, type LabRun, type NetDevice, type Packet } from '../src/core/index.ts';
import type { Bar, Outcome } from './bar.ts';
import { collectGarbage, costOf, exponentOf, labFrom, median, short } from './measure.ts';

const FEW = 1000;
const MANY = 100_000;
const SIZES = [FEW, 10_000, MANY];
const ROUNDS = 5;
/** Packets of one round. */
const PACKETS = 50_000;

/** A router that masquerades, which knows its neighbours; nothing is sent by anybody else. */
const ROUTER = `id: connections
machines:
  router:
    setup: |
      sysctl -qw net.ipv4.ip_forward=1 net.netfilter.nf_conntrack_udp_timeout=100000 net.netfilter.nf_conntrack_tcp_timeout_syn_sent=100000
      ip link add in0 type veth peer name in1; ip link add out0 type veth peer name out1
      ip addr add 10.0.0.1/8 dev in0; ip addr add 192.0.2.1/24 dev out0
      ip link set in0 up; ip link set in1 up; ip link set out0 up; ip link set out1 up
      ip route add default via 192.0.2.2; ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev out0
      iptables -t nat -A POSTROUTING -o out0 -j MASQUERADE
steps:
  - { on: router, run: "true" }
`;

interface Router {
  readonly run: LabRun;
  readonly dev: NetDevice;
}

function newRouter(): Router {
  const { run } = costOf(labFrom(ROUTER), 'nothing');
  return { run, dev: run.world.machines.get('router')!.root.devicesByName.get('in0')! };
}

/** The first packet of connection number `i`, as it comes in. */
function frame(i: number, dev: NetDevice, protocol: 'udp' | 'tcp'): Packet {
  // One public address has 64,512 ports for one server; so there are two clients with two servers.
  const pair = Math.floor(i / 50_000);
  const sport = 1024 + (i % 50_000);
  return [
    { kind: 'eth', dst: dev.mac, src: 0x0200_0000_0001, type: 0x0800 },
    { kind: 'ipv4', src: 0x0a00_0002 + pair, dst: 0xc633_6401 + pair, ttl: 64, protocol: protocol === 'udp' ? 17 : 6, id: 1, df: true, mf: false, offset: 0, tos: 0, options: null },
    protocol === 'udp' ? { kind: 'udp', sport, dport: 53 } : { kind: 'tcp', sport, dport: 80, seq: 1, ack: 0, flags: 2, window: 64240, urgent: 0, options: [] },
  ];
}

function receive({ run, dev }: Router, packet: Packet): void {
  netifRx(newSkb(run.world, packet, { dev }), dev);
}

function fill(router: Router, size: number, protocol: 'udp' | 'tcp'): void {
  for (let i = 0; i < size; i++) {
    receive(router, frame(i, router.dev, protocol));
    // What the router has sent on is taken off the wire.
    if (i % 500 === 499) router.run.world.queue.runUntil(router.run.world.queue.now + 100_000);
  }
  router.run.world.queue.runUntil(router.run.world.queue.now + 1_000_000);
  const count = countConntrack(router.dev.ns);
  if (count !== size) throw new Error(`${size} connections were begun, ${count} are tracked`);
}

function heapUsed(): number {
  collectGarbage();
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** Bytes of one connection, when there are many. */
function memoryBar(protocol: 'udp' | 'tcp'): Bar {
  const router = newRouter();
  const before = heapUsed();
  fill(router, MANY, protocol);
  const each = (heapUsed() - before) / countConntrack(router.dev.ns);
  return { group: 'connections', what: `memory of one ${protocol.toUpperCase()} connection behind NAT`, against: '', value: each, unit: 'B', must: 1024, aim: 700, detail: `${short(MANY)} connections` };
}

/** Seconds for a packet of a connection that is known, forwarded and translated. */
function packetCost(router: Router, size: number): number {
  const packets = Array.from({ length: PACKETS }, (_, i) => frame((i * 7919) % size, router.dev, 'udp'));
  let seconds = 0;
  for (let i = 0; i < PACKETS; i += 500) {
    const began = performance.now();
    for (let j = i; j < i + 500; j++) receive(router, packets[j]!);
    seconds += (performance.now() - began) / 1000;
    router.run.world.queue.runUntil(router.run.world.queue.now + 100_000);
  }
  return seconds / PACKETS;
}

function flatBar(): Bar {
  const routers = SIZES.map((size) => {
    const router = newRouter();
    fill(router, size, 'udp');
    return { router, size };
  });
  const rounds = Array.from({ length: ROUNDS + 1 }, () => routers.map(({ router, size }) => packetCost(router, size))).slice(1);
  const points = SIZES.map((size, i) => ({ size, cost: median(rounds.map((round) => round[i]!)) }));
  return {
    group: 'connections', what: 'more connections, time of a forwarded and translated packet', against: '', value: exponentOf(points), unit: 'exponent', must: 0.25, aim: 0.15,
    detail: points.map(({ size, cost }) => `${short(size)}: ${short(cost * 1e6)} us`).join(', '),
  };
}

/** What 100,000 connections cost: memory, and how the lookup feels them: an exponent of 0 would be flat; what is left is that they do not fit into the caches. */
export function measureConnections(): Outcome {
  return { bars: [memoryBar('udp'), memoryBar('tcp'), flatBar()], leftOut: [] };
}
