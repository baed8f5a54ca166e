/** Labs of the benchmarks, as text: the same commands that a reader would type. */

/** Two hosts at the ends of a line of routers; `echoes` pings from end to end. */
export function lineLab(routers: number, echoes: number): string {
  const last = routers + 1;
  const name = (i: number): string => (i === 0 ? 'host1' : i === last ? 'host2' : `r${i}`);
  const machines = Array.from({ length: routers + 2 }, (_, i) => {
    const lines: string[] = [];
    if (i > 0) lines.push(`ip addr add 10.${i - 1}.0.2/24 dev eth0`, 'ip link set eth0 up');
    if (i < last) {
      const dev = i === 0 ? 'eth0' : 'eth1';
      lines.push(`ip addr add 10.${i}.0.1/24 dev ${dev}`, `ip link set ${dev} up`);
    }
    if (i > 0 && i < last) lines.push('sysctl -w net.ipv4.ip_forward=1');
    for (let net = 0; net <= routers; net++) {
      if (net === i || net === i - 1) continue;
      lines.push(net > i ? `ip route add 10.${net}.0.0/24 via 10.${i}.0.2` : `ip route add 10.${net}.0.0/24 via 10.${i - 1}.0.1`);
    }
    return `  ${name(i)}:\n    setup: |\n${lines.map((line) => `      ${line}`).join('\n')}`;
  });
  const links = Array.from({ length: routers + 1 }, (_, i) => `  - [${name(i)}:${i === 0 ? 'eth0' : 'eth1'}, ${name(i + 1)}:eth0]`);
  return `id: line\nmachines:\n${machines.join('\n')}\nlinks:\n${links.join('\n')}\nsteps:\n  - on: host1\n    timeout: 100000\n    run: ping -q -c ${echoes} -i 0.001 10.${routers}.0.2\n`;
}

/** Pods on one bridge; each pings the next one `echoes` times. They begin one after the other, so that the ARP floods do not fill the backlog. */
export function bridgeLab(hosts: number, echoes: number): string {
  return `id: bridge
machines:
  node1:
    timeout: 100000
    setup: |
      ip link add br0 type bridge
      ip link set br0 up
      for i in $(seq 1 ${hosts}); do
        ip netns add ns$i
        ip link add eth0 netns ns$i type veth peer name p$i
        ip link set p$i master br0 up
        ip -n ns$i addr add 10.0.0.$i/16 dev eth0
        ip -n ns$i link set eth0 up
      done
steps:
  - on: node1
    timeout: 100000
    run: |
      for i in $(seq 1 ${hosts}); do
        ip netns exec ns$i ping -q -c ${echoes} -i 0.001 10.0.0.$((i % ${hosts} + 1)) &
        sleep 0.002
      done
      wait
`;
}

/** The commands of the two-pod lab with one ping, for the simulator and for the kernel alike. */
export const TWO_PODS_SETUP = `ip netns add ns1
ip netns add ns2
ip link add veth11 type veth peer name veth10
ip link add veth22 type veth peer name veth20
ip link set veth11 netns ns1
ip link set veth22 netns ns2
ip link add br0 type bridge
ip link set veth10 master br0 up
ip link set veth20 master br0 up
ip link set br0 up
ip -n ns1 addr add 192.168.1.1/24 dev veth11
ip -n ns2 addr add 192.168.1.2/24 dev veth22
ip -n ns1 link set veth11 up
ip -n ns2 link set veth22 up
`;

/** `hosts` pods on a bridge, and every pair pinged once. */
export function allPairsScript(hosts: number): { setup: string; pings: string } {
  const setup = `ip link add br0 type bridge
ip link set br0 up
for i in $(seq 1 ${hosts}); do
  ip netns add ns$i
  ip link add eth0 netns ns$i type veth peer name p$i
  ip link set p$i master br0 up
  ip -n ns$i addr add 10.0.0.$i/24 dev eth0
  ip -n ns$i link set eth0 up
done
`;
  const pings = `for i in $(seq 1 ${hosts}); do
  for j in $(seq 1 ${hosts}); do
    if [ $i != $j ]; then ip netns exec ns$i ping -q -c 1 -W 1 10.0.0.$j; fi
  done
done
`;
  return { setup, pings };
}

export function labOf(setup: string, run: string): string {
  const indent = (text: string, by: string): string => text.split('\n').map((line) => (line === '' ? line : by + line)).join('\n');
  return `id: bench\nmachines:\n  node1:\n    timeout: 100000\n    setup: |\n${indent(setup, '      ')}\nsteps:\n  - on: node1\n    timeout: 100000\n    run: |\n${indent(run, '      ')}\n`;
}

