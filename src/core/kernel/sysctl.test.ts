import { beforeEach, describe, expect, it } from 'vitest';
import { inDevConf, inDevForward, type DevConfName } from './dev-conf.ts';
import { KernelError } from './errno.ts';
import { World } from './machine.ts';
import type { NetNamespace } from './net-namespace.ts';
import { attachInet } from './inet.ts';
import { newAddr } from './netlink/addr.ts';
import { delLink, newLink, setLink } from './netlink/link.ts';
import { addNamespace } from './netlink/netns.ts';
import { dottedSysctl, listAllSysctls, listSysctl, parseIntegers, readSysctl, statSysctl, sysctlInt, sysctlPair, writeSysctl } from './sysctl.ts';
import { deviceOf, sysctl, testHost, testWorld } from './testing.ts';

let ns: NetNamespace;
beforeEach(() => {
  ns = testHost(testWorld(), 'a');
  newLink(ns, { name: 'va', kind: 'veth', peer: { name: 'vb' } });
});

const read = (name: string): string => readSysctl(ns, name.replaceAll('.', '/'));
const errnoOf = (act: () => void): string | null => {
  try {
    act();
    return null;
  } catch (error) {
    if (error instanceof KernelError) return error.errno;
    throw error;
  }
};
const writeError = (name: string, text: string): string | null => errnoOf(() => writeSysctl(ns, name.replaceAll('.', '/'), text));

describe('the tree', () => {
  it('has a directory for all, default and every device', () => {
    expect(listSysctl(ns, 'net/ipv4/conf')).toEqual(['all', 'default', 'lo', 'va', 'vb']);
    expect(listSysctl(ns, 'net/ipv4/neigh')).toEqual(['default', 'lo', 'va', 'vb']);
    expect(listSysctl(ns, '')).toEqual(['net']);
    expect(listSysctl(ns, 'net')).toEqual(['core', 'ipv4', 'ipv6', 'netfilter', 'nf_conntrack_max']);
    expect(statSysctl(ns, 'net/ipv4/conf/va')).toBe('directory');
    expect(statSysctl(ns, 'net/ipv4/conf/va/rp_filter')).toBe('file');
    expect(statSysctl(ns, 'net/ipv4/conf/vx')).toBeNull();
  });

  it('has neigh/default only in the first namespace of a computer', () => {
    const named = addNamespace(ns.machine, 'ns1');
    expect(listSysctl(named, 'net/ipv4/neigh')).toEqual(['lo']);
  });

  it('has net/bridge only where br_netfilter is loaded', () => {
    const world = new World({ seed: 1, record: 'everything', protocols: [attachInet] });
    const loaded = world.addMachine('b', { ipv6: false, brNetfilter: true }).root;
    expect(readSysctl(loaded, 'net/bridge/bridge-nf-call-iptables')).toBe('1');
    expect(sysctlInt(loaded, 'net.bridge.bridge-nf-call-iptables')).toBe(1);
    expect(writeError('net.bridge.bridge-nf-call-iptables', '0')).toBe('ENOENT');
    expect(sysctlInt(ns, 'net.bridge.bridge-nf-call-iptables')).toBe(0);
  });

  it('says what cannot be read, written or listed', () => {
    expect(errnoOf(() => readSysctl(ns, 'net/ipv4/nope'))).toBe('ENOENT');
    expect(errnoOf(() => readSysctl(ns, 'net/ipv4'))).toBe('EISDIR');
    expect(errnoOf(() => listSysctl(ns, 'net/ipv4/ip_forward'))).toBe('ENOTDIR');
    expect(errnoOf(() => readSysctl(ns, 'net/ipv4/route/flush'))).toBe('EACCES');
    expect(writeError('net.ipv4.conf.all.mc_forwarding', '1')).toBe('EINVAL');
    expect(writeError('net.ipv6.conf.all.disable_ipv6', '1')).toBeNull();
    expect(writeError('net.ipv6.conf.all.disable_ipv6', '0')).toBe('EOPNOTSUPP');
  });

  it('lists every readable file once, with the defaults of Linux', () => {
    const all = new Map(listAllSysctls(ns).map(({ path, value }) => [path.replaceAll('/', '.'), value]));
    expect(all.get('net.ipv4.ip_default_ttl')).toBe('64');
    expect(all.get('net.ipv4.ip_local_port_range')).toBe('32768\t60999');
    expect(all.get('net.ipv4.ping_group_range')).toBe('1\t0');
    expect(all.get('net.ipv4.icmp_ratemask')).toBe('6168');
    expect(all.get('net.ipv4.conf.all.accept_source_route')).toBe('0');
    expect(all.get('net.ipv4.conf.default.accept_source_route')).toBe('1');
    expect(all.get('net.ipv4.conf.lo.disable_policy')).toBe('1');
    expect(all.get('net.ipv4.neigh.va.unres_qlen')).toBe('101');
    expect(all.get('net.ipv4.neigh.va.proxy_delay')).toBe('80');
    expect(all.get('net.ipv4.neigh.va.base_reachable_time_ms')).toBe('30000');
    expect(all.has('net.ipv4.neigh.va.base_reachable_time')).toBe(false);
    expect(all.has('net.ipv4.route.flush')).toBe(false);
  });
});

