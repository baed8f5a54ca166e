import { describe, expect, test } from 'vitest';
import { attachInet } from '../../kernel/inet.ts';
import { World, type Machine } from '../../kernel/machine.ts';
import { testNetwork } from '../lib/test-network.ts';
import { startShell, type ShellRun } from '../../shell/run.ts';
import { SECOND } from '../../sim/time.ts';
import { dumpTables } from './dump.ts';

function newMachine(): Machine {
  return new World({ seed: 1, record: 'nothing', protocols: [attachInet] }).addMachine('node1', { ipv6: false, brNetfilter: false });
}

/** Runs a script to its end. */
function run(machine: Machine, script: string): ShellRun {
  const started = startShell(machine, script);
  for (let steps = 0; started.exit === null && machine.world.queue.step(); steps++) if (steps > 100_000) throw new Error('endless');
  if (started.defect) throw started.defect;
  return started;
}

const BRIDGE = `ip link add br0 type bridge; ip link set br0 up
for n in 1 2; do
  ip link add v$n address 02:00:00:00:00:0$n type veth peer name p$n; ip link set v$n master br0; ip link set v$n up; ip link set p$n up
done`;

describe('the tables of a record', () => {
  test('are the text of the commands', () => {
    const machine = newMachine();
    run(machine, `ip link set lo up; ip netns add ns1; ${BRIDGE}; ip addr add 10.0.0.1/24 dev br0; ip neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev br0
      ip neigh add proxy 10.0.0.8 dev br0; ip rule add from 10.1.0.0/16 table 7; ip link set p2 netns ns1`);
    const commands = {
      link: 'ip -j -d link show', addr: 'ip -j addr show', route: 'ip -j route show table all', rule: 'ip -j rule show',
      neigh: 'ip -j neigh show nud all', proxy: 'ip -j neigh show proxy', fdb: 'bridge -j fdb show',
    };
    for (const [ns, prefix] of [[machine.root, ''], [machine.namespaces.get('ns1')!, 'ip netns exec ns1 ']] as const) {
      const tables = dumpTables(ns);
      for (const [name, command] of Object.entries(commands)) {
        expect(tables[name as keyof typeof tables], command).toBe(run(machine, prefix + command).stdout);
        expect(() => { JSON.parse(tables[name as keyof typeof tables]); }).not.toThrow();
      }
    }
    expect(JSON.parse(dumpTables(machine.root).proxy)).toEqual([{ dst: '10.0.0.8', dev: 'br0', proxy: null }]);
  });
});

describe('ip -s neigh', () => {
  test('tells who holds an entry, when it was used, confirmed and updated, and how many probes went out', () => {
    const machine = newMachine();
    run(machine, 'ip link set lo up; ip link add va type veth peer name vb; ip link set va up; ip link set vb up; ip addr add 10.0.0.1/24 dev va');
    run(machine, 'ip neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev va; sleep 2.5; ping -c 1 -W 0.5 10.0.0.8');
    expect(run(machine, 'ip -s neigh show 10.0.0.9').stdout).toBe('10.0.0.9 dev va lladdr 02:00:00:00:00:09  used 3/3/3probes 0 PERMANENT \n');
    expect(run(machine, 'ip -s neigh show 10.0.0.8').stdout).toBe('10.0.0.8 dev va  ref 1 used 0/60/0probes 4 INCOMPLETE \n');
    expect(JSON.parse(run(machine, 'ip -j -s neigh show 10.0.0.8').stdout))
      .toEqual([{ dst: '10.0.0.8', dev: 'va', refcnt: 1, used: 0, confirmed: 60, updated: 0, probes: 4, state: ['INCOMPLETE'] }]);
    run(machine, 'sleep 4');
    expect(run(machine, 'ip -s neigh show 10.0.0.8').stdout).toBe('10.0.0.8 dev va  used 4/64/1probes 6 FAILED \n');
  });
});

