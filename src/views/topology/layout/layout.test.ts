import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Topology, TopologyDevice, TopologyLink, TopologyMachine } from '../../../store/topology.ts';
import { linkId } from '../../../store/topology.ts';
import { crosses, type Box, type Layout } from './geometry.ts';
import { anchorOf, linkPoints, NOTE, noteAt } from '../motion.ts';
import { layoutTopology } from './layout.ts';
import { STRIP_HEIGHT, STRIP_WIDTH, WRAPPED_WIDTH } from './sizes.ts';

interface Shape {
  /** For every machine: for every namespace the bridge (index) of each of its devices, -1 for a veth to the root without a bridge. */
  readonly machines: readonly { readonly bridges: number; readonly pods: readonly (readonly number[])[] }[];
  readonly switchCount: number;
  /** Networks over the network: an end in every machine's root, a port of the first bridge where it says so and there is one. */
  readonly overlays?: readonly { readonly bridged: boolean }[];
}

function device(machine: string, netns: string, name: string, kind: TopologyDevice['kind'], master: string | null = null, vni: number | null = null): TopologyDevice {
  const place = netns === '' ? machine : `${machine}/${netns}`;
  return { id: `${place}:${name}`, machine, netns, name, kind, master, below: null, tunnel: vni === null ? null : { kind: 'vxlan', number: vni, network: `vxlan ${vni}` } };
}

function build({ machines, switchCount, overlays = [] }: Shape): Topology {
  const links: TopologyLink[] = [];
  const devices = new Map<string, TopologyDevice>();
  const built: TopologyMachine[] = machines.map(({ bridges, pods }, index) => {
    const machine = `node${index + 1}`;
    const root: TopologyDevice[] = Array.from({ length: bridges }, (_, bridge) => device(machine, '', `br${bridge}`, 'bridge'));
    const namespaces = pods.map((masters, pod) => {
      const netns = `ns${pod + 1}`;
      const inside = masters.map((bridge, port) => {
        const end = device(machine, netns, `veth${pod}${port}`, 'veth');
        const other = device(machine, '', `veth${pod}${port}r`, 'veth', bridge < 0 || bridge >= bridges ? null : `${machine}:br${bridge}`);
        root.push(other);
        links.push({ id: linkId(end.id, other.id), a: end.id, b: other.id, kind: 'veth' });
        return end;
      });
      return { id: `${machine}/${netns}`, machine, name: netns, devices: inside };
    });
    const nics = Array.from({ length: switchCount }, (_, nic) => device(machine, '', `eth${nic}`, 'nic', nic === 0 && bridges > 1 ? `${machine}:br0` : null));
    root.push(...nics);
    overlays.forEach(({ bridged }, vni) => root.push(device(machine, '', `vxlan${vni}`, 'vxlan', bridged && bridges > 0 ? `${machine}:br0` : null, vni)));
    return { name: machine, namespaces: [{ id: machine, machine, name: '', devices: root }, ...namespaces] };
  });
  const switches = Array.from({ length: switchCount }, (_, lan) => {
    const ports = built.map((machine) => `${machine.name}:eth${lan}`);
    for (const port of ports) links.push({ id: linkId(port, `lan${lan}`), a: port, b: `lan${lan}`, kind: 'cable' });
    return { name: `lan${lan}`, ports };
  });
  for (const machine of built) for (const namespace of machine.namespaces) for (const one of namespace.devices) devices.set(one.id, one);
  return {
    machines: built, switches, links, devices,
    overlays: built.length < 2 ? [] : overlays.map((_, number) => ({ id: `vxlan ${number}`, kind: 'vxlan' as const, number, members: built.map(({ name }) => `${name}:vxlan${number}`) })),
  };
}

