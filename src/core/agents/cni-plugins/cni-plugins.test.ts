import { describe, expect, it } from 'vitest';
import { LAB_PROGRAMS } from '../../lab/programs.ts';
import type { Machine } from '../../kernel/machine.ts';
import { newMachine, runScript } from '../../shell/testing/run-script.ts';

interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: number | null;
}

function run(machine: Machine, script: string): Ran {
  const { stdout, stderr, exit } = runScript(script, { programs: LAB_PROGRAMS }, machine);
  return { stdout, stderr, exit };
}

function newNode(): Machine {
  const machine = newMachine();
  run(machine, 'ip link set lo up; for n in p1 p2 p3; do ip netns add $n; done');
  return machine;
}

/** A plugin called by hand. */
function call(machine: Machine, plugin: string, command: string, config: object | string, options: { pod?: string; id?: string; ifName?: string; args?: string } = {}): Ran {
  const { pod = 'p1', ifName = 'eth0', args = '' } = options;
  const id = options.id ?? pod;
  const text = typeof config === 'string' ? config : JSON.stringify(config);
  return run(machine, `printf %s '${text}' | CNI_COMMAND=${command} CNI_CONTAINERID=${id} CNI_NETNS=/var/run/netns/${pod} CNI_IFNAME=${ifName} CNI_ARGS='${args}' CNI_PATH=/opt/cni/bin /opt/cni/bin/${plugin}`);
}

function error(ran: Ran): { code: number; msg: string; details?: string } {
  expect(ran.exit).toBe(1);
  return JSON.parse(ran.stdout) as { code: number; msg: string };
}

const BRIDGE = { cniVersion: '1.0.0', name: 'mynet', type: 'bridge', isDefaultGateway: true, ipMasq: true, hairpinMode: true, ipam: { type: 'host-local', subnet: '10.22.1.0/24' } };
const CONFLIST = JSON.stringify({ cniVersion: '1.0.0', name: 'mynet', plugins: [{ ...BRIDGE, cniVersion: undefined, name: undefined }, { type: 'portmap', capabilities: { portMappings: true } }] });
const PORTS = JSON.stringify({ portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }, { hostPort: 53, containerPort: 53, protocol: 'udp' }] });

function ipam(range: object, more: object = {}): object {
  return { cniVersion: '0.4.0', name: 'n', type: 'bridge', ipam: { type: 'host-local', ...range }, ...more };
}

