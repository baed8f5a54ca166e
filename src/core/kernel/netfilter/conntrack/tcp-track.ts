import { next } from '../../../statecharts/compile.ts';
import {
  TCP_CONNTRACK_GUARDS, TCP_CONNTRACK_TABLE, type TcpConntrackAction, type TcpConntrackEvent, type TcpConntrackFacts, type TcpPacketIndex,
} from '../../../statecharts/tcp-conntrack.ts';
import type { SimTime } from '../../../sim/time.ts';
import { SECOND } from '../../../sim/time.ts';
import type { TcpConntrackState } from '../../../trace/step.ts';
import { TCP_ACK, TCP_CWR, TCP_ECE, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN, TCP_URG, type TcpHeader } from '../../../wire/packet.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import type { SkBuff } from '../../sk-buff.ts';
import type { NfHookState } from '../hooks.ts';
import { ctKill, ctStamp } from './alloc.ts';
import { CT_EVENT, ctEvent } from './events.ts';
import { noteWhy } from './invalid.ts';
import type { NfConn, TcpSeen, TcpTracking } from './nf-conn.ts';
import { ctAccount, ctRefresh, type TrackerVerdict } from './proto.ts';
import { ctTimeout, tcpStateTimeout } from './settings.ts';
import { before, newTcpTracking, readOptions, segmentEnd, tcpInWindow } from './tcp-window.ts';

/** tcp_valid_flags: what a segment may carry, PSH, ECE and CWR aside. */
const VALID_FLAGS: ReadonlySet<number> = new Set([
  TCP_SYN, TCP_SYN | TCP_URG, TCP_SYN | TCP_ACK, TCP_RST, TCP_RST | TCP_ACK, TCP_FIN | TCP_ACK, TCP_FIN | TCP_ACK | TCP_URG, TCP_ACK, TCP_ACK | TCP_URG,
]);

/** get_conntrack_index */
export function tcpIndex(flags: number): TcpPacketIndex {
  if ((flags & TCP_RST) !== 0) return 'RST';
  if ((flags & TCP_SYN) !== 0) return (flags & TCP_ACK) !== 0 ? 'SYNACK' : 'SYN';
  if ((flags & TCP_FIN) !== 0) return 'FIN';
  return (flags & TCP_ACK) !== 0 ? 'ACK' : 'NONE';
}

interface StateChange {
  readonly from: TcpConntrackState;
  readonly to: TcpConntrackState;
  readonly event: string;
}
let changed: StateChange | null = null;

/** The change of state that the last segment brought, once; null for none. */
export function tcpStateChange(): StateChange | null {
  const taken = changed;
  changed = null;
  return taken;
}

/** What the guards ask. One object for all: it is filled before each segment. */
const facts: { -readonly [K in keyof TcpConntrackFacts]: boolean } = {
  aborted: false, syncedAgain: false, challengeAck: false, simultaneousOpen: false, rstTooOld: false, rstInexact: false, rstExplained: false, outOfWindow: false, behindWindow: false,
};

/** The segment that is served. */
interface Segment {
  readonly ns: NetNamespace;
  readonly skb: SkBuff;
  readonly ct: NfConn;
  readonly tracking: TcpTracking;
  readonly tcp: TcpHeader;
  readonly index: TcpPacketIndex;
  readonly isReply: boolean;
}

/** One segment of a connection (nf_conntrack_tcp_packet): the table of the state machine says what it means. */
export function tcpPacket(ns: NetNamespace, skb: SkBuff, _state: NfHookState, ct: NfConn, isReply: boolean): TrackerVerdict {
  changed = null;
  const tcp = skb.packet[1] as TcpHeader;
  if (!VALID_FLAGS.has(tcp.flags & ~(TCP_ECE | TCP_CWR | TCP_PSH) & 0x3f)) return invalid('its flags make no sense together');
  const index = tcpIndex(tcp.flags);
  if (!ct.confirmed && !tcpNew(ns, skb, ct, tcp, index)) return 'invalid';
  const segment: Segment = { ns, skb, ct, tracking: ct.tcp!, tcp, index, isReply };
  gatherFacts(segment);
  const event: TcpConntrackEvent = isReply ? `REPLY_${index}` : `ORIGINAL_${index}`;
  const from = segment.tracking.state;
  let row = next(TCP_CONNTRACK_TABLE, TCP_CONNTRACK_GUARDS, from, event, facts)!;
  if (row.actions.includes('resync')) resync(segment);
  if (row.actions.includes('checkWindow')) {
    const liberal = ns.nf.ct.settings.tcpBeLiberal !== 0;
    const verdict = tcpInWindow(segment.tracking, skb.packet, tcp, index, isReply, liberal);
    if (verdict !== 'accept') {
      facts.outOfWindow = verdict === 'invalid';
      facts.behindWindow = verdict === 'ignore';
      row = next(TCP_CONNTRACK_TABLE, TCP_CONNTRACK_GUARDS, from, event, facts)!;
    }
  }
  return carryOut(segment, row.actions, row.target ?? from, event);
}

