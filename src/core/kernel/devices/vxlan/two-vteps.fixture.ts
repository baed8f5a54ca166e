import { startShell } from '../../../shell/run.ts';
import { attachInet } from '../../inet.ts';
import { World, type Machine } from '../../machine.ts';

/* Two VTEPs, for the tests beside it. */

/** Runs a script to its end; what it printed. */
export function run(machine: Machine, script: string): string {
  const { queue } = machine.world;
  const shell = startShell(machine, script);
  while (shell.exit === null && queue.step());
  if (shell.defect) throw shell.defect;
  return shell.stdout + shell.stderr;
}

/**
 * Namespaces a (172.16.1.2) and b (172.16.2.2) behind a router r. In both vx1 of VNI 10, port 4789, to the other one, with `options`; where
 * `inside` is `device` it has the address 10.0.0.1 or 10.0.0.2, else a bridge br1 above it has.
 */
export function twoVteps(inside: 'device' | 'bridge', options: string, mtu = 1450): Machine {
  const machine = new World({ seed: 1, record: 'everything', protocols: [attachInet] }).addMachine('node1', { ipv6: false, brNetfilter: false });
  run(machine, `
    for ns in a b r; do ip netns add $ns; ip -n $ns link set lo up; done
    ip link add eth0 netns a type veth peer name pa netns r; ip link add eth0 netns b type veth peer name pb netns r
    for d in pa pb; do ip -n r link set $d up; done
    ip -n r addr add 172.16.1.1/24 dev pa; ip -n r addr add 172.16.2.1/24 dev pb; ip netns exec r sysctl -qw net.ipv4.ip_forward=1
    i=1; for ns in a b; do
      ip -n $ns addr add 172.16.$i.2/24 dev eth0; ip -n $ns link set eth0 up; ip -n $ns route add default via 172.16.$i.1
      ip -n $ns link add vx1 mtu ${mtu} address 02:00:00:00:11:0$i type vxlan id 10 dstport 4789 remote 172.16.$((3 - i)).2 ${options}
      dev=vx1
      ${inside === 'bridge' ? 'dev=br1; ip -n $ns link add br1 address 02:00:00:00:31:0$i type bridge; ip -n $ns link set br1 up; ip -n $ns link set vx1 master br1' : ''}
      ip -n $ns link set vx1 up; ip -n $ns addr add 10.0.0.$i/24 dev $dev; i=$((i + 1))
    done; sleep 2`);
  return machine;
}

/** A line of /proc/net/snmp: the counter's value. */
export function snmp(machine: Machine, ns: string, name: string): number {
  const [protocol, counter] = name.split('.') as [string, string];
  const [names, values] = run(machine, `ip netns exec ${ns} grep ^${protocol}: /proc/net/snmp`).split('\n').map((line) => line.split(' '));
  return Number(values![names!.indexOf(counter)]);
}

/** Transmit errors, drops and carrier errors of a device, as `ip -s link` prints them. */
export function txTroubles(machine: Machine, ns: string, dev = 'vx1'): number[] {
  const [, , errors, dropped, carrier] = run(machine, `ip -n ${ns} -s link show dev ${dev} | tail -n 1`).trim().split(/ +/).map(Number);
  return [errors!, dropped!, carrier!];
}
