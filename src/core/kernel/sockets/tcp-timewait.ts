import { MILLISECOND, SECOND, type SimTime } from '../../sim/time.ts';
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, type TcpHeader, type TcpOption } from '../../wire/packet.ts';
import { dropSkb } from '../dev.ts';
import type { NetDevice } from '../net-device.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { SkBuff } from '../sk-buff.ts';
import { sysctlInt } from '../sysctl.ts';
import { timerExpiry } from '../timer-wheel.ts';
import { dropSocketRow, syncTimewaitRow } from './socket-rows.ts';
import { tcpDone, TCP_TIMEWAIT_LEN } from './tcp-life.ts';
import { parseOptions } from './tcp-mss.ts';
import { segmentData, sendReset, unicastReply } from './tcp-reply.ts';
import { after, before, seqAdd, seqDiff, tcpTimestamp, type TcpSock, type TcpTimewait } from './tcp-sock.ts';
import { NO_FACTS, recordTcpState, tcpRow } from './tcp-state.ts';
import type { TcpEvent, TcpFacts } from '../../statecharts/tcp.ts';
import { hold, release, tupleKey } from './tcp-table.ts';

/**
 * The connection is over for its program; a small thing remains in its place (tcp_time_wait). `state` FIN_WAIT2 is that of an orphan that still
 * waits for the other end's FIN.
 */
export function timeWait(sk: TcpSock, state: 'FIN_WAIT2' | 'TIME_WAIT', timeout: SimTime): void {
  const { ns } = sk;
  const { tcp } = ns.inet;
  if (tcp.timewait.size >= sysctlInt(ns, 'net.ipv4.tcp_max_tw_buckets')) {
    ns.count('TcpExt.TCPTimeWaitOverflow');
    return tcpDone(sk);
  }
  const tw: TcpTimewait = {
    id: sk.id, local: sk.local, localPort: sk.localPort, remote: sk.remote!, remotePort: sk.remotePort, mark: sk.options.mark, tos: sk.options.tos,
    reuseAddress: sk.options.reuseAddress, reusePort: sk.options.reusePort, bindToDevice: sk.options.bindToDevice, tstampOk: sk.agreed.timestamps, rcvWnd: Math.max(seqDiff(seqAdd(sk.rcvWup, sk.rcvWnd), sk.rcvNxt), 0),
    rcvWscale: sk.agreed.rcvWscale, tsOffset: sk.tsOffset, pid: sk.pid, state, rcvNxt: sk.rcvNxt, sndNxt: sk.sndNxt, tsRecent: sk.tsRecent,
    tsRecentAt: sk.tsRecentAt, lastAckAt: -SECOND, timer: null, expires: 0, step: sk.step,
  };
  // What ends the socket is no change of its own: its place goes to what remains.
  sk.state = 'CLOSED';
  sk.succeeded = true;
  tcpDone(sk);
  tcp.timewait.set(tupleKey(tw.local, tw.localPort, tw.remote, tw.remotePort), tw);
  hold(ns, tw.localPort, tw);
  ns.count(timeout <= 4 * SECOND ? 'TcpExt.TWKilled' : 'TcpExt.TW');
  schedule(ns, tw, timeout);
  syncTimewaitRow(ns, tw);
}

function schedule(ns: NetNamespace, tw: TcpTimewait, timeout: SimTime): void {
  ns.queue.cancel(tw.timer);
  tw.expires = ns.queue.now + timeout;
  tw.timer = ns.queue.schedule(timerExpiry(ns.queue.now, tw.expires), timewaitTimer, ns, tw);
}

/** tw_timer_handler */
function timewaitTimer(ns: NetNamespace, tw: TcpTimewait): void {
  tw.timer = null;
  change(ns, tw, 'TIMER', NO_FACTS, tw.step);
  forgetTimewait(ns, tw);
  ns.recorder.flush(ns.machine.name, ns.name, 'TIME_WAIT was over');
}