describe('ip route', () => {
  test('get tells the TOS of a route that is for one, and show of a next hop that is passed over', () => {
    const machine = newMachine();
    run(machine, `ip link set lo up; ip link add va type veth peer name vb; ip link set va up; ip link set vb up; ip addr add 10.0.0.1/24 dev va
      ip route add 10.9.0.0/16 via 10.0.0.2 tos 0x10; ip route add 10.9.0.0/16 via 10.0.0.3`);
    expect(run(machine, 'ip route get 10.9.0.1 tos 0x10').stdout).toBe('10.9.0.1 tos 0x10 via 10.0.0.2 dev va src 10.0.0.1 uid 0 \n    cache \n');
    expect(run(machine, 'ip route get 10.9.0.1').stdout).toBe('10.9.0.1 via 10.0.0.3 dev va src 10.0.0.1 uid 0 \n    cache \n');
    run(machine, 'ip link set vb down; sleep 2; sysctl -qw net.ipv4.conf.va.ignore_routes_with_linkdown=1');
    expect(run(machine, 'ip route show 10.0.0.0/24').stdout).toBe('10.0.0.0/24 dev va proto kernel scope link src 10.0.0.1 dead linkdown \n');
  });

  test('show cache lists what ICMP taught, as get tells it', () => {
    const net = testNetwork();
    const expires = (text: string): string => text.replace(/expires \d+sec/g, 'expires N');
    net.run('r', 'ip link set eth1 mtu 1000');
    net.run('a', 'ping -c 2 -i 0.2 -W 0.2 -s 1200 -M do 10.0.2.1');
    expect(expires(net.run('a', 'ip route show cache').stdout)).toBe('10.0.2.1 via 10.0.1.254 dev eth0 \n    cache expires N mtu 1000 \n');
    expect(expires(net.run('a', 'ip route show cache dev lo').stdout)).toBe('');
    expect(expires(net.run('a', 'ip route get 10.0.2.1').stdout)).toBe('10.0.2.1 via 10.0.1.254 dev eth0 src 10.0.1.1 uid 0 \n    cache expires N mtu 1000 \n');
    expect(JSON.parse(net.run('a', 'ip -j route show cache').stdout)).toMatchObject([{ dst: '10.0.2.1', gateway: '10.0.1.254', dev: 'eth0', metrics: [{ mtu: 1000 }] }]);
    expect(net.run('a', 'ip route flush cache; ip route show cache').stdout).toBe('');
  });
});

describe('VLANs, which the kernel of the test machines has not', () => {
  test('bridge vlan show', () => {
    const machine = newMachine();
    run(machine, `${BRIDGE}; ip link set br0 type bridge vlan_filtering 1
      bridge vlan add dev v1 vid 10-12; bridge vlan add dev v1 vid 20 pvid untagged; bridge vlan add dev br0 vid 10 self; bridge vlan del dev v2 vid 1`);
    expect(run(machine, 'bridge vlan show').stdout).toBe(`port              vlan-id  
br0               1 PVID Egress Untagged
                  10
v1                1 Egress Untagged
                  10
                  11
                  12
                  20 PVID Egress Untagged
`);
    expect(run(machine, 'bridge -compressvlans vlan show dev v1').stdout).toBe(`port              vlan-id  
v1                1 Egress Untagged
                  10-12
                  20 PVID Egress Untagged
`);
    expect(run(machine, 'bridge -j vlan show dev br0').stdout).toBe('[{"ifname":"br0","vlans":[{"vlan":1,"flags":["PVID","Egress Untagged"]},{"vlan":10}]}]\n');
  });

  test('a VLAN device', () => {
    const machine = newMachine();
    run(machine, 'ip link add e0 type veth peer name e1; ip link add link e0 name e0.5 type vlan id 5');
    const text = run(machine, 'ip -d link show e0.5').stdout;
    expect(text).toMatch(/^\d+: e0\.5@e0: <BROADCAST,MULTICAST,M-DOWN> mtu 1500 qdisc noop state DOWN mode DEFAULT group default qlen 1000\n/);
    expect(text).toContain('\n    vlan protocol 802.1Q id 5 <REORDER_HDR> addrgenmode eui64 ');
    expect(JSON.parse(run(machine, 'ip -j -d link show e0.5').stdout)).toMatchObject([{ link: 'e0', linkinfo: { info_kind: 'vlan', info_data: { protocol: '802.1Q', id: 5, flags: ['REORDER_HDR'] } } }]);
    expect(run(machine, 'ip link add link e0 name e0.6 type vlan').stderr).toBe('Error: VLAN properties not specified.\n');
    expect(run(machine, 'ip link add name e0.6 type vlan id 6').stderr).toBe('Error: link not specified.\n');
  });
});