describe('the invocation of a plugin', () => {
  const machine = newNode();

  it('needs its environment', () => {
    expect(error(run(machine, "echo '{}' | CNI_COMMAND=ADD CNI_PATH=/opt/cni/bin /opt/cni/bin/bridge"))).toEqual({ code: 4, msg: 'required env variables [CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME] missing' });
    expect(error(run(machine, "echo '{}' | CNI_COMMAND=DEL CNI_IFNAME=eth0 CNI_PATH=/opt/cni/bin /opt/cni/bin/bridge")).msg).toBe('required env variables [CNI_CONTAINERID] missing');
  });

  it('says what it is without a command', () => {
    const { stdout, stderr, exit } = run(machine, '/opt/cni/bin/host-local');
    expect([stdout, exit]).toEqual(['', 0]);
    expect(stderr).toMatch(/^CNI host-local plugin v[\d.]+\nCNI protocol versions supported: 0\.1\.0, .*1\.1\.0\n$/);
  });

  it('tells its versions', () => {
    expect(run(machine, 'CNI_COMMAND=VERSION /opt/cni/bin/portmap').stdout).toBe('{"cniVersion":"1.1.0","supportedVersions":["0.1.0","0.2.0","0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]}\n');
  });

  it.each([
    ['{"a":', { code: 6, msg: 'error unmarshall network config: unexpected end of JSON input' }],
    [{ cniVersion: '1.0.0' }, { code: 7, msg: 'missing network name' }],
    [{ cniVersion: '1.0.0', name: '-x' }, { code: 7, msg: 'invalid characters found in network name', details: '-x' }],
    [{ cniVersion: '9.9.9', name: 'x' }, { code: 1, msg: 'incompatible CNI versions', details: 'config is "9.9.9", plugin supports ["0.1.0" "0.2.0" "0.3.0" "0.3.1" "0.4.0" "1.0.0" "1.1.0"]' }],
    [[1], { code: 6, msg: 'error unmarshall network config: json: cannot unmarshal array into Go value of type types.PluginConf' }],
    [{ ...BRIDGE, mtu: '1450' }, { code: 999, msg: 'failed to load netconf: json: cannot unmarshal string into Go struct field NetConf.mtu of type int' }],
  ])('refuses %j', (config, answer) => expect(error(call(machine, 'bridge', 'ADD', config))).toEqual(answer));

  it('refuses bad names', () => {
    expect(error(call(machine, 'bridge', 'ADD', BRIDGE, { id: '%x' }))).toEqual({ code: 4, msg: 'invalid characters in containerID', details: '%x' });
    expect(error(call(machine, 'bridge', 'ADD', BRIDGE, { ifName: 'a123456789012345' })).msg).toBe('interface name is too long');
    expect(error(call(machine, 'bridge', 'FOO', BRIDGE))).toEqual({ code: 4, msg: 'unknown CNI_COMMAND: FOO' });
    // They are looked at as they are read: before it is known what is missing, and before the configuration.
    expect(error(run(machine, 'echo "{" | CNI_COMMAND=ADD CNI_CONTAINERID=%x /opt/cni/bin/bridge')).msg).toBe('invalid characters in containerID');
    expect(error(run(machine, `echo '{"name":"n"}' | CNI_COMMAND=FOO CNI_CONTAINERID=%x /opt/cni/bin/bridge`)).msg).toBe('unknown CNI_COMMAND: FOO');
  });

  it('does not join the namespace that it runs in, unless it is told that this may be', () => {
    const own = (env: string): Ran => run(machine, `echo '{"cniVersion":"1.0.0","name":"lo","type":"loopback"}' | ${env} CNI_COMMAND=ADD CNI_CONTAINERID=c CNI_NETNS=/proc/self/ns/net CNI_IFNAME=lo CNI_PATH=/opt/cni/bin /opt/cni/bin/loopback`);
    expect(error(own(''))).toEqual({ code: 8, msg: "plugin's netns and netns from CNI_NETNS should not be the same" });
    expect(own('CNI_NETNS_OVERRIDE=true').exit).toBe(0);
  });

  it.each(['bridge', 'host-local', 'loopback', 'portmap', 'flannel'])('%s answers GC and STATUS with success and no word, from version 1.1.0 on', (plugin) => {
    const config = { ...BRIDGE, cniVersion: '1.1.0', 'cni.dev/valid-attachments': [] };
    const plain = (command: string, given: object, env = 'CNI_PATH=/opt/cni/bin'): Ran => run(machine, `echo '${JSON.stringify(given)}' | CNI_COMMAND=${command} ${env} /opt/cni/bin/${plugin}`);
    for (const command of ['GC', 'STATUS']) {
      expect(plain(command, config)).toEqual({ stdout: '', stderr: '', exit: 0 });
      expect(error(plain(command, { ...config, cniVersion: '1.0.0' }))).toEqual({ code: 1, msg: `config version does not allow ${command}` });
      expect(error(plain(command, { ...config, cniVersion: '1.2.0' }))).toEqual({ code: 1, msg: `plugin version does not allow ${command}` });
      expect(error(plain(command, config, '')).msg).toBe('required env variables [CNI_PATH] missing');
    }
  });

  it('asks the IPAM plugin for the STATUS of bridge', () => {
    const config = { ...BRIDGE, cniVersion: '1.1.0' };
    expect(error(call(machine, 'bridge', 'STATUS', { ...config, ipam: { type: 'nope' } })).msg).toBe('failed to find plugin "nope" in path [/opt/cni/bin]');
    expect(error(call(machine, 'bridge', 'STATUS', { ...config, ipam: 1 })).msg).toBe('failed to load netconf: json: cannot unmarshal number into Go struct field NetConf.ipam of type struct');
    expect(call(machine, 'bridge', 'STATUS', { ...config, ipam: {}, vlan: 7 }).exit).toBe(0);
    expect(error(call(machine, 'bridge', 'CHECK', { ...BRIDGE, cniVersion: '0.3.1' })).msg).toBe('config version does not allow CHECK');
  });

  it.each([['vlan', 7], ['vlanTrunk', [{ id: 3 }]], ['macspoofchk', true], ['enabledad', true], ['disableContainerInterface', true]])('names %s, which is not simulated', (key, value) => {
    expect(call(newNode(), 'bridge', 'ADD', { ...BRIDGE, [key]: value }).stderr).toContain(`${key} of the CNI plugin bridge is not simulated`);
  });

  it('is not on PATH, and lies where it is installed', () => {
    expect(run(machine, 'ls /opt/cni/bin; type cnitool; host-local').stdout).toBe('bridge\nflannel\nhost-local\nloopback\nportmap\ncnitool is /usr/bin/cnitool\n');
  });
});

