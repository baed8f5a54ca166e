import { formatMac, MAC_ZERO } from '../../wire/address.ts';
import { brFdbFind, brFdbUpdate, fdbCommit, fdbCreate, fdbDelete, fdbEntries, fdbRow, scheduleCleanup } from '../devices/bridge/bridge-fdb.ts';
import type { BridgeState, FdbEntry } from '../devices/bridge/bridge-state.ts';
import { devAddrAdd, devAddrDel, devAddrsByIfindex } from '../dev-addr-lists.ts';
import { KernelError } from '../errno.ts';
import { isIpDevice, type NetDevice } from '../net-device.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { FdbRow } from '../rows.ts';
import type { SimTime } from '../../sim/time.ts';
import { vxlanFdbFlush, vxlanFdbRows } from '../devices/vxlan/vxlan-fdb.ts';
import { vxlanFdbAdd, vxlanFdbDel } from './fdb-vxlan.ts';
import type { FdbRequest, NewMode } from './requests.ts';
import { rtnl } from './rtnl.ts';

/** RTM_NEWNEIGH of AF_BRIDGE (rtnl_fdb_add). With neither `self` nor `master` the port's bridge is asked. */
export function newFdb(ns: NetNamespace, request: FdbRequest, mode: NewMode): void {
  rtnl(ns, 'RTM_NEWNEIGH', 'rtnl_fdb_add', ns.devices.get(request.ifindex)?.name ?? null, () => {
    const dev = deviceFor(ns, request.ifindex);
    if (dev.kind === 'loopback' || isIpDevice(dev.kind)) throw new KernelError('EINVAL', 'FDB add only supported for Ethernet devices');
    checkVlan(request.vlan);
    let served = false;
    if ((request.master || !request.self) && dev.portState) {
      brFdbAdd(dev.portState.br, dev, request, mode);
      served = true;
    }
    if (request.self) {
      if (dev.vxlan) vxlanFdbAdd(dev.vxlan, request, mode);
      else if (dev.bridgeState) brFdbAdd(dev.bridgeState, null, request, mode);
      else dfltFdbAdd(dev, request, mode);
      served = true;
    }
    if (!served) throw new KernelError('EOPNOTSUPP');
  });
}

/** RTM_DELNEIGH of AF_BRIDGE (rtnl_fdb_del). Throws ENOENT when there is no such entry at this port. */
export function delFdb(ns: NetNamespace, request: FdbRequest): void {
  rtnl(ns, 'RTM_DELNEIGH', 'rtnl_fdb_del', ns.devices.get(request.ifindex)?.name ?? null, () => {
    const dev = deviceFor(ns, request.ifindex);
    checkVlan(request.vlan);
    let served = false;
    if ((request.master || !request.self) && dev.portState) {
      brFdbDelete(dev.portState.br, dev, request);
      served = true;
    }
    if (request.self) {
      if (dev.vxlan) vxlanFdbDel(dev.vxlan, request);
      else if (dev.bridgeState) brFdbDelete(dev.bridgeState, null, request);
      else dfltFdbDel(dev, request);
      served = true;
    }
    if (!served) throw new KernelError('EOPNOTSUPP');
  });
}

/** Which entries a flush takes. */
export interface FdbFlush {
  /** The bridge, or with `master` one of its ports. */
  readonly ifindex: number;
  readonly vlan?: number;
  /** Only the entries at this port. */
  readonly port?: number;
  readonly self?: boolean;
  readonly master?: boolean;
  readonly permanent?: boolean;
  readonly isStatic?: boolean;
  readonly addedByUser?: boolean;
  readonly externLearn?: boolean;
  readonly sticky?: boolean;
}

/** RTM_DELNEIGH with NLM_F_BULK (br_fdb_delete_bulk). Without a condition everything goes, local entries too. */
export function flushFdb(ns: NetNamespace, flush: FdbFlush): void {
  rtnl(ns, 'RTM_DELNEIGH', 'br_fdb_delete_bulk', ns.devices.get(flush.ifindex)?.name ?? null, () => {
    const dev = deviceFor(ns, flush.ifindex);
    const viaMaster = (flush.master || !flush.self) && dev.portState !== null;
    const br = viaMaster ? dev.portState!.br : flush.self ? dev.bridgeState : null;
    if (!br && flush.self && dev.vxlan) return vxlanFdbFlush(dev.vxlan, flush);
    if (!br) throw new KernelError('EOPNOTSUPP');
    const port = flush.port ?? (viaMaster ? dev.ifindex : undefined);
    checkVlan(flush.vlan);
    for (const f of fdbEntries(br)) if (isFlushed(br, f, flush, port)) fdbDelete(br, f);
  });
}

