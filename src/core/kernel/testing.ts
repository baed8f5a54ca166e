import { SECOND } from '../sim/time.ts';
import type { RecordLevel } from '../trace/recorder.ts';
import type { StepKind, StepOf } from '../trace/step.ts';
import { netmask, parseIpv4, type Ipv4 } from '../wire/address.ts';
import { ICMP_ECHO, echoRest } from '../wire/icmp.ts';
import { IPPROTO_ICMP, type Packet } from '../wire/packet.ts';
import { readCounters } from './counters.ts';
import { inetInsertIfa } from './fib/addresses.ts';
import { inDeviceOf } from './fib/in-device.ts';
import { fibTableInsert } from './fib/insert.ts';
import { RT_TABLE_MAIN } from './fib/scope.ts';
import { attachInet } from './inet.ts';
import { World } from './machine.ts';
import type { NetDevice } from './net-device.ts';
import type { NetNamespace } from './net-namespace.ts';
import { newLink, setLink } from './netlink/link.ts';
import type { RouteRow } from './rows.ts';
import { openRawSocket, type RawSocket } from './sockets/raw.ts';
import { writeSysctl } from './sysctl.ts';

/*
 * Small worlds for the kernel's tests and benchmarks: machines, cables, addresses and routes without a shell. Not part of the
 * product: nothing outside of tests and benchmarks imports it.
 */

/** A world whose namespaces are IPv4 hosts. */
export function testWorld(record: RecordLevel = 'everything', seed = 1): World {
  return new World({ seed, record, protocols: [attachInet] });
}

/** The root namespace of a new machine, `lo` up. */
export function testHost(world: World, name: string): NetNamespace {
  const ns = world.addMachine(name, { ipv6: false, brNetfilter: false }).root;
  setLink(ns, 1, { up: true });
  return ns;
}

export function ip(text: string): Ipv4 {
  const address = parseIpv4(text);
  if (address === null) throw new Error(`${text} is no IPv4 address`);
  return address;
}

/** `10.0.0.1/24`; without a length, /32. */
function prefix(text: string): { address: Ipv4; length: number } {
  const [address, length] = text.split('/');
  return { address: ip(address!), length: length === undefined ? 32 : Number(length) };
}

/** A veth pair between two namespaces, both ends up, each with its addresses. */
export function cable(a: NetNamespace, aName: string, aAddresses: readonly string[], b: NetNamespace, bName: string, bAddresses: readonly string[]): [NetDevice, NetDevice] {
  newLink(a, { name: aName, kind: 'veth', peer: { name: bName, ns: b } });
  const ends: [NetDevice, NetDevice] = [a.devicesByName.get(aName)!, b.devicesByName.get(bName)!];
  for (const dev of ends) setLink(dev.ns, dev.ifindex, { up: true });
  for (const text of aAddresses) addAddress(ends[0], text);
  for (const text of bAddresses) addAddress(ends[1], text);
  return ends;
}

export function addAddress(dev: NetDevice, text: string): void {
  const { address, length } = prefix(text);
  const broadcast = length < 31 ? (address | ~netmask(length)) >>> 0 : null;
  inetInsertIfa(dev.ns, inDeviceOf(dev.ns, dev)!, {
    ifindex: dev.ifindex, local: address, prefixLength: length, address, broadcast, scope: 'global', label: dev.name, secondary: false,
    noprefixroute: false, validLifetime: null, preferredLifetime: null,
  });
}

