import { describe, expect, it } from 'vitest';
import type { Ipv4Header, Packet } from '../../../wire/packet.ts';
import {
  conntrackStats, countConntrack, createConntrack, deleteConntrack, flushConntrack, listConntrack, subscribeConntrack, updateConntrack,
} from '../../netlink/conntrack.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import { newSkb } from '../../sk-buff.ts';
import { readSysctl, sysctlWritable, writeSysctl } from '../../sysctl.ts';
import { addAddress, cable, ip, runFor, stepsOf, sysctl, testHost, testWorld } from '../../testing.ts';
import { dropSkb } from '../../dev.ts';
import { addNamespace } from '../../netlink/netns.ts';
import { append, commit, icmpPacket, ipHeader, udpPacket } from '../xtables/testing.ts';
import { nfCtNetnsPut } from './conntrack-state.ts';
import { nfConfirm, nfConntrackIn } from './core.ts';
import type { NfConn } from './nf-conn.ts';
import { see, segment, trackingHost } from './testing.ts';

const A = ip('10.0.0.1');
const B = ip('10.0.0.2');

function udp(sport: number, reply = false, ips: Partial<Ipv4Header> = {}): Packet {
  return reply ? udpPacket({ sport: 53, dport: sport }, { src: B, dst: A, ...ips }) : udpPacket({ sport, dport: 53 }, { src: A, dst: B, ...ips });
}

function only(ns: NetNamespace): NfConn {
  expect(ns.nf.ct.confirmed.size).toBe(1);
  return [...ns.nf.ct.confirmed.values()][0]!;
}

/** Seconds that the only entry has left. */
function left(ns: NetNamespace): number {
  return Math.round((only(ns).expires - ns.queue.now) / 1e9);
}

function failing(run: () => void): string {
  try {
    run();
  } catch (error) {
    return (error as { errno: string }).errno;
  }
  return '';
}

describe('UDP', () => {
  it('is NEW until it is answered, then ESTABLISHED; ASSURED from the packet after the answer, a stream after two seconds', () => {
    const ns = trackingHost();
    const seen = (packet: Packet): (string | number | boolean | null)[] => [see(ns, packet).skb.ctinfo, only(ns).seenReply, only(ns).assured, left(ns)];
    expect(seen(udp(1))).toEqual(['NEW', false, false, 30]);
    expect(seen(udp(1))).toEqual(['NEW', false, false, 30]);
    expect(seen(udp(1, true))).toEqual(['ESTABLISHED_REPLY', true, false, 30]);
    expect(seen(udp(1))).toEqual(['ESTABLISHED', true, true, 30]);
    runFor(ns.world, 3);
    expect(seen(udp(1))).toEqual(['ESTABLISHED', true, true, 120]);
  });

  it('is shown as a row while somebody records, and not otherwise', () => {
    const [on, off] = [trackingHost('everything'), trackingHost('nothing')];
    for (const ns of [on, off]) see(ns, udp(1));
    expect([...on.tables.conntrack.rows.values()]).toMatchObject([
      { protocol: 17, original: { src: A, dst: B, sport: 1, dport: 53 }, reply: { src: B, dst: A, sport: 53, dport: 1 }, confirmed: true, seenReply: false },
    ]);
    expect([off.tables.conntrack.rows.size, countConntrack(off)]).toEqual([0, 1]);
  });
});

describe('ICMP and the rest', () => {
  it('a query begins a connection, its answer belongs to it', () => {
    const ns = trackingHost();
    expect(see(ns, icmpPacket({}, { src: A, dst: B })).skb.ctinfo).toBe('NEW');
    expect(see(ns, icmpPacket({ type: 0 }, { src: B, dst: A })).skb.ctinfo).toBe('ESTABLISHED_REPLY');
    expect([only(ns).assured, left(ns)]).toEqual([false, 30]);
  });

  it.each([[0, 'an ICMP message of type 0 begins no connection'], [9, 'an ICMP message of type 9 begins no connection'], [40, 'nobody knows ICMP type 40']])('type %i begins none', (type, why) => {
    const ns = trackingHost();
    expect(see(ns, icmpPacket({ type }, { src: A, dst: B })).skb.ct).toBeNull();
    expect(countConntrack(ns)).toBe(0);
    expect(stepsOf(ns.world, 'conntrack.in')).toMatchObject([{ state: 'INVALID', entry: null, why }]);
  });

  it('a protocol without ports is one connection for two hosts', () => {
    const ns = trackingHost();
    expect(see(ns, [ipHeader({ src: A, dst: B, protocol: 50 })]).skb.ctinfo).toBe('NEW');
    expect(see(ns, [ipHeader({ src: B, dst: A, protocol: 50 })]).skb.ctinfo).toBe('ESTABLISHED_REPLY');
    expect(left(ns)).toBe(600);
  });
});