describe('what may be written', () => {
  it('is what the kernel parses as an integer', () => {
    expect(parseIntegers(' 1 2', 1, -9, 9)).toEqual([1]);
    expect(parseIntegers('0x10', 1, 0, 99)).toEqual([16]);
    expect(parseIntegers('010', 1, 0, 99)).toEqual([8]);
    expect(parseIntegers('-1', 1, -9, 9)).toEqual([-1]);
    expect(parseIntegers('3\t4\n', 2, 0, 9)).toEqual([3, 4]);
    for (const wrong of ['', ' ', 'abc', '1a', '09', '--1', '1.5', '10']) expect(errnoOf(() => parseIntegers(wrong, 1, 0, 9))).toBe('EINVAL');
  });

  it.each([
    ['net.ipv4.ip_default_ttl', '0', 'EINVAL'], ['net.ipv4.ip_default_ttl', '255', null], ['net.ipv4.fib_multipath_hash_policy', '4', 'EINVAL'],
    ['net.ipv4.icmp_echo_ignore_all', '2', 'EINVAL'], ['net.ipv4.icmp_ratelimit', '-5', 'EINVAL'], ['net.ipv4.route.min_pmtu', '50', 'EINVAL'],
    ['net.ipv4.ip_no_pmtu_disc', '4', null], ['net.ipv4.conf.va.rp_filter', '7', null], ['net.ipv4.conf.va.rp_filter', '99999999999', 'EINVAL'],
    ['net.ipv4.neigh.va.mcast_solicit', '-1', 'EINVAL'], ['net.ipv4.ip_local_port_range', '60999 32768', 'EINVAL'], ['net.ipv4.ping_group_range', '0 2147483647', null],
    ['net.ipv4.ip_local_reserved_ports', '8080,9000-9010', null], ['net.ipv4.ip_local_reserved_ports', '9-8', 'EINVAL'], ['net.ipv4.ip_local_reserved_ports', '', null],
  ])('%s = %s: %s', (name, text, error) => {
    expect(writeError(name, text)).toBe(error);
    if (error === null) expect(read(name).replace('\t', ' ')).toBe(text);
  });

  it('of the limits of the memory for fragments keeps their order', () => {
    const [low, high] = ['net.ipv4.ipfrag_low_thresh', 'net.ipv4.ipfrag_high_thresh'] as const;
    expect([writeError(high, '1000'), writeError(low, '4194305')]).toEqual(['EINVAL', 'EINVAL']);
    expect([writeError(low, '10'), writeError(high, '99999999999')]).toEqual([null, null]);
    expect([read(low), read(high)]).toEqual(['10', '99999999999']);
  });

  it('is shown by both files of one setting, each in its unit', () => {
    sysctl(ns, 'net.ipv4.neigh.va.retrans_time', 50);
    expect(read('net.ipv4.neigh.va.retrans_time_ms')).toBe('500');
    sysctl(ns, 'net.ipv4.neigh.va.unres_qlen', 3);
    expect(read('net.ipv4.neigh.va.unres_qlen_bytes')).toBe('6270');
    expect(sysctlPair(ns, 'net.ipv4.ip_local_port_range')).toEqual([32768, 60999]);
  });
});

