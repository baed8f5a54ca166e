import { describe, expect, test } from 'vitest';
import { checkArgs } from './lint.ts';

const findings = (line: string): string[] => checkArgs(line.split(' '));

describe('what a command line asks for that is not simulated', () => {
  test.each([
    'ip link add veth0 type veth peer name veth1', 'ip -j -d link show', 'ip a', 'ip -n ns1 route get 1.1.1.1', 'ip netns exec ns1 ip addr',
    'ip rule add fwmark 1 table 100', 'bridge fdb show br br0', 'bridge vlan add dev veth0 vid 5 pvid untagged', 'brctl stp br0 off',
    'ip link add vxlan0 type vxlan id 1 remote 10.0.0.1 dev eth0 dstport 4789', 'bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 10.0.0.1 via eth0',
    'ip link add v type vxlan id 1 external', 'ip link add v type vxlan vnifilter', 'ip link add v type vxlan id 1 local 10.0.0.1 remote 2001:db8::1',
    'ip foo', 'ip -foo', 'ping 1.1.1.1', 'ip link set dev $X up', 'ip',
  ])('nothing: %s', (line) => expect(findings(line)).toEqual([]));

  test.each([
    ['ip link add vxlan0 type vxlan external', 'ip link add ... type vxlan ... external'],
    ['ip -6 link add vxlan0 type vxlan id 1 dstport 4789 local 2001:db8:1::1', 'ip link add ... type vxlan ... 2001:db8:1::1'],
    ['ip link add d0 type dummy', 'ip link add type dummy'],
    ['ip tunnel add t0 mode sit', 'ip tunnel ... mode sit'],
    ['ip -6 tunnel show', 'ip -6 tunnel'],
    ['ip -6 rule add from all table 7', 'ip -6 rule add'],
    ['ip tunt', 'ip tuntap'],
    ['ip -6 nexthop add id 1', 'ip nexthop'],
    ['ip netns exec ns1 ip link add m0 link eth0 type macvlan', 'ip link add type macvlan'],
    ['ip -all netns exec ip xfrm policy', 'ip xfrm'],
    ['ip route add 10.0.0.0/8 encap mpls 5 dev lo', 'ip route ... encap'],
    ['ip link set eth0 vf 0 mac 02:00:00:00:00:01', 'ip link ... vf'],
    ['ip -r addr', 'ip -resolve'],
    ['bridge mdb show', 'bridge mdb'],
    ['bridge vni add dev vxlan0 vni 5', 'bridge vni'],
    ['brctl stp br0 on', 'brctl stp ... on'],
    ['ifconfig tun0 10.0.0.1 pointopoint 10.0.0.2', 'ifconfig ... pointopoint'],
  ])('%s', (line, finding) => expect(findings(line)).toEqual([finding]));
});
