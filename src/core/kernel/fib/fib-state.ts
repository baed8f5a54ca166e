import type { Timer } from '../../sim/event-queue.ts';
import type { Ipv4 } from '../../wire/address.ts';
import type { RowRef } from '../../trace/change.ts';
import type { Considered, RouteLookupStep } from '../../trace/step.ts';
import type { DevConf } from '../dev-conf.ts';
import type { NetDevice } from '../net-device.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { AddrRow, RouteRow, RuleRow } from '../rows.ts';
import type { RouteResult } from './fib-result.ts';
import type { KnownInput } from './known-input.ts';

/** The IPv4 side of a device (struct in_device). */
export interface InDevice {
  readonly dev: NetDevice;
  readonly conf: DevConf;
  /** In the order in which the kernel keeps and lists them. */
  addresses: AddrRow[];
  /** Addresses that do not live forever, by their key: when they were set, and the timer that removes them. */
  readonly lifetimes: Map<string, { readonly since: number; readonly timer: Timer | null }>;
}

/** A next hop of a route, alive (struct fib_nh). */
export interface FibHop {
  readonly dev: NetDevice;
  readonly via: Ipv4 | null;
  readonly weight: number;
  readonly onlink: boolean;
  /** Scope of the way to the next hop: `host` means that the destination itself is on the link, `nowhere` that it is this host. */
  readonly scope: number;
  dead: boolean;
  linkdown: boolean;
}

/** A route as the lookup uses it (struct fib_alias and its fib_info). */
export interface FibRoute {
  row: RouteRow;
  readonly key: string;
  readonly scope: number;
  readonly hops: readonly FibHop[];
  /** RTNH_F_DEAD of the whole route: it is about to go. */
  dead: boolean;
}

/** One routing table: for each prefix length that is used, routes by network (`network | 0`), each list in lookup order. */
export interface FibTable {
  readonly id: number;
  readonly lengths: (Map<number, FibRoute[]> | null)[];
  /** Prefix lengths in use, longest first. */
  used: number[];
  size: number;
}

/** A policy rule with what matching it needs (struct fib4_rule). */
export interface FibRule {
  readonly row: RuleRow;
  readonly key: string;
  readonly srcMask: Ipv4;
  readonly dstMask: Ipv4;
}

/** The route and next hop that a lookup found (struct fib_result). `hop` is null for types that are errors. */
export interface FibMatch {
  readonly table: number;
  readonly route: FibRoute;
  readonly hop: FibHop | null;
}

/** What is remembered about one destination until anything changes that could change it. */
export interface CachedRoute {
  readonly match: FibMatch | null;
  /** The last answer that was made of it, for its source and device. */
  output: RouteResult | null;
  /** What became of packets that came in, by the ifindex of their device; null before the first. */
  input: Map<number, KnownInput> | null;
  /** Why this route, for the trace; null before somebody recorded it. */
  reasons: RouteReasons | null;
}

/** The rules and routes that a lookup considered, and which of their rows decided. */
export interface RouteReasons {
  readonly considered: readonly Considered[];
  readonly reads: readonly RowRef[];
  /** What was last said of an answer that was made of the route, and of which. */
  told: { readonly of: RouteResult; readonly result: RouteLookupStep['result'] } | null;
}

/** Addresses, routes and rules of a namespace, for the kernel. Their rows are in `ns.tables`. */
export interface FibState {
  readonly inDevices: Map<number, InDevice>;
  /** Own addresses and the rows that hold them, oldest first (inet_addr_lst). */
  readonly local: Map<Ipv4, AddrRow[]>;
  readonly tables: Map<number, FibTable>;
  /** Tables in the order in which the kernel lists them. */
  tableOrder: FibTable[];
  rules: FibRule[];
  /**
   * Somebody made or deleted a rule. Until then Linux keeps `local` and `main` in one trie (fib_unmerge), where a longer prefix
   * of `main` goes before a shorter one of `local`.
   */
  customRules: boolean;
  /** Somebody made a route of type local by hand (fib_has_custom_local_routes). */
  customLocalRoutes: boolean;
  readonly cache: Map<Ipv4, CachedRoute>;
  /** Grows with everything that could change a route; who keeps one compares (rt_genid). */
  generation: number;
  /** Routes go because an address or a device went: nobody is told (fib_flush). */
  flushing: boolean;
  /** Drawn when the first multipath route is used. */
  hashSeed: number | null;
  /** Forgets what was remembered of lookups (rt_cache_flush). Everything that changes a route, a rule, an address or a setting calls it. */
  invalidate(): void;
  /** A write to net.ipv4.route.flush: also learned path MTUs and gateways go. The IP layer adds itself. */
  flushCache(ns: NetNamespace): void;
  readonly onFlushCache: ((ns: NetNamespace) => void)[];
  /** IPv4 ends on a device: the neighbour layer adds itself (arp_ifdown). */
  readonly onDisable: ((dev: NetDevice) => void)[];
}

export function createFib(): FibState {
  const cache = new Map<Ipv4, CachedRoute>();
  const onFlushCache: ((ns: NetNamespace) => void)[] = [];
  const fib: FibState = {
    inDevices: new Map(), local: new Map(), tables: new Map(), tableOrder: [], rules: [], customRules: false, customLocalRoutes: false,
    cache, generation: 0, flushing: false, hashSeed: null, onFlushCache, onDisable: [],
    invalidate: () => {
      fib.generation++;
      if (cache.size > 0) cache.clear();
    },
    flushCache: (ns) => {
      cache.clear();
      fib.generation++;
      for (const hear of onFlushCache) hear(ns);
    },
  };
  return fib;
}