function invalid(why: string): 'invalid' {
  noteWhy(why);
  return 'invalid';
}

/** A connection begins (tcp_new): with a SYN, or, if tcp_loose allows it, in the middle. */
function tcpNew(ns: NetNamespace, skb: SkBuff, ct: NfConn, tcp: TcpHeader, index: TcpPacketIndex): boolean {
  const begins = index === 'SYN' || index === 'ACK';
  if (!begins) {
    noteWhy(`no connection begins with ${index === 'SYNACK' ? 'SYN+ACK' : index === 'NONE' ? 'a segment without flags' : index}`);
    return false;
  }
  if (index === 'ACK' && ns.nf.ct.settings.tcpLoose === 0) {
    noteWhy('it belongs to no known connection, and nf_conntrack_tcp_loose is 0');
    return false;
  }
  Object.assign(ct.tcp!, newTcpTracking());
  const { original, reply } = ct.tcp!;
  original.end = segmentEnd(skb.packet, tcp);
  original.maxWin = tcp.window === 0 ? 1 : tcp.window;
  if (index === 'SYN') {
    original.maxEnd = original.end;
    readOptions(tcp, original);
  } else {
    original.maxEnd = (original.end + original.maxWin) | 0;
    original.sackPermitted = reply.sackPermitted = original.beLiberal = reply.beLiberal = true;
  }
  return true;
}

function ends({ tracking, isReply }: Segment): { own: TcpSeen; other: TcpSeen } {
  return isReply ? { own: tracking.reply, other: tracking.original } : { own: tracking.original, other: tracking.reply };
}

function gatherFacts(segment: Segment): void {
  const { tracking, tcp, index, isReply, ct } = segment;
  const { lastIndex, lastReply, state } = tracking;
  facts.outOfWindow = facts.behindWindow = facts.rstTooOld = facts.rstInexact = facts.rstExplained = false;
  facts.aborted = tracking.original.closeInit || tracking.reply.closeInit || (lastReply === isReply && lastIndex === 'RST');
  facts.syncedAgain = index === 'SYNACK' && lastIndex === 'SYN' && lastReply !== isReply && (tcp.ack | 0) === tracking.lastEnd;
  facts.challengeAck = state === 'LAST_ACK' && index === 'ACK' && lastReply !== isReply && lastIndex === 'SYN' && tracking.challenge;
  facts.simultaneousOpen = tracking.simultaneous;
  if (index !== 'RST') return;
  gatherResetFacts(segment, state === 'ESTABLISHED' && ct.assured);
}

/** The case TCP_CONNTRACK_CLOSE: is the RST from the other end, or a guess? */
function gatherResetFacts(segment: Segment, established: boolean): void {
  const { ns, tracking, tcp, isReply, ct } = segment;
  const { lastIndex, lastReply, lastEnd } = tracking;
  const { other } = ends(segment);
  const seq = tcp.seq | 0;
  if (other.maxAckSet && lastIndex !== 'SYN' && !(seq === 0 && !established)) {
    facts.rstTooOld = before(seq, other.maxAck) && ns.nf.ct.settings.tcpIgnoreInvalidRst === 0;
    // The RST may follow the data that was sent just before it.
    const follows = lastIndex === 'ACK' && lastReply === isReply && seq === lastEnd;
    facts.rstInexact = established && seq !== other.maxAck && !follows;
  }
  const letThrough = (ct.seenReply && lastIndex === 'SYN') || (!ct.assured && lastIndex === 'ACK');
  facts.rstExplained = (letThrough && lastReply !== isReply && (tcp.ack | 0) === lastEnd) || (tracking.state === 'SYN_SENT' && lastIndex === 'ACK' && lastReply && seq === tracking.lastAck);
  if (facts.rstTooOld) noteWhy(`its sequence number ${tcp.seq} lies before ${other.maxAck >>> 0}, which was acknowledged already (invalid RST)`);
}

/** What the row says, in the kernel's order. */
function carryOut(segment: Segment, actions: readonly TcpConntrackAction[], to: TcpConntrackState, event: TcpConntrackEvent): TrackerVerdict {
  const { ns, ct, tracking } = segment;
  let verdict: TrackerVerdict = 'accept';
  for (const action of actions) {
    switch (action) {
      case 'invalid': verdict = refused(segment); break;
      case 'reopen': ctKill(ns, ct); return 'repeat';
      case 'note': note(segment); break;
      case 'noteLate': noteLate(segment); break;
      case 'forgetChallenge': tracking.challenge = false; noteWhy('a challenge ACK (RFC 5961) says nothing of the state'); break;
      case 'noteSimultaneous': tracking.simultaneous = true; break;
      case 'noteClosing': ends(segment).own.closeInit = true; break;
      case 'follow': follow(segment, actions, to, event); break;
      // Done by others: before the row was chosen, or as a part of `follow`.
      case 'checkWindow':
      case 'resync':
      case 'assure':
      case 'forgetUnanswered':
      case 'ignore': break;
    }
  }
  return verdict;
}