describe('bridge', () => {
  it('joins a pod, and prints the result of 0.3.1', () => {
    const machine = newNode();
    const { stdout } = call(machine, 'bridge', 'ADD', { ...BRIDGE, cniVersion: '0.3.1' });
    const host = /"(veth[0-9a-f]{8})"/.exec(stdout)![1]!;
    const mac = run(machine, 'cat /sys/class/net/cni0/address').stdout.trim();
    expect(stdout).toBe(`{
    "cniVersion": "0.3.1",
    "interfaces": [
        {
            "name": "cni0",
            "mac": "${mac}"
        },
        {
            "name": "${host}",
            "mac": "02:01:00:01:00:01"
        },
        {
            "name": "eth0",
            "mac": "02:01:00:01:00:02",
            "sandbox": "/var/run/netns/p1"
        }
    ],
    "ips": [
        {
            "version": "4",
            "interface": 2,
            "address": "10.22.1.2/24",
            "gateway": "10.22.1.1"
        }
    ],
    "routes": [
        {
            "dst": "0.0.0.0/0",
            "gw": "10.22.1.1"
        }
    ],
    "dns": {}
}`);
    expect(run(machine, `ip -n p1 route; cat /sys/class/net/${host}/brport/hairpin_mode /sys/class/net/${host}/master/address; sysctl -n net.ipv4.ip_forward; ip netns exec p1 sysctl -n net.ipv4.conf.eth0.arp_notify`).stdout)
      .toBe(`default via 10.22.1.1 dev eth0 \n10.22.1.0/24 dev eth0 proto kernel scope link src 10.22.1.2 \n1\n${mac}\n1\n1\n`);
  });

  it('keeps its MAC when ports come and go', () => {
    const machine = newNode();
    const mac = (): string => run(machine, 'cat /sys/class/net/cni0/address').stdout;
    call(machine, 'bridge', 'ADD', BRIDGE);
    const first = mac();
    call(machine, 'bridge', 'ADD', BRIDGE, { pod: 'p2' });
    call(machine, 'bridge', 'DEL', BRIDGE);
    expect(mac()).toBe(first);
  });

  it('lets two pods talk, and takes everything away again', () => {
    const machine = newNode();
    for (const pod of ['p1', 'p2']) expect(call(machine, 'bridge', 'ADD', BRIDGE, { pod }).exit).toBe(0);
    expect(run(machine, 'ip netns exec p1 ping -c 1 -W 1 10.22.1.3; ip netns exec p2 ping -c 1 -W 1 10.22.1.1').exit).toBe(0);
    for (const pod of ['p1', 'p2', 'p2']) expect(call(machine, 'bridge', 'DEL', BRIDGE, { pod })).toEqual({ stdout: '', stderr: '', exit: 0 });
    expect(run(machine, 'ip -o link | grep -c veth; ip -n p1 -o link | wc -l; iptables -t nat -S; ls /var/lib/cni/networks/mynet').stdout)
      .toBe('0\n1\n-P PREROUTING ACCEPT\n-P INPUT ACCEPT\n-P OUTPUT ACCEPT\n-P POSTROUTING ACCEPT\nlast_reserved_ip.0\nlock\n');
    run(machine, 'ip netns del p2');
    expect(call(machine, 'bridge', 'DEL', BRIDGE, { pod: 'p2' }).exit).toBe(0);
  });

  it('does not mind a route to the same destination: its own comes before', () => {
    const machine = newNode();
    run(machine, 'ip -n p1 link add d0 type veth peer name d1; ip -n p1 link set d0 up; ip -n p1 link set d1 up; ip -n p1 route add default dev d0');
    expect(call(machine, 'bridge', 'ADD', BRIDGE).exit).toBe(0);
    expect(run(machine, 'ip -n p1 route show default').stdout).toBe('default via 10.22.1.1 dev eth0 \ndefault dev d0 scope link \n');
  });

  it('masquerades by rules of its own', () => {
    const machine = newNode();
    call(machine, 'bridge', 'ADD', { ...BRIDGE, name: 'cbr0' }, { id: 'dummy-container-id' });
    const comment = '-m comment --comment "name: \\"cbr0\\" id: \\"dummy-container-id\\""';
    expect(run(machine, 'iptables -t nat -S | grep CNI').stdout).toBe(`-N CNI-56caefbce4e6ded26963e0b1
-A POSTROUTING -s 10.22.1.2/32 ${comment} -j CNI-56caefbce4e6ded26963e0b1
-A CNI-56caefbce4e6ded26963e0b1 -d 10.22.1.0/24 ${comment} -j ACCEPT
-A CNI-56caefbce4e6ded26963e0b1 ! -d 224.0.0.0/4 ${comment} -j MASQUERADE
`);
  });

  it('refuses what cannot be', () => {
    const machine = newNode();
    expect(error(call(machine, 'bridge', 'ADD', BRIDGE, { pod: 'nope' })).msg).toBe('failed to open netns "/var/run/netns/nope": failed to Statfs "/var/run/netns/nope": no such file or directory');
    expect(error(call(machine, 'bridge', 'ADD', { ...BRIDGE, promiscMode: true })).msg).toBe('cannot set hairpin mode and promiscuous mode at the same time');
    expect(error(call(machine, 'bridge', 'ADD', { ...BRIDGE, ipam: { type: 'nope' } })).msg).toBe('failed to find plugin "nope" in path [/opt/cni/bin]');
    // An unpinned bridge without ports has no MAC that could be set (EADDRNOTAVAIL).
    run(machine, 'ip -n p1 link del eth0; ip link del cni0; ip link add v0 type veth peer name v1');
    expect(error(call(machine, 'bridge', 'ADD', { ...BRIDGE, bridge: 'v0' })).msg).toBe('failed to create bridge "v0": "v0" already exists but is not a bridge');
    expect(call(machine, 'bridge', 'ADD', BRIDGE).exit).toBe(0);
    expect(error(call(machine, 'bridge', 'ADD', BRIDGE)).msg).toMatch(/^container veth name \("eth0"\) peer provided \("veth[0-9a-f]{8}"\) already exists$/);
    const other = { ...BRIDGE, name: 'other', ipam: { type: 'host-local', subnet: '10.23.0.0/24' } };
    expect(error(call(machine, 'bridge', 'ADD', other, { pod: 'p2' })).msg).toBe('failed to set bridge addr: "cni0" already has an IP address different from 10.23.0.1/24');
    expect(run(machine, 'ls /var/lib/cni/networks/other').stdout).toBe('last_reserved_ip.0\nlock\n');
    expect(call(machine, 'bridge', 'ADD', { ...other, forceAddress: true }, { pod: 'p3' }).exit).toBe(0);
    expect(run(machine, 'ip -4 -o addr show dev cni0 | tr -s " " | cut -d" " -f4').stdout).toBe('10.23.0.1/24\n');
  });
});

