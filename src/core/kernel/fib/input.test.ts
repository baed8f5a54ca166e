import { beforeEach, describe, expect, it } from 'vitest';
import type { StepOf } from '../../trace/step.ts';
import type { Ipv4Header } from '../../wire/packet.ts';
import type { World } from '../machine.ts';
import type { NetNamespace } from '../net-namespace.ts';
import { newRoute } from '../netlink/route.ts';
import { newRule } from '../netlink/rule.ts';
import { newSkb } from '../sk-buff.ts';
import { addRoute, cable, deviceOf, ip, sysctl, testHost, testWorld } from '../testing.ts';
import { fibLookupInput, fibLookupOutput } from './lookup.ts';

/** A router: 10.0.0.254/24 on va, 10.1.0.254/24 on vb; 10.2.0.0/16 behind vb, 10.3.0.0/16 behind va. */
let world: World;
let r: NetNamespace;
beforeEach(() => {
  world = testWorld();
  r = testHost(world, 'r');
  const b = testHost(world, 'b');
  cable(r, 'va', ['10.0.0.254/24'], b, 'wa', []);
  cable(r, 'vb', ['10.1.0.254/24'], b, 'wb', []);
  addRoute(r, '10.2.0.0/16', { via: '10.1.0.2' });
  addRoute(r, '10.3.0.0/16', { via: '10.0.0.3' });
  sysctl(r, 'net.ipv4.ip_forward', 1);
});

/** What becomes of a packet that comes in by va, in a word or two. */
function arrives(src: string, dst: string, { dev = 'va', mark = 0, tos = 0 } = {}): string {
  const header: Ipv4Header = { kind: 'ipv4', src: ip(src), dst: ip(dst), ttl: 64, protocol: 17, id: 0, df: false, mf: false, offset: 0, tos, options: null };
  const device = deviceOf(r, dev);
  const route = fibLookupInput(r, newSkb(world, [header, { kind: 'udp', sport: 1, dport: 2 }], { dev: device, mark }), header, device);
  switch (route.verdict) {
    case 'drop': return route.reason;
    case 'error': return `${route.errno} ${route.type ?? 'none'}${route.forwarding ? '' : ', no router'}`;
    case 'local': return route.result.type;
    case 'forward': return `to ${route.result.dev!.name}${route.redirect ? ', redirect' : ''}`;
  }
}
const lookups = (): StepOf<'route.lookup'>[] => world.recorder.steps.filter((step): step is StepOf<'route.lookup'> => step.kind === 'route.lookup');

describe('a packet that comes in', () => {
  it.each([
    ['10.0.0.5', '10.0.0.254', 'local'], ['10.0.0.5', '10.1.0.254', 'local'], ['10.0.0.5', '10.1.0.9', 'to vb'], ['10.0.0.5', '10.2.3.4', 'to vb'],
    ['10.0.0.5', '10.0.0.255', 'broadcast'], ['10.0.0.5', '255.255.255.255', 'broadcast'], ['0.0.0.0', '255.255.255.255', 'broadcast'],
    ['10.0.0.5', '224.0.0.1', 'multicast'], ['10.0.0.5', '224.0.0.9', 'IP_INVALID_DEST'],
    ['10.0.0.5', '99.1.1.1', 'ENETUNREACH none'], ['10.0.0.254', '10.1.0.9', 'IP_LOCAL_SOURCE'], ['224.0.0.1', '10.1.0.9', 'IP_INVALID_SOURCE'],
    ['0.0.0.0', '10.1.0.9', 'IP_INVALID_SOURCE'], ['10.0.0.5', '0.0.0.0', 'IP_INVALID_DEST'], ['0.0.0.5', '10.1.0.9', 'to vb'], ['127.0.0.1', '10.1.0.9', 'IP_LOCALNET'],
    ['10.0.0.5', '127.0.0.1', 'IP_LOCALNET'], ['10.0.0.5', '10.0.0.7', 'to va, redirect'], ['10.0.0.5', '10.3.0.7', 'to va, redirect'],
    ['10.3.0.1', '10.0.0.7', 'to va'],
  ])('from %s to %s: %s', (src, dst, verdict) => {
    expect(arrives(src, dst)).toBe(verdict);
  });

  it('is not forwarded by a host, nor by a device that does not', () => {
    sysctl(r, 'net.ipv4.conf.va.forwarding', 0);
    expect(arrives('10.0.0.5', '10.1.0.9')).toBe('EHOSTUNREACH none, no router');
    expect(arrives('10.0.0.5', '99.1.1.1')).toBe('EHOSTUNREACH none, no router');
    expect(arrives('10.1.0.5', '10.0.0.9', { dev: 'vb' })).toBe('to va');
  });

  it.each([['blackhole', 'EINVAL blackhole'], ['unreachable', 'EHOSTUNREACH unreachable'], ['prohibit', 'EACCES prohibit'], ['throw', 'ENETUNREACH none']] as const)('meets a route of type %s', (type, verdict) => {
    addRoute(r, '10.9.0.0/16', { type });
    expect(arrives('10.0.0.5', '10.9.1.1')).toBe(verdict);
  });

  it('takes loopback addresses with route_localnet, own ones with accept_local', () => {
    sysctl(r, 'net.ipv4.conf.va.route_localnet', 1);
    expect(arrives('10.0.0.5', '127.0.0.1')).toBe('local');
    sysctl(r, 'net.ipv4.conf.va.accept_local', 1);
    expect(arrives('10.0.0.254', '10.1.0.9')).toBe('to vb');
  });

  it('asks for a redirect only where that is allowed', () => {
    sysctl(r, 'net.ipv4.conf.all.send_redirects', 0);
    expect(arrives('10.0.0.5', '10.0.0.7')).toBe('to va, redirect');
    sysctl(r, 'net.ipv4.conf.va.send_redirects', 0);
    expect(arrives('10.0.0.5', '10.0.0.7')).toBe('to va');
  });
});

