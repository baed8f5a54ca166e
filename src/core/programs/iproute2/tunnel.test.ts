import { describe, expect, test } from 'vitest';
import { attachInet } from '../../kernel/inet.ts';
import { World, type Machine } from '../../kernel/machine.ts';
import { SECOND } from '../../sim/time.ts';
import { checkArgs } from '../lint.ts';
import { runScript } from '../testing/two-hosts.ts';

function newMachine(): Machine {
  return new World({ seed: 1, record: 'nothing', protocols: [attachInet] }).addMachine('node1', { ipv6: false, brNetfilter: false });
}

/** What a script prints, errors among it. */
function said(script: string, machine = newMachine()): string {
  const { stdout, stderr } = runScript(machine, `{ ${script}\n} 2>&1`);
  return stdout + stderr;
}

/** Two namespaces with 172.16.0.1 and 172.16.0.2 between them. */
const UNDERLAY = `ip netns add a; ip netns add b
ip link add eth0 netns a type veth peer name eth0 netns b
ip -n a addr add 172.16.0.1/24 dev eth0; ip -n b addr add 172.16.0.2/24 dev eth0
for n in a b; do ip -n $n link set lo up; ip -n $n link set eth0 up; done; sleep 2
`;

describe('ip tunnel, as iproute2 6.1 prints it', () => {
  test('what comes with the module', () => {
    expect(said('modprobe ipip; modprobe ip_gre; ip tunnel show; ip link show dev tunl0; ip -d link show dev gre0')).toBe(`tunl0: any/ip remote any local any ttl inherit nopmtudisc
gre0: gre/ip remote any local any ttl inherit nopmtudisc
2: tunl0@NONE: <NOARP> mtu 1480 qdisc noop state DOWN mode DEFAULT group default qlen 1000
    link/ipip 0.0.0.0 brd 0.0.0.0
3: gre0@NONE: <NOARP> mtu 1476 qdisc noop state DOWN mode DEFAULT group default qlen 1000
    link/gre 0.0.0.0 brd 0.0.0.0 promiscuity 0  allmulti 0 minmtu 0 maxmtu 0 
    gre remote any local any ttl inherit nopmtudisc addrgenmode eui64 numtxqueues 1 numrxqueues 1 gso_max_size 65536 gso_max_segs 65535 tso_max_size 65536 tso_max_segs 65535 gro_max_size 65536 
`);
  });

  test('add, show, change and delete', () => {
    expect(said(`ip tunnel add x mode gre remote 10.0.0.2 local 10.0.0.1 ttl 64 tos inherit key 5 csum; ip tunnel show x; ip tunnel change x ttl 32; ip -j tunnel show x
      ip tunnel add y mode gre remote 10.0.0.2 local 10.0.0.1 key 5; ip tunnel add y mode gre remote 10.0.0.2 local 10.0.0.1 key 6; ip tunnel del x; ip tunnel del tunl0; ip tunnel del y; ip tunnel show y`)).toBe(
      `x: gre/ip remote 10.0.0.2 local 10.0.0.1 ttl 64 tos inherit key 5
  Checksum in received packet is required.
  Checksum output packets.
[{"ifname":"x","mode":"gre/ip","remote":"10.0.0.2","local":"10.0.0.1","ttl":32,"key":5,"flags":["rx_csum","tx_csum"]}]
add tunnel "gre0" failed: File exists
delete tunnel "tunl0" failed: Operation not permitted
`);
  });

  test('a name makes the mode, and the kernel makes a name', () => {
    expect(said('ip tunnel add gre7 remote 10.0.0.2; ip tunnel add remote 10.0.0.3 mode ipip; ip tunnel add remote 10.0.0.4 mode gre; ip -br link | cut -c1-12')).toBe(
      'lo          \ngre0@NONE   \ngretap0@NONE\ngre7@NONE   \ntunl0@NONE  \nipip0@NONE  \ngre1@NONE   \n');
  });

  test('the tunnel of tunl0 exists when the module was loaded for it, as Calico finds out', () => {
    expect(said('ip tunnel add tunl0 mode ipip; echo $?; ip link set tunl0 up; echo $?; ip -br link show tunl0')).toBe(
      'add tunnel "tunl0" failed: File exists\n1\n0\ntunl0@NONE       UNKNOWN        0.0.0.0 <NOARP,UP,LOWER_UP> \n');
  });

  test('what the kernel refuses', () => {
    expect(said(`ip link add x type ipip remote 10.0.0.1; ip link add y type ipip remote 10.0.0.1; ip link set x type ipip remote any; ip link set x type ipip remote any local 10.9.9.9; ip link set x type gre key 4; ip link set tunl0 type ipip ttl 4
      ip link set x mtu 67; ip link set x mtu 65536; ip link set x address 02:00:00:00:00:01; ip link add link x v5 type vlan id 5; ip tunnel change x remote any local 10.9.9.9; ip link set x mtu 1400; ip -br link show x`)).toBe(
      `RTNETLINK answers: File exists
RTNETLINK answers: File exists
RTNETLINK answers: Invalid argument
RTNETLINK answers: Operation not supported
RTNETLINK answers: Invalid argument
RTNETLINK answers: Invalid argument
RTNETLINK answers: Invalid argument
RTNETLINK answers: Operation not supported
Error: VLANs not supported on device.
add tunnel "x" failed: Invalid argument
x@NONE           DOWN           0.0.0.0 <POINTOPOINT,NOARP> 
`);
  });
});

