import { MILLISECOND, SECOND } from '../../sim/time.ts';
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, type Ipv4Header, type Packet, type TcpHeader } from '../../wire/packet.ts';
import { IPPROTO_TCP } from '../../wire/packet.ts';
import { dropSkb } from '../dev.ts';
import { fibLookupOutput } from '../fib/lookup.ts';
import { ipLocalOut } from '../ip-output.ts';
import { ipMtuLocked } from '../pmtu.ts';
import type { NetNamespace } from '../net-namespace.ts';
import { newSkb, type SkBuff } from '../sk-buff.ts';
import { sysctlInt } from '../sysctl.ts';
import { timerExpiry } from '../timer-wheel.ts';
import { boundIfindex } from './inet-sock.ts';
import { dropSocketRow, syncRequestRow, syncSocketRow } from './socket-rows.ts';
import { measureRtt } from './tcp-ack.ts';
import { has, rcvSynchronized, type Incoming } from './tcp-input.ts';
import { advertisedMss, syncMss, synOptions } from './tcp-mss.ts';
import { sendReset, unicastReply } from './tcp-reply.ts';
import {
  after, newTcpSock, offeredOptions, seqAdd, selectInitialWindow, tcpFullSpace, tcpTimestamp, TCP_MSS_DEFAULT, type AgreedOptions, type TcpRequest, type TcpSock,
} from './tcp-sock.ts';
import { NO_FACTS, recordTcpState, setTcpState, tcpRow } from './tcp-state.ts';
import { hold, initialSequence, timestampOffset, tupleKey } from './tcp-table.ts';
import { inWindow } from './tcp-timewait.ts';
import { initializeRcvMss, initTransfer } from './tcp-window.ts';
import { dstMtu } from '../ip-append.ts';

/*
 * The passive side of the handshake: requests of a listener, which are small until the third segment makes sockets of them.
 */

/** True when one more connection than the backlog waits (sk_acceptq_is_full). */
function acceptQueueFull(listener: TcpSock): boolean {
  const { acceptQueue, backlog } = listener.listening!;
  return acceptQueue.length > backlog;
}

/** A segment for a listener (tcp_rcv_state_process, LISTEN). `iss`: where a SYN that ends a TIME_WAIT should begin. */
export function rcvListen(listener: TcpSock, incoming: Incoming, iss: number | null): void {
  const { ns } = listener;
  const { skb, dev } = incoming;
  if (has(incoming, TCP_ACK)) {
    sendReset(ns, skb);
    return dropSkb(skb, dev, 'tcp_rcv_state_process', 'TCP_FLAGS', 'a listener has no connection that this acknowledges');
  }
  if (has(incoming, TCP_RST)) return dropSkb(skb, dev, 'tcp_rcv_state_process', 'TCP_RESET');
  if (!has(incoming, TCP_SYN) || has(incoming, TCP_FIN)) return dropSkb(skb, dev, 'tcp_rcv_state_process', 'TCP_FLAGS');
  connRequest(listener, incoming, iss);
}

/** A SYN (tcp_conn_request). */
function connRequest(listener: TcpSock, incoming: Incoming, iss: number | null): void {
  const { ns } = listener;
  const { skb, dev } = incoming;
  if (skb.dst?.type === 'broadcast' || skb.dst?.type === 'multicast') return dropSkb(skb, dev, 'tcp_v4_conn_request', 'NOT_SPECIFIED');
  const { requests, backlog } = listener.listening!;
  const most = sysctlInt(ns, 'net.ipv4.tcp_max_syn_backlog');
  const crowded = sysctlInt(ns, 'net.ipv4.tcp_syncookies') === 0 && most - requests < most >> 2;
  const facts = { ...NO_FACTS, requestQueueFull: requests > backlog || crowded, acceptQueueFull: acceptQueueFull(listener) };
  if (tcpRow('LISTEN', 'RCV_SYN', facts)?.actions[0] !== 'newRequest') {
    if (facts.requestQueueFull) ns.count('TcpExt.TCPReqQFullDrop');
    else ns.count('TcpExt.ListenOverflows');
    ns.count('TcpExt.ListenDrops');
    return dropSkb(skb, dev, 'tcp_conn_request', 'TCP_LISTEN_OVERFLOW', facts.requestQueueFull ? 'too many handshakes are not complete' : 'the accept queue is full');
  }
  const request = newRequest(listener, incoming, iss);
  const route = fibRoute(ns, listener, request, null);
  if (typeof route === 'string') {
    ns.count('TcpExt.ListenDrops');
    return dropSkb(skb, dev, 'tcp_conn_request', 'IP_OUTNOROUTES', 'no route leads back');
  }
  ns.inet.tcp.requests.set(tupleKey(request.local, request.localPort, request.remote, request.remotePort), request);
  listener.listening!.requests++;
  syncRequestRow(ns, request);
  if (ns.recorder.on) recordTcpState(ns, request.id, 'LISTEN', 'NEW_SYN_RECV', 'RCV_SYN', ns.recorder.lastStepOf(skb.id), skb.id);
  armRequest(ns, request);
  request.sentAt = ns.queue.now;
  sendSynAck(request, skb);
}