describe('rp_filter', () => {
  it.each([
    [0, 0, '10.2.0.1', 'to vb'], [1, 0, '10.2.0.1', 'IP_RPFILTER'], [0, 1, '10.2.0.1', 'IP_RPFILTER'], [1, 2, '10.2.0.1', 'to vb'], [2, 1, '10.2.0.1', 'to vb'],
    [1, 1, '10.3.0.1', 'to vb'], [2, 0, '99.1.1.1', 'IP_RPFILTER'], [0, 0, '99.1.1.1', 'to vb'],
  ])('all %i, device %i, from %s: %s', (all, own, src, verdict) => {
    sysctl(r, 'net.ipv4.conf.all.rp_filter', all);
    sysctl(r, 'net.ipv4.conf.va.rp_filter', own);
    expect(arrives(src, '10.1.0.9')).toBe(verdict);
  });

  it('goes for packets to this host as well', () => {
    sysctl(r, 'net.ipv4.conf.all.rp_filter', 1);
    expect(arrives('10.2.0.1', '10.0.0.254')).toBe('IP_RPFILTER');
    expect(arrives('10.2.0.1', '10.0.0.255')).toBe('IP_RPFILTER');
  });

  it('follows the mark only with src_valid_mark', () => {
    addRoute(r, '10.2.0.0/16', { via: '10.0.0.3', table: 100 });
    newRule(r, { priority: 10, fwmark: 1, table: 100 });
    sysctl(r, 'net.ipv4.conf.all.rp_filter', 1);
    expect(arrives('10.2.0.1', '10.1.0.9', { mark: 1 })).toBe('IP_RPFILTER');
    sysctl(r, 'net.ipv4.conf.va.src_valid_mark', 1);
    expect(arrives('10.2.0.1', '10.1.0.9', { mark: 1 })).toBe('to vb');
  });
});

describe('the step of a lookup', () => {
  it('says what was considered, and why it was not taken', () => {
    addRoute(r, '10.2.0.0/24', { dev: 'va' });
    newRoute(r, { dst: ip('10.2.0.0'), prefixLength: 24, priority: 50, nexthops: [{ via: ip('10.1.0.2') }] }, 'add');
    newRoute(r, { dst: ip('10.2.0.0'), prefixLength: 24, tos: 4, nexthops: [{ via: ip('10.1.0.2') }] }, 'add');
    newRule(r, { priority: 10, src: ip('10.9.0.0'), srcLength: 16, table: 77 });
    newRule(r, { priority: 20, table: 78 });
    addRoute(r, '10.2.0.0/25', { type: 'throw', table: 79 });
    newRule(r, { priority: 30, table: 79 });
    expect(arrives('10.0.0.5', '10.2.0.9')).toBe('to va, redirect');
    const [step] = lookups();
    expect(step).toMatchObject({ direction: 'input', iif: 'va', result: { type: 'unicast', dev: 'va', via: null, table: 254 } });
    expect(step!.considered.map(({ what, ref, verdict }) => `${what} ${ref.key} ${verdict}`)).toEqual([
      'rule 0/0 empty', 'rule 10/0 no-match', 'rule 20/0 empty', 'rule 30/0 throw', `route 79/${ip('10.2.0.0')}/25/0/0/0 throw`, 'rule 32766/0 chosen',
      `route 254/${ip('10.2.0.0')}/24/4/0/0 tos`, `route 254/${ip('10.2.0.0')}/24/0/0/0 chosen`, `route 254/${ip('10.2.0.0')}/24/0/50/0 higher-metric`,
      `route 254/${ip('10.2.0.0')}/16/0/0/0 shorter-prefix`,
    ]);
    expect(step!.reads.map(({ key }) => key)).toEqual(['32766/0', `254/${ip('10.2.0.0')}/24/0/0/0`]);
  });

  it('names the device that was wanted, and the route that is an error', () => {
    const flow = { src: 0, mark: 0, tos: 0, protocol: 1, sport: 0, dport: 0 };
    fibLookupOutput(r, { ...flow, dst: ip('10.2.0.1'), oif: deviceOf(r, 'va').ifindex });
    addRoute(r, '10.9.0.0/16', { type: 'prohibit' });
    expect(fibLookupOutput(r, { ...flow, dst: ip('10.9.0.1'), oif: 0 })).toBe('EACCES');
    expect(fibLookupOutput(r, { ...flow, dst: ip('99.0.0.1'), oif: 0 })).toBe('ENETUNREACH');
    const [bound, prohibited, nothing] = lookups();
    expect(bound!.considered.find(({ ref }) => ref.key.startsWith(`254/${ip('10.2.0.0')}`))?.verdict).toBe('wrong-device');
    expect(prohibited!.result).toMatchObject({ type: 'prohibit', dev: null });
    expect(nothing).toMatchObject({ result: null, direction: 'output', iif: null });
  });

  it('is not made when nobody records', () => {
    const quiet = testHost(testWorld('nothing'), 'q');
    fibLookupOutput(quiet, { dst: ip('127.0.0.1'), src: 0, oif: 0, mark: 0, tos: 0, protocol: 1, sport: 0, dport: 0 });
    expect(quiet.recorder.steps).toEqual([]);
  });
});
