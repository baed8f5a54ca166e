import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { attachInet } from '../../kernel/inet.ts';
import { World, type Machine } from '../../kernel/machine.ts';
import { listLinks } from '../../kernel/netlink/link.ts';
import { startShell, type ShellRun } from '../../shell/run.ts';
import { formatIpv4 } from '../../wire/address.ts';
import { VXLAN_OPTIONS } from './usage-bridge.ts';

/* The texts are those of iproute2 6.1 on Linux 6.18; real.test.ts runs many more lines beside the real tools where it can. */

function newMachine(): Machine {
  const machine = new World({ seed: 1, record: 'nothing', protocols: [attachInet] }).addMachine('node1', { ipv6: false, brNetfilter: false });
  run(machine, 'ip link set lo up; ip link add e0 type veth peer name e1; ip addr add 172.16.0.1/24 dev e0; ip link set e0 up; ip link set e1 up');
  return machine;
}

/** Runs a script to its end. */
function run(machine: Machine, script: string): ShellRun {
  const started = startShell(machine, script);
  for (let steps = 0; started.exit === null && machine.world.queue.step(); steps++) if (steps > 100_000) throw new Error('endless');
  if (started.defect) throw started.defect;
  return started;
}

const QUEUES = 'addrgenmode eui64 numtxqueues 1 numrxqueues 1 gso_max_size 65536 gso_max_segs 65535 tso_max_size 524280 tso_max_segs 65535 gro_max_size 65536 ';

