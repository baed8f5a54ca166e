import { SECOND } from '../sim/time.ts';
import { ETH_P_IP, IPPROTO_ICMP, IPPROTO_IGMP, IPPROTO_TCP, IPPROTO_UDP } from '../wire/packet.ts';
import { attachArp } from './arp.ts';
import { newIpStats } from './counters.ts';
import { attachFib } from './fib/attach.ts';
import { icmpProtocol, ipv4LinkFailure } from './icmp.ts';
import { attachIgmp } from './igmp.ts';
import { igmpProtocol } from './igmp-input.ts';
import { ipRcv } from './ip-input.ts';
import { attachConntrack } from './netfilter/conntrack/attach.ts';
import type { NetNamespace } from './net-namespace.ts';
import { attachExceptions } from './pmtu.ts';
import { tcpProtocol } from './sockets/tcp-ipv4.ts';
import { tcpExit } from './sockets/tcp-life.ts';
import { newTcpTables } from './sockets/tcp-table.ts';
import { udpProtocol } from './sockets/udp.ts';

/**
 * Makes a new namespace a full IPv4 host (inet_init, and the pernet parts of IPv4): addresses, routes and rules, ARP, the IP layer
 * with ICMP, raw, UDP and TCP sockets. It is the one protocol that a World needs.
 */
export function attachInet(ns: NetNamespace): void {
  ns.inet = {
    stats: newIpStats(),
    protocols: new Map([[IPPROTO_ICMP, icmpProtocol], [IPPROTO_IGMP, igmpProtocol], [IPPROTO_UDP, udpProtocol], [IPPROTO_TCP, tcpProtocol]]),
    rawSockets: new Map(), udpSockets: new Map(), tcp: newTcpTables(), sockets: { last: 0 }, fragQueues: new Map(), fragMemory: 0, peers: new Map(), exceptions: new Map(), igmp: new Map(),
    icmpCredit: 0, icmpStamp: -SECOND, icmpSending: false, idents: new Map(),
  };
  // First: a device's groups come before its routes, and go before its addresses.
  attachIgmp(ns);
  attachFib(ns);
  attachArp(ns);
  attachExceptions(ns);
  attachConntrack(ns);
  ns.packetHandlers.set(ETH_P_IP, ipRcv);
  ns.neighbours.onLinkFailure = ipv4LinkFailure;
  ns.exits.push(() => {
    for (const queue of ns.inet.fragQueues.values()) ns.queue.cancel(queue.timer);
    ns.inet.fragQueues.clear();
    tcpExit(ns);
  });
}
