import type { TopologyDevice, TopologyLink, TopologyMachine, TopologyNamespace } from '../../../store/topology.ts';
import type { Box, Point, Route } from './geometry.ts';
import { assignLanes, laneCount, LANE, routeThrough, type Crossing } from './lanes.ts';
import {
  BAR_HEIGHT, BRIDGE_HEIGHT, CHANNEL, chipWidth, CHIP_HEIGHT, GAP, namespaceHeight, namespaceWidth, nicWidth, NIC_HEIGHT, PAD, HOOKED_STACK, STACK, TITLE, titleWidth, TUNNEL_STACK_WIDTH, tunnelStrip, vtepWidth, VTEP_HEIGHT,
} from './sizes.ts';

/** A machine laid out from its own corner (0, 0). `nics`: where a cable leaves each NIC. */
export interface MachineLayout {
  readonly width: number;
  readonly height: number;
  readonly boxes: Box[];
  readonly routes: Route[];
  readonly nics: ReadonlyMap<string, Point>;
}

interface Draft {
  readonly machine: TopologyMachine;
  readonly links: readonly TopologyLink[];
  readonly boxes: Box[];
  readonly routes: Route[];
  /** Where a link leaves each device. */
  readonly exits: Map<string, Point>;
  /** Left edge of each NIC and tunnel that is a bridge port. */
  readonly slots: Map<string, number>;
  readonly stack: { readonly width: number; readonly height: number };
  /** How many tubes run below the ends of tunnels. */
  readonly lanes: number;
}

/**
 * Rows from the top: the namespaces, a free strip for their veths, the bridges of the root namespace with their ports, its IP
 * stack, the ends of its tunnels, its NICs on the lower edge. Lines run in the strips or straight down, so none crosses a box that
 * is not its own. `lanes`: how many tubes run below the ends of tunnels.
 */
export function layoutMachine(machine: TopologyMachine, links: readonly TopologyLink[], hooked: boolean, lanes = 0): MachineLayout {
  const root = machine.namespaces.find((namespace) => namespace.name === '')!;
  const own = links.filter((link) => link.kind === 'veth' && link.a.startsWith(machine.name) && ownedBy(machine, link));
  const begin = (): Draft => ({ machine, links: own, boxes: [], routes: [], exits: new Map(), slots: new Map(), stack: stackSize(root, hooked), lanes });
  const bridges = root.devices.filter((device) => device.kind === 'bridge');
  const bottom = root.devices.filter((device) => device.kind === 'nic');
  const order = orderNamespaces(machine, own, bridges);
  const draft = begin();
  const rowOne = placeNamespaces(draft, order, bridges.length > 1 ? floorsOf(begin(), root, order, bridges) : NO_FLOORS);
  const rowTwo = placeRootDevices(draft, root, bridges, rowOne);
  const stackBottom = placeStack(draft, root, rowTwo);
  const width = Math.max(rowOne.right, rowTwo.right, stackBottom.right, titleWidth(machine.name) + PAD) + PAD;
  const box: Box = { id: machine.name, kind: 'machine', x: 0, y: 0, width, height: stackBottom.y, inside: null };
  const stack = draft.boxes.find((other) => other.kind === 'stack')!;
  const grown = stackBottom.gutter ? stack : { ...stack, width: width - 2 * PAD };
  return {
    width, height: stackBottom.y + (bottom.length === 0 ? 0 : NIC_HEIGHT / 2),
    boxes: [box, ...draft.boxes.map((other) => (other === stack ? grown : other))],
    routes: draft.routes,
    nics: new Map(bottom.map((device) => [device.id, draft.exits.get(device.id)!])),
  };
}

/** A packet that is wrapped needs more room on the stack. */
function stackSize(root: TopologyNamespace, hooked: boolean): { width: number; height: number } {
  const { width, height } = hooked ? HOOKED_STACK : STACK;
  return { width: root.devices.some(isEnd) ? Math.max(width, TUNNEL_STACK_WIDTH) : width, height };
}