describe('TCP', () => {
  it('gives each state its time', () => {
    const ns = trackingHost();
    const seen = (packet: Packet): (string | number)[] => {
      see(ns, packet);
      return [only(ns).tcp!.state, left(ns)];
    };
    expect(seen(segment('client', 'S', { seq: 99 }))).toEqual(['SYN_SENT', 120]);
    expect(seen(segment('server', 'SA', { seq: 499, ack: 100 }))).toEqual(['SYN_RECV', 60]);
    expect(seen(segment('client', 'A', { seq: 100, ack: 500 }))).toEqual(['ESTABLISHED', 432000]);
    // Data that is not acknowledged yet.
    expect(seen(segment('client', 'A', { seq: 100, ack: 500, data: 10 }))).toEqual(['ESTABLISHED', 300]);
    expect(seen(segment('server', 'A', { seq: 500, ack: 110 }))).toEqual(['ESTABLISHED', 432000]);
    expect(seen(segment('server', 'F', { seq: 500, ack: 110 }))).toEqual(['FIN_WAIT', 120]);
    expect(seen(segment('client', 'A', { seq: 110, ack: 501 }))).toEqual(['CLOSE_WAIT', 60]);
    expect(seen(segment('client', 'F', { seq: 110, ack: 501 }))).toEqual(['LAST_ACK', 30]);
    expect(seen(segment('server', 'A', { seq: 501, ack: 111 }))).toEqual(['TIME_WAIT', 120]);
    // A new SYN begins anew.
    expect(seen(segment('client', 'S', { seq: 9000 }))).toEqual(['SYN_SENT', 120]);
    expect(stepsOf(ns.world, 'conntrack.state').map(({ from, to }) => `${from}>${to}`)).toEqual([
      'NONE>SYN_SENT', 'SYN_SENT>SYN_RECV', 'SYN_RECV>ESTABLISHED', 'ESTABLISHED>FIN_WAIT', 'FIN_WAIT>CLOSE_WAIT', 'CLOSE_WAIT>LAST_ACK', 'LAST_ACK>TIME_WAIT', 'NONE>SYN_SENT',
    ]);
  });

  function established(ns: NetNamespace): void {
    see(ns, segment('client', 'S', { seq: 99 }));
    see(ns, segment('server', 'SA', { seq: 499, ack: 100 }));
    see(ns, segment('client', 'A', { seq: 100, ack: 500 }));
  }

  it('a forged segment outside of the window is INVALID, unless the tracker is liberal', () => {
    const ns = trackingHost();
    established(ns);
    const forged = segment('server', 'A', { seq: 90_000, ack: 100, data: 5 });
    expect(see(ns, forged).skb.ct).toBeNull();
    expect(stepsOf(ns.world, 'conntrack.in').at(-1)).toMatchObject({ state: 'INVALID', why: 'its sequence number 90000 is over the upper bound 1501 (over the window of the receiver)' });
    expect(conntrackStats(ns).invalid).toBe(1);
    sysctl(ns, 'net.netfilter.nf_conntrack_tcp_be_liberal', 1);
    expect(see(ns, forged).skb.ctinfo).toBe('ESTABLISHED_REPLY');
  });

  it('a RST with a number that was acknowledged already is INVALID, unless that is to be ignored', () => {
    const ns = trackingHost();
    established(ns);
    see(ns, segment('server', 'A', { seq: 500, ack: 100, data: 100 }));
    see(ns, segment('client', 'A', { seq: 100, ack: 600 }));
    const forged = segment('server', 'R', { seq: 550 });
    expect(see(ns, forged).skb.ct).toBeNull();
    expect(only(ns).tcp!.state).toBe('ESTABLISHED');
    sysctl(ns, 'net.netfilter.nf_conntrack_tcp_ignore_invalid_rst', 1);
    expect(see(ns, forged).skb.ctinfo).toBe('ESTABLISHED_REPLY');
  });

  it('a RST that is not quite the next one leaves the state, to wait for a challenge ACK, but not its time', () => {
    const ns = trackingHost();
    established(ns);
    see(ns, segment('server', 'R', { seq: 600 }));
    expect([only(ns).tcp!.state, left(ns)]).toEqual(['ESTABLISHED', 10]);
    see(ns, segment('server', 'R', { seq: 500 }));
    expect(only(ns).tcp!.state).toBe('CLOSE');
  });

  it('can be picked up in the middle, if tcp_loose allows it', () => {
    const ns = trackingHost();
    expect(see(ns, segment('server', 'A', { seq: 500, ack: 100, data: 10 })).skb.ctinfo).toBe('NEW');
    expect([only(ns).tcp!.state, only(ns).original.src === B, left(ns)]).toEqual(['ESTABLISHED', true, 300]);
    see(ns, segment('client', 'A', { seq: 100, ack: 510 }));
    expect([only(ns).assured, left(ns)]).toEqual([false, 300]);
    see(ns, segment('server', 'A', { seq: 510, ack: 100 }));
    expect(only(ns).assured).toBe(true);
    flushConntrack(ns, 0);
    sysctl(ns, 'net.netfilter.nf_conntrack_tcp_loose', 0);
    expect(see(ns, segment('server', 'A', { seq: 520, ack: 100 })).skb.ct).toBeNull();
  });

  it('a SYN sent again and again does not keep the entry alive', () => {
    const ns = trackingHost();
    see(ns, segment('client', 'S', { seq: 99 }));
    runFor(ns.world, 10);
    see(ns, segment('client', 'S', { seq: 99 }));
    expect(left(ns)).toBe(110);
  });

  it.each([['client', 'S', { flags: 0x3 }], ['client', '', {}], ['server', 'SA', {}], ['server', 'F', {}], ['server', 'R', {}]] as const)('%s %s %o begins nothing', (from, flags, parts) => {
    const ns = trackingHost();
    expect(see(ns, segment(from, flags, parts)).skb.ct).toBeNull();
    expect(countConntrack(ns)).toBe(0);
  });

  it('four equal ACKs in a row shorten the time', () => {
    const ns = trackingHost();
    established(ns);
    for (let i = 0; i < 3; i++) see(ns, segment('client', 'A', { seq: 100, ack: 500 }));
    expect(left(ns)).toBe(300);
  });
});