describe('ip monitor', () => {
  test('tells of what happens, labelled and with its time', () => {
    const machine = newMachine();
    run(machine, 'ip link set lo up; ip link add va type veth peer name vb; ip link set va up; ip link set vb up; ip addr add 10.0.0.1/24 dev va');
    const monitor = startShell(machine, 'ip -ts monitor neigh route label');
    machine.world.queue.runUntil(SECOND);
    run(machine, 'ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev va; ip neigh del 10.0.0.2 dev va; ip route add 10.9.0.0/16 via 10.0.0.9; ip addr add 10.0.0.3/24 dev va');
    machine.world.queue.runUntil(2 * SECOND);
    monitor.kill('SIGTERM');
    machine.world.queue.runUntil(3 * SECOND);
    const lines = monitor.stdout.split('\n').slice(0, -1).map((line) => line.replace(/^\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\] /, ''));
    expect(lines).toEqual([
      '[NEIGH]10.0.0.2 dev va lladdr 02:00:00:00:00:02 PERMANENT ',
      '[NEIGH]10.0.0.2 dev va FAILED ',
      '[NEIGH]Deleted 10.0.0.2 dev va FAILED ',
      '[ROUTE]10.9.0.0/16 via 10.0.0.9 dev va ',
      '[ROUTE]local 10.0.0.3 dev va table local proto kernel scope host src 10.0.0.1 ',
    ]);
    expect(monitor.exit).toBe(143);
  });

  test('one device only, and the devices themselves', () => {
    const machine = newMachine();
    run(machine, 'ip link add va type veth peer name vb; ip link add vc type veth peer name vd');
    const monitor = startShell(machine, 'ip monitor link dev vc');
    const bridge = startShell(machine, 'bridge monitor fdb');
    machine.world.queue.runUntil(SECOND);
    run(machine, 'ip link set va mtu 1400; ip link set vc mtu 1300; ip link add br0 type bridge; ip link set va master br0; bridge fdb add 02:00:00:00:00:77 dev va master static');
    machine.world.queue.runUntil(2 * SECOND);
    for (const one of [monitor, bridge]) one.kill('SIGKILL');
    machine.world.queue.runUntil(3 * SECOND);
    expect(monitor.stdout).toMatch(/^5: vc@vd: <BROADCAST,MULTICAST,M-DOWN> mtu 1300 qdisc noop state DOWN group default \n {4}link\/ether [0-9a-f:]{17} brd ff:ff:ff:ff:ff:ff\n$/);
    expect(bridge.stdout).toMatch(/02:00:00:00:00:77 dev va master br0 static\n$/);
  });

  test('settings that the kernel announces, not those that follow default; nor entries that it makes for itself', () => {
    const machine = newMachine();
    run(machine, 'ip link add va type veth peer name vb; ip link set lo up; ip link set va up; ip link set vb up; ip addr add 10.0.0.1/24 dev va');
    const monitor = startShell(machine, 'ip monitor neigh netconf');
    machine.world.queue.runUntil(SECOND);
    run(machine, 'sysctl -qw net.ipv4.conf.va.rp_filter=1 net.ipv4.conf.va.rp_filter=1 net.ipv4.conf.default.rp_filter=2 net.ipv4.conf.va.arp_ignore=1; ping -c 1 -W 0.5 127.0.0.1');
    machine.world.queue.runUntil(3 * SECOND);
    monitor.kill('SIGTERM');
    machine.world.queue.runUntil(4 * SECOND);
    expect(monitor.stdout).toBe('inet va rp_filter strict \ninet default rp_filter loose \n');
  });

  test('names of namespaces', () => {
    const machine = newMachine();
    const monitor = startShell(machine, 'ip netns monitor');
    machine.world.queue.runUntil(SECOND);
    run(machine, 'ip netns add one; ip netns add two; ip netns del one');
    machine.world.queue.runUntil(2 * SECOND);
    monitor.kill('SIGKILL');
    machine.world.queue.runUntil(3 * SECOND);
    expect(monitor.stdout).toBe('add one\nadd two\ndelete one\n');
  });
});

describe('what is not simulated stops and says so', () => {
  test.each([
    ['ip link add v0 type vxlan external dstport 0', 'ip link add ... type vxlan ... external'], ['ip tuntap show', 'ip tuntap'], ['ip route add 1.1.1.1 dev lo realms 4', 'ip route ... realms'],
    ['bridge mdb', 'bridge mdb'],
  ])('%s', (line, what) => {
    const result = run(newMachine(), `ip link set lo up\n${line}\necho on`);
    expect(result.stderr).toBe(`hopscope: line 2: ${what} is not simulated\n`);
    expect(result.stdout).toBe('');
    expect(result.exit).not.toBe(0);
  });
});
