import { brVlanAdd, brVlanDelete } from '../devices/bridge/bridge-vlan.ts';
import type { BridgeState } from '../devices/bridge/bridge-state.ts';
import { KernelError } from '../errno.ts';
import type { NetDevice } from '../net-device.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { VlanRow } from '../rows.ts';
import { rtnl } from './rtnl.ts';

/** VLANs of a port (`master`, the default) or of the bridge device itself (`self`). `vidEnd`: the last of a range. */
export interface VlanRequest {
  readonly ifindex: number;
  readonly vid: number;
  readonly vidEnd?: number;
  readonly pvid?: boolean;
  readonly untagged?: boolean;
  readonly self?: boolean;
  readonly master?: boolean;
}

/** RTM_SETLINK with IFLA_BRIDGE_VLAN_INFO (`bridge vlan add`). */
export function newVlan(ns: NetNamespace, request: VlanRequest): void {
  rtnl(ns, 'RTM_SETLINK', 'br_setlink', ns.devices.get(request.ifindex)?.name ?? null, () => {
    forEach(ns, request, (br, port, vid) => brVlanAdd(br, port, vid, request.pvid ?? false, request.untagged ?? false));
  });
}

/** RTM_DELLINK with IFLA_BRIDGE_VLAN_INFO (`bridge vlan del`). Leaving a VLAN that one is not in is no error. */
export function delVlan(ns: NetNamespace, request: VlanRequest): void {
  rtnl(ns, 'RTM_DELLINK', 'br_dellink', ns.devices.get(request.ifindex)?.name ?? null, () => {
    forEach(ns, request, (br, port, vid) => brVlanDelete(br, port, vid));
  });
}

/** RTM_GETLINK of AF_BRIDGE with RTEXT_FILTER_BRVLAN: device by device, VLAN by VLAN. */
export function listVlans(ns: NetNamespace): VlanRow[] {
  return [...ns.tables.vlan.rows.values()].sort((x, y) => x.ifindex - y.ifindex || x.vid - y.vid);
}

function forEach(ns: NetNamespace, request: VlanRequest, act: (br: BridgeState, port: NetDevice | null, vid: number) => void): void {
  const dev = ns.devices.get(request.ifindex);
  if (!dev) throw new KernelError('ENODEV');
  const last = request.vidEnd ?? request.vid;
  const serve = (br: BridgeState, port: NetDevice | null): void => {
    checkRange(request);
    for (let vid = request.vid; vid <= last; vid++) act(br, port, vid);
  };
  if (request.master || !request.self) {
    if (!dev.portState) throw new KernelError('EOPNOTSUPP');
    serve(dev.portState.br, dev);
  }
  if (request.self) {
    if (!dev.bridgeState) throw new KernelError('EOPNOTSUPP');
    serve(dev.bridgeState, null);
  }
}

function isVid(vid: number): boolean {
  return vid > 0 && vid < 4095;
}

/** br_vlan_valid_id, br_vlan_valid_range. */
function checkRange(request: VlanRequest): void {
  const { vid, vidEnd } = request;
  if (!isVid(vid) || (vidEnd !== undefined && !isVid(vidEnd))) throw new KernelError('EINVAL', 'bridge: Vlan id is invalid');
  if (vidEnd === undefined) return;
  if (request.pvid) throw new KernelError('EINVAL', "bridge: Pvid isn't allowed in a range");
  if (vidEnd <= vid) throw new KernelError('EINVAL', 'bridge: End vlan id is less than or equal to start vlan id');
}