const SHAPES: fc.Arbitrary<Shape> = fc.record({
  machines: fc.array(fc.record({ bridges: fc.integer({ min: 0, max: 3 }), pods: fc.array(fc.array(fc.integer({ min: -1, max: 2 }), { minLength: 1, maxLength: 3 }), { maxLength: 6 }) }), { minLength: 1, maxLength: 4 }),
  switchCount: fc.integer({ min: 0, max: 3 }),
});
const TUNNELLED: fc.Arbitrary<Shape> = fc.record({
  machines: fc.array(fc.record({ bridges: fc.integer({ min: 0, max: 2 }), pods: fc.array(fc.array(fc.integer({ min: -1, max: 1 }), { minLength: 1, maxLength: 2 }), { maxLength: 4 }) }), { minLength: 1, maxLength: 7 }),
  switchCount: fc.integer({ min: 0, max: 2 }),
  overlays: fc.array(fc.record({ bridged: fc.boolean() }), { minLength: 1, maxLength: 3 }),
});

function owns(box: Box, end: string, layout: Layout): boolean {
  for (let id: string | null = end; id !== null; id = layout.boxes.get(id)?.inside ?? null) if (id === box.id) return true;
  return false;
}

function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

/** What every layout must keep: every device has a box, siblings do not overlap, no line crosses a box that is not its own. */
export function faultsOf(layout: Layout, topology: Topology): string[] {
  const faults: string[] = [];
  const boxes = [...layout.boxes.values()];
  for (const id of topology.devices.keys()) if (!layout.boxes.has(id)) faults.push(`${id} has no box`);
  for (const link of topology.links) if (!layout.routes.has(link.id)) faults.push(`${link.id} has no line`);
  for (const [index, a] of boxes.entries()) {
    for (const b of boxes.slice(index + 1)) {
      const nested = owns(a, b.id, layout) || owns(b, a.id, layout);
      if (!nested && overlap(a, b)) faults.push(`${a.id} overlaps ${b.id}`);
    }
  }
  for (const route of layout.routes.values()) {
    for (const box of boxes) {
      if (owns(box, route.a, layout) || owns(box, route.b, layout)) continue;
      // A tube goes behind the machines between its ends.
      if (route.kind === 'tube' && (box.kind === 'machine' || box.kind === 'stack')) continue;
      if (crosses(route, box)) faults.push(`${route.id} crosses ${box.id}`);
    }
  }
  return faults;
}