/** Room between a line and a box that it passes. */
const CLEAR = 12;
/** How far the first tunnel that hangs on a bridge reaches below the stack; its line comes down just beside the stack. */
const REACH = 100;
/** Where the line between a tunnel that hangs on a bridge and the stack stands, from the tunnel's left edge. */
const RETURN_AT = 18;

interface LowerRow {
  /** Left edges from the row's own left end. */
  readonly lefts: readonly number[];
  readonly width: number;
  /** Where another tunnel may begin. */
  readonly next: number;
}

/** The ends of tunnels side by side, and a row lower the NICs, which may stand partly below them: only their lines must pass beside. */
function lowerRow(devices: readonly TopologyDevice[]): LowerRow {
  let ends = 0;
  let nics = 0;
  let next = 0;
  const lefts = devices.map((device) => {
    const width = lowerWidth(device);
    const left = isEnd(device) ? ends : Math.max(nics, ends === 0 ? 0 : ends - GAP + CLEAR - width / 2);
    if (isEnd(device)) ends = left + width + GAP;
    else nics = left + width + GAP;
    next = Math.max(next, isEnd(device) ? ends : left + width / 2 + CLEAR);
    return left;
  });
  return { lefts, width: Math.max(0, ends - GAP, nics - GAP), next };
}

/** The end of a tunnel. */
function isEnd(device: TopologyDevice): boolean {
  return device.tunnel !== null;
}

/** Devices that stand below the stack: the ends of tunnels, then the NICs. */
function lowerDevices(root: TopologyNamespace): TopologyDevice[] {
  return [...root.devices.filter(isEnd), ...root.devices.filter((device) => device.kind === 'nic')];
}

function lowerWidth(device: TopologyDevice): number {
  return isEnd(device) ? vtepWidth(device.name) : nicWidth(device.name);
}

function ownedBy(machine: TopologyMachine, link: TopologyLink): boolean {
  const ids = new Set(machine.namespaces.flatMap((namespace) => namespace.devices.map((device) => device.id)));
  return ids.has(link.a) && ids.has(link.b);
}

/** Which of the bridges a namespace's devices are tied to, by their indices. */
function bridgesOf(namespace: TopologyNamespace, machine: TopologyMachine, links: readonly TopologyLink[], bridges: readonly TopologyDevice[]): number[] {
  const masters = new Map(machine.namespaces.flatMap(({ devices }) => devices).map((device) => [device.id, device.master]));
  return namespace.devices.flatMap((device) => {
    const link = links.find((other) => other.a === device.id || other.b === device.id);
    const master = link ? masters.get(link.a === device.id ? link.b : link.a) : null;
    const index = bridges.findIndex((bridge) => bridge.id === master);
    return index < 0 ? [] : [index];
  });
}

/** Namespaces beside the bridge they hang on, those on two bridges between them; otherwise in the lab's order. */
function orderNamespaces(machine: TopologyMachine, links: readonly TopologyLink[], bridges: readonly TopologyDevice[]): TopologyNamespace[] {
  const position = (namespace: TopologyNamespace): number => {
    const found = bridgesOf(namespace, machine, links, bridges);
    return found.length === 0 ? 0 : found.reduce((sum, index) => sum + index, 0) / found.length;
  };
  return machine.namespaces.filter((namespace) => namespace.name !== '').map((namespace, index) => ({ namespace, index, at: position(namespace) }))
    .sort((x, y) => x.at - y.at || x.index - y.index).map(({ namespace }) => namespace);
}

/** How far left a namespace may stand, by its id. */
type Floors = ReadonlyMap<string, number>;
const NO_FLOORS: Floors = new Map();

/** Each namespace above its own bridge, found by a first try of both rows; none where the bridges do not stand in the same order. */
function floorsOf(trial: Draft, root: TopologyNamespace, order: readonly TopologyNamespace[], bridges: readonly TopologyDevice[]): Floors {
  placeRootDevices(trial, root, bridges, placeNamespaces(trial, order, NO_FLOORS));
  const floors = new Map<string, number>();
  let last = 0;
  for (const namespace of order) {
    const found = new Set(bridgesOf(namespace, trial.machine, trial.links, bridges));
    const [index] = found;
    if (index === undefined || found.size > 1) continue;
    const { x } = trial.boxes.find((box) => box.id === bridges[index]!.id)!;
    if (x < last) return NO_FLOORS;
    last = x;
    floors.set(namespace.id, x);
  }
  return floors;
}

