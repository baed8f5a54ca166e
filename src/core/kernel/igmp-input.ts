import { SECOND } from '../sim/time.ts';
import type { Ipv4 } from '../wire/address.ts';
import { IGMP_QUERY, IGMP_V1_REPORT, IGMP_V2_REPORT, igmpFloat } from '../wire/igmp.ts';
import type { IgmpHeader } from '../wire/packet.ts';
import { dropSkb } from './dev.ts';
import { igmpOf } from './igmp.ts';
import { igmpSpeaks, isReported, modGroupTimer, startGeneralTimer, stopGroupTimer } from './igmp-report.ts';
import { IGMP_QUERY_INTERVAL, IGMP_QUERY_RESPONSE_INTERVAL, type IgmpDevice } from './igmp-state.ts';
import type { InetProtocol } from './inet-state.ts';
import type { NetDevice } from './net-device.ts';
import type { NetNamespace } from './net-namespace.ts';
import type { SkBuff } from './sk-buff.ts';
import { sysctlInt } from './sysctl.ts';

/** Tenths of a second, as queries count (IGMP_TIMER_SCALE). */
const TENTH = SECOND / 10;

/** An IGMP message for this host (igmp_rcv). */
function igmpRcv(ns: NetNamespace, skb: SkBuff, dev: NetDevice): void {
  const igmp = skb.packet[1];
  const state = igmpOf(dev);
  if (igmp?.kind !== 'igmp' || state === null) return dropSkb(skb, dev, 'igmp_rcv', 'NOT_SPECIFIED', 'the message is cut off');
  if (igmp.type === IGMP_QUERY) heardQuery(ns, state, igmp);
  // Its own reports come back to a member; those of others count when everybody heard them.
  const others = skb.pktType === 'multicast' || skb.pktType === 'broadcast';
  if ((igmp.type === IGMP_V1_REPORT || igmp.type === IGMP_V2_REPORT) && others) heardReport(state, igmp.group);
}

/** Somebody else has reported the group: that is enough (igmp_heard_report). */
function heardReport(state: IgmpDevice, group: Ipv4): void {
  if (!isReported(state, group)) return;
  const im = state.groups.find((one) => one.group === group);
  if (im) stopGroupTimer(state, im);
}

/** A router asks who is in a group, or in which groups everybody is (igmp_heard_query). */
function heardQuery(ns: NetNamespace, state: IgmpDevice, igmp: IgmpHeader): void {
  const { query } = igmp;
  let { group } = igmp;
  let delay = 0;
  if (query === null) {
    const until = ns.queue.now + state.qrv * state.qi + state.qri;
    if (igmp.code === 0) {
      state.v1Seen = until;
      delay = IGMP_QUERY_RESPONSE_INTERVAL;
      group = 0;
    } else {
      state.v2Seen = until;
      delay = igmp.code * TENTH;
    }
    // From now on by the older rules: what the newer ones had still to tell is dropped.
    state.ifcCount = 0;
    ns.queue.cancel(state.ifcTimer);
    state.ifcTimer = null;
    state.left = [];
  } else {
    const version = igmpSpeaks(state);
    delay = version === 1 ? IGMP_QUERY_RESPONSE_INTERVAL : igmpFloat(igmp.code) * TENTH;
    if (version === 1) group = 0;
    if (version === 3) {
      followQuerier(ns, state, igmp);
      if (group === 0) {
        // A general query asks for no sources.
        if (query.sources.length === 0) startGeneralTimer(state);
        return;
      }
    }
  }
  for (const im of state.groups) {
    if ((group === 0 || group === im.group) && isReported(state, im.group)) modGroupTimer(state, im, delay);
  }
}

/** The querier's numbers are everybody's (RFC 3376 4.1.6, 4.1.7, 8.3). */
function followQuerier(ns: NetNamespace, state: IgmpDevice, igmp: IgmpHeader): void {
  const { flags, qqic } = igmp.query!;
  state.maxDelay = igmpFloat(igmp.code) * TENTH;
  state.qrv = (flags & 7) || sysctlInt(ns, 'net.ipv4.igmp_qrv');
  state.qi = igmpFloat(qqic) * SECOND || IGMP_QUERY_INTERVAL;
  if (state.qri >= state.qi) state.qri = state.qi - SECOND;
}

export const igmpProtocol: InetProtocol = { handler: igmpRcv, errHandler: () => {} };