describe('tunnels at work', () => {
  test('NBMA as Calico has it: routes onlink through tunl0', () => {
    const machine = newMachine();
    expect(said(`${UNDERLAY}modprobe ipip
      ip -n a addr add 10.244.1.0/32 dev tunl0; ip -n b addr add 10.244.2.0/32 dev tunl0
      ip -n a link set tunl0 up; ip -n b link set tunl0 up
      ip -n a route add 10.244.2.0/26 via 172.16.0.2 dev tunl0 onlink; ip -n b route add 10.244.1.0/26 via 172.16.0.1 dev tunl0 onlink
      ip netns exec a ping -c 1 -W 1 10.244.2.0 | grep transmitted; ip -n a route; ip -n a -s tunnel show; ip -n a neigh show nud noarp`, machine)).toBe(
      `1 packets transmitted, 1 received, 0% packet loss, time 0ms
10.244.2.0/26 via 172.16.0.2 dev tunl0 onlink 
172.16.0.0/24 dev eth0 proto kernel scope link src 172.16.0.1 
tunl0: any/ip remote any local any ttl inherit nopmtudisc
RX: Packets    Bytes        Errors CsumErrs OutOfSeq Mcasts
    1          84           0      0        0        0       
TX: Packets    Bytes        Errors DeadLoop NoRoute  NoBufs
    1          84           0      0        0        0     
172.16.0.2 dev tunl0 lladdr 0.0.0.0 NOARP 
`);
    // Every destination through a tunnel has a path MTU of its own, which expires.
    machine.world.queue.runUntil(machine.world.queue.now + SECOND);
    expect(said('ip -n a route get 10.244.2.0 | tail -1', machine)).toMatch(/^ {4}cache expires 59\dsec mtu 1480 \n$/);
  });

  test('GRE to anybody asks the neighbour table, whose addresses are those of the other ends', () => {
    expect(said(`${UNDERLAY}for n in a b; do ip -n $n tunnel add gre5 mode gre key 7; ip -n $n link set gre5 up; done
      ip -n a addr add 10.0.0.1/24 dev gre5; ip -n b addr add 10.0.0.2/24 dev gre5
      ip -n a neigh add 10.0.0.2 lladdr 172.16.0.2 dev gre5; ip -n b neigh add 10.0.0.1 lladdr 172.16.0.1 dev gre5; ip -n a neigh add 10.0.0.3 lladdr 1:2:3 dev gre5
      ip netns exec a ping -c 1 -W 1 10.0.0.2 | grep transmitted; ip -n a neigh show dev gre5; ip netns exec a arping -c 1 -I gre5 10.0.0.2; ip -n a link set gre5 arp on`)).toBe(
      `Error: Invalid link address.
1 packets transmitted, 1 received, 0% packet loss, time 0ms
10.0.0.2 lladdr 172.16.0.2 PERMANENT 
Interface "gre5" is not ARPable
Error: ARP over GRE is not simulated.
`);
  });

  test('rules see the outer packet as protocol 4 or 47, and take no inner header for its transport', () => {
    expect(said(`${UNDERLAY}ip -n a tunnel add ipip5 mode ipip local 172.16.0.1 remote 172.16.0.2; ip -n b tunnel add ipip5 mode ipip local 172.16.0.2 remote 172.16.0.1
      ip -n a tunnel add gre5 mode gre local 172.16.0.1 remote 172.16.0.2; ip -n b tunnel add gre5 mode gre local 172.16.0.2 remote 172.16.0.1
      for n in a b; do ip -n $n link set ipip5 up; ip -n $n link set gre5 up; done
      ip -n a addr add 10.0.0.1/24 dev ipip5; ip -n b addr add 10.0.0.2/24 dev ipip5; ip -n a addr add 10.0.1.1/24 dev gre5; ip -n b addr add 10.0.1.2/24 dev gre5
      for p in ipencap gre icmp; do ip netns exec b iptables -A INPUT -i eth0 -p $p; done
      ip netns exec b iptables -A INPUT -p icmp -m conntrack --ctstate NEW
      ip netns exec a iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE
      for to in 10.0.0.2 10.0.1.2; do ip netns exec a ping -c 1 -W 1 $to | grep transmitted; done
      ip netns exec b iptables -nvL INPUT | tail -n +3 | awk '{print $1, $3}'; ip netns exec b conntrack -L 2>/dev/null | sed 's/id=[0-9]*/id=N/g' | sort
      ip netns exec a ping -c 1 -W 1 10.0.1.2 > /dev/null; ip netns exec b cat /proc/net/nf_conntrack | grep gre`)).toBe(
      `1 packets transmitted, 1 received, 0% packet loss, time 0ms
1 packets transmitted, 1 received, 0% packet loss, time 0ms
1 4
1 47
0 1
2 1
gre      47 30 src=172.16.0.1 dst=172.16.0.2 srckey=0x0 dstkey=0x0 src=172.16.0.2 dst=172.16.0.1 srckey=0x0 dstkey=0x0 mark=0 use=1
icmp     1 30 src=10.0.0.1 dst=10.0.0.2 type=8 code=0 id=N src=10.0.0.2 dst=10.0.0.1 type=0 code=0 id=N mark=0 use=1
icmp     1 30 src=10.0.1.1 dst=10.0.1.2 type=8 code=0 id=N src=10.0.1.2 dst=10.0.1.1 type=0 code=0 id=N mark=0 use=1
unknown  4 600 src=172.16.0.1 dst=172.16.0.2 src=172.16.0.2 dst=172.16.0.1 mark=0 use=1
ipv4     2 gre      47 180 timeout=30, stream_timeout=180 src=172.16.0.1 dst=172.16.0.2 srckey=0x0 dstkey=0x0 src=172.16.0.2 dst=172.16.0.1 srckey=0x0 dstkey=0x0 [ASSURED] mark=0 zone=0 use=2
`);
  });

  test('tcpdump: an IPIP device has no link header, a GRE device a cooked one', () => {
    expect(said(`${UNDERLAY}for m in ipip gre; do ip -n a tunnel add $m mode $m local 172.16.0.1 remote 172.16.0.2; ip -n a addr add 10.0.\${#m}.1/24 dev $m; ip -n a link set $m up; done
      for m in ipip gre; do ip netns exec a tcpdump -nte -c 1 -i $m & sleep 0.1; ip netns exec a ping -c 1 -W 1 10.0.\${#m}.2 > /dev/null; wait; done`)
      .split('\n').filter((line) => /listening|ICMP/.test(line)).map((line) => line.replace(/id \d+/, 'id N'))).toEqual([
      'listening on ipip, link-type RAW (Raw IP), snapshot length 262144 bytes',
      'ip: 10.0.4.1 > 10.0.4.2: ICMP echo request, id N, seq 1, length 64',
      'listening on gre, link-type LINUX_SLL (Linux cooked v1), snapshot length 262144 bytes',
      'Out ethertype IPv4 (0x0800), length 100: 10.0.3.1 > 10.0.3.2: ICMP echo request, id N, seq 1, length 64',
    ]);
  });
});

test('a tunnel in another namespace, and the end of the one that carries its packets', () => {
  expect(said(`ip netns add under; ip netns add pod; ip -n under tunnel add x mode ipip remote 10.0.0.2; ip -n under link set x netns pod; ip -n pod link show dev x
    ip netns del under; ip -n pod link show dev x`)).toBe(
    `3: x@NONE: <POINTOPOINT,NOARP> mtu 1480 qdisc noop state DOWN mode DEFAULT group default qlen 1000
    link/ipip 0.0.0.0 peer 10.0.0.2 link-netns under
Device "x" does not exist.
`);
});

test('the linter names what is not simulated', () => {
  expect(['ip tunnel add x mode ipip remote 1.2.3.4', 'ip link add x type gretap remote 1.2.3.4', 'ip tunnel add x mode sit', 'ip link add x type ipip external', 'ip link add x type gre encap fou'].map((line) => checkArgs(line.split(' ')))).toEqual([
    [], [], ['ip tunnel ... mode sit'], ['ip link add type ipip ... external'], ['ip link add type gre ... fou'],
  ]);
});
