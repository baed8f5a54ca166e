import { brPortStateSelection, brSetState, netifOperUp } from '../devices/bridge/bridge-stp.ts';
import { brVlanFilterToggle, brVlanSetDefaultPvid } from '../devices/bridge/bridge-vlan.ts';
import { cleanupNow } from '../devices/bridge/bridge-fdb.ts';
import { KernelError } from '../errno.ts';
import { joinSnoopers, leaveSnoopers } from '../igmp.ts';
import { commitLink, type NetDevice } from '../net-device.ts';
import type { BridgeOptions, BridgePortOptions } from '../rows.ts';

/** Group addresses that a bridge never forwards (BR_GROUPFWD_RESTRICTED). */
const GROUPFWD_RESTRICTED = 0x0007;

function within(value: number | undefined, low: number, high: number): void {
  if (value !== undefined && (value < low || value > high)) throw new KernelError('ERANGE');
}

/** IFLA_INFO_DATA of a bridge (br_changelink). Throws EOPNOTSUPP when the device is no bridge, or for the spanning tree protocol. */
export function setBridgeOptions(dev: NetDevice, options: Partial<BridgeOptions>): void {
  const br = dev.bridgeState;
  if (!br) throw new KernelError('EOPNOTSUPP');
  within(options.helloTime, 100, 1000);
  within(options.maxAge, 600, 4000);
  if (options.stp) throw new KernelError('EOPNOTSUPP', 'bridge: the spanning tree protocol is not simulated');
  if (options.groupFwdMask !== undefined && (options.groupFwdMask & GROUPFWD_RESTRICTED) !== 0) throw new KernelError('EINVAL');
  const { vlanFiltering, vlanDefaultPvid, ...plain } = options;
  if (vlanDefaultPvid !== undefined && vlanDefaultPvid >= 4095) throw new KernelError('EINVAL');
  const before = dev.bridge!;
  const after = { ...before, ...plain };
  if (Object.keys(plain).some((key) => before[key as keyof BridgeOptions] !== after[key as keyof BridgeOptions])) dev.bridge = after;
  if (vlanFiltering !== undefined) brVlanFilterToggle(br, vlanFiltering);
  if (vlanDefaultPvid !== undefined && vlanDefaultPvid !== dev.bridge!.vlanDefaultPvid) {
    if (dev.bridge!.vlanFiltering && vlanFiltering === undefined) throw new KernelError('EPERM');
    brVlanSetDefaultPvid(br, vlanDefaultPvid);
  }
  commitLink(dev);
  if (dev.up && before.mcastSnooping !== dev.bridge!.mcastSnooping) (dev.bridge!.mcastSnooping ? joinSnoopers : leaveSnoopers)(dev);
  if (options.ageingTime !== undefined) cleanupNow(br);
}

/** IFLA_PROTINFO and the slave data of a port (br_setport). Throws EOPNOTSUPP when the device is no port of a bridge. */
export function setPortOptions(dev: NetDevice, options: Partial<BridgePortOptions>): void {
  if (!dev.portState) throw new KernelError('EOPNOTSUPP');
  const { state, ...plain } = options;
  if (state !== undefined) setPortState(dev, state);
  within(plain.cost, 1, 65535);
  within(plain.priority, 0, 63);
  const before = dev.port!;
  const after = { ...before, ...plain };
  if (Object.keys(plain).some((key) => before[key as keyof BridgePortOptions] !== after[key as keyof BridgePortOptions])) dev.port = after;
  commitLink(dev);
}

/** br_set_port_state. Without a spanning tree a port that is set to blocking forwards again at once. */
function setPortState(dev: NetDevice, state: BridgePortOptions['state']): void {
  if (!dev.up || (!netifOperUp(dev) && state !== 'disabled')) throw new KernelError('ENETDOWN');
  brSetState(dev, state);
  brPortStateSelection(dev.portState!.br);
}
