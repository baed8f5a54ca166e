import { KernelError } from '../../kernel/errno.ts';
import type { NetDevice } from '../../kernel/net-device.ts';
import type { BridgeOptions, BridgePortOptions } from '../../kernel/rows.ts';
import { type DirectoryNode, kernelFile, type Node } from './nodes.ts';
import { change, kernelFiles, parseNumber } from './sys.ts';

/** `8000.66d416416c53` */
function bridgeId(dev: NetDevice): string {
  return `${(dev.bridge?.priority ?? 0).toString(16).padStart(4, '0')}.${dev.mac.toString(16).padStart(12, '0')}`;
}

function show(read: () => string | number): Node {
  return kernelFile(() => `${read()}\n`);
}

type NumberKey<T> = { [K in keyof T]: T[K] extends number ? K : never }[keyof T];
type FlagKey<T> = { [K in keyof T]: T[K] extends boolean ? K : never }[keyof T];

/** /sys/class/net/BR/bridge (net/bridge/br_sysfs_br.c). */
export function bridgeFiles(dev: NetDevice): DirectoryNode {
  const options = (): BridgeOptions => dev.bridge!;
  const number = (key: NumberKey<BridgeOptions>): Node =>
    kernelFile(() => `${options()[key]}\n`, (_view, text) => change(dev, { bridge: { [key]: parseNumber(text) } }));
  const flag = (key: FlagKey<BridgeOptions>): Node =>
    kernelFile(() => `${options()[key] ? 1 : 0}\n`, (_view, text) => change(dev, { bridge: { [key]: parseNumber(text) !== 0 } }));
  return kernelFiles({
    ageing_time: number('ageingTime'),
    bridge_id: show(() => bridgeId(dev)),
    default_pvid: number('vlanDefaultPvid'),
    forward_delay: number('forwardDelay'),
    group_addr: show(() => '01:80:c2:00:00:00'),
    group_fwd_mask: kernelFile(() => `0x${options().groupFwdMask.toString(16)}\n`, (_view, text) => change(dev, { bridge: { groupFwdMask: parseNumber(text) } })),
    hello_time: number('helloTime'),
    max_age: number('maxAge'),
    multicast_snooping: flag('mcastSnooping'),
    priority: number('priority'),
    root_id: show(() => bridgeId(dev)),
    root_path_cost: show(() => 0),
    root_port: show(() => 0),
    stp_state: flag('stp'),
    topology_change: show(() => 0),
    topology_change_detected: show(() => 0),
    vlan_filtering: flag('vlanFiltering'),
  });
}

const STATES = ['disabled', 'listening', 'learning', 'forwarding', 'blocking'] as const;

/** /sys/class/net/PORT/brport (net/bridge/br_sysfs_if.c). */
export function portFiles(dev: NetDevice): DirectoryNode {
  const options = (): BridgePortOptions => dev.port!;
  const number = (key: 'cost' | 'priority'): Node =>
    kernelFile(() => `${options()[key]}\n`, (_view, text) => change(dev, { port: { [key]: parseNumber(text) } }));
  const flag = (key: FlagKey<BridgePortOptions>): Node =>
    kernelFile(() => `${options()[key] ? 1 : 0}\n`, (_view, text) => change(dev, { port: { [key]: parseFlag(text) } }));
  const id = (): number => (options().priority << 10) | options().no;
  return kernelFiles({
    bpdu_guard: flag('guard'),
    broadcast_flood: flag('bcastFlood'),
    designated_bridge: show(() => bridgeId(dev.master!)),
    designated_cost: show(() => 0),
    designated_port: show(id),
    designated_root: show(() => bridgeId(dev.master!)),
    hairpin_mode: flag('hairpin'),
    isolated: flag('isolated'),
    learning: flag('learning'),
    multicast_fast_leave: flag('fastleave'),
    multicast_flood: flag('mcastFlood'),
    neigh_suppress: flag('neighSuppress'),
    path_cost: number('cost'),
    port_id: show(() => `0x${id().toString(16)}`),
    port_no: show(() => `0x${options().no.toString(16)}`),
    priority: number('priority'),
    proxyarp: flag('proxyArp'),
    proxyarp_wifi: flag('proxyArpWifi'),
    root_block: flag('rootBlock'),
    state: show(() => STATES.indexOf(options().state)),
    unicast_flood: flag('flood'),
  });
}

function parseFlag(text: string): boolean {
  const value = parseNumber(text);
  if (value < 0) throw new KernelError('EINVAL');
  return value !== 0;
}