function isFlushed(br: BridgeState, f: FdbEntry, flush: FdbFlush, port: number | undefined): boolean {
  if (flush.vlan !== undefined && f.vlan !== flush.vlan) return false;
  if (port !== undefined && (f.dst ?? br.dev).ifindex !== port) return false;
  if (flush.permanent !== undefined && f.local !== flush.permanent) return false;
  if (flush.isStatic !== undefined && f.isStatic !== flush.isStatic) return false;
  if (flush.addedByUser !== undefined && f.addedByUser !== flush.addedByUser) return false;
  if (flush.externLearn !== undefined && f.externLearn !== flush.externLearn) return false;
  return flush.sticky === undefined || f.sticky === flush.sticky;
}

/** RTM_GETNEIGH of AF_BRIDGE, everything, in the kernel's order (rtnl_fdb_dump): device by device, of each the newest first. */
export function listFdb(ns: NetNamespace): FdbRow[] {
  const own = devAddrsByIfindex(ns);
  const entries = new Map<NetDevice, FdbRow[]>();
  for (const dev of ns.devices.values()) {
    const br = dev.bridgeState;
    if (br) for (const f of fdbEntries(br)) addTo(entries, f.dst ?? dev, fdbRow(br, f));
  }
  const list: FdbRow[] = [];
  for (const dev of [...ns.devices.values()].sort((x, y) => x.ifindex - y.ifindex)) {
    const bridged = entries.get(dev) ?? [];
    const self = dev.vxlan ? vxlanFdbRows(dev.vxlan) : own.get(dev.ifindex) ?? [];
    // Of a port the bridge is asked first, of a bridge the device itself.
    list.push(...(dev.portState ? [...bridged, ...self] : [...self, ...bridged]));
  }
  return list;
}

function addTo(lists: Map<NetDevice, FdbRow[]>, dev: NetDevice, row: FdbRow): void {
  const list = lists.get(dev);
  if (list) list.push(row);
  else lists.set(dev, [row]);
}

function deviceFor(ns: NetNamespace, ifindex: number): NetDevice {
  if (ifindex === 0) throw new KernelError('EINVAL', 'invalid ifindex');
  const dev = ns.devices.get(ifindex);
  if (!dev) throw new KernelError('ENODEV', 'unknown ifindex');
  return dev;
}

function checkVlan(vlan: number | undefined): void {
  if (vlan !== undefined && (vlan === 0 || vlan >= 4095)) throw new KernelError('EINVAL', 'invalid vlan id');
}

/** The device's own filter takes only permanent addresses (ndo_dflt_fdb_add). */
function dfltFdbAdd(dev: NetDevice, request: FdbRequest, mode: NewMode): void {
  if ((request.state ?? 'permanent') !== 'permanent') throw new KernelError('EINVAL');
  if (request.vlan) throw new KernelError('EINVAL', "vlans aren't supported yet for dev_uc|mc_add()");
  if (request.mac === MAC_ZERO) throw new KernelError('EINVAL');
  if (!devAddrAdd(dev, request.mac, true) && mode === 'add') throw new KernelError('EEXIST');
}

function dfltFdbDel(dev: NetDevice, request: FdbRequest): void {
  if ((request.state ?? 'permanent') !== 'permanent') throw new KernelError('EINVAL');
  if (!devAddrDel(dev, request.mac)) throw new KernelError('ENOENT');
}

/** Without a VLAN, a bridge that filters takes the entry for each VLAN of the port as well (br_fdb_add). */
function vlansOf(br: BridgeState, port: NetDevice | null, vlan: number | undefined): number[] {
  const group = port ? port.portState!.vlans : br.vlans;
  if (vlan !== undefined) {
    if (!group.untagged.has(vlan)) throw new KernelError('EINVAL');
    return [vlan];
  }
  return br.dev.bridge!.vlanFiltering ? [0, ...group.untagged.keys()] : [0];
}