describe('host-local', () => {
  const get = (machine: Machine, config: object, id: string, args = ''): string => {
    const ran = call(machine, 'host-local', 'ADD', config, { id, args });
    return ran.exit === 0 ? (JSON.parse(ran.stdout) as { ips: { address: string }[] }).ips.map(({ address }) => address).join() : error(ran).msg;
  };

  it('goes around, without the gateway, and says when there is nothing left', () => {
    const machine = newNode();
    const config = ipam({ subnet: '10.7.0.0/29' });
    expect(['a', 'b', 'c', 'd', 'e'].map((id) => get(machine, config, id))).toEqual(['10.7.0.2/29', '10.7.0.3/29', '10.7.0.4/29', '10.7.0.5/29', '10.7.0.6/29']);
    expect(get(machine, config, 'f')).toBe('failed to allocate for range 0: no IP addresses available in range set: 10.7.0.1-10.7.0.6');
    call(machine, 'host-local', 'DEL', config, { id: 'b' });
    call(machine, 'host-local', 'DEL', config, { id: 'd' });
    expect(['g', 'h'].map((id) => get(machine, config, id))).toEqual(['10.7.0.3/29', '10.7.0.5/29']);
    expect(get(machine, config, 'h')).toBe('failed to allocate for range 0: 10.7.0.5 has been allocated to h, duplicate allocation is not allowed');
    expect(run(machine, 'cat -A /var/lib/cni/networks/n/10.7.0.5; echo; stat -c %a /var/lib/cni/networks/n/10.7.0.5; cat /var/lib/cni/networks/n/last_reserved_ip.0').stdout).toBe('h^M$\neth0\n600\n10.7.0.5');
  });

  it('does not use an address again at once', () => {
    const machine = newNode();
    const config = ipam({ subnet: '10.7.0.0/24' });
    get(machine, config, 'a');
    call(machine, 'host-local', 'DEL', config, { id: 'a' });
    expect(get(machine, config, 'b')).toBe('10.7.0.3/24');
  });

  it('does not ask whether the gateway is in the subnet', () => {
    const machine = newNode();
    const config = ipam({ subnet: '10.7.0.0/24', gateway: '10.8.0.1' });
    expect(get(machine, config, 'a')).toBe('10.7.0.1/24');
    expect(get(machine, config, 'b', 'IP=10.7.0')).toBe('ARGS: error parsing value of pair "IP=10.7.0": invalid IP address: 10.7.0');
    // The bridge plugin takes the gateway for what it says, and the kernel knows no way to it.
    expect(error(call(machine, 'bridge', 'ADD', { ...BRIDGE, ipam: { type: 'host-local', subnet: '10.7.0.0/24', gateway: '10.8.0.1' } })).msg).toBe(`failed to add route '0.0.0.0/0 via 10.8.0.1 dev eth0': network is unreachable`);
  });

  it('gives one address of each set, and those asked for', () => {
    const machine = newNode();
    const config = ipam({ ranges: [[{ subnet: '10.7.0.0/30' }, { subnet: '10.8.0.0/24', rangeStart: '10.8.0.10', rangeEnd: '10.8.0.11' }], [{ subnet: '10.9.0.0/24', gateway: '10.9.0.254' }]] });
    expect(['a', 'b', 'c'].map((id) => get(machine, config, id))).toEqual(['10.7.0.2/30,10.9.0.1/24', '10.8.0.10/24,10.9.0.2/24', '10.8.0.11/24,10.9.0.3/24']);
    expect(get(machine, config, 'd')).toContain('no IP addresses available in range set: 10.7.0.1-10.7.0.2,10.8.0.10-10.8.0.11');
    const asked = ipam({ subnet: '10.6.0.0/24' }, { name: 'asked' });
    expect(get(machine, asked, 'a', 'IP=10.6.0.77')).toBe('10.6.0.77/24');
    expect(get(machine, asked, 'b', 'IP=10.6.0.77')).toBe('failed to allocate for range 0: requested IP address 10.6.0.77 is not available in range set 10.6.0.1-10.6.0.254');
    expect(get(machine, asked, 'b', 'IP=10.6.0.1')).toBe("failed to allocate for range 0: requested ip 10.6.0.1 is subnet's gateway");
    expect(get(machine, asked, 'b', 'IP=10.66.0.1')).toBe('failed to allocate all requested IPs: 10.66.0.1');
    expect(get(machine, asked, 'b', 'K8S_POD_NAME=x')).toBe('ARGS: unknown args ["K8S_POD_NAME=x"]');
    expect(get(machine, asked, 'b', 'IgnoreUnknown=1;K8S_POD_NAME=x')).toBe('10.6.0.79/24');
  });

  it.each([
    [{}, 'no IP ranges specified'],
    [{ subnet: '10.7.0.0/31' }, 'invalid range set 0: Network 10.7.0.0/31 too small to allocate from'],
    [{ subnet: '10.7.0.5/24' }, 'invalid range set 0: Network has host bits set. For a subnet mask of length 24 the network address is 10.7.0.0'],
    [{ subnet: '10.7.0/24' }, 'invalid CIDR address: 10.7.0/24'],
    [{ subnet: '10.7.0.0/24', gateway: '10.8.0' }, 'invalid IP address: 10.8.0'],
    [{ subnet: '10.7.0.0/24', rangeStart: '10.8.0.1' }, 'invalid range set 0: RangeStart 10.8.0.1 not in network 10.7.0.0/24'],
    [{ subnet: '10.7.0.0/24', rangeEnd: '10.8.0.1' }, 'invalid range set 0: RangeEnd 10.8.0.1 not in network 10.7.0.0/24'],
    [{ subnet: '10.7.0.0/24', rangeStart: '10.7.0.9', rangeEnd: '10.7.0.8' }, 'invalid range set 0: RangeStart 10.7.0.9 not in network 10.7.0.0/24'],
    [{ ranges: [[{ subnet: '10.7.0.0/24' }, { subnet: '10.7.0.0/25' }]] }, 'invalid range set 0: subnets 10.7.0.1-10.7.0.254 and 10.7.0.1-10.7.0.126 overlap'],
    [{ ranges: [[{ subnet: '10.7.0.0/24' }], [{ subnet: '10.7.0.0/16' }]] }, 'range set 0 overlaps with 1'],
    [{ ranges: [[]] }, 'invalid range set 0: empty range set'],
  ])('refuses %j', (range, message) => expect(get(newNode(), ipam(range), 'a')).toBe(message));
});