function placeNamespaces(draft: Draft, namespaces: readonly TopologyNamespace[], floors: Floors): { right: number; bottom: number } {
  let x = PAD;
  let height = 0;
  for (const namespace of namespaces) height = Math.max(height, namespaceHeight(namespace.devices.length) + (namespace.devices.some((device) => device.kind === 'bridge') ? BAR_HEIGHT : 0));
  for (const namespace of namespaces) {
    x = Math.max(x, floors.get(namespace.id) ?? 0);
    const bridges = namespace.devices.filter((device) => device.kind === 'bridge');
    const chips = namespace.devices.filter((device) => device.kind !== 'bridge');
    const widths = chips.map((device) => chipWidth(device.name));
    const line = namespace.devices.length > 1 ? Math.max(...namespace.devices.map((device) => device.name.length)) + 20 : 18;
    const width = namespaceWidth(namespace.name, widths, line);
    draft.boxes.push({ id: namespace.id, kind: 'namespace', x, y: TITLE, width, height, inside: draft.machine.name });
    bridges.forEach((bridge, index) => {
      const share = (width - 16) / bridges.length;
      draft.boxes.push({ id: bridge.id, kind: 'bridge', x: x + 8 + index * share, y: TITLE + height - BAR_HEIGHT - 14, width: share - 4, height: BAR_HEIGHT - 8, inside: namespace.id });
    });
    spread(draft, chips, widths, x, width, TITLE + height - CHIP_HEIGHT / 2, namespace.id, 'below');
    x += width + GAP;
  }
  return { right: namespaces.length === 0 ? PAD : x - GAP, bottom: namespaces.length === 0 ? TITLE : TITLE + height + CHIP_HEIGHT / 2 };
}

/** Puts chips side by side, centred on a span, on the edge of box `inside`; links leave above or below them. */
function spread(draft: Draft, devices: readonly TopologyDevice[], widths: readonly number[], left: number, width: number, y: number, inside: string, exit: 'above' | 'below'): void {
  const total = widths.reduce((sum, chip) => sum + chip, 0) + Math.max(0, widths.length - 1) * 12;
  let x = left + (width - total) / 2;
  devices.forEach((device, index) => {
    const chip = widths[index]!;
    draft.boxes.push({ id: device.id, kind: 'device', x, y, width: chip, height: CHIP_HEIGHT, inside });
    draft.exits.set(device.id, { x: x + chip / 2, y: exit === 'below' ? y + CHIP_HEIGHT : y });
    x += chip + 12;
  });
}

interface RootRow {
  readonly right: number;
  readonly bottom: number;
  /** The leftmost line down from a bridge to a port below; the stack keeps to the left of it. */
  readonly slots: number;
}

interface Group {
  readonly bridge: TopologyDevice | null;
  readonly chips: readonly TopologyDevice[];
  /** NICs and tunnels that are ports of the bridge; each has a slot at the right end of the bar and hangs straight below it. */
  readonly hanging: readonly TopologyDevice[];
}

function rowWidth(devices: readonly TopologyDevice[]): number {
  return devices.reduce((sum, device) => sum + lowerWidth(device) + GAP, 0);
}