describe('ip link add type vxlan', () => {
  test('with everything that can be said', () => {
    const machine = newMachine();
    run(machine, `ip link add vx address 02:00:00:00:00:64 type vxlan id 5 remote 172.16.0.2 local 172.16.0.1 dev e0 dstport 4789 srcport 1000 2000 ttl inherit
      ip link del vx`);
    const made = run(machine, `ip link add vx address 02:00:00:00:00:64 type vxlan id 5 remote 172.16.0.2 local 172.16.0.1 dev e0 dstport 4789 srcport 1000 2000 \
ttl inherit tos inherit df set nolearning proxy rsc l2miss l3miss ageing 0 maxaddress 10 noudpcsum; ip -d link show vx`);
    expect(made.stdout).toBe(`5: vx: <BROADCAST,MULTICAST> mtu 1450 qdisc noop state DOWN mode DEFAULT group default qlen 1000
    link/ether 02:00:00:00:00:64 brd ff:ff:ff:ff:ff:ff promiscuity 0  allmulti 0 minmtu 68 maxmtu 65535 
    vxlan id 5 remote 172.16.0.2 local 172.16.0.1 dev e0 srcport 1000 2000 dstport 4789 nolearning proxy rsc l2miss l3miss tos inherit ttl inherit df set \
ageing 300 maxaddr 10 noudpcsum noudp6zerocsumtx noudp6zerocsumrx ${QUEUES}
`);
    const [{ linkinfo }] = JSON.parse(run(machine, 'ip -d -j link show vx').stdout) as [{ linkinfo: unknown }];
    expect(JSON.stringify(linkinfo)).toBe('{"info_kind":"vxlan","info_data":{"id":5,"remote":"172.16.0.2","local":"172.16.0.1","link":"e0","port_range":'
      + '{"low":1000,"high":2000},"port":4789,"learning":false,"proxy":true,"rsc":true,"l2miss":true,"l3miss":true,"tos":"0x1","df":"set","ageing":300,'
      + '"limit":10,"udp_csum":false,"udp_zero_csum6_tx":false,"udp_zero_csum6_rx":false}}');
  });

  test('without a port is told what Linux takes', () => {
    const machine = newMachine();
    expect(run(machine, 'ip link add vx type vxlan id 5').stderr).toBe(`vxlan: destination port not specified
Will use Linux kernel default (non-standard value)
Use 'dstport 4789' to get the IANA assigned value
Use 'dstport 0' to get default and quiet this message
`);
    expect(run(machine, 'ip -d link show vx').stdout).toContain('\n    vxlan id 5 srcport 0 0 dstport 8472 ttl auto ageing 300 udpcsum noudp6zerocsumtx noudp6zerocsumrx addrgenmode');
  });

  test.each([
    ['', 'Error: Required attributes not provided to perform the operation.\n', 2],
    ['dstport 4789', 'vxlan: missing virtual network identifier\n', 1],
    ['id 16777216', 'Error: argument "16777216" is wrong: invalid id\n', 255],
    ['id 5 remote 172.16.0.2 group 239.1.1.1', 'vxlan: both group and remote cannot be specified\n', 1],
    ['id 5 group 239.1.1.1 dstport 4789', "vxlan: 'group' requires 'dev' to be specified\n", 1],
    ['id 5 group 172.16.0.2', 'Error: argument "172.16.0.2" is wrong: invalid group address\n', 255],
    ['id 5 remote 239.1.1.1', 'Error: argument "239.1.1.1" is wrong: invalid remote address\n', 255],
    ['id 5 local any', 'Error: argument "any" is wrong: invalid local address\n', 255],
    ['id 5 local foo', 'Error: any valid address is expected rather than "foo".\n', 1],
    ['id 5 id 6', 'Error: either "id" is duplicate, or "6" is a garbage.\n', 255],
    ['id 5 learning nolearning', 'Error: either "nolearning" is duplicate, or "nolearning" is a garbage.\n', 255],
    ['id 5 external', "vxlan: both 'external' and vni cannot be specified\n", 1],
    ['id 5 frobnicate', `vxlan: unknown command "frobnicate"?\n${VXLAN_OPTIONS}`, 1],
    ['help', VXLAN_OPTIONS, 1],
    ['id 5 dstport 0 flowlabel 7', 'Error: Label attribute only applies to IPv6 VXLAN devices.\n', 2],
  ])('%s is refused', (words, message, code) => {
    const refused = run(newMachine(), `ip link add vx type vxlan ${words}`);
    expect([refused.stderr, refused.exit]).toEqual([message, code]);
  });

  test.each([['id 5 dstport 0 remote 2001:db8::1', '2001:db8::1'], ['external dstport 0', 'external'], ['id 5 dstport 0 gbp', 'gbp'], ['id 5 dstport 0 remcsumtx', 'remcsumtx']])('%s is not simulated', (words, what) => {
    expect(run(newMachine(), `ip link add vx type vxlan ${words}`).stderr).toBe(`hopscope: line 1: ip link add ... type vxlan ... ${what} is not simulated\n`);
  });

  test('what is said reaches the device, whatever the order of the words', () => {
    const word = fc.record({
      id: fc.nat(0xff_ffff), dstport: fc.integer({ min: 1, max: 65535 }), ttl: fc.nat(255), ageing: fc.integer({ min: 1, max: 1000 }),
      remote: fc.integer({ min: 0x0a00_0001, max: 0x0a00_ffff }), proxy: fc.boolean(), l2miss: fc.boolean(), l3miss: fc.boolean(), learning: fc.boolean(),
    });
    fc.assert(fc.property(word, fc.infiniteStream(fc.nat()), (asked, random) => {
      const machine = newMachine();
      const words = Object.entries(asked).map(([key, value]) => (typeof value === 'boolean' ? `${value ? '' : 'no'}${key}` : `${key} ${key === 'remote' ? formatIpv4(value) : value}`));
      const shuffled = words.map((text) => ({ text, at: random.next().value })).sort((x, y) => x.at - y.at).map(({ text }) => text);
      expect(run(machine, `ip link add vx type vxlan ${shuffled.join(' ')}`)).toMatchObject({ exit: 0, stderr: '' });
      const { id, ...rest } = asked;
      expect(listLinks(machine.root).at(-1)!.vxlan).toMatchObject({ vni: id, ...rest });
    }), { numRuns: 30 });
  });
});