describe('loopback', () => {
  it('sets lo up and down', () => {
    const machine = newNode();
    const config = { cniVersion: '1.0.0', name: 'lo', type: 'loopback' };
    expect(error(call(machine, 'loopback', 'CHECK', config)).msg).toBe('loopback interface is down');
    expect(JSON.parse(call(machine, 'loopback', 'ADD', config).stdout)).toEqual({ cniVersion: '1.0.0', interfaces: [{ mac: '00:00:00:00:00:00', name: 'lo', sandbox: '/var/run/netns/p1' }], ips: [{ address: '127.0.0.1/8', interface: 0 }] });
    expect(call(machine, 'loopback', 'CHECK', config).exit).toBe(0);
    expect(call(machine, 'loopback', 'DEL', config).exit).toBe(0);
    expect(run(machine, 'ip -n p1 -o link show up').stdout).toBe('');
    expect(call(machine, 'loopback', 'DEL', config, { pod: 'gone' }).exit).toBe(0);
  });
});

describe('cnitool and portmap', () => {
  function attached(): Machine {
    const machine = newNode();
    run(machine, `mkdir -p /etc/cni/net.d; echo '${CONFLIST}' > /etc/cni/net.d/10-mynet.conflist; ip addr add 192.168.1.11/24 dev lo`);
    return machine;
  }
  const tool = (machine: Machine, words: string, ports = PORTS): Ran => run(machine, `CNI_PATH=/opt/cni/bin CAP_ARGS='${ports}' cnitool ${words}`);

  it('leads host ports to the pod, from everywhere', () => {
    const machine = attached();
    expect(tool(machine, 'add mynet /var/run/netns/p1').exit).toBe(0);
    expect(tool(machine, 'add mynet /var/run/netns/p2', '').exit).toBe(0);
    run(machine, 'cd /tmp; echo hello > a; ip netns exec p1 python3 -m http.server 80 >/dev/null 2>&1 & sleep 1');
    for (const ns of ['p2', 'p1']) expect(run(machine, `ip netns exec ${ns} curl -s -m 2 192.168.1.11:8080/a`).stdout).toBe('hello\n');
    expect(run(machine, 'curl -s -m 2 192.168.1.11:8080/a; curl -s -m 2 127.0.0.1:8080/a').stdout).toBe('hello\nhello\n');
  });

  it('has exactly these rules', () => {
    const machine = attached();
    const config = { cniVersion: '1.0.0', name: 'cbr0', type: 'portmap', prevResult: { cniVersion: '1.0.0', ips: [{ address: '10.244.1.5/24' }] }, runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] } };
    expect(JSON.parse(call(machine, 'portmap', 'ADD', config, { id: 'dummy-container-id' }).stdout)).toEqual(config.prevResult);
    const rules = `-N CNI-DN-56caefbce4e6ded26963e
-N CNI-HOSTPORT-DNAT
-N CNI-HOSTPORT-MASQ
-N CNI-HOSTPORT-SETMARK
-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
-A OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
-A POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ
-A CNI-DN-56caefbce4e6ded26963e -s 10.244.1.0/24 -p tcp -m tcp --dport 8080 -j CNI-HOSTPORT-SETMARK
-A CNI-DN-56caefbce4e6ded26963e -s 127.0.0.1/32 -p tcp -m tcp --dport 8080 -j CNI-HOSTPORT-SETMARK
-A CNI-DN-56caefbce4e6ded26963e -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.244.1.5:80
-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \\"cbr0\\" id: \\"dummy-container-id\\"" -m multiport --dports 8080 -j CNI-DN-56caefbce4e6ded26963e
-A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE
-A CNI-HOSTPORT-SETMARK -m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark 0x2000/0x2000
`;
    const have = (): string => run(machine, 'iptables -t nat -S | grep CNI').stdout;
    expect(have()).toBe(rules);
    call(machine, 'portmap', 'ADD', config, { id: 'dummy-container-id' });
    expect(have()).toBe(rules);
    expect(call(machine, 'portmap', 'CHECK', config, { id: 'dummy-container-id' }).exit).toBe(0);
    expect(call(machine, 'portmap', 'DEL', config, { id: 'dummy-container-id' }).exit).toBe(0);
    expect(have()).toBe(rules.split('\n').filter((line) => !line.includes('CNI-DN-')).join('\n'));
    expect(error(call(machine, 'portmap', 'CHECK', config, { id: 'dummy-container-id' })).msg).toBe('could not check ipv4 dnat: chain CNI-DN-56caefbce4e6ded26963e not found in iptables table nat');
  });

  it('runs a chain forth and back, and keeps its result in between', () => {
    const machine = attached();
    const added = tool(machine, 'add mynet /var/run/netns/p1');
    const path = '/var/lib/cni/results/mynet-cnitool-3813f9445af48799b274-eth0';
    const cached = JSON.parse(run(machine, `cat ${path}`).stdout) as Record<string, unknown>;
    expect(cached).toMatchObject({ kind: 'cniCacheV1', containerId: 'cnitool-3813f9445af48799b274', netns: '/var/run/netns/p1', result: JSON.parse(added.stdout) as object, capabilityArgs: JSON.parse(PORTS) as object });
    expect(tool(machine, 'check mynet /var/run/netns/p1')).toEqual({ stdout: '', stderr: '', exit: 0 });
    run(machine, 'ip -n p1 addr del 10.22.1.2/24 dev eth0');
    expect(tool(machine, 'check mynet /var/run/netns/p1').stderr).toBe('Failed to match addr 10.22.1.2/24 on interface eth0\n');
    for (let i = 0; i < 2; i++) expect(tool(machine, 'del mynet /var/run/netns/p1')).toEqual({ stdout: '', stderr: '', exit: 0 });
    expect(run(machine, 'ls /var/lib/cni/results; iptables -t nat -S | grep -c CNI-DN').stdout).toBe('0\n');
  });

  it('leaves its result where it is below version 0.4.0, whose DEL does not ask for it', () => {
    const machine = attached();
    run(machine, 'sed -i s/1.0.0/0.3.1/ /etc/cni/net.d/10-mynet.conflist');
    for (const command of ['add', 'del']) expect(tool(machine, `${command} mynet /var/run/netns/p1`, '').exit).toBe(0);
    expect(run(machine, 'ls /var/lib/cni/results; ip -n p1 -o link | wc -l').stdout).toBe('mynet-cnitool-3813f9445af48799b274-eth0\n1\n');
  });

  it('says what is wrong', () => {
    const machine = attached();
    expect(tool(machine, 'add').stderr).toContain('cnitool add    <net> <netns>');
    expect(tool(machine, 'add nope /var/run/netns/p1')).toMatchObject({ exit: 1, stderr: 'no net configuration with name "nope" in /etc/cni/net.d\n' });
    expect(run(machine, 'cnitool add mynet /var/run/netns/p1').stderr).toBe('plugin type="bridge" failed (add): no paths provided\n');
    expect(run(machine, 'CNI_PATH=/tmp cnitool add mynet /var/run/netns/p1').stderr).toBe('plugin type="bridge" failed (add): failed to find plugin "bridge" in path [/tmp]\n');
    expect(tool(machine, 'add mynet /var/run/netns/p1', '{"portMappings":[{"hostPort":0,"containerPort":80}]}').stderr).toBe('plugin type="portmap" failed (add): failed to parse config: Invalid host port number: 0\n');
    const config = { cniVersion: '1.0.0', name: 'n', type: 'portmap', runtimeConfig: { portMappings: [{ hostPort: '8080', containerPort: 80 }] } };
    expect(error(call(machine, 'portmap', 'DEL', config)).msg).toBe('failed to parse config: failed to parse network configuration: json: cannot unmarshal string into Go struct field PortMapConf.runtimeConfig.portMappings.hostPort of type int');
    expect(error(call(machine, 'portmap', 'CHECK', { ...config, markMasqBit: 32, runtimeConfig: {} })).msg).toBe('MasqMarkBit must be between 0 and 31');
  });

  it('clears away every attachment of a network with gc, also one whose namespace is gone', () => {
    const machine = attached();
    run(machine, `echo '${CONFLIST.replace('"name":"mynet"', '"name":"other"').replace('10.22.1.0', '10.23.1.0').replace('"type":"bridge"', '"type":"bridge","bridge":"br1"')}' > /etc/cni/net.d/20-other.conflist`);
    for (const words of ['mynet /var/run/netns/p1', 'mynet /var/run/netns/p2', 'other /var/run/netns/p3']) expect(tool(machine, `add ${words}`).exit).toBe(0);
    run(machine, 'ip netns del p2');
    expect(tool(machine, 'gc mynet /x', '')).toEqual({ stdout: '', stderr: '', exit: 0 });
    expect(run(machine, 'ls /var/lib/cni/results /var/lib/cni/networks/mynet | cut -c-22; ip -n p1 -o link | wc -l; ip -n p3 -o link | wc -l').stdout)
      .toBe('/var/lib/cni/networks/\nlast_reserved_ip.0\nlock\n\n/var/lib/cni/results:\nother-cnitool-61b1ea47\n1\n2\n');
    run(machine, 'sed -i s/host-local/nope/ /etc/cni/net.d/20-other.conflist');
    expect(tool(machine, 'gc other /x', '').stderr).toMatch(/^failed to delete stale attachment cnitool-[0-9a-f]{20} eth0: plugin type="bridge" failed \(delete\): failed to find plugin "nope" in path \[\/opt\/cni\/bin\]\n$/);
    // With a version that has it, every plugin is asked too.
    run(machine, 'rm -r /var/lib/cni/results; sed -i s/1.0.0/1.1.0/ /etc/cni/net.d/20-other.conflist');
    expect(run(machine, 'CNI_PATH=/tmp cnitool gc other /x').stderr).toBe('failed to GC plugin bridge: failed to find plugin "bridge" in path [/tmp]\nfailed to GC plugin portmap: failed to find plugin "portmap" in path [/tmp]\n');
    expect(tool(machine, 'status other /x').stderr).toBe('failed to find plugin "nope" in path [/opt/cni/bin]\n');
    for (const words of ['gc other /x', 'status mynet /x']) expect(tool(machine, words)).toEqual({ stdout: '', stderr: '', exit: 0 });
  });
});