function placeRootDevices(draft: Draft, root: TopologyNamespace, bridges: readonly TopologyDevice[], above: { right: number; bottom: number }): RootRow {
  const chips = root.devices.filter((device) => device.kind === 'veth' || device.kind === 'vlan');
  const lower = lowerDevices(root);
  if (chips.length === 0 && bridges.length === 0 && draft.links.length === 0) return { right: above.right, bottom: above.bottom + GAP, slots: Number.MAX_SAFE_INTEGER };
  const groups: Group[] = [
    ...bridges.map((bridge) => ({ bridge, chips: chips.filter((chip) => chip.master === bridge.id), hanging: lower.filter((device) => device.master === bridge.id) })),
    ...chips.filter((chip) => chip.master === null).map((chip) => ({ bridge: null, chips: [chip], hanging: [] })),
  ];
  const wanted = groups.map((group) => ({ ...group, at: barycentre(draft, group.chips) })).sort((x, y) => Math.sign(x.hanging.length) - Math.sign(y.hanging.length) || x.at - y.at);
  const row = lowerRow(lower.filter((device) => device.master === null));
  const stackRight = PAD + Math.max(draft.stack.width, row.width);
  const alone = groups.length === 1;
  let cursor = PAD;
  const placed = wanted.map((group): PlacedGroup => {
    const xs = placeChips(draft, group.chips, cursor);
    const left = alone ? PAD : Math.max(cursor, Math.min(xs.left - 12, aboveOf(draft, group.chips)));
    const bar = group.bridge ? left + Math.max(200, titleWidth(group.bridge.name) + 165) : 0;
    const first = group.hanging[0];
    const slots = first && isEnd(first) ? Math.max(left, PAD + row.next, stackRight + GAP - REACH, alone ? above.right - lowerWidth(first) : 0)
      : Math.max(xs.right + 12, first ? Math.max(bar, stackRight + GAP) : 0, alone ? above.right : 0);
    const right = Math.max(bar, xs.right + 12, group.hanging.length === 0 ? slots : slots + rowWidth(group.hanging));
    cursor = right + GAP;
    return { ...group, xs, left, right, slots };
  });
  return emitRootRow(draft, placed, above.bottom);
}

interface PlacedGroup extends Group {
  readonly xs: { readonly left: number; readonly right: number; readonly at: readonly number[] };
  readonly left: number;
  readonly right: number;
  /** Where the slots of what hangs below it begin. */
  readonly slots: number;
}

function emitRootRow(draft: Draft, placed: readonly PlacedGroup[], top: number): RootRow {
  const chipX = new Map(placed.flatMap((group) => group.chips.map((chip, index) => [chip.id, group.xs.at[index]!] as const)));
  const crossings = draft.links.map((link): Crossing => ({ id: link.id, a: exitOf(draft, chipX, link.a), b: exitOf(draft, chipX, link.b) }));
  const lanes = assignLanes(crossings);
  const count = laneCount(lanes);
  const strip = CHANNEL + count * LANE;
  const y = top + strip;
  for (const group of placed) {
    if (group.bridge) {
      draft.boxes.push({ id: group.bridge.id, kind: 'bridge', x: group.left, y: y + CHIP_HEIGHT / 2, width: group.right - group.left, height: BRIDGE_HEIGHT, inside: draft.machine.name });
    }
    group.chips.forEach((chip, index) => {
      const width = chipWidth(chip.name);
      draft.boxes.push({ id: chip.id, kind: 'device', x: group.xs.at[index]! - width / 2, y, width, height: CHIP_HEIGHT, inside: group.bridge?.id ?? draft.machine.name });
      draft.exits.set(chip.id, { x: group.xs.at[index]!, y });
    });
  }
  for (const link of draft.links) {
    const crossing: Crossing = { id: link.id, a: draft.exits.get(link.a)!, b: draft.exits.get(link.b)! };
    draft.routes.push({ id: link.id, kind: 'veth', a: link.a, b: link.b, points: routeThrough(crossing, lanes.get(link.id), top + CHANNEL / 2) });
  }
  for (const group of placed) {
    let x = group.slots;
    for (const device of group.hanging) {
      draft.slots.set(device.id, x);
      x += lowerWidth(device) + GAP;
    }
  }
  const slots = Math.min(Number.MAX_SAFE_INTEGER, ...placed.filter((group) => group.hanging.length > 0).map(({ hanging, slots }) => slots + (isEnd(hanging[0]!) ? REACH : 0)));
  return { right: Math.max(PAD, ...placed.map((group) => group.right)), bottom: placed.length === 0 ? y : y + CHIP_HEIGHT / 2 + BRIDGE_HEIGHT, slots };
}