describe('time', () => {
  it('what has run out is not found and not listed; the collector comes within a minute', () => {
    const ns = trackingHost();
    see(ns, udp(1));
    see(ns, udp(2));
    runFor(ns.world, 31);
    expect([countConntrack(ns), listConntrack(ns).length, countConntrack(ns)]).toEqual([2, 0, 0]);
    see(ns, udp(1));
    runFor(ns.world, 31);
    expect(see(ns, udp(1)).skb.ctinfo).toBe('NEW');
    expect(countConntrack(ns)).toBe(1);
    runFor(ns.world, 91);
    expect(countConntrack(ns)).toBe(0);
    expect(ns.nf.ct.gc).toBeNull();
  });

  it.each([['udp_timeout', 30, udp(1)], ['icmp_timeout', 30, icmpPacket()], ['generic_timeout', 600, [ipHeader({ protocol: 50 })]], ['tcp_timeout_syn_sent', 120, segment('client', 'S')]] as const)(
    'nf_conntrack_%s is %i and can be set', (name, initial, packet) => {
      const ns = trackingHost();
      expect(readSysctl(ns, `net/netfilter/nf_conntrack_${name}`)).toBe(String(initial));
      sysctl(ns, `net.netfilter.nf_conntrack_${name}`, 7);
      see(ns, packet);
      expect(left(ns)).toBe(7);
    });
});

describe('settings', () => {
  it('are the kernel’s, and the shared ones are the first namespace’s to write', () => {
    const ns = trackingHost();
    const inner = addNamespace(ns.machine, 'inner');
    expect(failing(() => writeSysctl(ns, 'net/netfilter/nf_conntrack_count', '5'))).toBe('EACCES');
    expect(failing(() => writeSysctl(ns, 'net/netfilter/nf_conntrack_tcp_loose', '5'))).toBe('EINVAL');
    expect(failing(() => writeSysctl(ns, 'net/netfilter/nf_conntrack_tcp_timeout_close', '99999999999'))).toBe('EINVAL');
    writeSysctl(ns, 'net/nf_conntrack_max', '77');
    expect([ns, inner].map((of) => readSysctl(of, 'net/netfilter/nf_conntrack_max'))).toEqual(['77', '77']);
    expect([ns, inner].map((of) => sysctlWritable(of, 'net/netfilter/nf_conntrack_max'))).toEqual([true, false]);
    expect([ns, inner].map((of) => sysctlWritable(of, 'net/netfilter/nf_conntrack_count'))).toEqual([false, false]);
  });
});