describe('flannel', () => {
  const config = { cniVersion: '0.3.1', name: 'cbr0', type: 'flannel', delegate: { hairpinMode: true, isDefaultGateway: true } };

  it('needs what flanneld writes', () => {
    const machine = newNode();
    expect(error(call(machine, 'flannel', 'ADD', config))).toEqual({ code: 999, msg: 'loadFlannelSubnetEnv failed: open /run/flannel/subnet.env: no such file or directory' });
    run(machine, 'mkdir /run/flannel; echo FLANNEL_SUBNET=10.244.1.1/24 > /run/flannel/subnet.env');
    expect(error(call(machine, 'flannel', 'ADD', config)).msg).toBe('loadFlannelSubnetEnv failed: /run/flannel/subnet.env is missing FLANNEL_NETWORK, FLANNEL_IPV6_NETWORK, FLANNEL_MTU, FLANNEL_IPMASQ');
    expect(call(machine, 'flannel', 'DEL', config).exit).toBe(0);
  });

  it('hands over to bridge', () => {
    const machine = newNode();
    run(machine, "mkdir /run/flannel; printf 'FLANNEL_NETWORK=10.244.0.0/16\\nFLANNEL_SUBNET=10.244.1.1/24\\nFLANNEL_MTU=1450\\nFLANNEL_IPMASQ=true\\n' > /run/flannel/subnet.env");
    expect(call(machine, 'flannel', 'ADD', config).exit).toBe(0);
    expect(run(machine, 'cat /var/lib/cni/flannel/p1').stdout).toBe('{"cniVersion":"0.3.1","hairpinMode":true,"ipMasq":false,"ipam":{"ranges":[[{"subnet":"10.244.1.0/24"}]],"routes":[{"dst":"10.244.0.0/16"}],"type":"host-local"},"isDefaultGateway":true,"isGateway":true,"mtu":1450,"name":"cbr0","type":"bridge"}');
    expect(run(machine, 'ip -n p1 route; cat /sys/class/net/veth*/mtu; iptables -t nat -S | grep -c CNI').stdout)
      .toBe('default via 10.244.1.1 dev eth0 \n10.244.0.0/16 via 10.244.1.1 dev eth0 \n10.244.1.0/24 dev eth0 proto kernel scope link src 10.244.1.2 \n1450\n0\n');
    for (let i = 0; i < 2; i++) expect(call(machine, 'flannel', 'DEL', config).exit).toBe(0);
    expect(run(machine, 'find /var/lib/cni -type f | sort; ip -n p1 -o link | wc -l').stdout).toBe('/var/lib/cni/networks/cbr0/last_reserved_ip.0\n/var/lib/cni/networks/cbr0/lock\n1\n');
    expect(error(call(machine, 'flannel', 'ADD', { ...config, delegate: { type: 'nope' } })).msg).toBe('failed to delegate add: failed to find plugin "nope" in path [/opt/cni/bin]');
    expect(error(call(machine, 'flannel', 'ADD', { ...config, delegate: 'bridge' })).msg).toMatch(/^loadFlannelNetConf failed: failed to load netconf: json: cannot unmarshal string into Go struct field NetConf.delegate/);
    expect(error(call(machine, 'flannel', 'ADD', { ...config, delegate: { name: 'x' } })).msg).toBe("'delegate' dictionary must not have 'name' field, it'll be set by flannel");
  });
});
