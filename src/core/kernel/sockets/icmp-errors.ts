import {
  ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, ICMP_PARAMETERPROB, ICMP_SOURCE_QUENCH,
} from '../../wire/icmp.ts';
import type { IcmpHeader } from '../../wire/packet.ts';
import type { Errno } from '../errno.ts';
import type { InetSock } from './inet-sock.ts';

/** What a program is told for each code of destination unreachable; `fatal` ends a connection (icmp_err_convert). */
const ICMP_ERR_CONVERT: readonly { readonly errno: Errno; readonly fatal: boolean }[] = [
  { errno: 'ENETUNREACH', fatal: false },
  { errno: 'EHOSTUNREACH', fatal: false },
  { errno: 'ENOPROTOOPT', fatal: true },
  { errno: 'ECONNREFUSED', fatal: true },
  { errno: 'EMSGSIZE', fatal: false },
  { errno: 'EOPNOTSUPP', fatal: false },
  { errno: 'ENETUNREACH', fatal: true },
  { errno: 'EHOSTDOWN', fatal: true },
  { errno: 'ENONET', fatal: true },
  { errno: 'ENETUNREACH', fatal: true },
  { errno: 'EHOSTUNREACH', fatal: true },
  { errno: 'ENETUNREACH', fatal: false },
  { errno: 'EHOSTUNREACH', fatal: false },
  { errno: 'EHOSTUNREACH', fatal: true },
  { errno: 'EHOSTUNREACH', fatal: true },
  { errno: 'EHOSTUNREACH', fatal: true },
];

export interface SocketErrorOf {
  readonly errno: Errno;
  /** Told also to a program that did not ask for errors (a connected UDP socket). */
  readonly hard: boolean;
}

/** What an ICMP error means to a raw or UDP socket; null when nothing (raw_err, __udp4_lib_err). */
export function socketErrorOf(icmp: IcmpHeader, sock: InetSock): SocketErrorOf | null {
  if (icmp.type === ICMP_SOURCE_QUENCH) return null;
  if (icmp.type === ICMP_PARAMETERPROB) return { errno: 'EPROTO', hard: true };
  if (icmp.type !== ICMP_DEST_UNREACH) return { errno: 'EHOSTUNREACH', hard: false };
  if (icmp.code === ICMP_FRAG_NEEDED) return { errno: 'EMSGSIZE', hard: sock.options.pmtuDiscovery !== 'dont' };
  const known = ICMP_ERR_CONVERT[icmp.code];
  return known ? { errno: known.errno, hard: known.fatal } : { errno: 'EHOSTUNREACH', hard: false };
}

/** What destination unreachable with this code means to a connection; null for a code that nobody knows. */
export function icmpErrno(icmp: IcmpHeader): { readonly errno: Errno; readonly fatal: boolean } | null {
  return ICMP_ERR_CONVERT[icmp.code] ?? null;
}