function exitOf(draft: Draft, chipX: ReadonlyMap<string, number>, id: string): Point {
  return draft.exits.get(id) ?? { x: chipX.get(id) ?? 0, y: Number.MAX_SAFE_INTEGER };
}

function peerX(draft: Draft, chip: TopologyDevice): number | null {
  const link = draft.links.find((other) => other.a === chip.id || other.b === chip.id);
  return link ? (draft.exits.get(link.a === chip.id ? link.b : link.a)?.x ?? null) : null;
}

/** Left edge of the leftmost namespace that chips lead to. */
function aboveOf(draft: Draft, chips: readonly TopologyDevice[]): number {
  const boxes = chips.flatMap((chip) => {
    const link = draft.links.find((other) => other.a === chip.id || other.b === chip.id);
    const end = link ? draft.boxes.find(({ id }) => id === (link.a === chip.id ? link.b : link.a)) : undefined;
    return draft.boxes.filter(({ id, kind }) => kind === 'namespace' && id === end?.inside);
  });
  return Math.min(Number.MAX_SAFE_INTEGER, ...boxes.map(({ x }) => x));
}

function barycentre(draft: Draft, chips: readonly TopologyDevice[]): number {
  const xs = chips.map((chip) => peerX(draft, chip)).filter((x) => x !== null);
  return xs.length === 0 ? Number.MAX_SAFE_INTEGER : xs.reduce((sum, x) => sum + x, 0) / xs.length;
}

/** Chips straight below their peers where there is room, else pushed to the right. */
function placeChips(draft: Draft, chips: readonly TopologyDevice[], from: number): { left: number; right: number; at: number[] } {
  const order = chips.map((chip, index) => ({ chip, index, x: peerX(draft, chip) ?? Number.MAX_SAFE_INTEGER })).sort((a, b) => a.x - b.x || a.index - b.index);
  const at: number[] = new Array<number>(chips.length).fill(0);
  let edge = from + 12;
  let left = Number.MAX_SAFE_INTEGER;
  for (const { chip, index, x } of order) {
    const half = chipWidth(chip.name) / 2;
    const middle = Math.max(x === Number.MAX_SAFE_INTEGER ? edge + half : x, edge + half);
    at[index] = middle;
    left = Math.min(left, middle - half);
    edge = middle + half + 12;
  }
  return chips.length === 0 ? { left: from + 12, right: from + 12, at } : { left, right: edge - 12, at };
}

/** The stack, what hangs on it above and below, and the NICs on the machine's lower edge; ports of bridges hang below their bar. */
function placeStack(draft: Draft, root: TopologyNamespace, above: RootRow): { y: number; right: number; gutter: boolean } {
  const lower = lowerDevices(root);
  const routed = lower.filter((device) => device.master === null);
  const bridged = lower.filter((device) => device.master !== null);
  const top = above.bottom + GAP + 4;
  const row = lowerRow(routed);
  const firstEnd = bridged.find(isEnd);
  const stackRight = bridged.length > 0 ? above.slots - GAP : Math.max(above.right, PAD + row.width, PAD + draft.stack.width);
  const stack: Box = { id: `${root.id}@stack`, kind: 'stack', x: PAD, y: top, width: stackRight - PAD, height: draft.stack.height, inside: draft.machine.name };
  draft.boxes.push(stack);
  hang(draft, root, stack, above.bottom);
  const rows = lowerRows(draft, lower, top + draft.stack.height);
  const room = firstEnd ? Math.min(stackRight - PAD - row.width, draft.slots.get(firstEnd.id)! - PAD - row.next) : stackRight - PAD - row.width;
  // Tunnels to the left and NICs to the right, so that the lines have room between them; else in the middle.
  const both = routed.some(isEnd) && !isEnd(routed.at(-1)!);
  const spare = Math.max(0, room);
  routed.forEach((device, index) => {
    const x = PAD + row.lefts[index]! + (both ? (isEnd(device) ? 0 : spare) : spare / 2);
    const middle = x + lowerWidth(device) / 2;
    draft.routes.push({ id: `${device.id}|stack`, kind: 'inner', a: stack.id, b: device.id, points: [{ x: middle, y: top + draft.stack.height }, { x: middle, y: rows.topOf(device) }] });
    placeLower(draft, device, x, rows.topOf(device));
  });
  bridged.forEach((device, index) => {
    const slot = draft.slots.get(device.id)!;
    const bar = draft.boxes.find((box) => box.id === device.master)!;
    const middle = slot + (device === firstEnd ? REACH : lowerWidth(device) / 2);
    draft.routes.push({ id: `${device.id}|${device.master}`, kind: 'port', a: bar.id, b: device.id, points: [{ x: middle, y: bar.y + bar.height }, { x: middle, y: rows.topOf(device) }] });
    placeLower(draft, device, slot, rows.topOf(device));
    if (isEnd(device)) goBack(draft, device, stack, stackRight - RETURN * (index + 0.5));
  });
  return { y: rows.edge, right: Math.max(stackRight, above.right, PAD + spare + row.width), gutter: bridged.length > 0 };
}

