import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { netmask, network, type Ipv4 } from '../../wire/address.ts';
import { KernelError } from '../errno.ts';
import type { NetNamespace } from '../net-namespace.ts';
import { delRoute, listRoutes, newRoute } from '../netlink/route.ts';
import { delRule, newRule } from '../netlink/rule.ts';
import { setLink } from '../netlink/link.ts';
import type { NewMode, RouteRequest, RuleRequest } from '../netlink/requests.ts';
import type { RouteRow } from '../rows.ts';
import { addRoute, cable, ip, testHost, testWorld } from '../testing.ts';
import { explain } from './explain.ts';
import { routeOutput, type Flow } from './lookup.ts';
import { fibLookup, isFailure, type FibKey } from './rules.ts';
import { SCOPE } from './scope.ts';

/** A host with three devices that are up, without addresses. */
function host(): NetNamespace {
  const world = testWorld('nothing');
  const a = testHost(world, 'a');
  const b = testHost(world, 'b');
  for (const n of [0, 1, 2]) cable(a, `va${n}`, [], b, `vb${n}`, []);
  return a;
}

function key(dst: Ipv4, more: Partial<FibKey> = {}): FibKey {
  return { dst, src: 0, oif: 0, iif: 1, mark: 0, tos: 0, protocol: 0, sport: 0, dport: 0, scope: SCOPE.global, ignoreLinkstate: false, ...more };
}

function flow(dst: Ipv4, more: Partial<Flow> = {}): Flow {
  return { dst, src: 0, oif: 0, mark: 0, tos: 0, protocol: 0, sport: 0, dport: 0, ...more };
}

/** What the lookup says, as text: an errno, or the metric and the type of the route it took. */
function answerOf(ns: NetNamespace, asked: FibKey): string {
  const answer = fibLookup(ns, asked);
  if (!isFailure(answer)) return nameOf(answer.route.row);
  return answer.match ? nameOf(answer.match.route.row) : answer.errno;
}
const nameOf = (row: RouteRow): string => `${row.table} ${row.dst}/${row.prefixLength} tos ${row.tos} metric ${row.priority} ${row.type} dev ${row.nexthops[0]?.ifindex}`;

/** Addresses from a small part of the space, so that prefixes nest. */
const addressArb = fc.tuple(fc.constantFrom(10, 172, 203), fc.nat(3), fc.nat(3), fc.nat(255))
  .map(([a, b, c, d]) => ((a << 24) | (b << 16) | (c << 8) | d) >>> 0);
const routeArb = fc.record({
  address: addressArb, prefixLength: fc.constantFrom(0, 8, 9, 15, 16, 22, 24, 25, 30, 31, 32), tos: fc.constantFrom(0, 0, 0, 4, 0x10), priority: fc.constantFrom(0, 0, 5, 100),
  type: fc.constantFrom('unicast', 'unicast', 'unicast', 'blackhole', 'unreachable', 'prohibit', 'throw'), dev: fc.constantFrom(2, 3, 4),
  table: fc.constantFrom(254, 254, 253, 100, 7),
}).map(({ address, prefixLength, dev, ...rest }): RouteRequest => ({
  ...rest, dst: network(address, prefixLength), prefixLength, type: rest.type as RouteRow['type'],
  nexthops: rest.type === 'unicast' ? [{ ifindex: dev }] : [],
}));
const opArb = fc.record({ op: fc.constantFrom<NewMode | 'delete'>('add', 'add', 'add', 'append', 'prepend', 'replace', 'change', 'delete'), route: routeArb });

/** The reference: one list, searched from its beginning. */
class Reference {
  routes: RouteRequest[] = [];