export function forgetTimewait(ns: NetNamespace, tw: TcpTimewait): void {
  ns.queue.cancel(tw.timer);
  const { timewait } = ns.inet.tcp;
  const key = tupleKey(tw.local, tw.localPort, tw.remote, tw.remotePort);
  if (timewait.get(key) === tw) timewait.delete(key);
  release(ns, tw.localPort, tw);
  dropSocketRow(ns, tw.id);
}

/** An event of the statechart; the actions are those of `timewaitReceive`. */
function change(ns: NetNamespace, tw: TcpTimewait, event: TcpEvent, facts: TcpFacts, cause: number, skb = 0): void {
  const to = tcpRow(tw.state, event, facts)?.target ?? null;
  if (to === null || to === tw.state) return;
  const from = tw.state;
  if (to === 'TIME_WAIT') {
    tw.state = to;
    syncTimewaitRow(ns, tw);
  } else dropSocketRow(ns, tw.id);
  if (ns.recorder.on) tw.step = recordTcpState(ns, tw.id, from, to, event, cause, skb);
}

/** RFC 7323 5.3: the timestamp of a segment must not be older than the newest one of the connection. */
function pawsRejects(ns: NetNamespace, tw: TcpTimewait, value: number | null, rst: boolean): boolean {
  if (value === null || !tw.tstampOk) return false;
  if (((tw.tsRecent - value) | 0) <= 0) return false;
  return !rst || ns.queue.now - tw.tsRecentAt < 60 * SECOND;
}

/**
 * A segment for what remains of a connection (tcp_timewait_state_process). `syn` when it begins a new one, whose listener must answer:
 * `iss` is where its sequence numbers should begin.
 */
export function timewaitReceive(ns: NetNamespace, tw: TcpTimewait, skb: SkBuff, dev: NetDevice): { readonly iss: number } | null {
  const tcp = skb.packet[1] as TcpHeader;
  const stamp = parseOptions(tcp).timestamps;
  const rst = (tcp.flags & TCP_RST) !== 0;
  const paws = pawsRejects(ns, tw, stamp?.value ?? null, rst);
  const endSeq = seqAdd(tcp.seq, segmentData(skb) + ((tcp.flags & TCP_SYN) !== 0 ? 1 : 0) + ((tcp.flags & TCP_FIN) !== 0 ? 1 : 0));
  if (tw.state === 'FIN_WAIT2') {
    finWait2(ns, tw, skb, dev, { endSeq, paws, stamp: stamp?.value ?? null });
    return null;
  }
  if (!paws && tcp.seq === tw.rcvNxt && (tcp.seq === endSeq || rst)) {
    if (rst) {
      if (sysctlInt(ns, 'net.ipv4.tcp_rfc1337') === 0) kill(ns, tw, skb);
    } else schedule(ns, tw, TCP_TIMEWAIT_LEN);
    note(ns, tw, stamp?.value ?? null);
    dropSkb(skb, dev, 'tcp_timewait_state_process', 'TCP_TIMEWAIT');
    return null;
  }
  const newer = after(tcp.seq, tw.rcvNxt) || (stamp !== null && ((tw.tsRecent - stamp.value) | 0) < 0);
  if ((tcp.flags & (TCP_SYN | TCP_RST | TCP_ACK)) === TCP_SYN && !paws && newer) {
    change(ns, tw, 'RCV_SYN', { ...NO_FACTS, newerSyn: true }, ns.recorder.lastStepOf(skb.id), skb.id);
    return { iss: seqAdd(tw.sndNxt, 65_537) || 1 };
  }
  if (paws) ns.count('TcpExt.PAWSTimewait');
  if (!rst) {
    if (paws || (tcp.flags & TCP_ACK) !== 0) schedule(ns, tw, TCP_TIMEWAIT_LEN);
    answerLimited(ns, tw, skb, 'TCPACKSkippedTimeWait');
  }
  dropSkb(skb, dev, 'tcp_timewait_state_process', 'TCP_TIMEWAIT');
  return null;
}

