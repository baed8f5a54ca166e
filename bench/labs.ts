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
