import { KernelError } from '../../kernel/errno.ts';
import type { NetDevice } from '../../kernel/net-device.ts';
import { getRoute } from '../../kernel/netlink/route.ts';
import { openPacketSocket, type PacketSocket, type ReceivedFrame } from '../../kernel/sockets/packet-socket.ts';
import { openUdpSocket } from '../../kernel/sockets/udp.ts';
import type { Process, Running, Wait, Wake } from '../../shell/process.ts';
import { SECOND, type SimTime } from '../../sim/time.ts';
import { formatIpv4, formatMac, IPV4_ANY, type Ipv4, MAC_BROADCAST, type Mac } from '../../wire/address.ts';
import { ARPOP_REPLY, ARPOP_REQUEST, ETH_P_ARP } from '../../wire/packet.ts';
import { resolveHost } from '../lib/resolve.ts';
import { Exit, exitCode } from '../lib/exit.ts';
import { type ArpingOptions, fail, parseArping } from './options.ts';

/** One run of arping. */
interface Session {
  readonly process: Process;
  readonly options: ArpingOptions;
  readonly device: NetDevice;
  readonly socket: PacketSocket;
  readonly target: Ipv4;
  readonly source: Ipv4;
  /** Where the next probe goes: everybody, or who has answered. */
  to: Mac;
  unicasting: boolean;
  sentAt: SimTime | null;
  sent: number;
  broadcastsSent: number;
  received: number;
  broadcastsReceived: number;
  requestsReceived: number;
}

/** arping(8) of iputils 20221126. */
export function* arping(process: Process): Running {
  let session: Session | null = null;
  try {
    session = start(process);
    return yield* eventLoop(session);
  } catch (error) {
    return exitCode(process, error);
  } finally {
    session?.socket.close();
  }
}

function start(process: Process): Session {
  const options = parseArping(process);
  const early = options.device === null ? null : process.ns.devicesByName.get(options.device) ?? null;
  if (options.device !== null && !early) fail(2, `Device ${options.device} not available.`);
  if (early) checkDevice(early, options);
  const host = resolveHost(process, options.target, true);
  if (typeof host === 'string') fail(2, `${options.target}: ${host}`);
  const device = early ?? guessDevice(process, host.ip);
  if (!early) checkDevice(device, options);
  const source = chooseSource(process, options, device, host.ip);
  if (!options.quiet) process.stdout.write(`ARPING ${formatIpv4(host.ip)} from ${formatIpv4(source)} ${device.name}\n`);
  if (source === IPV4_ANY && options.source === null && !options.duplicateDetection) fail(2, 'no source address in not-DAD mode');
  const socket = openPacketSocket(process.ns, device, ETH_P_ARP);
  socket.pid = process.pid;
  return {
    process, options, device, socket, target: host.ip, source, to: MAC_BROADCAST, unicasting: false, sentAt: null, sent: 0, broadcastsSent: 0,
    received: 0, broadcastsReceived: 0, requestsReceived: 0,
  };
}

function checkDevice(device: NetDevice, options: ArpingOptions): void {
  if (!device.up) throw new Exit(2, '', options.quiet ? '' : `Interface "${device.name}" is down\n`);
  if (device.noarp || device.kind === 'loopback') throw new Exit(2, '', options.quiet ? '' : `Interface "${device.name}" is not ARPable\n`);
}

/** Without -I: the device of the route to the target. */
function guessDevice(process: Process, target: Ipv4): NetDevice {
  try {
    const { dev } = getRoute(process.ns, { dst: target });
    if (dev !== null) return dev;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
  }
  return fail(1, 'NETLINK_ROUTE unexpected iov element');
}

/** The sender address: -s, for -U and -A the target itself, else what a datagram to the target would have. */
function chooseSource(process: Process, options: ArpingOptions, device: NetDevice, target: Ipv4): Ipv4 {
  const source = options.source || (options.unsolicited && !options.duplicateDetection ? target : IPV4_ANY);
  if (options.duplicateDetection && source === IPV4_ANY) return IPV4_ANY;
  const probe = openUdpSocket(process.ns);
  probe.pid = process.pid;
  probe.options.bindToDevice = device.name;
  let call = 'bind';
  try {
    if (source !== IPV4_ANY) {
      probe.bind(source);
      return source;
    }
    call = 'connect';
    probe.connect(target, 1025);
    return options.source ?? probe.local;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return fail(2, `${call}: ${error.message}`);
  } finally {
    probe.close();
  }
}