describe('bridge fdb of a VXLAN device', () => {
  test('lists where the frames go, newest entry first', () => {
    const machine = newMachine();
    const result = run(machine, `ip link add vxlan100 address 02:00:00:00:00:64 type vxlan id 100 dstport 4789 remote 172.16.0.9 dev e0
ip link add br0 type bridge; ip link set vxlan100 master br0
bridge fdb append 00:00:00:00:00:00 dev vxlan100 dst 172.16.0.2
bridge fdb append 00:00:00:00:00:00 dev vxlan100 dst 172.16.0.4 port 4790 vni 77 via e0
bridge fdb add 02:00:00:00:01:03 dev vxlan100 dst 172.16.0.4 dynamic
bridge fdb add 02:00:00:00:01:04 dev vxlan100 dst 172.16.0.4 static
bridge fdb add 02:00:00:00:01:05 dev vxlan100 dst 172.16.0.4 extern_learn
bridge fdb add 02:00:00:00:01:06 dev vxlan100 dst 172.16.0.4 router
bridge fdb show dev vxlan100`);
    expect(result.stderr).toBe('');
    expect(result.stdout).toBe(`02:00:00:00:00:64 master br0 permanent
02:00:00:00:01:06 dst 172.16.0.4 self router permanent
02:00:00:00:01:05 dst 172.16.0.4 self extern_learn permanent
02:00:00:00:01:04 dst 172.16.0.4 self static
02:00:00:00:01:03 dst 172.16.0.4 self 
00:00:00:00:00:00 dst 172.16.0.9 via e0 self permanent
00:00:00:00:00:00 dst 172.16.0.2 self permanent
00:00:00:00:00:00 dst 172.16.0.4 port 4790 vni 77 via e0 self permanent
`);
    expect(run(machine, 'bridge -s fdb get 02:00:00:00:01:03 dev vxlan100 self').stdout).toBe('02:00:00:00:01:03 dev vxlan100 dst 172.16.0.4 used 0/0 self \n');
    expect(run(machine, 'bridge -j fdb get 00:00:00:00:00:00 dev vxlan100 self').stdout)
      .toBe('[{"mac":"00:00:00:00:00:00","ifname":"vxlan100","dst":"172.16.0.9","viaIf":"e0","flags":["self"],"state":"permanent"}]\n');
  });

  test('a state filter looks at bits: an entry by hand is NOARP too, one of the device itself REACHABLE', () => {
    const machine = newMachine();
    run(machine, 'ip link add vx type vxlan id 100 dstport 4789 remote 172.16.0.9 dev e0; bridge fdb add 02:00:00:00:01:01 dev vx dst 172.16.0.2');
    const own = '00:00:00:00:00:00 dst 172.16.0.9 via e0 self permanent\n';
    const byHand = '02:00:00:00:01:01 dst 172.16.0.2 self permanent\n';
    expect(run(machine, 'bridge fdb show dev vx state static').stdout).toBe(byHand);
    expect(run(machine, 'bridge fdb show dev vx state reachable').stdout).toBe(own);
    expect(run(machine, 'bridge fdb show dev vx dynamic').stdout).toBe('');
  });

  test.each([
    ['dst foo', 'Error: any valid address is expected rather than "foo".\n', 1],
    ['dst 172.16.0.2 port foo', 'Error: argument "foo" is wrong: invalid port\n\n', 255],
    ['dst 172.16.0.2 vni 16777216', 'Error: argument "16777216" is wrong: invalid VNI\n\n', 255],
    ['dst 172.16.0.2 via nodev', 'Cannot find device "nodev"\n', 255],
    ['dst 172.16.0.2 dst 172.16.0.3', 'Error: either "dst" is duplicate, or "172.16.0.3" is a garbage.\n', 255],
    ['nhid 5 dst 172.16.0.2', 'dst, port, vni are mutually exclusive with nhid\n', 255],
    ['nhid 5', 'Error: Nexthop id does not exist.\n', 255],
    ['dst 2001:db8::1', 'RTNETLINK answers: Address family not supported by protocol\n', 255],
    ['', 'RTNETLINK answers: Invalid argument\n', 255],
  ])('add ... %s is refused', (words, message, code) => {
    const refused = run(newMachine(), `ip link add vx type vxlan id 100 dstport 4789\nbridge fdb add 02:00:00:00:01:01 dev vx ${words}`);
    expect([refused.stderr, refused.exit]).toEqual([message, code]);
  });
});
