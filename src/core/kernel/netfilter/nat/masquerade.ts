import { inetSelectAddr } from '../../fib/in-device.ts';
import { SCOPE } from '../../fib/scope.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import { ctKill } from '../conntrack/core.ts';
import type { NfConn } from '../conntrack/nf-conn.ts';

/** The address that MASQUERADE takes: one of the device that the packet leaves by (nf_nat_masquerade_ipv4). 0 when there is none. */
export function masqueradeAddress(ns: NetNamespace, out: Parameters<typeof inetSelectAddr>[1], nextHop: number): number {
  return inetSelectAddr(ns, out, nextHop, SCOPE.global);
}

/** What was masqueraded is forgotten when its device goes down, or the address goes away (masq_device_event, masq_inet_event). */
export function attachMasqueradeNotifier(ns: NetNamespace): void {
  const { ct } = ns.nf;
  if (ct.masqueradeNotified) return;
  ct.masqueradeNotified = true;
  ns.notifiers.add((event, dev) => {
    if (event === 'down') forget(ns, (entry) => entry.masqIndex === dev.ifindex);
  });
  ns.tables.addr.subscribers.add((_key, before, after) => {
    if (before === null || after !== null) return;
    forget(ns, (entry) => entry.masqIndex === before.ifindex && entry.reply.dst === before.local);
  });
}

function forget(ns: NetNamespace, ends: (ct: NfConn) => boolean): void {
  for (const entry of [...ns.nf.ct.confirmed.values()]) if (ends(entry)) ctKill(ns, entry);
}