/** `ip route add TO [via GATEWAY] [dev DEV] ...`; `default` is 0.0.0.0/0. */
export function addRoute(ns: NetNamespace, to: string, how: { via?: string; dev?: string; type?: RouteRow['type']; mtu?: number; table?: number } = {}): void {
  const { address, length } = to === 'default' ? { address: 0, length: 0 } : prefix(to);
  const via = how.via === undefined ? null : ip(how.via);
  const ifindex = how.dev === undefined ? 0 : ns.devicesByName.get(how.dev)!.ifindex;
  const type = how.type ?? 'unicast';
  const direct = type === 'unicast' && via === null;
  fibTableInsert(ns, {
    table: how.table ?? RT_TABLE_MAIN, dst: address, prefixLength: length, tos: 0, priority: 0, type, scope: direct ? 'link' : 'global',
    protocol: 'boot', prefsrc: null, mtu: how.mtu ?? null, mtuLock: false, advmss: null,
    hops: type === 'unicast' ? [{ ifindex, via, weight: 1, onlink: false }] : [],
  }, { create: true, excl: true, replace: false, append: false });
}

/** `sysctl -w name=value`, the name with dots. */
export function sysctl(ns: NetNamespace, name: string, value: number): void {
  writeSysctl(ns, name.replaceAll('.', '/'), String(value));
}

export function runFor(world: World, seconds: number): void {
  world.queue.runUntil(world.queue.now + seconds * SECOND);
}

export function deviceOf(ns: NetNamespace, name: string): NetDevice {
  return ns.devicesByName.get(name)!;
}

/** What ping(8) sends: an echo request with `size` bytes of data. */
export function echoRequest(id: number, sequence: number, size = 56): Packet {
  const bytes = new Uint8Array(size).map((_, i) => i & 255);
  return [{ kind: 'icmp', type: ICMP_ECHO, code: 0, rest: echoRest(id, sequence) }, { kind: 'data', bytes }];
}

/** A raw ICMP socket as ping(8) has it: errors wanted, requests of others not heard. */
export function pingSocket(ns: NetNamespace): RawSocket {
  const sock = openRawSocket(ns, IPPROTO_ICMP);
  sock.options.recvErr = true;
  sock.icmpFilter = 1 << ICMP_ECHO;
  return sock;
}

/** A chain of routers between two hosts: `left` is 10.0.0.1 (10.0.0.0/24), `right` 10.0.<routers>.2. Everybody knows the way. */
export function routerChain(world: World, routers: number): { left: NetNamespace; right: NetNamespace; routers: NetNamespace[] } {
  const hosts = Array.from({ length: routers + 2 }, (_, i) => testHost(world, i === 0 ? 'left' : i === routers + 1 ? 'right' : `r${i}`));
  for (let i = 0; i <= routers; i++) cable(hosts[i]!, 'right0', [`10.0.${i}.1/24`], hosts[i + 1]!, 'left0', [`10.0.${i}.2/24`]);
  hosts.forEach((ns, i) => {
    if (i > 0 && i <= routers) sysctl(ns, 'net.ipv4.ip_forward', 1);
    for (let net = 0; net <= routers; net++) {
      if (net < i - 1) addRoute(ns, `10.0.${net}.0/24`, { via: `10.0.${i - 1}.1` });
      if (net > i) addRoute(ns, `10.0.${net}.0/24`, { via: `10.0.${i}.2` });
    }
  });
  return { left: hosts[0]!, right: hosts.at(-1)!, routers: hosts.slice(1, -1) };
}

/** The steps of one kind, of one machine if it is named. */
export function stepsOf<K extends StepKind>(world: World, kind: K, machine?: string): StepOf<K>[] {
  return world.recorder.steps.filter((step): step is StepOf<K> => step.kind === kind && (machine === undefined || step.machine === machine));
}

/** The reasons of the drops, of one machine if it is named. */
export function dropReasons(world: World, machine?: string): string[] {
  return stepsOf(world, 'drop', machine).map((step) => step.reason);
}

/** The IPv4 packets that left through a device, without their Ethernet headers. */
export function packetsSent(world: World, place: string): Packet[] {
  return stepsOf(world, 'dev.xmit').filter((step) => `${step.machine}:${step.device}` === place && step.packet![1]!.kind === 'ipv4').map((step) => step.packet!.slice(1));
}

/** Counters of a namespace that are not zero, by name; see `readCounters`. */
export function counter(ns: NetNamespace, name: string): number {
  return readCounters(ns).get(name) ?? 0;
}
