import { describe, expect, it } from 'vitest';
import { commandsOf, runFlannel, VXLAN } from './testing.harness.ts';

const vxlan = (backend: string): string => `{ "Network": "10.244.0.0/16", "Backend": { "Type": "vxlan"${backend} } }`;
const START = 'flanneld --kube-subnet-mgr --ip-masq --iface=eth0 </dev/null >/dev/null 2>>/tmp/flanneld.log &';
const MAC = '([0-9a-f]{2}(?::[0-9a-f]{2}){5})';

/** The commands of a node that concern devices and entries, without the rules and the files. */
function network(run: ReturnType<typeof runFlannel>, machine: string): string[] {
  return commandsOf(run, machine).filter((command) => /^(ip|bridge|sysctl) /.test(command));
}

describe('flanneld with vxlan', () => {
  const run = runFlannel({ nodes: 3, steps: [
    ['node1', 'ip netns exec pod ping -c 1 -W 1 10.244.2.2'], ['node1', 'ping -c 1 -W 1 10.244.3.2'], ['node1', 'cat /run/flannel/subnet.env; ip -4 addr show flannel.1 | grep inet; ip route show dev flannel.1'],
    ['node1', 'kubectl delete node node2', 1], ['node1', 'ip route show dev flannel.1; ip neigh show dev flannel.1; bridge fdb show dev flannel.1 | grep dst'],
  ] });

  it('makes the device, then three entries for each other node in their order, and takes them away in the same', () => {
    const commands = network(run, 'node1');
    const mac = new RegExp(MAC).exec(commands[0]!)![1]!;
    expect(Number.parseInt(mac.slice(0, 2), 16) & 3).toBe(2);
    const others = new Map([2, 3].map((i) => [i, new RegExp(MAC).exec(network(run, `node${i}`)[0]!)![1]!]));
    const added = (i: number): string[] => [
      `ip neigh replace 10.244.${i}.0 lladdr ${others.get(i)!} dev flannel.1 nud permanent`, `bridge fdb replace ${others.get(i)!} dev flannel.1 dst 192.168.1.1${i} self permanent`,
      `ip route replace 10.244.${i}.0/24 via 10.244.${i}.0 dev flannel.1 onlink`,
    ];
    expect(commands).toEqual([
      `ip link add flannel.1 mtu 1450 txqueuelen 0 address ${mac} type vxlan id 1 local 192.168.1.11 dev eth0 dstport 8472 nolearning`,
      'ip addr add 10.244.1.0/32 dev flannel.1', 'ip link set flannel.1 up', ...added(2), ...added(3),
      `ip neigh del 10.244.2.0 lladdr ${others.get(2)!} dev flannel.1`, `bridge fdb del ${others.get(2)!} dev flannel.1 dst 192.168.1.12 self`, 'ip route del 10.244.2.0/24 via 10.244.2.0 dev flannel.1',
    ]);
  });

  it('carries packets from pod to pod and from a node to a pod', () => {
    expect(run.steps.slice(0, 2).map(({ exit }) => exit)).toEqual([0, 0]);
    expect(run.steps[2]!.stdout).toBe('FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n    inet 10.244.1.0/32 scope global flannel.1\n'
      + '10.244.2.0/24 via 10.244.2.0 onlink \n10.244.3.0/24 via 10.244.3.0 onlink \n');
    expect(run.steps[4]!.stdout).toMatch(new RegExp(`^10.244.3.0/24 via 10.244.3.0 onlink \n10.244.3.0 lladdr ${MAC} PERMANENT \n${MAC} dst 192.168.1.13 self permanent\n$`));
  });

  it('takes its MAC from its annotation when it starts again', () => {
    const again = runFlannel({ steps: [['node1', `kill $(cat /tmp/flanneld.pid); ip link del flannel.1; ${START}`, 2]] });
    const made = network(again, 'node1').filter((command) => command.startsWith('ip link add'));
    expect(made).toHaveLength(2);
    expect(made[1]).toBe(made[0]);
  });

  it('keeps a device that is as it should be, and makes one anew that is not', () => {
    const kept = runFlannel({ steps: [['node1', `kill $(cat /tmp/flanneld.pid); ${START}`, 2]] });
    expect(network(kept, 'node1').filter((command) => command.startsWith('ip link add'))).toHaveLength(1);
    const other = runFlannel({ steps: [['node1', `kill $(cat /tmp/flanneld.pid); ip link del flannel.1; ip link add flannel.1 type vxlan id 7 dev eth0 dstport 8472; ${START}`, 2], ['node1', 'grep incompatible /tmp/flanneld.log']] });
    expect(network(other, 'node1').slice(-7).map((command) => command.split(' ').slice(0, 3).join(' '))).toEqual([
      'ip link del', 'ip link add', 'ip addr add', 'ip link set', 'ip neigh replace', 'bridge fdb replace', 'ip route replace',
    ]);
    expect(other.steps[1]!.stdout).toContain('"flannel.1" already exists with incompatible configuration: vni: 1 vs 7; recreating device');
  });

  it('follows a node whose VTEP has another MAC or another address; the old entry of the FDB stays', () => {
    const change = `kubectl annotate node node2 --overwrite flannel.alpha.coreos.com/backend-data='{"VNI":1,"VtepMAC":"0a:00:00:00:00:99"}'`;
    const moved = runFlannel({ steps: [['node1', change, 1], ['node1', 'ip neigh show dev flannel.1; bridge fdb show dev flannel.1 | grep -c dst']] });
    expect(moved.steps[1]!.stdout).toBe('10.244.2.0 lladdr 0a:00:00:00:00:99 PERMANENT \n2\n');
    const labelled = runFlannel({ steps: [['node1', 'kubectl label node node2 a=b', 1]] });
    expect(network(labelled, 'node1')).toHaveLength(6);
  });

  it('goes round the tunnel with DirectRouting where the other is on the same wire', () => {
    const direct = runFlannel({ config: vxlan(', "DirectRouting": true'), steps: [['node1', 'ip netns exec pod ping -c 1 -W 1 10.244.2.2; ip route show 10.244.2.0/24']] });
    expect(network(direct, 'node1').slice(3)).toEqual(['ip route replace 10.244.2.0/24 via 192.168.1.12']);
    expect(direct.steps[0]!.stdout).toMatch(/1 received[^]*10.244.2.0\/24 via 192.168.1.12 dev eth0 \n$/);
  });

  it('takes VNI, port and MTU from its configuration', () => {
    const { steps } = runFlannel({ nodes: 1, config: vxlan(', "VNI": 70000, "Port": 4789, "MTU": 1400'), steps: [['node1', "ip -d link show flannel.70000 | grep -o ' mtu [0-9]*\\|id [0-9]*\\|dstport [0-9]*'; grep MTU /run/flannel/subnet.env; kubectl get node -o jsonpath='{.items[*].metadata.annotations}'"]] });
    expect(steps[0]!.stdout).toMatch(/^ mtu 1350\nid 70000\ndstport 4789\nFLANNEL_MTU=1350\n.*\\"VNI\\":70000,/);
  });

  it('leaves out a node with another backend, and one with the subnet of its own', () => {
    const other = '{apiVersion: v1, kind: Node, metadata: {name: x, annotations: {flannel.alpha.coreos.com/kube-subnet-manager: "true", flannel.alpha.coreos.com/public-ip: 192.168.1.77, flannel.alpha.coreos.com/backend-type: TYPE, flannel.alpha.coreos.com/backend-data: DATA}}, spec: {podCIDR: PODS}}';
    const create = (type: string, data: string, cidr: string): string => `echo '${other.replace('TYPE', type).replace('DATA', data).replace('PODS', cidr)}' | kubectl create -f -`;
    const data = '"{\\"VNI\\":1,\\"VtepMAC\\":\\"0a:00:00:00:00:01\\"}"';
    expect(network(runFlannel({ nodes: 1, steps: [['node1', create('host-gw', '"null"', '10.244.7.0/24'), 1]] }), 'node1')).toHaveLength(3);
    expect(network(runFlannel({ nodes: 1, steps: [['node1', create('vxlan', data, '10.244.1.0/24'), 1]] }), 'node1')).toHaveLength(3);
    expect(network(runFlannel({ nodes: 1, steps: [['node1', create('vxlan', data, '10.244.7.0/24'), 1]] }), 'node1')).toHaveLength(6);
  });

  it('does not make flannel.1 anew while it runs, and gives up after ten tries; the rules are looked after all the while', () => {
    const change = `kubectl annotate node node2 --overwrite flannel.alpha.coreos.com/backend-data='{"VNI":1,"VtepMAC":"0a:00:00:00:00:99"}'`;
    const run = runFlannel({ steps: [
      ['node1', `ip link del flannel.1; ${change}; iptables -t nat -F FLANNEL-POSTRTG`, 8], ['node1', 'iptables -t nat -S FLANNEL-POSTRTG | wc -l; grep -c "retry.go] #" /tmp/flanneld.log'],
      // Another device of that name is not the one that it made.
      ['node1', 'ip link add flannel.1 type vxlan id 1 dev eth0 dstport 8472', 50], ['node1', 'ip neigh show dev flannel.1; grep -A2 "AddARP failed" /tmp/flanneld.log; grep -c "retry.go] #" /tmp/flanneld.log'],
    ] });
    expect(run.steps[1]!.stdout).toBe('7\n7\n');
    expect(run.steps[3]!.stdout).toMatch(/^E.* vxlan_network.go\] AddARP failed: All attempts fail:\n#1: no such device\n#2: no such device\n10\n$/);
    expect(network(run, 'node1').slice(6)).toEqual([]);
  });

  it('tries again what could not be taken away, for 51 seconds', () => {
    const run = runFlannel({ steps: [['node1', 'ip neigh del 10.244.2.0 dev flannel.1; kubectl delete node node2', 60], ['node1', 'grep -c "retry.go] #" /tmp/flanneld.log; bridge fdb show dev flannel.1 | grep -c dst; ip route show dev flannel.1']] });
    expect(run.steps[1]!.stdout).toBe('10\n0\n');
    const tries = run.trace.steps.flatMap((step) => (step.kind === 'agent' && step.machine === 'node1' && step.run?.startsWith('ip neigh del') ? [step] : []));
    expect(tries).toHaveLength(10);
    expect(tries[9]!.why).toBe('the VTEP of node2 is no more (attempt 10 of 10)');
    expect((tries[9]!.at - tries[0]!.at) / 1e9).toBeGreaterThan(51);
  });

  it('takes two nodes with one subnet for one, that of the later; when one goes, so does the way to both', () => {
    const clash = `echo '{apiVersion: v1, kind: Node, metadata: {name: x, annotations: {flannel.alpha.coreos.com/kube-subnet-manager: "true", flannel.alpha.coreos.com/public-ip: 192.168.1.77, flannel.alpha.coreos.com/backend-type: vxlan, flannel.alpha.coreos.com/backend-data: "{\\"VNI\\":1,\\"VtepMAC\\":\\"0a:00:00:00:00:01\\"}"}}, spec: {podCIDR: 10.244.2.0/24}}' | kubectl create -f -`;
    const run = runFlannel({ steps: [['node1', clash, 1], ['node1', 'kubectl delete node node2', 1], ['node1', 'ip route show dev flannel.1; ip neigh show dev flannel.1; bridge fdb show dev flannel.1 | grep -c dst']] });
    expect(network(run, 'node1').slice(6)).toEqual([
      'ip neigh replace 10.244.2.0 lladdr 0a:00:00:00:00:01 dev flannel.1 nud permanent', 'bridge fdb replace 0a:00:00:00:00:01 dev flannel.1 dst 192.168.1.77 self permanent', 'ip route replace 10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink',
      'ip neigh del 10.244.2.0 lladdr 0a:00:00:00:00:01 dev flannel.1', 'bridge fdb del 0a:00:00:00:00:01 dev flannel.1 dst 192.168.1.77 self', 'ip route del 10.244.2.0/24 via 10.244.2.0 dev flannel.1',
    ]);
    expect(run.steps[2]!.stdout).toBe('1\n');
  });

  it('says what is wrong with the data of a node', () => {
    const annotate = (data: string): string => `kubectl annotate node node2 --overwrite flannel.alpha.coreos.com/backend-data='${data}'`;
    const run = runFlannel({ steps: [['node1', annotate('{'), 1], ['node1', annotate('{"VtepMAC":"x"}'), 1], ['node1', annotate('{"VtepMAC":7}'), 1], ['node1', 'grep -o "error decoding.*" /tmp/flanneld.log']] });
    expect(run.steps[3]!.stdout).toBe('error decoding subnet lease JSON: unexpected end of JSON input\nerror decoding subnet lease JSON: address x: invalid MAC address\nerror decoding subnet lease JSON: error parsing hardware addr\n');
  });

  it('draws the MACs from the seed of the lab', () => {
    expect(network(runFlannel({ config: VXLAN }), 'node1')).toEqual(network(runFlannel({ config: VXLAN }), 'node1'));
  });
});