function brFdbAdd(br: BridgeState, port: NetDevice | null, request: FdbRequest, mode: NewMode): void {
  if (request.mac === MAC_ZERO) throw new KernelError('EINVAL');
  for (const vlan of vlansOf(br, port, request.vlan)) {
    if (request.externLearn) externLearnAdd(br, port, request, vlan);
    else fdbAddEntry(br, port, request, vlan, mode);
  }
}

/** fdb_add_entry. */
function fdbAddEntry(br: BridgeState, port: NetDevice | null, request: FdbRequest, vlan: number, mode: NewMode): void {
  const state = request.state ?? 'permanent';
  const portState = port?.port!.state;
  if (port && state === 'learned' && portState !== 'learning' && portState !== 'forwarding') throw new KernelError('EPERM');
  if (!port && state !== 'permanent') throw new KernelError('EINVAL');
  if (request.sticky && state === 'permanent') throw new KernelError('EINVAL');
  const old = brFdbFind(br, request.mac, vlan);
  if (!old && mode === 'change') throw new KernelError('ENOENT');
  if (old && mode === 'add') throw new KernelError('EEXIST');
  const f = old ?? fdbCreate(br, port, request.mac, vlan);
  const before = old ? fdbRow(br, old) : null;
  f.dst = port;
  f.addedByUser = true;
  f.local = state === 'permanent';
  f.isStatic = state !== 'learned';
  f.sticky = request.sticky ?? false;
  f.used = br.dev.ns.queue.now;
  const after = fdbRow(br, f);
  if (before && before.ifindex === after.ifindex && before.state === after.state && before.sticky === after.sticky && before.addedByUser) return;
  f.updated = br.dev.ns.queue.now;
  fdbCommit(br, f);
  if (state === 'learned') scheduleCleanup(br);
}

/** br_fdb_external_learn_add: a controller's entry, which does not age. */
function externLearnAdd(br: BridgeState, port: NetDevice | null, request: FdbRequest, vlan: number): void {
  if (!port && (request.state ?? 'permanent') !== 'permanent') throw new KernelError('EINVAL', 'bridge: FDB entry towards bridge must be permanent');
  const f = brFdbFind(br, request.mac, vlan) ?? fdbCreate(br, port, request.mac, vlan);
  f.dst = port;
  f.externLearn = true;
  f.addedByUser = true;
  f.local = port === null;
  f.updated = br.dev.ns.queue.now;
  fdbCommit(br, f);
}

function brFdbDelete(br: BridgeState, port: NetDevice | null, request: FdbRequest): void {
  let found = false;
  for (const vlan of vlansOf(br, port, request.vlan)) {
    const f = brFdbFind(br, request.mac, vlan);
    if (!f || f.dst !== port) continue;
    fdbDelete(br, f);
    found = true;
  }
  if (!found) throw new KernelError('ENOENT');
}

/** NTF_USE: as if a frame from this address had come in (`bridge fdb add ... use`). */
export function useFdb(ns: NetNamespace, request: FdbRequest): void {
  rtnl(ns, 'RTM_NEWNEIGH', 'br_fdb_update', ns.devices.get(request.ifindex)?.name ?? null, () => {
    const dev = deviceFor(ns, request.ifindex);
    if (!dev.portState) throw new KernelError(dev.bridgeState ? 'EINVAL' : 'EOPNOTSUPP');
    const { state } = dev.port!;
    if (state !== 'forwarding' && state !== 'learning') return;
    brFdbUpdate(dev.portState.br, dev, request.mac, request.vlan ?? 0, null);
    const f = brFdbFind(dev.portState.br, request.mac, request.vlan ?? 0);
    if (f) f.addedByUser = true;
  });
}

/** NDA_CACHEINFO of a bridge's entry: how long ago it was used and refreshed, ns. Null when there is no such entry (any more). */
export function fdbCacheInfo(ns: NetNamespace, { bridge, mac, vlan }: Pick<FdbRow, 'bridge' | 'mac' | 'vlan'>): { used: SimTime; updated: SimTime } | null {
  const br = ns.devices.get(bridge)?.bridgeState;
  const f = br && brFdbFind(br, mac, vlan);
  return f ? { used: ns.queue.now - f.used, updated: ns.queue.now - f.updated } : null;
}

/** Key of the row of a forwarding entry. */
export function fdbKey(row: FdbRow): string {
  return row.bridge === 0 ? `self:${row.ifindex}/${formatMac(row.mac)}/0` : `${row.bridge}/${formatMac(row.mac)}/${row.vlan}`;
}
