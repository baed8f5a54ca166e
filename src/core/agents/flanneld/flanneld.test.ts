import { describe, expect, it } from 'vitest';
import { commandsOf, HOST_GW, runFlannel } from './testing.harness.ts';

/** What flanneld says on stderr, without time stamps, and how it ended. */
function refusal(config: string, flanneld = 'flanneld --kube-subnet-mgr --ip-masq --iface=eth0'): string {
  const { steps } = runFlannel({ nodes: 1, config, flanneld, steps: [['node1', 'true', 31], ['node1', 'grep -E "^(E|flag|invalid)" /tmp/flanneld.log']] });
  return steps[1]!.stdout.replace(/^E\d{4} [\d:.]+ +\d+ \S+\] /gm, '').trim();
}

describe('flanneld refuses', () => {
  const vxlan = (backend: string): string => `{ "Network": "10.244.0.0/16", "Backend": { "Type": "vxlan", ${backend} } }`;
  const config = 'Failed to create SubnetManager: error parsing subnet config:';
  it.each([
    ['{', `${config} unexpected end of JSON input`],
    ['[]', `${config} json: cannot unmarshal array into Go value of type subnet.Config`],
    ['{ "Network": "10.244.0.0" }', `${config} invalid CIDR address: 10.244.0.0`],
    ['{ "Network": null }', `${config} invalid CIDR address: null`],
    ['{ "Network": "10.244.0.0/16", "SubnetLen": -1 }', `${config} json: cannot unmarshal number -1 into Go struct field Config.SubnetLen of type uint`],
    ['{ "SubnetMin": "10.244", "SubnetLen": -1 }', `${config} invalid IP address format`],
    ['{ "EnableIPv6": "no" }', `${config} json: cannot unmarshal string into Go struct field Config.EnableIPv6 of type bool`],
    ['{ "Network": "10.244.0.0/16", "Backend": "vxlan" }', `${config} error decoding Backend property of config: json: cannot unmarshal string into Go value of type struct { Type string }`],
    ['{ "Network": "10.244.0.0/16", "EnableIPv4": false, "Backend": { "Type": "vxlan" } }', 'none defined stack'],
    ['{ "Network": "10.244.0.0/16", "Backend": { "Type": "Nonsense" } }', 'Error fetching backend: unknown backend type: nonsense'],
    ['{ "Network": "10.244.0.0/16", "Backend": null }', 'Error fetching backend: unknown backend type:'],
    ['{ "Backend": { "Type": "vxlan" } }',
      'Error registering network: failed to acquire lease: subnet "0.0.0.0/0" specified in the flannel net config doesn\'t contain "10.244.1.0/24" PodCIDR of the "node1" node'],
    ['{ "Network": "10.245.0.0/16", "Backend": { "Type": "host-gw" } }',
      'Error registering network: failed to acquire lease: subnet "10.245.0.0/16" specified in the flannel net config doesn\'t contain "10.244.1.0/24" PodCIDR of the "node1" node'],
    [vxlan('"VNI": 16777216'), 'Error registering network: numerical result out of range'],
    [vxlan('"MTU": 100'), 'Error registering network: invalid argument'],
    [vxlan('"VNI": "1"'), 'Error registering network: error decoding VXLAN backend config: json: cannot unmarshal string into Go struct field .VNI of type int'],
    [vxlan('"DirectRouting": 1'), 'Error registering network: error decoding VXLAN backend config: json: cannot unmarshal number into Go struct field .DirectRouting of type bool'],
  ])('%s', (conf, message) => {
    expect(refusal(conf)).toBe(message);
  });

  it('a network of IPv6 by a panic', () => {
    const { steps } = runFlannel({ nodes: 1, config: '{ "Network": "fd00::/48" }', flanneld: 'true', steps: [['node1', 'flanneld --kube-subnet-mgr']] });
    expect(steps[0]).toMatchObject({ exit: 2, stderr: expect.stringContaining('panic: Address is not an IPv4 address\n') as string });
  });

  it('flags that it does not know, and interfaces that are not there', () => {
    expect(refusal(HOST_GW, 'flanneld --kube-subnet-mgr --iface=eth9')).toBe('Failed to find interface to use that matches the interfaces and/or regexes provided');
    expect(refusal(HOST_GW, 'flanneld --kube-subnet-mgr --iface=eth0 --public-ip=1.2.3.4')).toMatch(/your PublicIP differs from interface IP/);
    expect(refusal(HOST_GW, 'flanneld --kube-subnet-mgr --net-config-path=/none')).toBe('Failed to create SubnetManager: failed to read net conf: open /none: no such file or directory');
    expect(refusal(HOST_GW, 'flanneld --kube-subnet-mgr --subnet-lease-renew-margin=0')).toBe('Invalid subnet-lease-renew-margin option, out of acceptable range');
    expect(refusal(HOST_GW, 'NODE_NAME=other flanneld --kube-subnet-mgr --iface=eth0')).toBe(
      'Failed to get node for backend data: nodes "other" not found\nError registering network: failed to acquire lease: timeout contacting kube-api, failed to patch node "other". Error: context deadline exceeded');
    // --ip-masq-fully-random-disable came with 0.27.4; of klog's flags it has three.
    for (const [words, message] of [
      ['--nonsense', 'flag provided but not defined: -nonsense'], ['--ip-masq-fully-random-disable', 'flag provided but not defined: -ip-masq-fully-random-disable'],
      ['--logtostderr', 'flag provided but not defined: -logtostderr'], ['--iface', 'flag needs an argument: -iface'], ['---x', 'bad flag syntax: ---x'],
      ['--ip-masq=maybe', 'invalid boolean value "maybe" for -ip-masq: parse error'],
    ]) {
      const { steps } = runFlannel({ nodes: 1, config: HOST_GW, flanneld: 'true', steps: [['node1', `flanneld ${words!}`]] });
      expect(steps[0]).toMatchObject({ exit: 0, stderr: `${message!}\nUsage: flanneld [OPTION]...\n` });
    }
  });

  it.each([
    ['flanneld', HOST_GW, 'flanneld with etcd (without --kube-subnet-mgr)'],
    ['flanneld --kube-subnet-mgr', '{ "Network": "10.244.0.0/16" }', 'the flannel backend udp'],
    ['flanneld --kube-subnet-mgr --iface-regex="("', HOST_GW, 'the expression ( of flanneld --iface-regex'],
    ['flanneld --kube-subnet-mgr --healthz-port=8081', HOST_GW, 'flanneld --healthz-port'],
    ['flanneld --kube-subnet-mgr --iptables-resync=0', HOST_GW, 'flanneld --iptables-resync=0'],
    ['flanneld --kube-subnet-mgr', '{ "Network": "10.244.0.0/16", "EnableIPv6": true }', 'EnableIPv6 of flannel'],
    ['flanneld --kube-subnet-mgr', '{ "Network": "10.244.0.0/16", "EnableNFTables": true }', 'EnableNFTables of flannel'],
    ['flanneld --kube-subnet-mgr', '{ "Network": "10.244.0.0/16", "Backend": { "Type": "vxlan", "GBP": true } }', 'GBP of the flannel backend vxlan'],
  ])('what is not simulated: %s %s', (flanneld, conf, what) => {
    expect(runFlannel({ nodes: 1, config: conf, flanneld }).problems.map(({ message }) => message)).toEqual([expect.stringContaining(`${what} is not simulated`)]);
  });
});

