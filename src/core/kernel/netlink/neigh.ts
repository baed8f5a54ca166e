import type { SimTime } from '../../sim/time.ts';
import { littleEndian, type Ipv4 } from '../../wire/address.ts';
import { KernelError } from '../errno.ts';
import { neighRecount, neighRemove } from '../neigh-life.ts';
import { commit, neighCreate, neighEvent, neighLookup } from '../neighbour.ts';
import type { Neighbour } from '../neigh-table.ts';
import { NEIGHBOUR_TABLE } from '../../statecharts/neighbour.ts';
import type { NetDevice } from '../net-device.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { NeighRow, ProxyNeighRow } from '../rows.ts';
import type { NeighRequest, NewMode } from './requests.ts';
import { rtnl } from './rtnl.ts';

/** RTM_NEWNEIGH (neigh_add). The state is PERMANENT unless the request says otherwise, as with ip(8). */
export function newNeigh(ns: NetNamespace, request: NeighRequest, mode: NewMode): void {
  rtnl(ns, 'RTM_NEWNEIGH', 'neigh_add', nameOf(ns, request.ifindex), () => {
    const dev = deviceFor(ns, request.ifindex);
    const state = request.state ?? 'PERMANENT';
    const known = neighLookup(ns, dev, request.ip);
    if (known && mode === 'add') throw new KernelError('EEXIST');
    if (!known && mode === 'change') throw new KernelError('ENOENT');
    const entry = known ?? neighCreate(ns, dev, request.ip, state === 'PERMANENT' || (request.extern ?? false));
    if (!entry) throw new KernelError('ENOBUFS');
    if (request.protocol !== undefined) entry.protocol = request.protocol;
    administer(ns, entry, request, state, !known || mode === 'replace' || mode === 'change');
  });
}

function administer(ns: NetNamespace, entry: Neighbour, request: NeighRequest, state: NeighRow['state'], override: boolean): void {
  const { tags } = NEIGHBOUR_TABLE;
  entry.extern = request.extern ?? false;
  if (override) entry.router = request.router ?? false;
  if (tags[state].has('valid') && request.mac === undefined && !tags[entry.state].has('valid')) {
    commit(ns, entry);
    throw new KernelError('EINVAL', 'No link layer address given');
  }
  const before = ns.tables.neigh.get(entry.key);
  neighEvent(ns, entry, `SET_${state}`, { mac: request.mac ?? null, override });
  neighRecount(ns, entry);
  const { protocol, extern, router } = entry;
  if (!before || before.protocol !== protocol || before.extern !== extern || before.router !== router) commit(ns, entry);
}

/** RTM_DELNEIGH (neigh_delete). ENOENT when there is no entry. */
export function delNeigh(ns: NetNamespace, request: { readonly ifindex: number; readonly ip: Ipv4 }): void {
  rtnl(ns, 'RTM_DELNEIGH', 'neigh_delete', nameOf(ns, request.ifindex), () => {
    const entry = neighLookup(ns, deviceFor(ns, request.ifindex), request.ip);
    if (!entry) throw new KernelError('ENOENT');
    entry.extern = false;
    neighEvent(ns, entry, 'SET_FAILED');
    neighRemove(ns, entry);
  });
}

/** RTM_GETNEIGH, the whole table. Linux lists by a hash with a random seed, here by age. */
export function listNeigh(ns: NetNamespace): NeighRow[] {
  return [...ns.tables.neigh.rows.values()];
}

/** NDA_CACHEINFO and NDA_PROBES of an entry. Times since then, in nanoseconds. */
export interface NeighCacheInfo {
  /** Who holds the entry besides the table: its timer, when that runs. */
  readonly references: number;
  readonly used: SimTime;
  readonly confirmed: SimTime;
  readonly updated: SimTime;
  readonly probes: number;
}

/** neigh_fill_info; null when there is no such entry (any more). */
export function neighCacheInfo(ns: NetNamespace, { ifindex, ip }: Pick<NeighRow, 'ifindex' | 'ip'>): NeighCacheInfo | null {
  const entry = ns.neighbours.devices.get(ifindex)?.entries.get(ip);
  if (!entry) return null;
  const { now } = ns.queue;
  return { references: entry.timer === null ? 0 : 1, used: now - entry.used, confirmed: now - entry.confirmed, updated: now - entry.updated, probes: entry.probes };
}

/** RTM_NEWNEIGH with NTF_PROXY (pneigh_create). `ifindex` 0 stands for every device. */
export function newProxyNeigh(ns: NetNamespace, request: { readonly ifindex: number; readonly ip: Ipv4; readonly protocol?: string }): void {
  rtnl(ns, 'RTM_NEWNEIGH', 'neigh_add', nameOf(ns, request.ifindex), () => {
    const { ifindex, ip } = request;
    if (ifindex !== 0) deviceFor(ns, ifindex);
    ns.tables.proxy.put(`${ifindex}/${ip}`, { ifindex, ip, protocol: request.protocol ?? null });
  });
}

/** RTM_DELNEIGH with NTF_PROXY (pneigh_delete). ENOENT when there is no entry. */
export function delProxyNeigh(ns: NetNamespace, request: { readonly ifindex: number; readonly ip: Ipv4 }): void {
  rtnl(ns, 'RTM_DELNEIGH', 'neigh_delete', nameOf(ns, request.ifindex), () => {
    if (!ns.tables.proxy.delete(`${request.ifindex}/${request.ip}`)) throw new KernelError('ENOENT');
  });
}

/** RTM_GETNEIGH with NTF_PROXY: by the kernel's hash of the address (pneigh_hash), the newest first where that is the same. */
export function listProxyNeigh(ns: NetNamespace): ProxyNeighRow[] {
  const rows = [...ns.tables.proxy.rows.values()].reverse();
  return rows.sort((a, b) => pneighHash(a.ip) - pneighHash(b.ip));
}

function pneighHash(ip: Ipv4): number {
  // The kernel reads the address as the CPU does: least significant byte first.
  let hash = littleEndian(ip);
  hash = (hash ^ (hash >>> 16)) >>> 0;
  hash ^= hash >>> 8;
  hash ^= hash >>> 4;
  return hash & 15;
}

function nameOf(ns: NetNamespace, ifindex: number): string | null {
  return ns.devices.get(ifindex)?.name ?? null;
}

function deviceFor(ns: NetNamespace, ifindex: number): NetDevice {
  const dev = ns.devices.get(ifindex);
  if (!dev) throw new KernelError('ENODEV');
  return dev;
}
