import type { DropReason } from '../trace/drop-reason.ts';
import type { Errno } from './errno.ts';

/** Why a packet of this host had no way out, by the errno of the route lookup. Linux makes no packet then, so it has no reason. */
export function outDropReason(errno: Errno): DropReason {
  switch (errno) {
    case 'EINVAL': return 'IP_BLACKHOLE';
    case 'EHOSTUNREACH': return 'IP_UNREACHABLE';
    case 'EACCES': return 'IP_PROHIBIT';
    default: return 'IP_OUTNOROUTES';
  }
}