describe('a full table', () => {
  it('drops what is new, says so in the log, and lets what it knows pass', () => {
    const ns = trackingHost();
    sysctl(ns, 'net.netfilter.nf_conntrack_max', 2);
    see(ns, udp(1));
    see(ns, udp(2));
    expect(see(ns, udp(3)).verdict).toBe('drop');
    expect(stepsOf(ns.world, 'nf.log').map(({ line }) => line)).toEqual(['nf_conntrack: nf_conntrack: table full, dropping packet']);
    expect(see(ns, udp(1)).verdict).toBe('accept');
    expect([countConntrack(ns), conntrackStats(ns).drop, conntrackStats(ns).early_drop]).toEqual([2, 1, 0]);
  });

  it('writes ten lines in five seconds at most', () => {
    const ns = trackingHost();
    sysctl(ns, 'net.netfilter.nf_conntrack_max', 1);
    for (let i = 0; i < 15; i++) see(ns, udp(i));
    expect(stepsOf(ns.world, 'nf.log')).toHaveLength(10);
  });

  it('with few buckets makes room where nobody has answered, but not of what is ASSURED', () => {
    const ns = trackingHost();
    sysctl(ns, 'net.netfilter.nf_conntrack_max', 2);
    sysctl(ns, 'net.netfilter.nf_conntrack_buckets', 1);
    see(ns, udp(1));
    for (const reply of [true, false]) see(ns, udp(1, reply));
    see(ns, udp(2));
    expect(see(ns, udp(3)).verdict).toBe('accept');
    expect(listConntrack(ns).map(({ original }) => original.sport)).toEqual([1, 3]);
    expect(conntrackStats(ns).early_drop).toBe(1);
  });
});

describe('confirmation', () => {
  /** A packet that has come in and not yet gone out. */
  function pending(ns: NetNamespace, packet: Packet): ReturnType<typeof newSkb> {
    const lo = ns.devices.get(1)!;
    const skb = newSkb(ns.world, packet, { dev: lo });
    nfConntrackIn(ns, skb, { hook: 'PREROUTING', in: lo, out: null, sk: null });
    return skb;
  }
  const confirm = (ns: NetNamespace, skb: ReturnType<typeof newSkb>): string => nfConfirm(ns, skb, { hook: 'POSTROUTING', in: null, out: ns.devices.get(1)!, sk: null });

  it('comes only when the packet has passed: what is dropped leaves nothing', () => {
    const ns = trackingHost();
    const skb = pending(ns, udp(1));
    expect([countConntrack(ns), listConntrack(ns).length, ns.tables.conntrack.rows.size]).toEqual([1, 0, 1]);
    dropSkb(skb, skb.dev, 'test', 'NETFILTER_DROP');
    expect([countConntrack(ns), ns.tables.conntrack.rows.size]).toEqual([0, 0]);
  });

  it('of two packets of one UDP flow the second joins the entry of the first', () => {
    const ns = trackingHost();
    const [first, second] = [pending(ns, udp(1)), pending(ns, udp(1))];
    expect(confirm(ns, first)).toBe('accept');
    expect(confirm(ns, second)).toBe('accept');
    expect(second.ct).toBe(first.ct);
    expect([countConntrack(ns), conntrackStats(ns).clash_resolve]).toEqual([1, 1]);
    expect(stepsOf(ns.world, 'conntrack.confirm').map(({ outcome }) => outcome)).toEqual(['confirmed', 'clash']);
  });

  it('of two TCP segments the second is dropped', () => {
    const ns = trackingHost();
    const [first, second] = [pending(ns, segment('client', 'S')), pending(ns, segment('client', 'S'))];
    confirm(ns, first);
    expect(confirm(ns, second)).toBe('drop');
    expect([conntrackStats(ns).insert_failed, conntrackStats(ns).drop]).toEqual([1, 1]);
  });
});