/** A host with two networks, and a pod in each; the host forwards between them. */
export const ROUTER_SETUP = `ip netns add ns1
ip netns add ns2
ip link add p1 type veth peer name eth0 netns ns1
ip link add p2 type veth peer name eth0 netns ns2
ip addr add 10.1.0.254/24 dev p1
ip addr add 10.2.0.254/24 dev p2
ip link set p1 up
ip link set p2 up
ip -n ns1 addr add 10.1.0.1/24 dev eth0
ip -n ns2 addr add 10.2.0.1/24 dev eth0
ip -n ns1 link set eth0 up
ip -n ns2 link set eth0 up
ip -n ns1 route add default via 10.1.0.254
ip -n ns2 route add default via 10.2.0.254
sysctl -qw net.ipv4.ip_forward=1
`;

const serviceAddress = (i: number): string => `10.${96 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`;

/** A chain of the shape of KUBE-SERVICES that everything forwarded walks to its end; of ICMP, so that a ping is told by the address as a Service's traffic is. */
export function serviceChain(rules: number): string {
  const lines = Array.from({ length: rules }, (_, i) => `-A KUBE-SERVICES -d ${serviceAddress(i)}/32 -p icmp -m comment --comment "default/svc-${i}:http cluster IP" -m icmp --icmp-type 8 -j KUBE-SVC`);
  return `*filter\n:FORWARD ACCEPT [0:0]\n:KUBE-SERVICES - [0:0]\n:KUBE-SVC - [0:0]\n-A FORWARD -j KUBE-SERVICES\n${lines.join('\n')}\nCOMMIT\n`;
}

/** What kube-proxy makes of `services` Services with two endpoints each: eight rules a Service. */
export function kubeProxyRules(services: number): string {
  const chains: string[] = [];
  const rules: string[] = [];
  for (let i = 0; i < services; i++) {
    const [svc, one, two] = [`KUBE-SVC-${i}`, `KUBE-SEP-${i}A`, `KUBE-SEP-${i}B`];
    const name = `ns/s${i}:http`;
    chains.push(`:${svc} - [0:0]`, `:${one} - [0:0]`, `:${two} - [0:0]`);
    rules.push(
      `-A KUBE-SERVICES -d ${serviceAddress(i)}/32 -p tcp -m comment --comment "${name} cluster IP" -m tcp --dport 80 -j ${svc}`,
      `-A ${svc} ! -s 10.244.0.0/16 -d ${serviceAddress(i)}/32 -p tcp -m comment --comment "${name}" -m tcp --dport 80 -j KUBE-MARK-MASQ`,
      `-A ${svc} -m comment --comment "${name} -> 10.244.1.${i & 255}" -m statistic --mode random --probability 0.50000000000 -j ${one}`,
      `-A ${svc} -m comment --comment "${name} -> 10.244.2.${i & 255}" -j ${two}`,
    );
    for (const [chain, address] of [[one, `10.244.1.${i & 255}`], [two, `10.244.2.${i & 255}`]] as const) {
      rules.push(`-A ${chain} -s ${address}/32 -m comment --comment "${name}" -j KUBE-MARK-MASQ`, `-A ${chain} -p tcp -m comment --comment "${name}" -m tcp -j DNAT --to-destination ${address}:8080`);
    }
  }
  const builtin = ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'].map((chain) => `:${chain} ACCEPT [0:0]`);
  const common = [
    '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES', '-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING', '-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000',
    '-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN', '-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0',
    '-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully',
  ];
  return ['*nat', ...builtin, ':KUBE-SERVICES - [0:0]', ':KUBE-MARK-MASQ - [0:0]', ':KUBE-POSTROUTING - [0:0]', ...chains, ...common, ...rules, 'COMMIT', ''].join('\n');
}

/**
 * Nodes as namespaces on one bridge, each with pods behind its own bridge and a flannel.1 that knows every other node as flanneld would
 * write it. MACs of flannel.1 are 02:99:00:00:00:<node>.
 */