describe('flanneld accepts', () => {
  const subnetFile = 'cat /run/flannel/subnet.env';
  const written = 'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n';
  it.each([
    // Only flannel with etcd looks at these; other fields it does not know.
    '{ "Network": "10.244.0.0/16", "SubnetLen": 99, "SubnetMin": "1.2.3.4", "SubnetMax": "0.0.0.0", "IPv6Network": "fd00::/48", "Nonsense": [1], "Backend": { "Type": "vxlan", "Nonsense": 1 } }',
    '{ "network": "10.244.77.0/16", "BACKEND": { "type": "VXLAN" } }',
  ])('%s', (config) => {
    expect(runFlannel({ nodes: 1, config, steps: [['node1', subnetFile]] }).steps[0]!.stdout).toBe(written);
  });

  it.each([
    ['--iface-regex=nothing --iface-regex="^192[.]168"', ''], ['--iface-regex=eth', ''], ['--iface-can-reach=192.168.1.77', ''], ['', 'FLANNELD_IFACE=eth0 FLANNELD_IP_MASQ=t'],
    ['--iface=192.168.1.11', ''],
  ])('%s with %s in its environment', (flags, env) => {
    const run = runFlannel({ nodes: 1, flanneld: `${env} flanneld --kube-subnet-mgr ${env === '' ? '--ip-masq' : ''} ${flags}`, steps: [['node1', subnetFile], ['node1', 'ip -d link show flannel.1 | grep -o "local .* srcport"']] });
    expect(run.steps.map(({ stdout }) => stdout)).toEqual([written, 'local 192.168.1.11 dev eth0 srcport\n']);
  });

  it('a port of which the kernel takes 16 bits, and an MTU that it leaves to it', () => {
    const config = '{ "Network": "10.244.0.0/16", "Backend": { "Type": "vxlan", "Port": 70000, "MTU": 0 } }';
    const { steps } = runFlannel({ nodes: 1, config, steps: [['node1', `ip -d link show flannel.1 | grep -o " mtu [0-9]* qd\\|dstport [0-9]*"; ${subnetFile}`]] });
    expect(steps[0]!.stdout).toBe(` mtu 1450 qd\ndstport 4464\n${written.replace('1450', '-50')}`);
  });
});

