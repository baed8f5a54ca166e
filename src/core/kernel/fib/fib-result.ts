import type { RouteType, Scope } from '../types.ts';
import type { Ipv4 } from '../../wire/address.ts';
import type { NetDevice } from '../net-device.ts';
import type { RouteRow } from '../rows.ts';

/** The answer of a route lookup that found something (struct fib_result turned into a dst_entry). */
export interface RouteResult {
  readonly type: RouteType;
  readonly scope: Scope;
  readonly table: number;
  readonly route: RouteRow;
  /** Output device; the loopback device of the namespace for local routes; null for blackhole and friends. */
  readonly dev: NetDevice | null;
  /** Gateway, or null when the destination itself is the next hop. */
  readonly via: Ipv4 | null;
  /** Source address for packets that have none yet. */
  readonly prefsrc: Ipv4;
  /** Path MTU of this route at this moment, bytes. */
  readonly mtu: number;
}