/** What both SYNs offer. */
function agree(ns: NetNamespace, incoming: Incoming): Omit<AgreedOptions, 'rcvWscale'> {
  const { options } = incoming;
  const own = offeredOptions(ns);
  const windowScaling = own.windowScaling && options.wscale !== null;
  return {
    sack: own.sack && options.sack, timestamps: own.timestamps && options.timestamps !== null, windowScaling,
    sndWscale: windowScaling ? options.wscale! : 0,
  };
}

function newRequest(listener: TcpSock, incoming: Incoming, iss: number | null): TcpRequest {
  const { ns } = listener;
  const ip = incoming.skb.packet[0] as Ipv4Header;
  const { header, options } = incoming;
  const agreed = agree(ns, incoming);
  const draft = { local: ip.dst, localPort: header.dport, remote: ip.src, remotePort: header.sport };
  const route = fibRoute(ns, listener, draft, null);
  const advmss = typeof route === 'string' ? TCP_MSS_DEFAULT : advertisedMss(ns, route, ip.src);
  const window = selectInitialWindow(tcpFullSpace(listener), advmss - (agreed.timestamps ? 12 : 0), 0, agreed.windowScaling);
  return {
    ...draft, id: ++ns.inet.sockets.last, listener, irs: header.seq,
    iss: iss ?? initialSequence(ns, ip.dst, header.dport, ip.src, header.sport), mss: options.mss || TCP_MSS_DEFAULT, mark: listener.options.mark,
    options: { ...agreed, rcvWscale: window.rcvWscale }, rcvWnd: window.rcvWnd, windowClamp: window.windowClamp,
    tsOffset: agreed.timestamps ? timestampOffset(ns, ip.dst, ip.src) : 0, tsRecent: options.timestamps?.value ?? 0, sentAt: null, timeouts: 0, timer: null,
    acked: false, lastAckedAt: -SECOND,
  };
}

type Ends = Pick<TcpRequest, 'local' | 'localPort' | 'remote' | 'remotePort'>;

function fibRoute(ns: NetNamespace, listener: TcpSock, ends: Ends, skb: SkBuff | null): ReturnType<typeof fibLookupOutput> {
  return fibLookupOutput(ns, {
    dst: ends.remote, src: ends.local, oif: boundIfindex(listener), mark: listener.options.mark, tos: listener.options.tos & 0x1c, protocol: IPPROTO_TCP,
    sport: ends.localPort, dport: ends.remotePort, skb,
  });
}

/** SYN and ACK for a request (tcp_v4_send_synack). `about`: the SYN that it answers; null when the timer sends it again. */
function sendSynAck(request: TcpRequest, about: SkBuff | null): void {
  const { listener, options } = request;
  const { ns } = listener;
  const route = fibRoute(ns, listener, request, null);
  if (typeof route === 'string') return;
  const header: TcpHeader = {
    kind: 'tcp', sport: request.localPort, dport: request.remotePort, seq: request.iss, ack: seqAdd(request.irs, 1), flags: TCP_SYN | TCP_ACK,
    window: Math.min(request.rcvWnd, 65_535), urgent: 0,
    options: synOptions({
      mss: advertisedMss(ns, route, request.remote), sack: options.sack, wscale: options.windowScaling ? options.rcvWscale : null,
      timestamps: options.timestamps ? { value: tcpTimestamp(ns, request.tsOffset), echo: request.tsRecent } : null,
    }),
  };
  const df = listener.options.pmtuDiscovery !== 'dont' && !ipMtuLocked(ns, route, request.remote);
  const ip: Ipv4Header = {
    kind: 'ipv4', src: request.local, dst: request.remote, ttl: listener.options.ttl >= 0 ? listener.options.ttl : sysctlInt(ns, 'net.ipv4.ip_default_ttl'),
    protocol: IPPROTO_TCP, id: 0, df, mf: false, offset: 0, tos: listener.options.tos, options: null,
  };
  const packet: Packet = [ip, header];
  const skb = newSkb(ns.world, packet, {
    dev: route.dev!, mark: request.mark, parent: about?.id ?? 0, relation: about === null ? 'origin' : 'answer',
    cause: about === null ? -1 : ns.recorder.lastStepOf(about.id),
  });
  skb.dst = route;
  ns.count('Tcp.OutSegs');
  ipLocalOut(ns, { ignoreDf: !df, usePmtu: true }, skb);
}