/** The table itself has no place for the segment, unless somebody has given a better reason. */
function refused({ tracking, index }: Segment): 'invalid' {
  if (!facts.outOfWindow && !facts.rstTooOld) noteWhy(`${index === 'SYNACK' ? 'SYN+ACK' : index} from this side makes no sense in state ${tracking.state}`);
  return 'invalid';
}

/** Both ends agree on a handshake that the tracker did not believe: it takes over what it remembers of the SYN. */
function resync(segment: Segment): void {
  const { tracking } = segment;
  const { own, other } = ends(segment);
  tracking.challenge = false;
  Object.assign(other, {
    end: tracking.lastEnd, maxEnd: tracking.lastEnd, maxWin: tracking.lastWin === 0 ? 1 : tracking.lastWin, scale: tracking.lastScale, windowScale: tracking.lastWindowScale,
    sackPermitted: tracking.lastSack, closeInit: false, beLiberal: false, dataUnacknowledged: false, maxAckSet: false,
  });
  Object.assign(own, { end: 0, maxEnd: 0, maxWin: 0, maxAck: 0, scale: 0, windowScale: false, sackPermitted: false, closeInit: false, dataUnacknowledged: false, maxAckSet: false });
}

/** Let through unjudged: what it says may be needed (the case TCP_CONNTRACK_IGNORE). */
function note({ skb, tracking, tcp, index, isReply }: Segment): void {
  const { state } = tracking;
  tracking.lastIndex = index;
  tracking.lastReply = isReply;
  tracking.lastSeq = tcp.seq | 0;
  tracking.lastEnd = segmentEnd(skb.packet, tcp);
  tracking.lastWin = tcp.window;
  if (index === 'SYN' && !isReply) {
    const { original } = newTcpTracking();
    readOptions(tcp, original);
    tracking.lastScale = original.scale;
    tracking.lastWindowScale = original.windowScale;
    tracking.lastSack = original.sackPermitted;
    tracking.challenge = state === 'LAST_ACK';
    tracking.simultaneous = false;
  }
  if (state === 'SYN_SENT' && index === 'ACK' && isReply) tracking.lastAck = tcp.ack | 0;
  noteWhy(`${index === 'SYNACK' ? 'SYN+ACK' : index} in state ${state}: either the two ends know better, or the other one will answer with RST`);
}

/** nf_tcp_handle_invalid */
function noteLate({ ns, ct, tracking, index, isReply }: Segment): void {
  if (!ct.assured || ct.fixedTimeout) return;
  if (tracking.lastReply === isReply || (tracking.lastIndex !== 'FIN' && tracking.lastIndex !== 'RST')) {
    tracking.lastIndex = index;
    tracking.lastReply = isReply;
    return;
  }
  const left = ct.expires - ctStamp(ns);
  const timeout = ctTimeout(ns, 'tcp_timeout_unacknowledged');
  if (left >= 120 * SECOND && left > timeout) ct.expires = ctStamp(ns) + timeout;
}

/** The segment counts (from the label in_window on). */
function follow(segment: Segment, actions: readonly TcpConntrackAction[], to: TcpConntrackState, event: TcpConntrackEvent): void {
  const { ns, skb, ct, tracking, index, isReply } = segment;
  const from = tracking.state;
  tracking.lastIndex = index;
  tracking.lastReply = isReply;
  tracking.state = to;
  let timeout = timeoutFor(segment, to);
  if (from !== to) {
    changed = { from, to, event };
    ctEvent(ct, CT_EVENT.PROTOINFO);
  }
  if (!ct.seenReply) {
    if (actions.includes('forgetUnanswered')) {
      ctAccount(skb, ct, isReply);
      ctKill(ns, ct);
      return;
    }
    // A SYN sent again does not keep the entry alive.
    if (index === 'SYN' && from === 'SYN_SENT') return;
    const unacknowledged = ctTimeout(ns, 'tcp_timeout_unacknowledged');
    if (to === 'ESTABLISHED' && timeout > unacknowledged) timeout = unacknowledged;
  } else if (!ct.assured && actions.includes('assure')) {
    ct.assured = true;
    ctEvent(ct, CT_EVENT.ASSURED);
  }
  ctRefresh(ns, skb, ct, isReply, timeout);
}

function timeoutFor({ ns, tracking, index }: Segment, to: TcpConntrackState): SimTime {
  const timeout = tcpStateTimeout(ns, to);
  const retransmitted = ctTimeout(ns, 'tcp_timeout_max_retrans');
  if (tracking.retransmissions >= ns.nf.ct.settings.tcpMaxRetrans && timeout > retransmitted) return retransmitted;
  if (index === 'RST') return ctTimeout(ns, 'tcp_timeout_close');
  const unacknowledged = ctTimeout(ns, 'tcp_timeout_unacknowledged');
  if ((tracking.original.dataUnacknowledged || tracking.reply.dataUnacknowledged) && timeout > unacknowledged) return unacknowledged;
  return tracking.lastWin === 0 && timeout > retransmitted ? retransmitted : timeout;
}