describe('flanneld 0.8.0', () => {
  const flanneld = '/opt/flannel/v0.8.0/flanneld --kube-subnet-mgr --ip-masq --iface=eth0';
  const run = runFlannel({ flanneld, steps: [
    ['node1', 'ip route show dev flannel.1; ip neigh show dev flannel.1; sysctl -n net.ipv4.neigh.flannel/1.app_solicit'],
    ['node1', 'ip netns exec pod ping -c 1 -W 1 10.244.2.2'], ['node1', 'ip neigh show dev flannel.1; ping -c 1 -W 3 10.244.9.9; tail -1 /tmp/flanneld.log'],
    ['node1', 'kubectl delete node node2', 1], ['node1', 'bridge fdb show dev flannel.1 | grep dst; iptables -t nat -S POSTROUTING'],
  ] });

  it('fills in the FDB, and answers each L3 miss from its leases', () => {
    expect(run.steps[0]!.stdout).toBe('10.244.0.0/16 proto kernel scope link src 10.244.1.0 \n3\n');
    expect(run.steps[1]!.exit).toBe(0);
    expect(run.steps[2]!.stdout).toMatch(new RegExp(`^10.244.2.2 lladdr ${MAC} REACHABLE \n`));
    const commands = network(run, 'node1');
    expect(commands.slice(0, 6).map((command) => command.split(' ').slice(0, 3).join(' '))).toEqual(['ip link add', 'sysctl -w net/ipv4/neigh/flannel.1/app_solicit=3', 'ip addr add', 'ip link set', 'ip route add', 'bridge fdb add']);
    expect(commands[6]).toMatch(new RegExp(`^ip neigh replace 10.244.2.2 lladdr ${MAC} dev flannel.1 nud reachable$`));
  });

  it('has no answer for what is in no lease', () => {
    expect(run.steps[2]!.stdout).toMatch(/\] L3 miss but route for 10.244.9.9 not found\n$/);
    expect(network(run, 'node1').some((command) => command.includes('10.244.9.9'))).toBe(false);
  });

  it('passes over what came later, and has not the flags of today', () => {
    const config = vxlan(', "MTU": 1400, "Learning": true, "DirectRouting": true, "Port": 4789');
    const old = runFlannel({ nodes: 1, flanneld, config, steps: [['node1', 'ip -d link show flannel.1 | grep -o " mtu [0-9]* qd\\|nolearning\\|dstport [0-9]*"; grep -o "VXLAN config.*" /tmp/flanneld.log; /opt/flannel/v0.8.0/flanneld --iptables-resync=5 2>&1 | head -1']] });
    expect(old.steps[0]!.stdout).toBe(' mtu 1450 qd\ndstport 4789\nnolearning\nVXLAN config: VNI=1 Port=4789 GBP=false\nflag provided but not defined: -iptables-resync\n');
  });

  it('forgets the VTEP of a node that is gone, and has its rules straight in POSTROUTING', () => {
    expect(run.steps[4]!.stdout).toBe('-P POSTROUTING ACCEPT\n-A POSTROUTING -s 10.244.0.0/16 -d 10.244.0.0/16 -j RETURN\n-A POSTROUTING -s 10.244.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE\n-A POSTROUTING ! -s 10.244.0.0/16 -d 10.244.0.0/16 -j MASQUERADE\n');
  });
});