function armRequest(ns: NetNamespace, request: TcpRequest): void {
  const wait = Math.min(SECOND * 2 ** request.timeouts, 120 * SECOND);
  request.timer = ns.queue.schedule(timerExpiry(ns.queue.now, ns.queue.now + wait), requestTimer, ns, request);
}

/** No third segment came: SYN and ACK again, up to tcp_synack_retries times (reqsk_timer_handler). */
function requestTimer(ns: NetNamespace, request: TcpRequest): void {
  request.timer = null;
  if (request.timeouts >= sysctlInt(ns, 'net.ipv4.tcp_synack_retries')) {
    forgetRequest(ns, request);
    if (ns.recorder.on) recordTcpState(ns, request.id, 'NEW_SYN_RECV', 'CLOSED', 'GIVE_UP', -1);
  } else {
    synAckAgain(ns, request);
    request.timeouts++;
    armRequest(ns, request);
  }
  ns.recorder.flush(ns.machine.name, ns.name, 'the timer of a TCP request ran out');
}

/** inet_rtx_syn_ack */
function synAckAgain(ns: NetNamespace, request: TcpRequest): void {
  request.sentAt = null;
  ns.count('Tcp.RetransSegs');
  ns.count('TcpExt.TCPSynRetrans');
  ns.count('TcpExt.TCPTimeouts');
  sendSynAck(request, null);
}

/** The request is gone (inet_csk_reqsk_queue_drop). */
export function forgetRequest(ns: NetNamespace, request: TcpRequest): void {
  ns.queue.cancel(request.timer);
  request.timer = null;
  const key = tupleKey(request.local, request.localPort, request.remote, request.remotePort);
  if (ns.inet.tcp.requests.get(key) === request) {
    ns.inet.tcp.requests.delete(key);
    if (request.listener.listening) request.listener.listening.requests--;
  }
  dropSocketRow(ns, request.id);
}

/** A segment for a request (tcp_check_req). */
export function rcvRequest(request: TcpRequest, incoming: Incoming): void {
  const { listener } = request;
  const { ns } = listener;
  const { skb, dev, header, options } = incoming;
  const drop = (reason: Parameters<typeof dropSkb>[3], detail = ''): void => dropSkb(skb, dev, 'tcp_check_req', reason, detail);
  const stamp = request.options.timestamps ? options.timestamps : null;
  const paws = stamp !== null && ((request.tsRecent - stamp.value) | 0) > 0;
  const expected = seqAdd(request.irs, 1);
  let { flags } = header;
  if (header.seq === request.irs && (flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) === TCP_SYN && !paws) {
    if (!ackLimited(ns, request)) {
      synAckAgain(ns, request);
      // The timer counts from here (mod_timer_pending).
      ns.queue.cancel(request.timer);
      armRequest(ns, request);
    }
    return drop('TCP_OLD_SEQUENCE', 'the SYN again: it is answered again');
  }
  if ((flags & TCP_ACK) !== 0 && header.ack !== seqAdd(request.iss, 1)) {
    sendReset(ns, skb);
    return drop('TCP_INVALID_ACK_SEQUENCE');
  }
  if (paws || !inWindow(incoming.seq, incoming.endSeq, expected, seqAdd(expected, request.rcvWnd))) {
    if ((flags & TCP_RST) === 0 && !ackLimited(ns, request)) ackOfRequest(ns, request, skb);
    return drop('TCP_INVALID_SEQUENCE');
  }
  if (stamp !== null && !after(incoming.seq, expected)) request.tsRecent = stamp.value;
  if (incoming.seq === request.irs) flags &= ~TCP_SYN;
  if ((flags & (TCP_RST | TCP_SYN)) !== 0) {
    ns.count('Tcp.AttemptFails');
    ns.count('TcpExt.EmbryonicRsts');
    if ((flags & TCP_RST) === 0) sendReset(ns, skb);
    forgetRequest(ns, request);
    if (ns.recorder.on) recordTcpState(ns, request.id, 'NEW_SYN_RECV', 'CLOSED', 'RCV_RST', ns.recorder.lastStepOf(skb.id), skb.id);
    return drop('TCP_RESET');
  }
  if ((flags & TCP_ACK) === 0) return drop('TCP_FLAGS');
  const facts = { ...NO_FACTS, acceptQueueFull: acceptQueueFull(listener) };
  if (tcpRow('NEW_SYN_RECV', 'RCV_ACK_OF_SYN', facts)?.target === 'ESTABLISHED') return makeChild(request, incoming);
  ns.count('TcpExt.ListenOverflows');
  ns.count('TcpExt.ListenDrops');
  if (sysctlInt(ns, 'net.ipv4.tcp_abort_on_overflow') !== 0) {
    ns.count('TcpExt.EmbryonicRsts');
    sendReset(ns, skb);
    forgetRequest(ns, request);
  } else request.acked = true;
  drop('TCP_LISTEN_OVERFLOW', 'the accept queue is full');
}

