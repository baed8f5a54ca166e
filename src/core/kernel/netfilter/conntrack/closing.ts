import { IPPROTO_TCP } from '../../../wire/packet.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import { ctStamp } from './alloc.ts';
import { CT_EVENT, ctEvent } from './events.ts';
import type { NfConn } from './nf-conn.ts';
import { ctSync } from './rows.ts';
import { tcpStateTimeout } from './settings.ts';

/** The host itself ends a TCP connection by RST: its entry is CLOSE from now on (nf_ct_set_closing, nf_conntrack_tcp_set_closing). */
export function ctSetClosing(ns: NetNamespace, ct: NfConn | null): void {
  if (ct === null || ct.protocol !== IPPROTO_TCP || ct.tcp === null || !ct.confirmed || ct.dying) return;
  ct.expires = ctStamp(ns) + tcpStateTimeout(ns, 'CLOSE');
  ct.tcp.state = 'CLOSE';
  ctEvent(ct, CT_EVENT.PROTOINFO);
  ctSync(ns, ct);
}