/** Sends at once and then at each interval; what happens at one moment is served as signal, interval, timeout, frames (event_loop). */
function* eventLoop(session: Session): Generator<Wait, number, Wake> {
  const { process, options, socket } = session;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGQUIT'] as const) process.handle(signal);
  const end = options.timeout > 0 ? process.now + options.timeout * SECOND : null;
  let next = options.interval > 0 ? process.now + options.interval * SECOND : null;
  send(session);
  for (;;) {
    const deadline = next === null || (end !== null && end < next) ? end : next;
    const wake = yield { queues: [socket.readable], deadline };
    process.work();
    if (wake === 'signal' && process.takeSignal() !== null) break;
    if (next !== null && process.now >= next) {
      if (options.count > 0 && session.sent >= options.count) break;
      next += options.interval * SECOND;
      send(session);
    }
    if (end !== null && process.now >= end) break;
    if (receiveAll(session)) break;
  }
  return finish(session);
}

function send(session: Session): void {
  const { options, device } = session;
  try {
    session.socket.send([
      { kind: 'eth', dst: session.to, src: device.mac, type: ETH_P_ARP },
      {
        kind: 'arp', op: options.reply ? ARPOP_REPLY : ARPOP_REQUEST, sha: device.mac, spa: session.source,
        tha: options.reply ? device.mac : session.to, tpa: session.target,
      },
    ]);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return;
  }
  session.sentAt = session.process.now;
  session.sent++;
  if (!session.unicasting) session.broadcastsSent++;
}

/** True when there is nothing more to wait for. */
function receiveAll(session: Session): boolean {
  for (let frame = session.socket.receive(); frame !== null; frame = session.socket.receive()) {
    if (receive(session, frame)) return true;
  }
  return false;
}

function receive(session: Session, frame: ReceivedFrame): boolean {
  const { options, device } = session;
  const arp = frame.packet[1];
  if (!['host', 'broadcast', 'multicast'].includes(frame.pktType) || arp?.kind !== 'arp') return false;
  if ((arp.op !== ARPOP_REQUEST && arp.op !== ARPOP_REPLY) || arp.spa !== session.target) return false;
  if (options.duplicateDetection) {
    if (arp.sha === device.mac || (session.source !== IPV4_ANY && session.source !== arp.tpa)) return false;
  } else if (arp.tpa !== session.source || arp.tha !== device.mac) {
    return false;
  }
  const unicast = frame.pktType === 'host';
  if (!options.quiet) {
    let text = `${unicast ? 'Unicast' : 'Broadcast'} ${arp.op === ARPOP_REPLY ? 'reply' : 'request'} from ${formatIpv4(arp.spa)} [${formatMac(arp.sha).toUpperCase()}] `;
    const other = arp.tpa !== session.source;
    if (other) text += `for ${formatIpv4(arp.tpa)} `;
    if (arp.tha !== device.mac) text += `${other ? '' : 'for '}[${formatMac(arp.tha).toUpperCase()}]`;
    const us = session.sentAt === null ? null : Math.floor((frame.at - session.sentAt) / 1000);
    session.process.stdout.write(`${text}${us === null ? ' UNSOLICITED?' : ` ${Math.trunc(us / 1000)}.${String(us % 1000).padStart(3, '0')}ms`}\n`);
  }
  session.received++;
  if (options.timeout > 0 && session.received === options.count) return true;
  if (!unicast) session.broadcastsReceived++;
  if (arp.op === ARPOP_REQUEST) session.requestsReceived++;
  if (options.quitOnReply) return true;
  if (!options.broadcastOnly) {
    session.to = arp.sha;
    session.unicasting = true;
  }
  return false;
}

function finish(session: Session): number {
  const { options } = session;
  if (!options.quiet) {
    let text = `Sent ${session.sent} probes (${session.broadcastsSent} broadcast(s))\nReceived ${session.received} response(s)`;
    const parts: string[] = [];
    if (session.requestsReceived > 0) parts.push(`${session.requestsReceived} request(s)`);
    if (session.broadcastsReceived > 0) parts.push(`${session.broadcastsReceived} broadcast(s)`);
    if (parts.length > 0) text += ` (${parts.join(', ')})`;
    session.process.stdout.write(`${text}\n`);
  }
  if (options.duplicateDetection) return session.received > 0 ? 1 : 0;
  return options.unsolicited || session.received > 0 ? 0 : 1;
}
