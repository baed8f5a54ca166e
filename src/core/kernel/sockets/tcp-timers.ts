import { MILLISECOND, SECOND, type SimTime } from '../../sim/time.ts';
import { timerExpiry } from '../timer-wheel.ts';
import { sysctlInt } from '../sysctl.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { TcpSock, TcpTimerKind } from './tcp-sock.ts';
import { TCP_TIMEOUT_INIT } from './tcp-sock.ts';
import { delackTimerHandler, keepTimerHandler, writeTimerHandler } from './tcp-timer.ts';

/*
 * Setting the timers of a connection. What they do when they run out is in tcp-timer.ts.
 */

/** One tick of the kernel's clock. */
const JIFFY = 4 * MILLISECOND;

export function rtoMax(ns: NetNamespace): SimTime {
  return sysctlInt(ns, 'net.ipv4.tcp_rto_max_ms') * MILLISECOND;
}
export function rtoMin(ns: NetNamespace): SimTime {
  return sysctlInt(ns, 'net.ipv4.tcp_rto_min_us') * 1000;
}

/** Sets the one timer of sending, which has one purpose at a time, to `delay` from now (tcp_reset_xmit_timer). */
export function armTimer(sk: TcpSock, kind: TcpTimerKind, delay: SimTime): void {
  const { queue } = sk.ns;
  const { timer } = sk;
  queue.cancel(timer.handle);
  timer.kind = kind;
  timer.at = queue.now + Math.min(Math.max(delay, 0), rtoMax(sk.ns));
  // The wheel serves what is due at once last in, first out: TCP's timer, set after that of ARP, comes before it.
  timer.handle = queue.schedule(timerExpiry(queue.now + 1, timer.at + 1) - 1, writeTimerHandler, sk);
}

export function stopTimer(sk: TcpSock): void {
  sk.ns.queue.cancel(sk.timer.handle);
  sk.timer.handle = null;
  sk.timer.kind = null;
}

export function armDelack(sk: TcpSock, at: SimTime): void {
  const { queue } = sk.ns;
  queue.cancel(sk.delackTimer.handle);
  sk.delackTimer.at = at;
  sk.delackTimer.handle = queue.schedule(timerExpiry(queue.now, at), delackTimerHandler, sk);
}

export function armKeepTimer(sk: TcpSock, delay: SimTime): void {
  const { queue } = sk.ns;
  queue.cancel(sk.keepTimer);
  sk.keepTimer = queue.schedule(timerExpiry(queue.now, queue.now + delay), keepTimerHandler, sk);
}

/** Everything stops (tcp_clear_xmit_timers). */
export function stopAllTimers(sk: TcpSock): void {
  stopTimer(sk);
  sk.ns.queue.cancel(sk.delackTimer.handle);
  sk.delackTimer.handle = null;
  sk.ns.queue.cancel(sk.keepTimer);
  sk.keepTimer = null;
}

/** When the oldest segment is to be sent again, from now (tcp_rto_delta_us). */
function rtoDelta(sk: TcpSock): SimTime {
  const first = sk.rtx[0];
  return first === undefined ? sk.rto : first.sentAt + sk.rto - sk.ns.queue.now;
}

/** Sets the retransmission timer anew: something was acknowledged, or sent first (tcp_rearm_rto). */
export function rearmRto(sk: TcpSock): void {
  if (sk.rtx.length === 0) return stopTimer(sk);
  let rto = sk.rto;
  if (sk.timer.kind === 'reorder' || sk.timer.kind === 'lossProbe') rto = Math.max(rtoDelta(sk), JIFFY);
  armTimer(sk, 'retrans', rto);
}

/** The first wait before a closed window is probed (tcp_probe0_base). */
export function probe0Base(sk: TcpSock): SimTime {
  return Math.max(sk.rto, rtoMin(sk.ns));
}

/**
 * A tail loss probe after two round trips, where an acknowledgement should have come (tcp_schedule_loss_probe). False when the plain
 * retransmission timer has to do.
 */
export function scheduleLossProbe(sk: TcpSock, advancingRto: boolean): boolean {
  const early = sysctlInt(sk.ns, 'net.ipv4.tcp_early_retrans');
  if ((early !== 3 && early !== 4) || sk.rtx.length === 0 || !sk.agreed.sack || (sk.caState !== 'Open' && sk.caState !== 'CWR')) return false;
  let timeout: SimTime = TCP_TIMEOUT_INIT;
  if (sk.srtt > 0) {
    const us = Math.floor(sk.srtt / 4) + (sk.rtx.length === 1 ? rtoMin(sk.ns) / 1000 : 2000);
    timeout = Math.ceil(us / 4000) * JIFFY;
  }
  const rto = advancingRto ? sk.rto : rtoDelta(sk);
  if (rto > 0) timeout = Math.min(timeout, Math.ceil(rto / JIFFY) * JIFFY);
  armTimer(sk, 'lossProbe', timeout);
  return true;
}

/** keepalive_time_when, keepalive_intvl_when */
export function keepaliveTime(sk: TcpSock): SimTime {
  return sysctlInt(sk.ns, 'net.ipv4.tcp_keepalive_time') * SECOND;
}
export function keepaliveInterval(sk: TcpSock): SimTime {
  return sysctlInt(sk.ns, 'net.ipv4.tcp_keepalive_intvl') * SECOND;
}