  #same(a: RouteRequest, b: RouteRequest): boolean {
    return a.table === b.table && a.dst === b.dst && a.prefixLength === b.prefixLength && a.tos === b.tos && a.priority === b.priority;
  }

  #twin(a: RouteRequest, b: RouteRequest): boolean {
    return this.#same(a, b) && a.type === b.type && a.nexthops?.[0]?.ifindex === b.nexthops?.[0]?.ifindex;
  }

  apply(op: NewMode | 'delete', route: RouteRequest): string {
    const equal = this.routes.filter((other) => this.#same(other, route));
    const first = equal[0];
    if (op === 'delete') {
      const gone = this.sorted().find((other) => other.table === route.table && other.dst === route.dst && other.prefixLength === route.prefixLength
        && other.tos === route.tos && other.type === route.type && (route.priority === 0 || other.priority === route.priority)
        && (route.nexthops!.length === 0 || other.nexthops![0]!.ifindex === route.nexthops![0]!.ifindex));
      if (!gone) return 'ESRCH';
      this.routes.splice(this.routes.indexOf(gone), 1);
      return 'ok';
    }
    if (!first) return op === 'change' ? 'ENOENT' : (this.routes.push(route), 'ok');
    if (op === 'add') return 'EEXIST';
    const twin = equal.find((other) => this.#twin(other, route));
    if (op === 'replace' || op === 'change') {
      if (twin) return twin === first ? 'ok' : 'EEXIST';
      this.routes[this.routes.indexOf(first)] = route;
      return 'ok';
    }
    if (twin) return 'EEXIST';
    this.routes.splice(op === 'append' ? this.routes.indexOf(equal.at(-1)!) + 1 : this.routes.indexOf(first), 0, route);
    return 'ok';
  }

  /** In the order of a lookup within one table. */
  sorted(): RouteRequest[] {
    return [...this.routes].sort((a, b) => b.prefixLength - a.prefixLength || b.tos! - a.tos! || a.priority! - b.priority!);
  }

  /** The first that fits in a table; null when none does. */
  find(table: number, dst: Ipv4, tos: number, oif: number): RouteRequest | null {
    return this.sorted().find((route) => route.table === table && network(dst, route.prefixLength) === route.dst && (route.tos === 0 || route.tos === tos)
      && (route.type !== 'unicast' || oif === 0 || route.nexthops![0]!.ifindex === oif)) ?? null;
  }

  /** Through tables in their order, as rules without selectors would. */
  lookup(tables: readonly number[], dst: Ipv4, tos: number, oif: number): string {
    for (const table of tables) {
      const found = this.find(table, dst, tos, oif);
      if (found && found.type !== 'throw') return `${table} ${found.dst}/${found.prefixLength} tos ${found.tos} metric ${found.priority} ${found.type} dev ${found.nexthops![0]?.ifindex}`;
    }
    return 'ENETUNREACH';
  }
}

function attempt(act: () => void): string {
  try {
    act();
    return 'ok';
  } catch (error) {
    if (error instanceof KernelError) return error.errno;
    throw error;
  }
}

/** Type local takes no part in these tests; the addresses of `lo` do. */
const OWN = new Set([255]);

describe('routes against a list that is searched from its beginning', () => {
  it('adding, replacing and deleting, and the longest prefix', () => {
    fc.assert(fc.property(fc.array(opArb, { maxLength: 40 }), fc.array(fc.tuple(addressArb, fc.constantFrom(0, 4, 0x10), fc.constantFrom(0, 2, 3)), { minLength: 10, maxLength: 10 }), (ops, questions) => {
      const ns = host();
      const reference = new Reference();
      for (const { op, route } of ops) {
        const wanted = reference.apply(op, route);
        const said = attempt(() => (op === 'delete' ? delRoute(ns, route) : newRoute(ns, route, op)));
        // A table that never had a route does not exist, which is another ESRCH.
        expect(said).toBe(wanted);
      }
      for (const [dst, tos, oif] of questions) {
        expect(answerOf(ns, key(dst, { tos, oif }))).toBe(reference.lookup([254, 253], dst, tos, oif));
        for (const { route } of ops) {
          const near = (route.dst | (dst & ~netmask(route.prefixLength))) >>> 0;
          expect(answerOf(ns, key(near, { tos, oif }))).toBe(reference.lookup([254, 253], near, tos, oif));
        }
      }
    }), { numRuns: 150 });
  });

  it('lists by table, network, longest prefix, TOS, metric', () => {
    fc.assert(fc.property(fc.array(opArb, { maxLength: 40 }), (ops) => {
      const ns = host();
      for (const { op, route } of ops) attempt(() => (op === 'delete' ? delRoute(ns, route) : newRoute(ns, route, op)));
      const rows = listRoutes(ns).filter(({ table }) => !OWN.has(table));
      const rank = (row: RouteRow): number[] => [row.table & 255, row.dst, -row.prefixLength, -row.tos, row.priority];
      for (let i = 1; i < rows.length; i++) {
        const [a, b] = [rank(rows[i - 1]!), rank(rows[i]!)];
        const at = a.findIndex((value, n) => value !== b[n]);
        if (at >= 0) expect(a[at]!).toBeLessThan(b[at]!);
      }
      expect(new Set(listRoutes(ns))).toEqual(new Set(ns.tables.route.rows.values()));
    }), { numRuns: 60 });
  });

  it('remembers nothing that has become wrong', () => {
    fc.assert(fc.property(fc.array(fc.tuple(opArb, addressArb), { maxLength: 30 }), (ops) => {
      const ns = host();
      for (const [{ op, route }, dst] of ops) {
        attempt(() => (op === 'delete' ? delRoute(ns, route) : newRoute(ns, route, op)));
        const remembered = routeOutput(ns, flow(dst));
        ns.fib.cache.clear();
        expect(remembered).toEqual(routeOutput(ns, flow(dst)));
        expect(routeOutput(ns, flow(dst))).toEqual(remembered);
      }
    }), { numRuns: 60 });
  });
});

const ruleArb = fc.record({
  priority: fc.constantFrom(10, 20, 20, 300), not: fc.boolean(), fwmark: fc.option(fc.constantFrom(1, 2, 3), { nil: undefined }), fwmask: fc.constantFrom(undefined, 1, 0xff),
  src: fc.option(addressArb, { nil: undefined }), iif: fc.constantFrom(undefined, undefined, 'lo', 'va0', 'nope'), tos: fc.constantFrom(0, 0, 4),
  ipproto: fc.constantFrom(0, 0, 6, 17), dport: fc.constantFrom(undefined, undefined, [80, 90] as const),
  action: fc.constantFrom<RuleRequest['action'][]>('lookup', 'lookup', 'lookup', 'prohibit', 'unreachable', 'blackhole', 'nop'),
  table: fc.constantFrom(7, 100, 253, 254), suppressPrefixLength: fc.constantFrom(undefined, undefined, 0, 16),
}).map(({ src, ...rule }): RuleRequest => ({ ...rule, ...(src === undefined ? {} : { src: network(src, 16), srcLength: 16 }), ...(rule.fwmark === undefined ? { fwmask: undefined } : {}) }));
const packetArb = fc.record({ dst: addressArb, src: addressArb, mark: fc.nat(3), tos: fc.constantFrom(0, 4), protocol: fc.constantFrom(6, 17), dport: fc.constantFrom(79, 80, 90, 91), iif: fc.constantFrom(1, 2, 3) });

describe('rules', () => {
  it('are asked by priority, each by its selectors', () => {
    fc.assert(fc.property(fc.array(ruleArb, { maxLength: 8 }), fc.array(opArb, { maxLength: 20 }), fc.array(packetArb, { minLength: 8, maxLength: 8 }), (rules, ops, packets) => {
      const ns = host();
      const reference = new Reference();
      for (const { op, route } of ops) {
        reference.apply(op, route);
        attempt(() => (op === 'delete' ? delRoute(ns, route) : newRoute(ns, route, op)));
      }
      const made: RuleRequest[] = [];
      for (const rule of rules) if (attempt(() => newRule(ns, rule)) === 'ok') made.push(rule);
      if (made.length === 0) return;
      const names = new Map([['lo', 1], ['va0', 2]]);
      const ordered: RuleRequest[] = [...made].sort((a, b) => a.priority! - b.priority!);
      ordered.push({ table: 254, action: 'lookup' }, { table: 253, action: 'lookup' });
      for (const packet of packets) {
        let wanted = 'ENETUNREACH';
        for (const rule of ordered) {
          const mask = rule.fwmask ?? (rule.fwmark === undefined ? 0 : 0xffff_ffff);
          const fits = (rule.iif === undefined || names.get(rule.iif) === packet.iif) && ((packet.mark ^ (rule.fwmark ?? 0)) & mask) === 0
            && (rule.srcLength === undefined || network(packet.src, 16) === rule.src) && (!rule.tos || rule.tos === packet.tos)
            && (!rule.ipproto || rule.ipproto === packet.protocol) && (!rule.dport || (packet.dport >= 80 && packet.dport <= 90));
          if (fits === (rule.not ?? false) || rule.action === 'nop') continue;
          if (rule.action !== 'lookup') {
            wanted = { prohibit: 'EACCES', unreachable: 'ENETUNREACH', blackhole: 'EINVAL', goto: '' }[rule.action!];
            break;
          }
          const found = reference.find(rule.table!, packet.dst, packet.tos, 0);
          if (!found || found.type === 'throw') continue;
          if (found.type === 'unicast' && rule.suppressPrefixLength !== undefined && found.prefixLength <= rule.suppressPrefixLength) continue;
          wanted = reference.lookup([rule.table!], packet.dst, packet.tos, 0);
          break;
        }
        const asked = key(packet.dst, packet);
        expect(answerOf(ns, asked)).toBe(wanted);
        const chosen = explain(ns, asked, fibLookup(ns, asked)).filter(({ verdict }) => verdict === 'chosen').map(({ what }) => what);
        expect(chosen).toEqual(wanted === 'ENETUNREACH' && chosen.length === 0 ? [] : /^E/.test(wanted) ? ['rule'] : ['rule', 'route']);
      }
    }), { numRuns: 150 });
  });

  let ns: NetNamespace;
  beforeEach(() => {
    ns = host();
  });

  it('share one trie for local and main until the first rule: the longer prefix of main goes first', () => {
    newRoute(ns, { dst: ip('10.11.0.0'), prefixLength: 16, type: 'local', nexthops: [{ ifindex: 1 }] }, 'add');
    addRoute(ns, '10.11.5.0/24', { dev: 'va0' });
    expect(answerOf(ns, key(ip('10.11.5.1')))).toContain('unicast');
    newRule(ns, { priority: 100, table: 77 });
    expect(answerOf(ns, key(ip('10.11.5.1')))).toContain('local');
    delRule(ns, { priority: 100 });
    expect(answerOf(ns, key(ip('10.11.5.1')))).toContain('local');
  });

  it('goto goes on further down, and nowhere when there is no such rule', () => {
    addRoute(ns, '10.0.0.0/8', { dev: 'va0', table: 100 });
    newRule(ns, { priority: 10, action: 'goto', goto: 30 });
    newRule(ns, { priority: 20, table: 100 });
    expect(answerOf(ns, key(ip('10.1.1.1')))).toContain('100 ');
    newRule(ns, { priority: 30, action: 'nop' });
    expect(answerOf(ns, key(ip('10.1.1.1')))).toBe('ENETUNREACH');
    expect(() => newRule(ns, { priority: 40, action: 'goto', goto: 40 })).toThrow('Backward goto not supported');
  });

  it('get the priority before the second one, and EEXIST only for twins', () => {
    newRule(ns, { table: 7, src: ip('10.1.0.0'), srcLength: 16 });
    newRule(ns, { table: 7, src: ip('10.1.0.0'), srcLength: 16 });
    expect(ns.fib.rules.map(({ row }) => row.priority)).toEqual([0, 32764, 32765, 32766, 32767]);
    expect(() => newRule(ns, { table: 7, src: ip('10.1.0.0'), srcLength: 16, priority: 32764 })).toThrow('File exists');
    expect(() => delRule(ns, { priority: 5 })).toThrow('No such file');
    delRule(ns, { table: 7 });
    expect(ns.fib.rules.map(({ row }) => row.priority)).toEqual([0, 32765, 32766, 32767]);
  });

  it('with a mark need its mask to be deleted', () => {
    newRule(ns, { priority: 5, fwmark: 0x10, fwmask: 0xff, table: 7 });
    expect(() => delRule(ns, { fwmark: 0x10 })).toThrow('No such file');
    delRule(ns, { fwmark: 0x10, fwmask: 0xff });
  });
});

describe('the errors of a program that sends', () => {
  it.each([
    ['no route', null, 'ENETUNREACH'], ['blackhole', 'blackhole', 'EINVAL'], ['unreachable', 'unreachable', 'EHOSTUNREACH'], ['prohibit', 'prohibit', 'EACCES'],
    ['throw', 'throw', 'ENETUNREACH'],
  ] as const)('%s', (_name, type, errno) => {
    const ns = host();
    if (type) addRoute(ns, '10.0.0.0/8', { type });
    expect(routeOutput(ns, flow(ip('10.1.1.1')))).toBe(errno);
  });

  it('a source that is not ours, a source that cannot be one, a device that is down or not there', () => {
    const ns = host();
    addRoute(ns, 'default', { dev: 'va0' });
    expect(routeOutput(ns, flow(ip('10.1.1.1'), { src: ip('9.9.9.9') }))).toBe('ENETUNREACH');
    expect(routeOutput(ns, flow(ip('10.1.1.1'), { src: ip('224.0.0.1') }))).toBe('EINVAL');
    expect(routeOutput(ns, flow(ip('10.1.1.1'), { src: ip('9.9.9.9'), anySource: true }))).toMatchObject({ prefsrc: ip('9.9.9.9') });
    expect(routeOutput(ns, flow(ip('10.1.1.1'), { oif: 99 }))).toBe('ENODEV');
    setLink(ns, 3, { up: false });
    expect(routeOutput(ns, flow(ip('10.1.1.1'), { oif: 3 }))).toBe('ENETUNREACH');
    // Bound to a device, everything is on its link.
    expect(routeOutput(ns, flow(ip('77.1.1.1'), { oif: 4 }))).toMatchObject({ type: 'unicast', dev: { name: 'va2' }, via: null });
  });
});
