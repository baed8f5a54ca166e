import { describe, expect, it } from 'vitest';
import { commandsOf, HOST_GW, runFlannel } from './testing.harness.ts';

/** What flanneld says on stderr, without time stamps, and how it ended. */
function refusal(config: string, flanneld = 'flanneld --kube-subnet-mgr --ip-masq --iface=eth0'): string {
  const { steps } = runFlannel({ nodes: 1, config, flanneld, steps: [['node1', 'true', 31], ['node1', 'grep -E "^(E|flag|invalid)" /tmp/flanneld.log']] });
  return steps[1]!.stdout.replace(/^E\d{4} [\d:.]+ +\d+ \S+\] /gm, '').trim();
}

describe('flanneld refuses', () => {
  it.each([
    ['{', 'Failed to create SubnetManager: error parsing subnet config: unexpected end of JSON input'],
    ['{ "Network": "10.244.0.0" }', 'Failed to create SubnetManager: error parsing subnet config: invalid CIDR address: 10.244.0.0'],
    ['{ "Network": "10.244.0.0/16", "Backend": { "Type": "nonsense" } }', 'Error fetching backend: unknown backend type: nonsense'],
    ['{ "Backend": { "Type": "vxlan" } }', 'could not find an ipv4 network in the flannel configuration'],
    ['{ "Network": "10.245.0.0/16", "Backend": { "Type": "host-gw" } }',
      'Error registering network: failed to acquire lease: subnet "10.245.0.0/16" specified in the flannel net config doesn\'t contain "10.244.1.0/24" PodCIDR of the "node1" node'],
    ['{ "Network": "10.244.0.0/16", "Backend": { "Type": "vxlan", "VNI": 16777216 } }', 'Error registering network: numerical result out of range'],
    ['{ "Network": "10.244.0.0/16", "Backend": { "Type": "vxlan", "VNI": "1" } }',
      'Error registering network: error decoding VXLAN backend config: json: cannot unmarshal string into Go struct field .VNI of type int'],
  ])('%s', (config, message) => {
    expect(refusal(config)).toContain(message);
  });

  it('flags that it does not know, and interfaces that are not there', () => {
    expect(refusal(HOST_GW, 'flanneld --nonsense')).toBe('flag provided but not defined: -nonsense');
    expect(refusal(HOST_GW, 'flanneld --kube-subnet-mgr --iface=eth9')).toBe('Failed to find interface to use that matches the interfaces and/or regexes provided');
    expect(refusal(HOST_GW, 'flanneld --kube-subnet-mgr --iface=eth0 --public-ip=1.2.3.4')).toMatch(/your PublicIP differs from interface IP/);
    expect(refusal(HOST_GW, 'flanneld --kube-subnet-mgr --net-config-path=/none')).toBe('Failed to create SubnetManager: failed to read net conf: open /none: no such file or directory');
    expect(refusal(HOST_GW, 'NODE_NAME=other flanneld --kube-subnet-mgr --iface=eth0')).toBe(
      'Error registering network: failed to acquire lease: timeout contacting kube-api, failed to patch node "other". Error: context deadline exceeded');
  });

  it.each([
    ['flanneld', HOST_GW, 'flanneld with etcd (without --kube-subnet-mgr)'],
    ['flanneld --kube-subnet-mgr', '{ "Network": "10.244.0.0/16" }', 'the flannel backend udp'],
    ['flanneld --kube-subnet-mgr --iface-regex=eth', HOST_GW, 'flanneld --iface-regex'],
    ['flanneld --kube-subnet-mgr', '{ "Network": "10.244.0.0/16", "EnableIPv6": true }', 'EnableIPv6 of flannel'],
    ['flanneld --kube-subnet-mgr', '{ "Network": "10.244.0.0/16", "Backend": { "Type": "vxlan", "GBP": true } }', 'GBP of the flannel backend vxlan'],
  ])('what is not simulated: %s %s', (flanneld, config, what) => {
    expect(runFlannel({ nodes: 1, config, flanneld }).problems.map(({ message }) => message)).toEqual([expect.stringContaining(`${what} is not simulated`)]);
  });
});

