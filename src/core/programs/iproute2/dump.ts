import type { NetNamespace } from '../../kernel/net-namespace.ts';
import { noAddrFilter, showAddrs } from './addr-show.ts';
import { Args } from './args.ts';
import { bridgeFdb } from './bridge-fdb.ts';
import { bufferContext, defaultOptions, type Ip } from './ip-context.ts';
import { noLinkFilter, showLinks } from './link-show.ts';
import { ipNeigh } from './neigh.ts';
import { ipRoute } from './route.ts';
import { ipRule } from './rule.ts';

/** The tables of a namespace as a record of a run has them: the text of the command that prints each in JSON. */
export interface DumpedTables {
  /** `ip -j -d link show` */
  readonly link: string;
  /** `ip -j addr show` */
  readonly addr: string;
  /** `ip -j route show table all` */
  readonly route: string;
  /** `ip -j rule show` */
  readonly rule: string;
  /** `ip -j neigh show nud all` */
  readonly neigh: string;
  /** `ip -j neigh show proxy` */
  readonly proxy: string;
  /** `bridge -j fdb show` */
  readonly fdb: string;
}

export function dumpTables(ns: NetNamespace): DumpedTables {
  return {
    link: printed(ns, (ip) => showLinks(ip, noLinkFilter()), 1),
    addr: printed(ns, (ip) => showAddrs(ip, noAddrFilter())),
    route: printed(ns, (ip) => ipRoute(ip, new Args(['show', 'table', 'all']))),
    rule: printed(ns, (ip) => ipRule(ip, new Args(['show']))),
    neigh: printed(ns, (ip) => ipNeigh(ip, new Args(['show', 'nud', 'all']))),
    proxy: printed(ns, (ip) => ipNeigh(ip, new Args(['show', 'proxy']))),
    fdb: printed(ns, (ip) => bridgeFdb(ip, new Args(['show']))),
  };
}

function printed(ns: NetNamespace, print: (ip: Ip) => void, details = 0): string {
  const ip = bufferContext(ns, { ...defaultOptions(), json: true, details });
  print(ip);
  return ip.text();
}
