import { describe, expect, it } from 'vitest';
import { stepsOf } from '../../testing.ts';
import { run, snmp, twoVteps, txTroubles } from './two-vteps.fixture.ts';

/* Each found by random overlays on Linux 6.18 (oracle/property). */

describe('a frame that the underlay does not take', () => {
  it.each(['unreachable', 'prohibit', 'blackhole'])('is an error of the carrier whatever the route says (%s)', (type) => {
    const machine = twoVteps('device', '');
    run(machine, `ip -n a route add ${type} 172.16.2.2; ip netns exec a ping -c 1 -W 1 10.0.0.2`);
    expect(txTroubles(machine, 'a')).toEqual([1, 0, 1]);
  });

  it('is dropped, without an error, by a rule for what this host sends', () => {
    const machine = twoVteps('device', '');
    run(machine, 'ip netns exec a iptables -A OUTPUT -p udp --dport 4789 -j DROP; ip netns exec a ping -c 1 -W 1 10.0.0.2');
    expect(txTroubles(machine, 'a')).toEqual([0, 1, 0]);
  });
});

describe('an ICMP error about an outer packet', () => {
  it('belongs to the device with its VNI: it is no error that nobody wants', () => {
    const machine = twoVteps('device', '');
    run(machine, 'ip netns exec b iptables -A INPUT -p udp --dport 4789 -j REJECT; ip netns exec a ping -c 1 -W 1 10.0.0.2');
    expect([snmp(machine, 'a', 'Icmp.InDestUnreachs'), snmp(machine, 'a', 'Icmp.InErrors')]).toEqual([1, 0]);
  });

  it('is one when no such device is up any more', () => {
    const machine = twoVteps('device', '');
    run(machine, 'ip -n b addr flush dev eth0; ip netns exec a ping -c 1 -W 0.5 10.0.0.2; ip -n a link set vx1 down; sleep 4');
    expect([snmp(machine, 'a', 'Icmp.InDestUnreachs'), snmp(machine, 'a', 'Icmp.InErrors')]).toEqual([1, 1]);
  });

  it('tells of a smaller path MTU, which the next frame tells the sender', () => {
    const machine = twoVteps('device', 'df set');
    run(machine, 'ip -n r link set pb mtu 1400; ip netns exec a ping -c 1 -W 1 -s 1400 10.0.0.2');
    expect(run(machine, 'ip -n a route get 172.16.2.2')).toMatch(/ mtu 1400/);
    expect(run(machine, 'ip netns exec a ping -c 2 -W 1 -s 1400 -M do 10.0.0.2')).toContain('local error: message too long, mtu=1350');
    expect(snmp(machine, 'a', 'Icmp.InErrors')).toBe(0);
  });
});

describe('another default destination', () => {
  it('takes the place of the old one, beside what was appended, older than what was learned since', () => {
    const machine = twoVteps('device', '');
    run(machine, `ip -n a link set vx1 down; bridge -n a fdb append 00:00:00:00:00:00 dev vx1 dst 172.16.9.9; ip -n a link set vx1 up
      ip netns exec a ping -c 1 -W 1 10.0.0.2; ip -n a link set vx1 type vxlan remote 172.16.2.9`);
    expect(run(machine, 'bridge -n a fdb show dev vx1')).toBe(
      '02:00:00:00:11:02 dst 172.16.2.2 self \n00:00:00:00:00:00 dst 172.16.9.9 self permanent\n00:00:00:00:00:00 dst 172.16.2.9 self permanent\n');
  });
});

describe('an IP packet for another MAC', () => {
  it('is counted where IP refuses it', () => {
    const machine = twoVteps('device', '');
    run(machine, 'ip -n a neigh replace 10.0.0.2 lladdr 02:00:00:00:00:99 dev vx1 nud permanent; ip netns exec a ping -c 2 -W 1 10.0.0.2');
    expect(run(machine, 'ip -n b -s -s link show vx1')).toContain('fifo overrun otherhost\n                     0      0       0       0       0         2 \n');
    expect(run(machine, 'ip -n b -s -s -j link show vx1')).toContain('"missed_errors":0,"otherhost":2}');
    expect(run(machine, 'ip -n a -s -s link show vx1')).not.toContain('otherhost');
  });
});

describe('a frame that is too long, sent by this host through a bridge', () => {
  it('comes back as fragmentation needed, which this host does not take in: the route that it was to leave by is still on it', () => {
    const machine = twoVteps('bridge', '', 9000);
    const said = run(machine, 'ip netns exec a ping -c 1 -W 1 -s 4000 10.0.0.2');
    expect(said).toContain('1 packets transmitted, 0 received, 100% packet loss');
    expect(stepsOf(machine.world, 'icmp.send')).toMatchObject([{ fn: 'iptunnel_pmtud_build_icmp', netns: 'a' }]);
    expect(stepsOf(machine.world, 'drop').map((step) => step.fn)).toContain('dst_discard');
    expect(snmp(machine, 'a', 'Icmp.InMsgs')).toBe(0);
    // The route has learned all the same.
    expect(run(machine, 'ip netns exec a ping -c 1 -W 1 -s 4000 10.0.0.2')).toContain(' 1 received');
  });
});
