import { isLoopbackIpv4 } from '../../wire/address.ts';
import { SECOND } from '../../sim/time.ts';
import { inetDelIfa, inetInsertIfa } from '../fib/addresses.ts';
import { addrKey, chooseAllSettings, ifaMatch, inDeviceOf } from '../fib/in-device.ts';
import type { InDevice } from '../fib/fib-state.ts';
import { KernelError } from '../errno.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { AddrRow } from '../rows.ts';
import type { AddrRequest, NewMode } from './requests.ts';
import { changePrefixMetric } from '../fib/addresses.ts';
import { rtnl } from './rtnl.ts';

/** RTM_NEWADDR (inet_rtm_newaddr). EEXIST with `add` when the device has it already. */
export function newAddr(ns: NetNamespace, request: AddrRequest, mode: NewMode): void {
  rtnl(ns, 'RTM_NEWADDR', 'inet_rtm_newaddr', nameOf(ns, request.ifindex), () => {
    if (request.prefixLength > 32) throw new KernelError('EINVAL', 'ipv4: Invalid prefix length');
    if (request.validLifetime === 0 || (request.preferredLifetime ?? 0) > (request.validLifetime ?? Infinity)) {
      throw new KernelError('EINVAL', 'ipv4: address lifetime invalid');
    }
    const inDev = inDeviceFor(ns, request.ifindex);
    chooseAllSettings(ns, inDev);
    const asked = toRow(inDev, request);
    const known = inDev.addresses.find((ifa) => ifa.prefixLength === asked.prefixLength && ifaMatch(ifa.address, asked) && ifa.local === asked.local);
    if (known) modify(ns, inDev, known, asked, mode);
    else live(ns, inDev, inetInsertIfa(ns, inDev, asked));
  });
}

/** RTM_DELADDR (inet_rtm_deladdr): the first address of the device that fits. EADDRNOTAVAIL when there is none. */
export function delAddr(ns: NetNamespace, request: AddrRequest): void {
  rtnl(ns, 'RTM_DELADDR', 'inet_rtm_deladdr', nameOf(ns, request.ifindex), () => {
    const inDev = inDeviceFor(ns, request.ifindex);
    const address = request.peer ?? request.local;
    const ifa = inDev.addresses.find((row) => row.local === request.local && (request.label === undefined || row.label === request.label)
      && row.prefixLength === request.prefixLength && ifaMatch(address, row));
    if (!ifa) throw new KernelError('EADDRNOTAVAIL', 'ipv4: Address not found');
    inetDelIfa(ns, inDev, ifa);
  });
}

/** RTM_GETADDR, the whole table: by device, then in the order in which the device keeps them. Lifetimes as what is left of them. */
export function listAddrs(ns: NetNamespace): AddrRow[] {
  return [...ns.fib.inDevices.values()]
    .sort((a, b) => a.dev.ifindex - b.dev.ifindex)
    .flatMap((inDev) => inDev.addresses.map((ifa) => remaining(ns, inDev, ifa)));
}

function nameOf(ns: NetNamespace, ifindex: number): string | null {
  return ns.devices.get(ifindex)?.name ?? null;
}

function inDeviceFor(ns: NetNamespace, ifindex: number): InDevice {
  const dev = ns.devices.get(ifindex);
  if (!dev) throw new KernelError('ENODEV', 'ipv4: Device not found');
  const inDev = inDeviceOf(ns, dev);
  if (!inDev) throw new KernelError('ENOBUFS');
  return inDev;
}

function toRow({ dev }: InDevice, request: AddrRequest): AddrRow {
  const { local, prefixLength } = request;
  const row: AddrRow = {
    ifindex: dev.ifindex, local, prefixLength, address: request.peer ?? local, broadcast: request.broadcast ?? null,
    scope: request.scope ?? (isLoopbackIpv4(local) ? 'host' : 'global'), label: request.label ?? dev.name, secondary: false,
    noprefixroute: request.noprefixroute ?? false, validLifetime: request.validLifetime ?? null, preferredLifetime: request.preferredLifetime ?? null,
  };
  return request.metric ? { ...row, metric: request.metric } : row;
}

/** An address that is there: only its lifetimes and the metric of its route may change. */
function modify(ns: NetNamespace, inDev: InDevice, known: AddrRow, asked: AddrRow, mode: NewMode): void {
  if (mode !== 'replace' && mode !== 'change') throw new KernelError('EEXIST', 'ipv4: Address already assigned');
  const { validLifetime, preferredLifetime } = asked;
  const row = changePrefixMetric(ns, inDev, known, { ...known, metric: asked.metric, validLifetime, preferredLifetime });
  live(ns, inDev, row);
}

/** An address that does not live forever is removed when its time is over (check_lifetime). */
function live(ns: NetNamespace, inDev: InDevice, ifa: AddrRow): void {
  const key = addrKey(ifa);
  ns.queue.cancel(inDev.lifetimes.get(key)?.timer);
  inDev.lifetimes.delete(key);
  if (ifa.validLifetime === null && ifa.preferredLifetime === null) return;
  const timer = ifa.validLifetime === null ? null : ns.queue.schedule(ns.queue.now + ifa.validLifetime * SECOND, () => {
    const now = inDev.addresses.find((row) => addrKey(row) === key);
    if (now) inetDelIfa(ns, inDev, now);
    ns.recorder.flush(ns.machine.name, ns.name, 'the lifetime of an address is over');
  });
  inDev.lifetimes.set(key, { since: ns.queue.now, timer });
}

function remaining(ns: NetNamespace, inDev: InDevice, ifa: AddrRow): AddrRow {
  const lifetime = inDev.lifetimes.get(addrKey(ifa));
  if (!lifetime) return ifa;
  const gone = Math.floor((ns.queue.now - lifetime.since) / SECOND);
  const left = (seconds: number | null): number | null => (seconds === null ? null : Math.max(0, seconds - gone));
  return { ...ifa, validLifetime: left(ifa.validLifetime), preferredLifetime: left(ifa.preferredLifetime) };
}