function ackLimited(ns: NetNamespace, request: TcpRequest): boolean {
  if (ns.queue.now - request.lastAckedAt < sysctlInt(ns, 'net.ipv4.tcp_invalid_ratelimit') * MILLISECOND) {
    ns.count('TcpExt.TCPACKSkippedSynRecv');
    return true;
  }
  request.lastAckedAt = ns.queue.now;
  return false;
}

/** tcp_v4_reqsk_send_ack */
function ackOfRequest(ns: NetNamespace, request: TcpRequest, skb: SkBuff): void {
  const options: TcpHeader['options'] = request.options.timestamps
    ? [{ kind: 'nop' }, { kind: 'nop' }, { kind: 'timestamps', value: tcpTimestamp(ns, request.tsOffset), echo: request.tsRecent }] : [];
  const header = { seq: seqAdd(request.iss, 1), ack: seqAdd(request.irs, 1), flags: TCP_ACK, window: request.rcvWnd >>> request.options.rcvWscale, options };
  unicastReply(ns, skb, { header, tos: request.listener.options.tos, mark: request.mark, oif: boundIfindex(request.listener) });
}

/** The third segment: the request becomes a socket, and waits to be accepted (tcp_v4_syn_recv_sock, tcp_child_process). */
function makeChild(request: TcpRequest, incoming: Incoming): void {
  const { listener } = request;
  const { ns } = listener;
  const child = childOf(request);
  ns.queue.cancel(request.timer);
  forgetRequestQuietly(ns, request);
  ns.inet.tcp.established.set(tupleKey(child.local, child.localPort, child.remote!, child.remotePort), child);
  hold(ns, child.localPort, child);
  ns.count('Tcp.PassiveOpens');
  listener.listening!.acceptQueue.push(child);
  child.serving = incoming.skb;
  const { sentAt } = request;
  if (sentAt !== null) measureRtt(child, (ns.queue.now - sentAt) / 1000);
  // The child has been in SYN_RECV only for the time of this segment, which nobody could see.
  child.state = 'NEW_SYN_RECV';
  child.sndWnd = incoming.header.window * 2 ** child.agreed.sndWscale;
  child.sndWl1 = incoming.seq;
  establish(child);
  rcvSynchronized(child, incoming);
  child.serving = null;
  syncSocketRow(listener);
  listener.readable.wake();
}

function establish(child: TcpSock): void {
  setTcpState(child, 'ESTABLISHED', 'RCV_ACK_OF_SYN', syncSocketRow);
  child.sndUna = seqAdd(child.iss, 1);
  initTransfer(child);
}

function forgetRequestQuietly(ns: NetNamespace, request: TcpRequest): void {
  ns.inet.tcp.requests.delete(tupleKey(request.local, request.localPort, request.remote, request.remotePort));
  request.listener.listening!.requests--;
}

/** tcp_create_openreq_child: the socket takes over what the request has agreed on, and the listener's options. */
function childOf(request: TcpRequest): TcpSock {
  const { listener, options } = request;
  const { ns } = listener;
  const child = Object.assign(newTcpSock(ns), { id: request.id });
  ns.inet.sockets.last--;
  Object.assign(child.options, listener.options);
  child.linger = listener.linger;
  child.noDelay = listener.noDelay;
  child.keepAlive = listener.keepAlive;
  child.pid = listener.pid;
  child.local = request.local;
  child.localPort = request.localPort;
  child.remote = request.remote;
  child.remotePort = request.remotePort;
  child.ident = ns.world.random.below(0x1_0000);
  child.boundByUser = true;
  child.agreed = options;
  child.tsOffset = request.tsOffset;
  child.tsRecent = request.tsRecent;
  child.tsRecentAt = ns.queue.now;
  child.iss = request.iss;
  child.sndUna = request.iss;
  child.sndNxt = child.writeSeq = child.pushedSeq = child.sndSml = seqAdd(request.iss, 1);
  child.rcvNxt = child.copiedSeq = child.rcvWup = seqAdd(request.irs, 1);
  child.rcvWnd = child.rcvSsthresh = request.rcvWnd;
  child.windowClamp = request.windowClamp;
  child.mssClamp = request.mss;
  const route = fibRoute(ns, listener, request, null);
  if (typeof route !== 'string') {
    child.dst = route;
    child.dstGeneration = ns.fib.generation;
    child.advmss = advertisedMss(ns, route, request.remote) - (options.timestamps ? 12 : 0);
    syncMss(child, dstMtu(ns, route, request.remote));
  }
  initializeRcvMss(child);
  return child;
}
