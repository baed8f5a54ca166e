/** Sizes of the map, in its own pixels. Text is measured by its length: the map's fonts are set, and a layout must not wait for them. */
export const GAP = 18;
export const PAD = 20;
export const TITLE = 40;
export const CHIP_HEIGHT = 22;
export const NIC_HEIGHT = 40;
export const BAR_HEIGHT = 34;
/** A stack at its smallest: a line of words, and a packet below it; with its hooks between the two. */
export const STACK = { width: 180, height: 78 } as const;
export const HOOKED_STACK = { width: 262, height: 128 } as const;
/** The end of a tunnel, as wide as a packet that is wrapped may be beside it. */
export const VTEP_WIDTH = 128;
export const VTEP_HEIGHT = 40;
/** Below the ends of tunnels: room for a packet, and for the tubes that do not go straight. */
export const TUBE_TOP = 24;
export const TUBE_LANE = 18;
export const TUNNEL_STACK_WIDTH = 224;
export const MACHINE_GAP = 48;
export const CHANNEL = 44;
/** Of cables: a packet on one keeps clear of the NICs above and the switch below. */
export const CABLE_CHANNEL = 52;
/** Height of a bridge's bar: half a port, and a packet below it. */
export const BRIDGE_HEIGHT = 56;
/** A packet's strip, with its line of addresses. */
export const STRIP_HEIGHT = 40;
export const STRIP_WIDTH = 168;
/** Of one that is wrapped in another. */
export const WRAPPED_WIDTH = 216;

const MONO = 7.3;
const SANS = 7.6;

export function chipWidth(name: string): number {
  return Math.max(48, Math.ceil(name.length * MONO) + 16);
}

export function nicWidth(name: string): number {
  return Math.max(124, chipWidth(name));
}

export function vtepWidth(name: string): number {
  return Math.max(VTEP_WIDTH, chipWidth(name));
}

/** Height of the strip between the ends of tunnels and the NICs. */
export function tunnelStrip(lanes: number): number {
  return Math.max(STRIP_HEIGHT + 10, TUBE_TOP + lanes * TUBE_LANE + 8);
}

export function titleWidth(title: string): number {
  return Math.ceil(title.length * SANS) + 28;
}

/** Height of a namespace's box: its title and one line for each of its devices. */
export function namespaceHeight(devices: number): number {
  return 40 + Math.max(1, devices) * 17 + 62;
}

/** Width of a namespace's box: one address line (`veth11 192.168.100.100/24`) and its chips side by side. */
export function namespaceWidth(name: string, chips: readonly number[], lineLength: number): number {
  const row = chips.reduce((sum, width) => sum + width, 0) + Math.max(0, chips.length - 1) * 12 + 24;
  return Math.max(136, titleWidth(name), row, Math.ceil(lineLength * MONO) + 24);
}
