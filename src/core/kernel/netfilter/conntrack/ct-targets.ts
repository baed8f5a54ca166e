import type { NetNamespace } from '../../net-namespace.ts';
import type { SkBuff } from '../../sk-buff.ts';
import { CT_EVENT, ctEvent } from './events.ts';
import type { NfConn } from './nf-conn.ts';
import { ctSync } from './rows.ts';
import { DEFAULT_ZONE, type Zone } from './tuple-table.ts';

/** The zone that a CT rule asks for, which is done with (nf_ct_zone_tmpl). `mark`: the zone is the packet's mark. */
export function takeTemplate(skb: SkBuff): Zone {
  const wanted = skb.ctZone;
  if (wanted === null) return DEFAULT_ZONE;
  skb.ctZone = null;
  return wanted.direction === 'mark' ? { id: skb.mark & 0xffff, direction: 'both' } : { id: wanted.id, direction: wanted.direction };
}

/** Writes the mark of a connection. */
export function ctSetMark(ns: NetNamespace, ct: NfConn, mark: number): void {
  if (ct.mark === mark) return;
  ct.mark = mark;
  ctEvent(ct, CT_EVENT.MARK);
  ctSync(ns, ct);
}
