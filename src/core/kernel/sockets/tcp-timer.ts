import { MILLISECOND, SECOND, type SimTime } from '../../sim/time.ts';
import type { NetNamespace } from '../net-namespace.ts';
import { sysctlInt } from '../sysctl.ts';
import { timerExpiry } from '../timer-wheel.ts';
import { enterLoss, reorderTimeout } from './tcp-recovery.ts';
import { retransmitSkb, sendAck, sendLossProbe, writeWakeup } from './tcp-output.ts';
import type { TcpSock } from './tcp-sock.ts';
import { tcpEvent, tcpWriteError } from './tcp-life.ts';
import { armKeepTimer, armTimer, armDelack, keepaliveInterval, keepaliveTime, rtoMax, rtoMin } from './tcp-timers.ts';

function flush(ns: NetNamespace, why: string): void {
  ns.recorder.flush(ns.machine.name, ns.name, why);
}

/** The timer of sending ran out: which one it is now is looked at only here (tcp_write_timer_handler). */
export function writeTimerHandler(sk: TcpSock): void {
  const { timer, ns } = sk;
  timer.handle = null;
  const { kind } = timer;
  if (kind === null || sk.state === 'CLOSED' || sk.state === 'LISTEN') return;
  sk.asked = -1;
  if (timer.at > ns.queue.now) {
    timer.handle = ns.queue.schedule(timerExpiry(ns.queue.now, timer.at), writeTimerHandler, sk);
    return;
  }
  if (kind === 'reorder') reorderTimeout(sk);
  else if (kind === 'lossProbe') sendLossProbe(sk);
  else {
    timer.kind = null;
    if (kind === 'retrans') retransmitTimer(sk);
    else probeTimer(sk);
  }
  flush(ns, 'a timer of a TCP socket ran out');
}

/** The time that so many retransmissions with back-off take (tcp_model_timeout). */
function modelTimeout(ns: NetNamespace, boundary: number, base: SimTime): SimTime {
  const linear = Math.floor(Math.log2(rtoMax(ns) / base));
  if (boundary <= linear) return (2 ** (boundary + 1) - 1) * base;
  return (2 ** (linear + 1) - 1) * base + (boundary - linear) * rtoMax(ns);
}

/** True when the connection has been silent for as long as so many retransmissions take (retransmits_timed_out). */
function timedOut(sk: TcpSock, boundary: number): boolean {
  if (sk.retransmits === 0) return false;
  const base = sk.state === 'SYN_SENT' || sk.state === 'SYN_RECV' ? SECOND : rtoMin(sk.ns);
  return sk.ns.queue.now - sk.retransStamp >= modelTimeout(sk.ns, boundary, base);
}

/** Nobody waits for an orphan: it is given up sooner (tcp_orphan_retries). */
function orphanRetries(sk: TcpSock, alive: boolean): number {
  const retries = sysctlInt(sk.ns, 'net.ipv4.tcp_orphan_retries');
  if (sk.softError !== null && !alive) return 0;
  return retries === 0 && alive ? 8 : retries;
}

/** True when it is given up (tcp_write_timeout). */
function writeTimeout(sk: TcpSock): boolean {
  const { ns } = sk;
  let expired: boolean;
  if (sk.state === 'SYN_SENT' || sk.state === 'SYN_RECV') {
    const retries = sysctlInt(ns, 'net.ipv4.tcp_syn_retries');
    const most = retries + (sk.state === 'SYN_SENT' ? sysctlInt(ns, 'net.ipv4.tcp_syn_linear_timeouts') : 0);
    expired = sk.retransmits >= most || timedOut(sk, retries);
  } else {
    let boundary = sysctlInt(ns, 'net.ipv4.tcp_retries2');
    if (timedOut(sk, sysctlInt(ns, 'net.ipv4.tcp_retries1'))) sk.dst = null;
    if (sk.dead) {
      const alive = sk.rto < rtoMax(ns);
      boundary = orphanRetries(sk, alive);
      if (!alive && timedOut(sk, boundary)) {
        tcpWriteError(sk);
        return true;
      }
    }
    expired = timedOut(sk, boundary);
  }
  if (expired) tcpWriteError(sk);
  else if (sk.retransmits > 0 && sk.state !== 'SYN_SENT') ns.count('TcpExt.TcpTimeoutRehash');
  return expired;
}

/** No acknowledgement came in time: the first segment again, and the wait doubles (tcp_retransmit_timer). */
function retransmitTimer(sk: TcpSock): void {
  const { ns } = sk;
  const first = sk.rtx[0];
  if (first === undefined) return;
  if (sk.sndWnd === 0 && !sk.dead && sk.state !== 'SYN_SENT' && sk.state !== 'SYN_RECV') return closedWindow(sk);
  ns.count('TcpExt.TCPTimeouts');
  if (writeTimeout(sk)) return;
  if (sk.retransmits === 0) countTimeout(sk);
  enterLoss(sk);
  sk.totalRto++;
  retransmitSkb(sk, sk.rtx[0]!, 'timeout');
  sk.retransmits++;
  if (sk.state !== 'SYN_SENT' || sk.totalRto > sysctlInt(ns, 'net.ipv4.tcp_syn_linear_timeouts')) {
    sk.backoff++;
    sk.rto = Math.min(sk.rto * 2, rtoMax(ns));
  }
  armTimer(sk, 'retrans', sk.rto);
  if (timedOut(sk, sysctlInt(ns, 'net.ipv4.tcp_retries1') + 1)) sk.dst = null;
}