describe('flanneld with host-gw', () => {
  it('routes to the pods of each other node, and takes the route away with the node', () => {
    const run = runFlannel({ nodes: 3, config: HOST_GW, steps: [
      ['node1', 'ip netns exec pod ping -c 1 -W 1 10.244.3.2'], ['node1', 'kubectl delete node node2', 1], ['node1', 'ip route show proto boot'],
    ] });
    expect(run.steps[0]!.exit).toBe(0);
    expect(run.steps[2]!.stdout).toBe('default via 192.168.1.1 dev eth0 \n10.244.3.0/24 via 192.168.1.13 dev eth0 \n');
    expect(commandsOf(run, 'node1').filter((command) => command.startsWith('ip '))).toEqual([
      'ip route add 10.244.2.0/24 via 192.168.1.12 dev eth0', 'ip route add 10.244.3.0/24 via 192.168.1.13 dev eth0', 'ip route del 10.244.2.0/24 via 192.168.1.12 dev eth0',
    ]);
  });

  it('replaces a route that leads elsewhere, and leaves the right one alone', () => {
    const wrong = runFlannel({ config: HOST_GW, flanneld: 'ip route add 10.244.2.0/24 via 192.168.1.77 || true; ip route add 10.244.1.0/24 via 192.168.1.11 || true; flanneld --kube-subnet-mgr --iface=eth0' });
    expect(commandsOf(wrong, 'node1').filter((command) => command.startsWith('ip '))).toEqual(['ip route del 10.244.2.0/24 via 192.168.1.77 dev eth0', 'ip route add 10.244.2.0/24 via 192.168.1.12 dev eth0']);
  });

  it('brings a route back that somebody took away, ten seconds later at most', () => {
    const run = runFlannel({ config: HOST_GW, steps: [['node1', 'ip route del 10.244.2.0/24', 10], ['node1', 'ip route show 10.244.2.0/24']] });
    expect(run.steps[1]!.stdout).toBe('10.244.2.0/24 via 192.168.1.12 dev eth0 \n');
  });

  it('annotates its node, and says that the network is there', () => {
    const path = '{.metadata.annotations} {.status.conditions[0].type}={.status.conditions[0].status}';
    const { steps } = runFlannel({ config: HOST_GW, steps: [['node1', `kubectl get node node1 -o jsonpath='${path}'`]] });
    expect(steps[0]!.stdout).toBe('{"flannel.alpha.coreos.com/backend-data":"null","flannel.alpha.coreos.com/backend-type":"host-gw","flannel.alpha.coreos.com/kube-subnet-manager":"true",'
      + '"flannel.alpha.coreos.com/public-ip":"192.168.1.11"} NetworkUnavailable=False');
  });
});

describe("flanneld's rules", () => {
  it('are those of flannel, in its order', () => {
    const { steps } = runFlannel({ config: HOST_GW, steps: [['node1', 'iptables -t nat -S | grep -- -A; iptables -S | grep -- -A']] });
    const masq = '-m comment --comment "flanneld masq"';
    const forward = '-m comment --comment "flanneld forward"';
    expect(steps[0]!.stdout.trim().split('\n')).toEqual([
      `-A POSTROUTING ${masq} -j FLANNEL-POSTRTG`,
      `-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 ${masq} -j RETURN`,
      `-A FLANNEL-POSTRTG -s 10.244.1.0/24 -d 10.244.0.0/16 ${masq} -j RETURN`,
      `-A FLANNEL-POSTRTG -s 10.244.0.0/16 -d 10.244.1.0/24 ${masq} -j RETURN`,
      `-A FLANNEL-POSTRTG ! -s 10.244.0.0/16 -d 10.244.1.0/24 ${masq} -j RETURN`,
      `-A FLANNEL-POSTRTG -s 10.244.0.0/16 ! -d 224.0.0.0/4 ${masq} -j MASQUERADE --random-fully`,
      `-A FLANNEL-POSTRTG ! -s 10.244.0.0/16 -d 10.244.0.0/16 ${masq} -j MASQUERADE --random-fully`,
      `-A FORWARD ${forward} -j FLANNEL-FWD`,
      `-A FLANNEL-FWD -s 10.244.0.0/16 ${forward} -j ACCEPT`,
      `-A FLANNEL-FWD -d 10.244.0.0/16 ${forward} -j ACCEPT`,
    ]);
  });

  it('come back when one is missing, all of them and once; nothing is done while all are there', () => {
    const run = runFlannel({ config: HOST_GW, steps: [
      ['node1', 'true', 20], ['node1', 'iptables -t nat -D FLANNEL-POSTRTG 3; iptables -A FORWARD -s 1.1.1.1 -j DROP', 6], ['node1', 'iptables -t nat -S FLANNEL-POSTRTG | wc -l'],
    ] });
    expect(run.steps[2]!.stdout.trim()).toBe('7');
    const restores = commandsOf(run, 'node1').filter((command) => command.startsWith('iptables-restore'));
    expect(restores.map((command) => command.match(/^-D/gm)?.length ?? 0)).toEqual([0, 0, 6]);
  });

  it('are left out when they are not wanted', () => {
    const run = runFlannel({ config: HOST_GW, flanneld: 'flanneld --kube-subnet-mgr --iface=eth0 --iptables-forward-rules=false', steps: [['node1', 'iptables -t nat -S | wc -l; cat /run/flannel/subnet.env']] });
    expect(run.steps[0]!.stdout).toBe('4\nFLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_MTU=1500\nFLANNEL_IPMASQ=false\n');
  });

  it('survive the daemon, and are not doubled by the next one', () => {
    const again = 'flanneld --kube-subnet-mgr --ip-masq --iface=eth0 </dev/null >/dev/null 2>&1 &';
    const run = runFlannel({ config: HOST_GW, steps: [
      ['node1', 'kill $(cat /tmp/flanneld.pid); sleep 1; tail -1 /tmp/flanneld.log; iptables -t nat -S | wc -l'], ['node1', again, 2], ['node1', 'iptables -t nat -S | wc -l; iptables -S | wc -l'],
    ] });
    expect(run.steps[0]!.stdout).toMatch(/Exiting cleanly\.\.\.\n12\n$/);
    expect(run.steps[2]!.stdout).toBe('12\n7\n');
  });
});
