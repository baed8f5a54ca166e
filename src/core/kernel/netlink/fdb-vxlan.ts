import { isForMany, vxlanFdbCreate, vxlanFdbDelete, vxlanFdbUpdate, type VxlanFdbSpec, type VxlanTarget } from '../devices/vxlan/vxlan-fdb.ts';
import type { VxlanState } from '../devices/vxlan/vxlan-state.ts';
import { KernelError } from '../errno.ts';
import type { Ipv4 } from '../../wire/address.ts';
import type { FdbRequest, NewMode } from './requests.ts';

/** vxlan_fdb_parse */
function targetOf(vx: VxlanState, dst: Ipv4, { port, vni, via }: FdbRequest): VxlanTarget {
  if (via !== undefined && via !== 0 && !vx.dev.ns.devices.has(via)) throw new KernelError('EADDRNOTAVAIL', 'Device not found');
  return { dst, port: port ?? vx.config.dstport, vni: vni ?? vx.config.vni, ifindex: via ?? 0 };
}

/** vxlan_fdb_add: EINVAL without a destination, EEXIST and ENOENT as the mode asks. */
export function vxlanFdbAdd(vx: VxlanState, request: FdbRequest, mode: NewMode): void {
  if (request.dst === undefined) throw new KernelError('EINVAL');
  const spec: VxlanFdbSpec = {
    mac: request.mac, target: targetOf(vx, request.dst, request), state: request.state ?? 'permanent', externLearn: request.externLearn,
    router: request.router, sticky: request.sticky, addedByUser: true,
  };
  const old = vx.fdb.get(request.mac);
  if (old !== undefined) {
    if (mode === 'add') throw new KernelError('EEXIST');
    return vxlanFdbUpdate(vx, old, spec, mode === 'replace' || mode === 'append' ? mode : 'change');
  }
  if (mode === 'change') throw new KernelError('ENOENT');
  if (mode === 'replace' && isForMany(request.mac)) throw new KernelError('EOPNOTSUPP');
  vxlanFdbCreate(vx, spec);
}

/** vxlan_fdb_delete: without a destination the whole entry goes. */
export function vxlanFdbDel(vx: VxlanState, request: FdbRequest): void {
  vxlanFdbDelete(vx, request.mac, request.dst === undefined || request.dst === 0 ? null : targetOf(vx, request.dst, request));
}