describe('layoutTopology', () => {
  it('puts two pods above their bridge, each port straight below its pod', () => {
    const topology = build({ machines: [{ bridges: 1, pods: [[0], [0]] }], switchCount: 0 });
    const layout = layoutTopology(topology);
    expect(faultsOf(layout, topology)).toEqual([]);
    for (const route of layout.routes.values()) if (route.kind === 'veth') expect(route.points).toHaveLength(2);
    const [pod, bridge, stack] = ['node1/ns1', 'node1:br0', 'node1@stack'].map((id) => layout.boxes.get(id)!);
    expect(pod!.y + pod!.height).toBeLessThan(bridge!.y);
    expect(bridge!.y + bridge!.height).toBeLessThan(stack!.y);
  });

  it('puts each pod above its own bridge, and keeps the end of a tunnel partly below the stack', () => {
    const shape = { machines: [{ bridges: 2, pods: [[1], [0]] }, { bridges: 3, pods: [[0], [1], [1], [2]] }], switchCount: 0 };
    for (const route of layoutTopology(build(shape)).routes.values()) if (route.kind === 'veth') expect(route.points).toHaveLength(2);
    const { boxes, routes } = layoutTopology(build({ machines: [{ bridges: 1, pods: [[0]] }, { bridges: 1, pods: [[0]] }], switchCount: 1, overlays: [{ bridged: true }] }));
    const [stack, end] = ['node1@stack', 'node1:vxlan0'].map((id) => boxes.get(id)!) as [Box, Box];
    expect(end.x).toBeLessThan(stack.x + stack.width);
    expect(routes.get('node1:vxlan0|stack')!.points).toHaveLength(2);
    expect(routes.get('node1:vxlan0|node1:br0')!.points).toHaveLength(2);
  });

  it('keeps lines out of foreign boxes and boxes apart, whatever the topology', () => {
    fc.assert(
      fc.property(SHAPES, (shape) => {
        const topology = build(shape);
        expect(faultsOf(layoutTopology(topology), topology)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it('keeps them so when the stacks have room for their hooks', () => {
    fc.assert(
      fc.property(SHAPES, fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }), (shape, hooked) => {
        const topology = build(shape);
        const machines = new Set(topology.machines.map(({ name }) => name).filter((_name, index) => hooked[index]));
        expect(faultsOf(layoutTopology(topology, machines), topology)).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  it('lets a packet that rests on a device, a bridge or a stack cover no name of a device', () => {
    fc.assert(
      fc.property(fc.oneof(SHAPES, TUNNELLED), (shape) => {
        const layout = layoutTopology(build(shape));
        const boxes = [...layout.boxes.values()];
        const named = boxes.filter(({ kind }) => kind === 'device' || kind === 'nic' || kind === 'vtep');
        for (const { id, kind } of boxes) {
          if (kind === 'machine' || kind === 'switch') continue;
          const { x, y } = anchorOf(layout, kind === 'stack' || kind === 'namespace' ? { kind: 'stack', id: id.replace('@stack', '') } : { kind: 'device', id })!;
          const strip: Box = { id: 'strip', kind: 'device', x: x - STRIP_WIDTH / 2, y: y - STRIP_HEIGHT / 2, width: STRIP_WIDTH, height: STRIP_HEIGHT, inside: null };
          expect(named.filter((box) => overlap(strip, box)).map((box) => `a packet on ${id} covers ${box.id}`)).toEqual([]);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('lets the note at a dropped packet cover no name of a device that stands in its machine', () => {
    fc.assert(
      fc.property(fc.oneof(SHAPES, TUNNELLED), (shape) => {
        const layout = layoutTopology(build(shape));
        const named = [...layout.boxes.values()].filter(({ kind }) => kind === 'device' || kind === 'nic' || kind === 'vtep');
        for (const { id } of [...layout.boxes.values()].filter(({ kind }) => kind === 'stack')) {
          const { x, y } = noteAt(layout, { kind: 'stack', id: id.replace('@stack', '') })!;
          const note: Box = { id: 'note', kind: 'device', x: x - NOTE.width / 2, y, width: NOTE.width, height: NOTE.height, inside: null };
          expect(named.filter((box) => overlap(note, box)).map((box) => `the note at ${id} covers ${box.id}`)).toEqual([]);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('keeps them so where there are tunnels, and ties their ends two by two or to one bus', () => {
    fc.assert(
      fc.property(TUNNELLED, (shape) => {
        const topology = build(shape);
        const layout = layoutTopology(topology);
        expect(faultsOf(layout, topology)).toEqual([]);
        for (const { members } of topology.overlays) {
          for (const [index, a] of members.entries()) for (const b of members.slice(index + 1)) expect(linkPoints(layout, b, a)!.length).toBeGreaterThan(1);
        }
        expect(layout.buses).toHaveLength(shape.machines.length > 3 ? topology.overlays.length : 0);
      }),
      { numRuns: 200 },
    );
  });

  it('joins two ends side by side by a straight tube, at one height', () => {
    const layout = layoutTopology(build({ machines: [{ bridges: 1, pods: [[0]] }, { bridges: 0, pods: [[-1], [-1]] }], switchCount: 1, overlays: [{ bridged: true }] }));
    const points = linkPoints(layout, 'node1:vxlan0', 'node2:vxlan0')!;
    expect(points).toHaveLength(2);
    expect(points[0]!.y).toBe(points[1]!.y);
    const strip = [...layout.boxes.values()].filter(({ kind }) => kind === 'vtep' || kind === 'nic');
    for (const { x, y } of strip.map(({ id }) => anchorOf(layout, { kind: 'device', id })!)) {
      const wrapped: Box = { id: 'strip', kind: 'device', x: x - WRAPPED_WIDTH / 2, y: y - STRIP_HEIGHT / 2, width: WRAPPED_WIDTH, height: STRIP_HEIGHT, inside: null };
      expect(strip.filter((box) => overlap(wrapped, box)).map(({ id }) => id)).toEqual([]);
    }
  });

  it('gives the same picture every time', () => {
    fc.assert(fc.property(SHAPES, (shape) => {
      expect(layoutTopology(build(shape))).toEqual(layoutTopology(build(shape)));
    }), { numRuns: 30 });
  });
});
