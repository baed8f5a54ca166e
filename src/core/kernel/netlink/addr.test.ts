import { beforeEach, describe, expect, it } from 'vitest';
import { formatIpv4 } from '../../wire/address.ts';
import { KernelError } from '../errno.ts';
import type { NetDevice } from '../net-device.ts';
import type { NetNamespace } from '../net-namespace.ts';
import { cable, ip, runFor, sysctl, testHost, testWorld } from '../testing.ts';
import { delAddr, listAddrs, newAddr } from './addr.ts';
import { setLink } from './link.ts';
import type { AddrRequest, NewMode } from './requests.ts';
import { listRoutes, newRoute } from './route.ts';

let ns: NetNamespace;
let dev: NetDevice;
beforeEach(() => {
  const world = testWorld();
  ns = testHost(world, 'a');
  [dev] = cable(ns, 'va', [], testHost(world, 'b'), 'vb', []);
});

function add(text: string, more: Partial<AddrRequest> = {}, mode: NewMode = 'add'): void {
  const [local, length] = text.split('/');
  newAddr(ns, { ifindex: dev.ifindex, local: ip(local!), prefixLength: Number(length), ...more }, mode);
}
function del(text: string, more: Partial<AddrRequest> = {}): void {
  const [local, length] = text.split('/');
  delAddr(ns, { ifindex: dev.ifindex, local: ip(local!), prefixLength: Number(length), ...more });
}
const addresses = (): string[] => listAddrs(ns).filter(({ ifindex }) => ifindex === dev.ifindex)
  .map(({ local, prefixLength, secondary }) => `${formatIpv4(local)}/${prefixLength}${secondary ? ' secondary' : ''}`);
const routes = (table: number): string[] => listRoutes(ns).filter((row) => row.table === table && row.nexthops[0]?.ifindex === dev.ifindex)
  .map((row) => `${row.type} ${formatIpv4(row.dst)}/${row.prefixLength}${row.prefsrc ? ` src ${formatIpv4(row.prefsrc)}` : ''}${row.priority ? ` metric ${row.priority}` : ''}`);

function refusal(act: () => void): string {
  try {
    act();
    return 'accepted';
  } catch (error) {
    if (error instanceof KernelError) return `${error.errno} ${error.extack ?? ''}`;
    throw error;
  }
}

describe('the routes that an address brings', () => {
  it.each([
    ['10.0.0.1/24', {}, ['unicast 10.0.0.0/24 src 10.0.0.1'], ['local 10.0.0.1/32 src 10.0.0.1', 'broadcast 10.0.0.255/32 src 10.0.0.1']],
    ['10.0.0.1/31', {}, ['unicast 10.0.0.0/31 src 10.0.0.1'], ['local 10.0.0.1/32 src 10.0.0.1']],
    ['10.0.0.1/32', {}, [], ['local 10.0.0.1/32 src 10.0.0.1']],
    ['10.0.0.1/24', { noprefixroute: true }, [], ['local 10.0.0.1/32 src 10.0.0.1', 'broadcast 10.0.0.255/32 src 10.0.0.1']],
    ['10.0.0.1/24', { metric: 7 }, ['unicast 10.0.0.0/24 src 10.0.0.1 metric 7'], ['local 10.0.0.1/32 src 10.0.0.1', 'broadcast 10.0.0.255/32 src 10.0.0.1']],
    ['1.1.1.1/32', { peer: 0x0202_0202 }, ['unicast 2.2.2.2/32 src 1.1.1.1'], ['local 1.1.1.1/32 src 1.1.1.1']],
    ['10.0.0.1/24', { broadcast: 0x0a00_004d }, ['unicast 10.0.0.0/24 src 10.0.0.1'], ['local 10.0.0.1/32 src 10.0.0.1', 'broadcast 10.0.0.77/32 src 10.0.0.1', 'broadcast 10.0.0.255/32 src 10.0.0.1']],
    ['239.0.0.9/24', {}, [], ['local 239.0.0.9/32 src 239.0.0.9']],
  ] as const)('%s %o', (text, more, main, local) => {
    add(text, more);
    expect([routes(254), routes(255)]).toEqual([main, local]);
    del(text, { peer: 'peer' in more ? more.peer : undefined });
    expect([routes(254), routes(255)]).toEqual([[], []]);
  });

  it('go in the order in which the kernel deletes them', () => {
    add('10.0.0.1/24', { broadcast: ip('10.0.0.77') });
    const gone: string[] = [];
    ns.tables.route.subscribers.add((_key, before, after) => { if (before && !after) gone.push(`${before.type} ${formatIpv4(before.dst)}`); });
    del('10.0.0.1/24');
    expect(gone).toEqual(['unicast 10.0.0.0', 'broadcast 10.0.0.77', 'broadcast 10.0.0.255', 'local 10.0.0.1']);
  });

  it('are told as dead without a carrier where ignore_routes_with_linkdown is set', () => {
    add('10.0.0.1/24');
    setLink(dev.peer!.ns, dev.peer!.ifindex, { up: false });
    runFor(ns.world, 2);
    const hop = (): unknown => listRoutes(ns).find((row) => row.table === 254)!.nexthops[0];
    expect(hop()).toMatchObject({ linkdown: true, dead: false });
    sysctl(ns, 'net.ipv4.conf.va.ignore_routes_with_linkdown', 1);
    expect(hop()).toMatchObject({ linkdown: true, dead: true });
  });

  it('are only the local ones while the device is down', () => {
    add('10.0.0.1/24');
    setLink(ns, dev.ifindex, { up: false });
    expect([routes(254), routes(255)]).toEqual([[], ['local 10.0.0.1/32 src 10.0.0.1']]);
    setLink(ns, dev.ifindex, { up: true });
    expect(routes(254)).toEqual(['unicast 10.0.0.0/24 src 10.0.0.1']);
  });
});