function countTimeout(sk: TcpSock): void {
  const { ns } = sk;
  if (sk.caState === 'Recovery') ns.count(sk.agreed.sack ? 'TcpExt.TCPSackRecoveryFail' : 'TcpExt.TCPRenoRecoveryFail');
  else if (sk.caState === 'Loss') ns.count('TcpExt.TCPLossFailures');
  else if (sk.caState === 'Disorder') ns.count(sk.agreed.sack ? 'TcpExt.TCPSackFailures' : 'TcpExt.TCPRenoFailures');
}

/** The receiver has shrunk its window to nothing under what was sent: its first segment is the probe (the zero window part of tcp_retransmit_timer). */
function closedWindow(sk: TcpSock): void {
  const { ns } = sk;
  if (ns.queue.now - sk.lastReceivedAt > rtoMax(ns) * 2) return tcpWriteError(sk);
  enterLoss(sk);
  retransmitSkb(sk, sk.rtx[0]!, 'timeout');
  sk.dst = null;
  sk.retransmits++;
  sk.backoff++;
  sk.rto = Math.min(sk.rto * 2, rtoMax(ns));
  armTimer(sk, 'retrans', sk.rto);
}

/** The window is asked for again (tcp_probe_timer). */
function probeTimer(sk: TcpSock): void {
  const { ns } = sk;
  if (sk.rtx.length > 0 || sk.unsent.length === 0) {
    sk.probesOut = 0;
    return;
  }
  let most = sysctlInt(ns, 'net.ipv4.tcp_retries2');
  if (sk.dead) {
    const alive = Math.max(sk.rto, rtoMin(ns)) * 2 ** Math.min(sk.backoff, 30) < rtoMax(ns);
    most = orphanRetries(sk, alive);
    if (!alive && sk.backoff >= most) return tcpWriteError(sk);
  }
  if (sk.probesOut >= most) return tcpWriteError(sk);
  sendProbe0(sk);
}

/** tcp_send_probe0 */
function sendProbe0(sk: TcpSock): void {
  const error = writeWakeup(sk, 'TCPWinProbe');
  if (sk.rtx.length > 0 || sk.unsent.length === 0) {
    sk.probesOut = 0;
    sk.backoff = 0;
    return;
  }
  sk.probesOut++;
  let wait: SimTime = 500 * MILLISECOND;
  if (error === null || error !== 'ENOBUFS') {
    if (sk.backoff < sysctlInt(sk.ns, 'net.ipv4.tcp_retries2')) sk.backoff++;
    wait = Math.min(Math.max(sk.rto, rtoMin(sk.ns)) * 2 ** Math.min(sk.backoff, 30), rtoMax(sk.ns));
  }
  armTimer(sk, 'probe0', wait);
}

/** The acknowledgement that was owed goes out alone (tcp_delack_timer_handler). */
export function delackTimerHandler(sk: TcpSock): void {
  const { ns, ack } = sk;
  sk.delackTimer.handle = null;
  if (sk.state === 'CLOSED' || sk.state === 'LISTEN' || !ack.timer) return;
  sk.asked = -1;
  if (sk.delackTimer.at > ns.queue.now) return armDelack(sk, sk.delackTimer.at);
  ack.timer = false;
  if (!ack.scheduled) return;
  if (ack.pingpong < sysctlInt(ns, 'net.ipv4.tcp_pingpong_thresh')) ack.ato = Math.min(ack.ato * 2, sk.rto);
  else {
    ack.pingpong = 0;
    ack.ato = 40 * MILLISECOND;
  }
  sendAck(sk);
  ns.count('TcpExt.DelayedACKs');
  flush(ns, 'the delayed acknowledgement of a TCP socket was due');
}

/** Keepalive, and the wait of an orphan for the other end's FIN (tcp_keepalive_timer). */
export function keepTimerHandler(sk: TcpSock): void {
  const { ns } = sk;
  sk.keepTimer = null;
  sk.asked = -1;
  if (sk.state === 'CLOSED' || sk.state === 'LISTEN' || sk.state === 'SYN_SENT') return;
  if (sk.state === 'FIN_WAIT2' && sk.dead) tcpEvent(sk, 'TIMER');
  else keepalive(sk);
  flush(ns, 'a timer of a TCP socket ran out');
}

function keepalive(sk: TcpSock): void {
  const { ns } = sk;
  if (!sk.keepAlive) return;
  if (sk.rtx.length > 0 || sk.unsent.length > 0) return armKeepTimer(sk, keepaliveTime(sk));
  const idle = ns.queue.now - Math.max(sk.lastReceivedAt, 0);
  if (idle < keepaliveTime(sk)) return armKeepTimer(sk, keepaliveTime(sk) - idle);
  if (sk.keepProbes >= sysctlInt(ns, 'net.ipv4.tcp_keepalive_probes')) {
    return tcpEvent(sk, 'GIVE_UP');
  }
  if (writeWakeup(sk, 'TCPKeepAlive') === null) {
    sk.keepProbes++;
    return armKeepTimer(sk, keepaliveInterval(sk));
  }
  armKeepTimer(sk, 500 * MILLISECOND);
}
