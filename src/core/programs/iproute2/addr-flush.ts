import { KernelError } from '../../kernel/errno.ts';
import { delAddr, listAddrs } from '../../kernel/netlink/addr.ts';
import type { AddrRow } from '../../kernel/rows.ts';
import { addrPasses, printAddr, type AddrFilter } from './addr-show.ts';
import type { Ip } from './ip-context.ts';
import { linkMap } from './links.ts';
import { flushRounds } from './flush.ts';

/** `ip addr flush`: deletes what the filter takes, in rounds, because deleting a primary address may leave secondary ones. */
export function flushAddrs(ip: Ip, filter: AddrFilter): number {
  const links = linkMap(ip.ns);
  const p = ip.printer();
  const ofFamily = ip.options.family !== 'inet6' && filter.to?.family !== 'inet6';
  const pick = (): AddrRow[] => (ofFamily ? listAddrs(ip.ns) : [])
    .filter((row) => (filter.link.ifindex === null || row.ifindex === filter.link.ifindex) && addrPasses(row, filter));
  return flushRounds(ip, {
    what: 'addresses',
    pick,
    print: (row) => printAddr(ip, p, row, links.name(row.ifindex), true),
    remove: (row) => {
      try {
        delAddr(ip.ns, { ifindex: row.ifindex, local: row.local, prefixLength: row.prefixLength, peer: row.address, label: row.label });
      } catch (error) {
        // A secondary address goes with its primary one, before its turn comes.
        if (!(error instanceof KernelError) || error.errno !== 'EADDRNOTAVAIL') throw error;
      }
    },
    once: filter.flags.get('secondary') === false,
  });
}