describe('labels', () => {
  it('follow the name of the device: the first is the name, the others keep their alias or get their number', () => {
    for (const [i, label] of [undefined, undefined, 'va:x', 'va:y'].entries()) add(`10.${i}.0.1/24`, label === undefined ? {} : { label });
    const labels = (): string[] => listAddrs(ns).filter(({ ifindex }) => ifindex === dev.ifindex).map(({ label }) => label);
    setLink(ns, dev.ifindex, { name: 'averylongname12' });
    expect(labels()).toEqual(['averylongname12', 'averylongname:2', 'averylongname:x', 'averylongname:y']);
    setLink(ns, dev.ifindex, { name: 'q' });
    expect(labels()).toEqual(['q', 'q:2', 'q:x', 'q:y']);
    del('10.0.0.1/24');
    setLink(ns, dev.ifindex, { name: 'r' });
    expect(labels()).toEqual(['r', 'r:x', 'r:y']);
  });
});

describe('secondary addresses', () => {
  beforeEach(() => {
    for (const text of ['10.0.0.1/24', '10.0.0.2/24', '10.0.0.3/24', '10.0.0.4/25']) add(text);
  });

  it('are those after the first of a subnet, and have its address as source', () => {
    expect(addresses()).toEqual(['10.0.0.1/24', '10.0.0.4/25', '10.0.0.2/24 secondary', '10.0.0.3/24 secondary']);
    expect(routes(255)).toContain('local 10.0.0.3/32 src 10.0.0.1');
  });

  it('go with their primary', () => {
    newRoute(ns, { dst: ip('10.9.0.0'), prefixLength: 16, prefsrc: ip('10.0.0.2'), nexthops: [{ via: ip('10.0.0.99') }] }, 'add');
    del('10.0.0.1/24');
    expect(addresses()).toEqual(['10.0.0.4/25']);
    expect(routes(254)).toEqual(['unicast 10.0.0.0/25 src 10.0.0.4']);
    expect(routes(255)).toEqual(['local 10.0.0.4/32 src 10.0.0.4', 'broadcast 10.0.0.127/32 src 10.0.0.4']);
  });

  it('take its place with promote_secondaries', () => {
    sysctl(ns, 'net.ipv4.conf.va.promote_secondaries', 1);
    del('10.0.0.1/24');
    expect(addresses()).toEqual(['10.0.0.4/25', '10.0.0.2/24', '10.0.0.3/24 secondary']);
    expect(routes(254)).toEqual(['unicast 10.0.0.0/25 src 10.0.0.4', 'unicast 10.0.0.0/24 src 10.0.0.2']);
    expect(routes(255)).toContain('local 10.0.0.3/32 src 10.0.0.2');
    expect(routes(255)).not.toContain('local 10.0.0.1/32 src 10.0.0.1');
  });
});

describe('what is refused', () => {
  it('is what the kernel refuses, in its words', () => {
    add('10.0.0.1/24');
    expect(refusal(() => add('10.0.0.1/24'))).toBe('EEXIST ipv4: Address already assigned');
    expect(refusal(() => add('10.0.0.1/24', {}, 'append'))).toBe('EEXIST ipv4: Address already assigned');
    expect(refusal(() => add('10.0.0.1/25'))).toBe('accepted');
    expect(refusal(() => add('10.0.0.5/24', { scope: 'link' }))).toBe('EINVAL ipv4: Invalid scope value');
    expect(refusal(() => add('10.0.0.5/33'))).toBe('EINVAL ipv4: Invalid prefix length');
    expect(refusal(() => add('10.0.0.5/24', { validLifetime: 0 }))).toBe('EINVAL ipv4: address lifetime invalid');
    expect(refusal(() => add('10.0.0.5/24', { validLifetime: 5, preferredLifetime: 6 }))).toBe('EINVAL ipv4: address lifetime invalid');
    expect(refusal(() => del('10.0.0.9/24'))).toBe('EADDRNOTAVAIL ipv4: Address not found');
    expect(refusal(() => newAddr(ns, { ifindex: 99, local: 1, prefixLength: 8 }, 'add'))).toBe('ENODEV ipv4: Device not found');
    const failed = ns.recorder.steps.filter((step) => step.kind === 'netlink' && step.error !== null);
    expect(failed.map((step) => step.kind === 'netlink' && `${step.request} ${step.error}`)).toContain('RTM_DELADDR EADDRNOTAVAIL');
  });
});

describe('lifetimes', () => {
  it('run out, and are listed as what is left of them', () => {
    add('10.0.0.1/24', { validLifetime: 10, preferredLifetime: 5 });
    runFor(ns.world, 6);
    expect(listAddrs(ns).at(-1)).toMatchObject({ validLifetime: 4, preferredLifetime: 0 });
    add('10.0.0.1/24', { validLifetime: 20 }, 'replace');
    runFor(ns.world, 15);
    expect(addresses()).toEqual(['10.0.0.1/24']);
    runFor(ns.world, 6);
    expect([addresses(), routes(254), routes(255)]).toEqual([[], [], []]);
  });

  it('changing an address changes the metric of its route', () => {
    add('10.0.0.1/24');
    add('10.0.0.1/24', { metric: 5 }, 'change');
    expect(routes(254)).toEqual(['unicast 10.0.0.0/24 src 10.0.0.1 metric 5']);
  });
});