describe("flanneld's log", () => {
  const log = "sed -E 's/ [0-9:.]+ +[0-9]+ / /; s/^([IWE])[0-9]+/\\1/' /tmp/flanneld.log";
  const lines = (text: string): string[] => text.trim().split('\n');

  it('says what the real one says, in its order', () => {
    const { steps } = runFlannel({ steps: [['node1', log]] });
    const all = lines(steps[0]!.stdout);
    expect(all[0]).toMatch(/^I main.go\] CLI flags config: \{etcdEndpoints:.* iface:\[eth0\] ifaceRegex:\[\] ipMasq:true .* iptablesResyncSeconds:5 .* setNodeNetworkUnavailable:true\}$/);
    expect(all.slice(1).map((line) => line.replace(/(Batch elem|List of node|Received Subnet Event|Creating the node lease).*/, '$1')).filter((line, i, list) => line !== list[i - 1])).toEqual([
      'I kube.go] Waiting 10m0s for node controller to sync', 'I kube.go] Starting kube subnet manager', 'I kube.go] Node controller sync successful',
      'I main.go] Created subnet manager: Kubernetes Subnet Manager - node1', 'I main.go] Installing signal handlers', 'I main.go] Found network config - Backend type: vxlan',
      'I match.go] Using interface with name eth0 and address 192.168.1.11', 'I match.go] Defaulting external address to interface address (192.168.1.11)',
      'I vxlan.go] VXLAN config: VNI=1 Port=0 GBP=false Learning=false DirectRouting=false', 'I main.go] Cleaning-up unused traffic manager rules', 'I nftables.go] Cleaning-up nftables rules...',
      'I iptables.go] Starting flannel in iptables mode...', 'W main.go] no subnet found for key: FLANNEL_NETWORK in file: /run/flannel/subnet.env', 'W main.go] no subnet found for key: FLANNEL_SUBNET in file: /run/flannel/subnet.env',
      'W main.go] no subnet found for key: FLANNEL_IPV6_NETWORK in file: /run/flannel/subnet.env', 'W main.go] no subnet found for key: FLANNEL_IPV6_SUBNET in file: /run/flannel/subnet.env',
      'I iptables.go] Current network or subnet (10.244.0.0/16, 10.244.1.0/24) is not equal to previous one (0.0.0.0/0, 0.0.0.0/0), trying to recycle old iptables rules',
      'I iptables.go] Setting up masking rules', 'I iptables.go] Changing default FORWARD chain policy to ACCEPT', 'I main.go] Wrote subnet file to /run/flannel/subnet.env', 'I main.go] Running backend.',
      'I vxlan_network.go] watching for new subnet leases', 'I main.go] Waiting for all goroutines to exit', 'I iptables.go] bootstrap done', 'I kube.go] Creating the node lease',
      'I subnet.go] Batch elem', 'I vxlan_network.go] Received Subnet Event',
    ]);
    expect(all.find((line) => line.includes('Batch elem'))).toMatch(new RegExp('Batch elem \\[0\\] is \\{ lease.Event\\{Type:0, Lease:lease.Lease\\{EnableIPv4:true, EnableIPv6:false, Subnet:ip.IP4Net\\{IP:0xaf40200, PrefixLen:0x18\\}, .*'
      + 'Attrs:lease.LeaseAttrs\\{PublicIP:0xc0a8010c, PublicIPv6:\\(\\*ip.IP6\\)\\(nil\\), BackendType:"vxlan", BackendData:json.RawMessage\\{0x7b, 0x22, 0x56, 0x4e, 0x49, .*Asof:0\\}\\} \\}$'));
    expect(all.find((line) => line.includes('Received'))).toMatch(/Received Subnet Event with VxLan: BackendType: vxlan, PublicIP: 192.168.1.12, PublicIPv6: \(nil\), BackendData: \{"VNI":1,"VtepMAC":"[0-9a-f:]+"\}, BackendV6Data: \(nil\)$/);
  });

  it('tells of another backend in its words, and of what is wrong with the node', () => {
    expect(runFlannel({ nodes: 1, config: HOST_GW, steps: [['node1', 'grep -c "route_network.go] Watching for new subnet leases" /tmp/flanneld.log']] }).steps[0]!.stdout).toBe('1\n');
    const { steps } = runFlannel({ nodes: 1, config: HOST_GW, flanneld: 'true', steps: [
      ['node1', 'kubectl delete node node1; echo "{apiVersion: v1, kind: Node, metadata: {name: node1}}" | kubectl create -f - >/dev/null; flanneld --kube-subnet-mgr --iface=eth0 2>&1 | tail -2'],
    ] });
    expect(steps[0]!.stdout).toMatch(/\] Error registering network: failed to acquire lease: node "node1" pod cidr not assigned\nI.* main.go\] Stopping shutdownHandler\.\.\.\n$/);
  });

  it('has more lines with -v', () => {
    const { steps } = runFlannel({ flanneld: 'flanneld --kube-subnet-mgr --iface=eth0 -v=2', steps: [['node1', 'grep -o "adding subnet: .* VtepMAC" /tmp/flanneld.log']] });
    expect(steps[0]!.stdout).toBe('adding subnet: 10.244.2.0/24 PublicIP: 192.168.1.12 VtepMAC\n');
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

  it('gives a route up that another node with the same pods has taken over', () => {
    const clash = `echo '{apiVersion: v1, kind: Node, metadata: {name: x, annotations: {flannel.alpha.coreos.com/kube-subnet-manager: "true", flannel.alpha.coreos.com/public-ip: 192.168.1.77, flannel.alpha.coreos.com/backend-type: host-gw, flannel.alpha.coreos.com/backend-data: "null"}}, spec: {podCIDR: 10.244.2.0/24}}' | kubectl create -f -`;
    const run = runFlannel({ config: HOST_GW, steps: [['node1', clash, 25], ['node1', 'kubectl delete node x', 1], ['node1', 'kubectl delete node node2', 1], ['node1', 'grep -o "Removed subnet.*" /tmp/flanneld.log']] });
    expect(commandsOf(run, 'node1').filter((command) => command.startsWith('ip '))).toEqual([
      'ip route add 10.244.2.0/24 via 192.168.1.12 dev eth0', 'ip route del 10.244.2.0/24 via 192.168.1.12 dev eth0', 'ip route add 10.244.2.0/24 via 192.168.1.77 dev eth0',
      'ip route del 10.244.2.0/24 via 192.168.1.77 dev eth0', 'ip route del 10.244.2.0/24 via 192.168.1.12 dev eth0',
    ]);
    expect(run.steps[3]!.stdout).toBe('Removed subnet (10.244.2.0/24) and ipv6 subnet (::/0) were not found\n');
  });

  it('takes the address of the others from node-public-ip, and writes down what public-ip-overwrite says', () => {
    const start = (annotation: string): string => `kubectl annotate node node1 flannel.alpha.coreos.com/${annotation}=1.2.3.4 >/dev/null; flanneld --kube-subnet-mgr --iface=eth0`;
    expect(refusal(HOST_GW, start('node-public-ip'))).toMatch(/your PublicIP differs from interface IP/);
    const { steps } = runFlannel({ nodes: 1, config: HOST_GW, flanneld: start('public-ip-overwrite'), steps: [['node1', "kubectl get node node1 -o jsonpath='{.metadata.annotations.flannel\\.alpha\\.coreos\\.com/public-ip}'"]] });
    expect(steps[0]!.stdout).toBe('1.2.3.4');
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