interface Checked {
  readonly endSeq: number;
  readonly paws: boolean;
  readonly stamp: number | null;
}

function finWait2(ns: NetNamespace, tw: TcpTimewait, skb: SkBuff, dev: NetDevice, { endSeq, paws, stamp }: Checked): void {
  const tcp = skb.packet[1] as TcpHeader;
  const has = (flag: number): boolean => (tcp.flags & flag) !== 0;
  const drop = (): void => dropSkb(skb, dev, 'tcp_timewait_state_process', 'TCP_TIMEWAIT');
  if (paws || !inWindow(tcp.seq, endSeq, tw.rcvNxt, seqAdd(tw.rcvNxt, tw.rcvWnd))) {
    answerLimited(ns, tw, skb, 'TCPACKSkippedFinWait2');
    return drop();
  }
  if (has(TCP_RST)) {
    kill(ns, tw, skb);
    return drop();
  }
  const reset = (): void => {
    sendReset(ns, skb, tw.mark);
    kill(ns, tw, skb);
    drop();
  };
  if (has(TCP_SYN) && !before(tcp.seq, tw.rcvNxt)) return reset();
  if (!has(TCP_ACK) || !after(endSeq, tw.rcvNxt) || endSeq === tcp.seq) return drop();
  if (!has(TCP_FIN) || endSeq !== seqAdd(tw.rcvNxt, 1)) return reset();
  tw.rcvNxt = endSeq;
  note(ns, tw, stamp);
  change(ns, tw, 'RCV_FIN', NO_FACTS, ns.recorder.lastStepOf(skb.id), skb.id);
  schedule(ns, tw, TCP_TIMEWAIT_LEN);
  answer(ns, tw, skb);
}

/** tcp_in_window */
export function inWindow(seq: number, endSeq: number, from: number, to: number): boolean {
  if (seq === from) return true;
  if (after(endSeq, from) && before(seq, to)) return true;
  return seq === to && seq === endSeq;
}

function kill(ns: NetNamespace, tw: TcpTimewait, skb: SkBuff): void {
  change(ns, tw, 'RCV_RST', NO_FACTS, ns.recorder.lastStepOf(skb.id), skb.id);
  forgetTimewait(ns, tw);
}

function note(ns: NetNamespace, tw: TcpTimewait, value: number | null): void {
  if (value === null) return;
  tw.tsRecent = value;
  tw.tsRecentAt = ns.queue.now;
}

function answerLimited(ns: NetNamespace, tw: TcpTimewait, skb: SkBuff, skipped: string): void {
  const { now } = ns.queue;
  const limit = sysctlInt(ns, 'net.ipv4.tcp_invalid_ratelimit') * MILLISECOND;
  if (segmentData(skb) === 0 && now - tw.lastAckAt < limit) return ns.count(`TcpExt.${skipped}`);
  tw.lastAckAt = now;
  answer(ns, tw, skb);
}

/** tcp_v4_timewait_ack */
function answer(ns: NetNamespace, tw: TcpTimewait, skb: SkBuff): void {
  const options: readonly TcpOption[] = tw.tstampOk
    ? [{ kind: 'nop' }, { kind: 'nop' }, { kind: 'timestamps', value: tcpTimestamp(ns, tw.tsOffset), echo: tw.tsRecent }] : [];
  const oif = tw.bindToDevice === null ? 0 : (ns.devicesByName.get(tw.bindToDevice)?.ifindex ?? 0);
  const header = { seq: tw.sndNxt, ack: tw.rcvNxt, flags: TCP_ACK, window: tw.rcvWnd >>> tw.rcvWscale, options };
  unicastReply(ns, skb, { header, tos: tw.tos, mark: tw.mark, oif });
}