export function flannelSetup(nodes: number, pods: number): string {
  return `ip link add lan type bridge mcast_snooping 0
ip link set lan up
for n in $(seq 1 ${nodes}); do
  ip netns add n$n
  ip link add eth0 netns n$n type veth peer name lan$n
  ip link set lan$n master lan up
  ip -n n$n addr add 172.16.0.$n/24 dev eth0
  ip -n n$n link set eth0 up
  ip netns exec n$n sysctl -qw net.ipv4.ip_forward=1
  ip -n n$n link add flannel.1 address 02:99:00:00:00:$(printf %02x $n) type vxlan id 1 local 172.16.0.$n dev eth0 dstport 8472 nolearning
  ip -n n$n addr add 10.244.$n.0/32 dev flannel.1
  ip -n n$n link set flannel.1 up
  ip -n n$n link add cni0 type bridge mcast_snooping 0
  ip -n n$n addr add 10.244.$n.1/24 dev cni0
  ip -n n$n link set cni0 up
  for p in $(seq 1 ${pods}); do
    ip netns add n\${n}p$p
    ip -n n$n link add eth0 netns n\${n}p$p type veth peer name veth$p
    ip -n n$n link set veth$p master cni0 up
    ip -n n\${n}p$p addr add 10.244.$n.$((p + 1))/24 dev eth0
    ip -n n\${n}p$p link set eth0 up
    ip -n n\${n}p$p route add default via 10.244.$n.1
  done
  for m in $(seq 1 ${nodes}); do
    if [ $m = $n ]; then continue; fi
    mac=02:99:00:00:00:$(printf %02x $m)
    ip -n n$n neigh replace 10.244.$m.0 lladdr $mac dev flannel.1 nud permanent
    bridge -n n$n fdb replace $mac dev flannel.1 dst 172.16.0.$m self permanent
    ip -n n$n route replace 10.244.$m.0/24 via 10.244.$m.0 dev flannel.1 onlink
  done
done
`;
}

/** Every pod pings every other one once. */
export function flannelPairs(nodes: number, pods: number): string {
  return `for n in $(seq 1 ${nodes}); do for p in $(seq 1 ${pods}); do
  for m in $(seq 1 ${nodes}); do for q in $(seq 1 ${pods}); do
    if [ $n$p != $m$q ]; then ip netns exec n\${n}p$p ping -q -c 1 -W 1 10.244.$m.$((q + 1)); fi
  done; done
done; done
`;
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

/** The same cluster by as few programs as the tools allow: a file of commands for each namespace. */
export function flannelBatches(nodes: number, pods: number): string {
  const batch = (program: string, lines: readonly string[]): string => `${program} -batch - <<END\n${lines.join('\n')}\nEND\n`;
  const macOf = (node: number): string => `02:99:00:00:00:${node.toString(16).padStart(2, '0')}`;
  const host = batch('ip', ['link add lan type bridge mcast_snooping 0', 'link set lan up', ...range(nodes).flatMap((n) => [
    `netns add n${n}`, `link add eth0 netns n${n} type veth peer name lan${n}`, `link set lan${n} master lan up`,
    ...range(pods).map((p) => `netns add n${n}p${p}`),
  ])]);
  return host + range(nodes).map((n) => {
    const others = range(nodes).filter((m) => m !== n);
    const node = batch(`ip -n n${n}`, [
      `addr add 172.16.0.${n}/24 dev eth0`, 'link set eth0 up',
      `link add flannel.1 address ${macOf(n)} type vxlan id 1 local 172.16.0.${n} dev eth0 dstport 8472 nolearning`, `addr add 10.244.${n}.0/32 dev flannel.1`, 'link set flannel.1 up',
      'link add cni0 type bridge mcast_snooping 0', `addr add 10.244.${n}.1/24 dev cni0`, 'link set cni0 up',
      ...range(pods).flatMap((p) => [`link add eth0 netns n${n}p${p} type veth peer name veth${p}`, `link set veth${p} master cni0 up`]),
      ...others.flatMap((m) => [`neigh replace 10.244.${m}.0 lladdr ${macOf(m)} dev flannel.1 nud permanent`, `route replace 10.244.${m}.0/24 via 10.244.${m}.0 dev flannel.1 onlink`]),
    ]);
    const entries = batch(`bridge -n n${n}`, others.map((m) => `fdb replace ${macOf(m)} dev flannel.1 dst 172.16.0.${m} self permanent`));
    const inPods = range(pods).map((p) => batch(`ip -n n${n}p${p}`, [`addr add 10.244.${n}.${p + 1}/24 dev eth0`, 'link set eth0 up', `route add default via 10.244.${n}.1`]));
    return `ip netns exec n${n} sysctl -qw net.ipv4.ip_forward=1\n${node}${entries}${inPods.join('')}`;
  }).join('');
}

/** Every pod pings all the others, by one program a pod that waits for nobody. */
export function flannelSweeps(nodes: number, pods: number): string {
  const all = range(nodes).flatMap((n) => range(pods).map((p) => ({ ns: `n${n}p${p}`, address: `10.244.${n}.${p + 1}` })));
  return all.map(({ ns }) => `ip netns exec ${ns} fping -q -i 0 ${all.filter((other) => other.ns !== ns).map(({ address }) => address).join(' ')}\n`).join('');
}

/** A pod of the first node pings one of the last, `echoes` times. */
export function flannelEchoes(nodes: number, echoes: number): string {
  return `ip netns exec n1p1 ping -q -c ${echoes} -i 0.001 10.244.${nodes}.2\n`;
}