describe('zones, marks and counters', () => {
  function inZone(ns: NetNamespace, id: number, packet: Packet): ReturnType<typeof newSkb> {
    const lo = ns.devices.get(1)!;
    const skb = newSkb(ns.world, packet, { dev: lo });
    skb.ctZone = { id, direction: 'both' };
    nfConntrackIn(ns, skb, { hook: 'PREROUTING', in: lo, out: null, sk: null });
    nfConfirm(ns, skb, { hook: 'POSTROUTING', in: null, out: lo, sk: null });
    return skb;
  }

  it('the same addresses in two zones are two connections', () => {
    const ns = trackingHost();
    see(ns, udp(1));
    expect(inZone(ns, 5, udp(1)).ctinfo).toBe('NEW');
    expect(inZone(ns, 5, udp(1, true)).ctinfo).toBe('ESTABLISHED_REPLY');
    expect(see(ns, udp(1)).skb.ctinfo).toBe('NEW');
    expect(listConntrack(ns).map(({ zone, seenReply }) => [zone, seenReply])).toEqual([[0, false], [5, true]]);
  });

  it('packets and bytes are counted if nf_conntrack_acct was on when it began', () => {
    const ns = trackingHost();
    see(ns, udp(1));
    sysctl(ns, 'net.netfilter.nf_conntrack_acct', 1);
    see(ns, udp(2));
    for (const reply of [true, false]) see(ns, udp(2, reply));
    expect(listConntrack(ns).map(({ counters }) => counters)).toEqual([null, { original: { packets: 2, bytes: 56 }, reply: { packets: 1, bytes: 28 } }]);
  });
});

describe('netlink', () => {
  it('tells of new, changed and ended connections', () => {
    const ns = trackingHost();
    see(ns, udp(1));
    const heard: string[] = [];
    const end = subscribeConntrack(ns, (type, { original, seenReply, assured }, portid) => heard.push(`${type} ${original.sport} ${seenReply} ${assured} ${portid}`));
    see(ns, udp(2));
    see(ns, udp(2));
    see(ns, udp(2, true));
    see(ns, udp(2));
    for (const { id } of listConntrack(ns)) deleteConntrack(ns, id, 99);
    end();
    see(ns, udp(3));
    // Of what began before somebody listened, nothing is told.
    expect(heard).toEqual(['NEW 2 false false 0', 'UPDATE 2 true false 0', 'UPDATE 2 true true 0', 'DESTROY 2 true true 99']);
  });

  it('creates, changes and deletes entries', () => {
    const ns = trackingHost();
    const wanted = { protocol: 6, original: { src: A, dst: B, sport: 1, dport: 2 }, timeout: 50, mark: 3, zone: 0, seenReply: false, assured: false, tcpState: 'ESTABLISHED' } as const;
    createConntrack(ns, wanted, 1);
    expect(failing(() => createConntrack(ns, wanted, 1))).toBe('EEXIST');
    const { id } = listConntrack(ns)[0]!;
    expect(updateConntrack(ns, id, { mark: 8, timeout: 100 }, 1)).toMatchObject({ mark: 8, tcpState: 'ESTABLISHED', reply: { src: B, dst: A, sport: 2, dport: 1 } });
    expect(left(ns)).toBe(100);
    deleteConntrack(ns, id, 1);
    expect([failing(() => deleteConntrack(ns, id, 1)), countConntrack(ns)]).toEqual(['ENOENT', 0]);
  });
});

describe('in a namespace', () => {
  it('tracks only while a rule wants it', () => {
    const world = testWorld();
    const [a, b] = [testHost(world, 'a'), testHost(world, 'b')];
    const [dev] = cable(a, 'eth0', ['10.0.0.1/24'], b, 'eth0', ['10.0.0.2/24']);
    addAddress(dev, '10.0.0.3/24');
    const state = { name: 'state', states: ['NEW'], invert: false } as const;
    commit(a, append('filter', 'OUTPUT', { matches: [state] }));
    expect(a.nf.ct.active).toBe(true);
    commit(a, { op: 'delete', table: 'filter', chain: 'OUTPUT', index: 0 });
    expect([a.nf.ct.active, a.nf.hooks.PREROUTING.length, a.nf.hooks.INPUT.length]).toEqual([false, 0, 0]);
  });

  it('keeps what it knows when nobody wants it any more', () => {
    const ns = trackingHost();
    see(ns, udp(1));
    nfCtNetnsPut(ns);
    expect(listConntrack(ns)).toHaveLength(1);
  });
});