describe('ip_forward', () => {
  it('is conf/all/forwarding, and sets every device, default, and the opposite of accept_redirects', () => {
    sysctl(ns, 'net.ipv4.ip_forward', 1);
    for (const name of ['all', 'default', 'lo', 'va', 'vb']) expect(read(`net.ipv4.conf.${name}.forwarding`)).toBe('1');
    expect(read('net.ipv4.conf.all.accept_redirects')).toBe('0');
    expect(read('net.ipv4.conf.va.accept_redirects')).toBe('1');
    expect(inDevForward(ns, deviceOf(ns, 'va'))).toBe(true);
    sysctl(ns, 'net.ipv4.conf.va.forwarding', 0);
    expect(inDevForward(ns, deviceOf(ns, 'va'))).toBe(false);
    expect(sysctlInt(ns, 'net.ipv4.ip_forward')).toBe(1);
    sysctl(ns, 'net.ipv4.conf.all.forwarding', 0);
    expect(read('net.ipv4.ip_forward')).toBe('0');
    expect(read('net.ipv4.conf.all.accept_redirects')).toBe('1');
    sysctl(ns, 'net.ipv4.conf.all.forwarding', 7);
    expect(read('net.ipv4.ip_forward')).toBe('7');
  });

  it('of default is for devices to come only', () => {
    sysctl(ns, 'net.ipv4.conf.default.forwarding', 1);
    expect(read('net.ipv4.conf.va.forwarding')).toBe('0');
    newLink(ns, { name: 'vc', kind: 'veth', peer: { name: 'vd' } });
    expect(read('net.ipv4.conf.vc.forwarding')).toBe('1');
  });
});

describe('default', () => {
  it('reaches devices for which nobody chose a value, and new ones', () => {
    sysctl(ns, 'net.ipv4.conf.va.rp_filter', 1);
    sysctl(ns, 'net.ipv4.conf.default.rp_filter', 2);
    // lo has an address, so it keeps what it had (seen; ipv4_devconf_setall).
    expect([read('net.ipv4.conf.va.rp_filter'), read('net.ipv4.conf.vb.rp_filter'), read('net.ipv4.conf.lo.rp_filter')]).toEqual(['1', '2', '0']);
    sysctl(ns, 'net.ipv4.neigh.va.mcast_solicit', 5);
    sysctl(ns, 'net.ipv4.neigh.default.mcast_solicit', 1);
    expect([read('net.ipv4.neigh.va.mcast_solicit'), read('net.ipv4.neigh.vb.mcast_solicit')]).toEqual(['5', '1']);
    newLink(ns, { name: 'vc', kind: 'veth', peer: { name: 'vd' } });
    expect([read('net.ipv4.conf.vc.rp_filter'), read('net.ipv4.neigh.vc.mcast_solicit')]).toEqual(['2', '1']);
  });
});

describe('what counts as chosen for a device', () => {
  it('is everything from its first address on (lo has one as soon as it is up)', () => {
    newAddr(ns, { ifindex: deviceOf(ns, 'va').ifindex, local: 0x0a00_0001, prefixLength: 24 }, 'add');
    sysctl(ns, 'net.ipv4.conf.default.rp_filter', 1);
    sysctl(ns, 'net.ipv4.neigh.default.mcast_solicit', 7);
    expect(['va', 'vb', 'lo'].map((name) => [read(`net.ipv4.conf.${name}.rp_filter`), read(`net.ipv4.neigh.${name}.mcast_solicit`)])).toEqual([['0', '3'], ['1', '7'], ['0', '3']]);
  });

  it('is what was written to default before it was made', () => {
    sysctl(ns, 'net.ipv4.conf.default.rp_filter', 1);
    newLink(ns, { name: 'vc', kind: 'veth', peer: { name: 'vd' } });
    sysctl(ns, 'net.ipv4.conf.default.rp_filter', 2);
    sysctl(ns, 'net.ipv4.conf.default.proxy_arp', 1);
    expect(['vb', 'vc'].map((name) => [read(`net.ipv4.conf.${name}.rp_filter`), read(`net.ipv4.conf.${name}.proxy_arp`)])).toEqual([['2', '1'], ['1', '1']]);
  });
});

