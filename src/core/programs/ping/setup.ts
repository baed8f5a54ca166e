import { KernelError } from '../../kernel/errno.ts';
import { listAddrs } from '../../kernel/netlink/addr.ts';
import { openRawSocket, type RawSocket } from '../../kernel/sockets/raw.ts';
import { openUdpSocket } from '../../kernel/sockets/udp.ts';
import { NotSimulated, type Process } from '../../shell/process.ts';
import { IPV4_ANY, type Ipv4, isMulticastIpv4 } from '../../wire/address.ts';
import {
  ICMP_DEST_UNREACH, ICMP_ECHOREPLY, ICMP_PARAMETERPROB, ICMP_REDIRECT, ICMP_SOURCE_QUENCH, ICMP_TIME_EXCEEDED,
} from '../../wire/icmp.ts';
import { IPPROTO_ICMP } from '../../wire/packet.ts';
import { type Host, inetAton, resolveHost } from '../lib/resolve.ts';
import { fail, failCall, type PingOptions } from './options.ts';
import { recordRouteOption, timestampOption } from './record-route.ts';

/** Any port will do: connect(2) only looks the route up. */
const PROBE_PORT = 1025;

/** ICMP_FILTER: hear replies and errors only. */
const FILTER = ~[ICMP_SOURCE_QUENCH, ICMP_DEST_UNREACH, ICMP_TIME_EXCEEDED, ICMP_PARAMETERPROB, ICMP_REDIRECT, ICMP_ECHOREPLY].reduce((bits, type) => bits | (1 << type), 0);

/** Finds the target, as getaddrinfo(3) does, and settles numeric output (ping4_run). */
export function findTarget(process: Process, options: PingOptions, name: string): Host {
  if (name.includes(':') || (options.family === 'ipv6' && inetAton(name) === null)) {
    if (process.machine.options.ipv6) throw new NotSimulated('ping of an IPv6 address');
    fail(2, 'connect: Cannot assign requested address');
  }
  const host = resolveHost(process, name);
  if (typeof host === 'string') fail(2, `${name}: ${host}`);
  if (options.family === 'ipv6') fail(2, `${name}: Address family for hostname not supported`);
  if (inetAton(name) !== null) options.numeric = true;
  return host;
}

/** The source address that a datagram to the target would have: that of a connected UDP socket. */
export function chooseSource(process: Process, options: PingOptions, target: Ipv4): Ipv4 {
  const probe = openUdpSocket(process.ns);
  try {
    probe.pid = process.pid;
    if (options.device !== null) {
      if (!process.ns.devicesByName.has(options.device)) fail(2, `SO_BINDTODEVICE ${options.device}: No such device`);
      probe.options.bindToDevice = options.device;
    }
    probe.options.tos = options.tos;
    probe.options.mark = options.mark;
    try {
      probe.connect(target, PROBE_PORT);
    } catch (error) {
      if (!(error instanceof KernelError) || error.errno !== 'EACCES') failCall('connect', error);
      if (!options.broadcast) fail(2, 'Do you want to ping broadcast? Then -b. If not, check your local firewall rules');
      process.stderr.write('WARNING: pinging broadcast address\n');
      probe.options.broadcast = true;
      connectOrFail(() => probe.connect(target, PROBE_PORT));
    }
    warnAboutDevice(process, options, probe.local);
    return probe.local;
  } finally {
    probe.close();
  }
}

function connectOrFail(connect: () => void): void {
  try {
    connect();
  } catch (error) {
    failCall('connect', error);
  }
}

function warnAboutDevice(process: Process, options: PingOptions, source: Ipv4): void {
  if (options.device === null) return;
  const own = listAddrs(process.ns).some((row) => row.label === options.device && row.local === source);
  if (!own) process.stderr.write(`ping: Warning: source address might be selected on device other than: ${options.device}\n`);
}

/** The raw socket with everything set on it that the options ask for. */
export function openPingSocket(process: Process, options: PingOptions, source: Ipv4, target: Ipv4): RawSocket {
  const socket = openRawSocket(process.ns, IPPROTO_ICMP);
  socket.pid = process.pid;
  try {
    configure(process, socket, options, source, target);
  } catch (error) {
    socket.close();
    throw error;
  }
  return socket;
}

function configure(process: Process, socket: RawSocket, options: PingOptions, source: Ipv4, target: Ipv4): void {
  if (options.device !== null && !process.ns.devicesByName.has(options.device)) fail(2, `SO_BINDTODEVICE ${options.device}: No such device`);
  socket.options.bindToDevice = options.device;
  socket.options.tos = options.tos;
  socket.options.mark = options.mark;
  socket.icmpFilter = FILTER;
  socket.options.recvErr = true;
  if (options.pmtuDiscovery !== null) socket.options.pmtuDiscovery = options.pmtuDiscovery;
  else if (options.broadcast || isMulticastIpv4(target)) socket.options.pmtuDiscovery = 'do';
  if (options.strictSource && source !== IPV4_ANY) {
    try {
      socket.bind(source);
    } catch (error) {
      failCall('bind', error);
    }
  }
  if (options.recordRoute) socket.options.ipOptions = recordRouteOption();
  if (options.timestampOption) socket.options.ipOptions = timestampOption(options.timestampOption);
  socket.options.broadcast = options.broadcast;
  socket.options.multicastLoop = !options.noLoop;
  if (options.ttl === 0) fail(2, 'cannot set unicast time-to-live: Invalid argument');
  if (options.ttl !== null) socket.options.ttl = socket.options.multicastTtl = options.ttl;
  if (options.connect) {
    try {
      socket.connect(target);
    } catch (error) {
      failCall('connect failed', error);
    }
  }
}
