import { describe, expect, it } from 'vitest';
import type { Packet } from '../core/index.ts';
import { agentLane, agentLog, answerTo, commandOf, scriptBehind } from './agents.ts';
import { budgetOf, budgetParts, isTight } from './budget.ts';
import type { Run } from './player.ts';
import { packetBefore, packetChanges } from './packet-history.ts';
import { sceneAt } from './scene.ts';
import { SCRIPTED, tunnelRun } from './testing/tunnel-trace.ts';
import { carriersOf, innerIndex, tunnelsAt } from './tunnels.ts';

const run = tunnelRun();
const A = 'node1:flannel.1';
const B = 'node2:flannel.1';

function find(of: Run, kind: string, device: string | null = null): number {
  return of.trace.steps.findIndex((step) => step.kind === kind && (device === null || step.device === device));
}

describe('tunnels', () => {
  it('has the two devices of one VNI as ends of one network', () => {
    expect(run.topology.overlays).toEqual([{ id: 'vxlan 1', kind: 'vxlan', number: 1, members: [A, B] }]);
  });

  it('is there from the moment at which an entry leads to the other end, and one way while only one end has one', () => {
    const before = run.trace.stateAt(find(run, 'agent'));
    expect(tunnelsAt(before, run.topology)).toEqual([]);
    expect(tunnelsAt(run.trace.stateAt(find(run, 'netlink')), run.topology)).toEqual([{ id: `${A}~${B}`, a: A, b: B, forth: true, back: false }]);
  });

  it('finds the inside of a packet, and who carries it', () => {
    const seq = find(run, 'dev.xmit', 'eth0');
    const { packet, skb } = run.trace.steps[seq]!;
    expect(packet![innerIndex(packet!)]!.kind).toBe('eth');
    expect(carriersOf(run.scenes.tunnels, skb, seq)).toEqual([{ from: A, to: B }]);
    expect(carriersOf(run.scenes.tunnels, 1, seq)).toEqual([]);
  });

  it('lights the cable and the tube that has taken the packet over it', () => {
    const trail = sceneAt(run.scenes, find(run, 'dev.rx', 'eth0')).trail;
    expect(trail).toContainEqual({ from: 'node1:eth0', to: 'node2:eth0', layer: 'tun' });
    expect(trail).toContainEqual({ from: A, to: B, layer: 'tun' });
  });
});

describe('the views of a scene', () => {
  it('shows in the overlay what is inside, on the tube, for as long as the underlay carries it', () => {
    for (const [kind, device] of [['dev.xmit', 'eth0'], ['dev.rx', 'eth0'], ['ip.deliver', 'eth0']] as const) {
      const [packet] = sceneAt(run.scenes, find(run, kind, device), 'overlay').packets;
      expect(packet).toMatchObject({ where: { kind: 'link', from: A, to: B }, layer: 'l4', faded: false });
      expect(packet!.packet.map((header) => header.kind)).toEqual(['eth', 'ipv4', 'icmp', 'data']);
    }
    expect(sceneAt(run.scenes, find(run, 'tunnel.encap'), 'overlay').packets[0]!.where).toEqual({ kind: 'device', id: A });
  });

  it('shows in the underlay the whole packet on its cable', () => {
    const [packet] = sceneAt(run.scenes, find(run, 'dev.xmit', 'eth0'), 'underlay').packets;
    expect(packet).toMatchObject({ where: { kind: 'link', from: 'node1:eth0', to: 'node2:eth0' }, layer: 'tun', faded: false });
  });

  it('knows what has just been wrapped and unwrapped', () => {
    expect(sceneAt(run.scenes, find(run, 'tunnel.encap')).packets[0]).toMatchObject({ change: 'wrapped', outer: null });
    const unwrapped = sceneAt(run.scenes, find(run, 'tunnel.decap')).packets[0]!;
    expect(unwrapped.change).toBe('unwrapped');
    expect(innerIndex(unwrapped.outer!)).toBeGreaterThan(0);
  });
});

describe('what has changed in a packet', () => {
  it('compares what is inside with what was inside: the headers around it are new, no address is rewritten', () => {
    const seq = find(run, 'tunnel.encap');
    const changes = packetChanges(packetBefore(run.trace, seq)!, run.trace.steps[seq]!.packet!);
    expect(changes.map(({ change, kind, index }) => [change, kind, index])).toEqual([['added', 'ipv4', 0], ['added', 'udp', 1], ['added', 'vxlan', 2]]);
    const after = find(run, 'tunnel.decap');
    expect(packetChanges(packetBefore(run.trace, after)!, run.trace.steps[after]!.packet!)).toEqual([]);
  });
});