it('the kernel announces what changes of forwarding, rp_filter, proxy_arp and ignore_routes_with_linkdown, and of nothing else', () => {
  const told: string[] = [];
  ns.sysctl.announced.add((of, ifindex, name, value) => told.push(`${of} ${ifindex} ${name} ${value}`));
  const written = [['va.rp_filter', 1], ['va.rp_filter', 1], ['default.rp_filter', 2], ['va.arp_ignore', 1], ['va.proxy_arp', 1], ['all.forwarding', 1], ['va.forwarding', 0]] as const;
  for (const [name, value] of written) sysctl(ns, `net.ipv4.conf.${name}`, value);
  const va = deviceOf(ns, 'va').ifindex;
  expect(told.filter((line) => !/^(lo|vb) /.test(line))).toEqual([
    `va ${va} rp_filter 1`, 'default null rp_filter 2', `va ${va} proxy_arp 1`, 'all null forwarding 1', 'default null forwarding 1', `va ${va} forwarding 1`, `va ${va} forwarding 0`,
  ]);
});

describe('devices', () => {
  it('keep their settings when they are renamed, and lose them when they leave', () => {
    sysctl(ns, 'net.ipv4.conf.va.rp_filter', 2);
    setLink(ns, deviceOf(ns, 'va').ifindex, { name: 'vx' });
    expect(read('net.ipv4.conf.vx.rp_filter')).toBe('2');
    expect(errnoOf(() => read('net.ipv4.conf.va.rp_filter'))).toBe('ENOENT');
    expect(ns.tables.sysctl.get('net.ipv4.conf.vx.rp_filter')?.value).toBe('2');
    const named = addNamespace(ns.machine, 'ns1');
    setLink(ns, deviceOf(ns, 'vx').ifindex, { ns: named });
    expect(readSysctl(named, 'net/ipv4/conf/vx/rp_filter')).toBe('0');
    expect([...ns.tables.sysctl.rows.keys()].filter((key) => key.includes('.vx.'))).toEqual([]);
    delLink(ns, deviceOf(ns, 'vb').ifindex);
    expect(listSysctl(ns, 'net/ipv4/conf')).toEqual(['all', 'default', 'lo']);
  });

  it('with a dot in the name have a slash in the dotted name', () => {
    expect(dottedSysctl('net/ipv4/conf/eth0.100/rp_filter')).toBe('net.ipv4.conf.eth0/100.rp_filter');
  });
});

describe('the effective value', () => {
  const cases: [DevConfName, number, number, number][] = [
    // name, all, device, effective
    ['rp_filter', 1, 0, 1], ['rp_filter', 1, 2, 2], ['rp_filter', 2, 1, 2], ['arp_ignore', 0, 3, 3], ['arp_announce', 2, 1, 2],
    ['proxy_arp', 1, 0, 1], ['proxy_arp', 0, 5, 1], ['route_localnet', 0, 0, 0], ['accept_local', 0, 1, 1], ['send_redirects', 0, 1, 1],
    ['accept_source_route', 1, 0, 0], ['accept_source_route', 1, 1, 1], ['bc_forwarding', 0, 1, 0], ['arp_evict_nocarrier', 1, 0, 0],
    ['forwarding', 0, 1, 1], ['proxy_arp_pvlan', 1, 0, 0], ['medium_id', 3, 2, 2],
  ];
  it.each(cases)('%s: all %i and device %i make %i', (name, all, own, effective) => {
    if (name !== 'forwarding') sysctl(ns, `net.ipv4.conf.all.${name}`, all);
    sysctl(ns, `net.ipv4.conf.va.${name}`, own);
    expect(inDevConf(ns, deviceOf(ns, 'va'), name)).toBe(effective);
  });

  it('of accept_redirects needs both on a router, and either on a host', () => {
    const va = deviceOf(ns, 'va');
    sysctl(ns, 'net.ipv4.conf.all.accept_redirects', 0);
    expect(inDevConf(ns, va, 'accept_redirects')).toBe(1);
    sysctl(ns, 'net.ipv4.conf.va.forwarding', 1);
    expect(inDevConf(ns, va, 'accept_redirects')).toBe(0);
  });
});

it('every write is a change of the sysctl table', () => {
  const before = ns.recorder.steps.length;
  sysctl(ns, 'net.ipv4.conf.default.rp_filter', 1);
  ns.recorder.flush('a', '', 'test');
  const changes = ns.recorder.steps.slice(before).flatMap((step) => step.changes).filter(({ table }) => table === 'a#sysctl');
  expect(changes.map(({ key }) => key)).toEqual(['default', 'vb', 'va'].map((name) => `net.ipv4.conf.${name}.rp_filter`));
});