/** Heights below the stack: the ends of tunnels, a strip for their tubes, the NICs across the machine's lower edge. */
function lowerRows(draft: Draft, lower: readonly TopologyDevice[], bottom: number): { topOf: (device: TopologyDevice) => number; edge: number } {
  const nics = lower.some((device) => !isEnd(device));
  const strip = lower.some(isEnd) ? GAP + VTEP_HEIGHT + tunnelStrip(draft.lanes) : 0;
  const nicTop = bottom + (strip === 0 ? GAP : strip);
  return { topOf: (device) => (isEnd(device) ? bottom + GAP : nicTop), edge: nics ? nicTop + NIC_HEIGHT / 2 : bottom + (strip === 0 ? PAD : strip) };
}

/** Between the lines that come back to the stack. */
const RETURN = 14;

/** From a tunnel that hangs on a bridge to the stack, which sends what it has wrapped: straight up where it reaches below it. */
function goBack(draft: Draft, device: TopologyDevice, stack: Box, x: number): void {
  const box = draft.boxes.find(({ id }) => id === device.id)!;
  const own = box.x + RETURN_AT;
  const lower = stack.y + stack.height;
  const lane = lower + GAP / 2;
  const points = own < stack.x + stack.width - CLEAR ? [{ x: own, y: box.y }, { x: own, y: lower }] : [{ x: own, y: box.y }, { x: own, y: lane }, { x, y: lane }, { x, y: lower }];
  draft.routes.push({ id: `${device.id}|stack`, kind: 'inner', a: device.id, b: stack.id, points });
}

/** Lines from the stack up to the bridges and the devices that are nobody's port: straight, or along the strip above the stack. */
function hang(draft: Draft, root: TopologyNamespace, stack: Box, bottom: number): void {
  const own = new Set(root.devices.map((device) => device.id));
  const right = stack.x + stack.width;
  for (const box of draft.boxes) {
    if (!own.has(box.id) || !(box.kind === 'bridge' || (box.kind === 'device' && box.inside === draft.machine.name))) continue;
    const lower = { x: box.x + box.width / 2, y: box.y + box.height };
    const lane = bottom + GAP / 2;
    const points = lower.x < right - 8 ? [lower, { x: lower.x, y: stack.y }]
      : box.x + 12 < right - 8 ? [{ x: box.x + 12, y: lower.y }, { x: box.x + 12, y: stack.y }]
        : [{ x: box.x + 12, y: lower.y }, { x: box.x + 12, y: lane }, { x: right - 12, y: lane }, { x: right - 12, y: stack.y }];
    draft.routes.push({ id: `${box.id}|stack`, kind: 'inner', a: box.id, b: stack.id, points });
  }
}

/** The end of a tunnel, or a NIC. */
function placeLower(draft: Draft, device: TopologyDevice, x: number, y: number): void {
  const width = lowerWidth(device);
  const end = isEnd(device);
  const height = end ? VTEP_HEIGHT : NIC_HEIGHT;
  draft.boxes.push({ id: device.id, kind: end ? 'vtep' : 'nic', x, y, width, height, inside: draft.machine.name });
  draft.exits.set(device.id, { x: x + width / 2, y: y + height });
}