describe('the budget', () => {
  const linesOf = (of: Run, kind: string) => {
    const seq = find(of, kind);
    return budgetOf(of, seq, of.trace.stateAt(seq));
  };

  it('counts the fifty bytes of VXLAN against the MTU below', () => {
    const lines = linesOf(tunnelRun({ bytes: 1450 }), 'tunnel.encap');
    expect(lines.map(({ place, device, total, mtu, fits }) => [place, device, total, mtu, fits])).toEqual([['node1', 'flannel.1', 1450, 1450, true], ['node1', 'eth0', 1500, 1500, true]]);
    expect(lines[1]!.parts).toEqual([{ kind: 'inner', bytes: 1450 }, { kind: 'eth', bytes: 14 }, { kind: 'vxlan', bytes: 8 }, { kind: 'udp', bytes: 8 }, { kind: 'ipv4', bytes: 20 }]);
  });

  it('is the same before and after the wrapping: the whole way counts', () => {
    const large = tunnelRun({ bytes: 1450 });
    expect(linesOf(large, 'tunnel.decap')).toEqual(linesOf(large, 'ip.output'));
  });

  it('says where it does not fit', () => {
    const lines = linesOf(tunnelRun({ bytes: 1450, underlayMtu: 1480 }), 'tunnel.encap');
    expect(lines.map(({ device, fits }) => [device, fits])).toEqual([['flannel.1', true], ['eth0', false]]);
  });

  it('counts what the tunnel would have put around a packet that it does not send', () => {
    const lines = linesOf(tunnelRun({ bytes: 1500, end: 'tunnel' }), 'drop');
    expect(lines.at(-1)).toMatchObject({ device: 'eth0', total: 1550, mtu: 1500, fits: false });
    expect(lines.at(-1)!.parts[0]).toEqual({ kind: 'inner', bytes: 1500 });
  });

  it('counts the port that a bridge has found too small', () => {
    const lines = linesOf(tunnelRun({ bytes: 1500, end: 'bridge' }), 'drop');
    expect(lines.map(({ device, total, mtu, fits }) => [device, total, mtu, fits])).toEqual([['flannel.1', 1500, 1450, false]]);
  });

  it('counts a packet that comes back out of the tunnel unwrapped as long as it is', () => {
    const lines = linesOf(tunnelRun({ end: 'itself' }), 'drop');
    expect(lines.map(({ device, parts, mtu }) => [device, parts, mtu])).toEqual([['flannel.1', [{ kind: 'inner', bytes: 84 }], 1450]]);
  });

  it('is worth showing where a tunnel is on the way, or near an MTU only', () => {
    const lines = linesOf(run, 'tunnel.encap');
    expect(lines.map(({ device, tunnel }) => [device, tunnel])).toEqual([['flannel.1', true], ['eth0', false]]);
    expect(lines.map((line) => isTight([line]))).toEqual([true, true]);
    const [plain] = lines.slice(1).map((line) => ({ ...line, parts: [{ kind: 'inner' as const, bytes: 84 }], total: 84 }));
    expect([84, 1349, 1350].map((total) => isTight([{ ...plain!, total }]))).toEqual([false, false, true]);
  });
});

describe('other tunnels', () => {
  const ip = (protocol: number): Packet[number] => ({ kind: 'ipv4', src: 1, dst: 2, ttl: 64, protocol, id: 1, df: false, mf: false, offset: 0, tos: 0, options: null });
  const gre = (protocol: number, key: number | null): Packet[number] => ({ kind: 'gre', protocol, checksum: false, key, sequence: null });
  const data: Packet[number] = { kind: 'data', bytes: new Uint8Array(80) };
  const eth: Packet[number] = { kind: 'eth', dst: 1, src: 2, type: 0x0800 };

  it.each<[string, Packet, number, [string, number][]]>([
    ['IPIP', [eth, ip(4), ip(1), data], 2, [['inner', 100], ['ipv4', 20]]],
    ['GRE', [eth, ip(47), gre(0x0800, null), ip(1), data], 3, [['inner', 100], ['gre', 4], ['ipv4', 20]]],
    ['GRE with a key', [eth, ip(47), gre(0x0800, 7), ip(1), data], 3, [['inner', 100], ['gre', 8], ['ipv4', 20]]],
    ['frames in GRE', [eth, ip(47), gre(0x6558, null), eth, ip(1), data], 3, [['inner', 100], ['eth', 14], ['gre', 4], ['ipv4', 20]]],
    ['no tunnel', [eth, ip(1), data], -1, [['inner', 100]]],
  ])('%s: what is inside, and what is around it', (_name, packet, inner, parts) => {
    expect(innerIndex(packet)).toBe(inner);
    expect(budgetParts(packet).map(({ kind, bytes }) => [kind, bytes])).toEqual(parts);
  });
});

describe('agents', () => {
  it('has questions and answers in one log, in order, those of scripts, too', () => {
    expect(agentLog(run).map(commandOf)).toEqual([
      'miss 10.244.2.2 dev flannel.1 STALE', 'bridge fdb append 02:00:00:00:0a:02 dev flannel.1 dst 10.0.0.2', 'miss dev flannel.1 lladdr 02:00:00:00:0a:02 STALE', SCRIPTED,
    ]);
  });

  it('knows the script behind a request, and that another request has none', () => {
    const requests = run.trace.steps.filter((step) => step.kind === 'netlink');
    expect(requests.map((step) => scriptBehind(run, step)?.argv.join(' ') ?? null)).toEqual([null, SCRIPTED]);
  });

  it('knows who answers a question', () => {
    const agent = answerTo(run, run.trace.steps[find(run, 'netlink.notify')]!)!;
    expect(agentLane(agent)).toBe('node1 flanneld');
    expect(answerTo(run, agent)).toBeNull();
  });
});
