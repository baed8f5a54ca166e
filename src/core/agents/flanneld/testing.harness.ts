import { parseLab } from '../../lab/parse.ts';
import { runLab } from '../../lab/run.ts';
import type { LabRun } from '../../lab/run-types.ts';

export interface FlannelLab {
  readonly nodes?: number;
  /** net-conf.json. */
  readonly config?: string;
  /** How flanneld is started. */
  readonly flanneld?: string;
  /** Steps after the setups: the machine and the command, with seconds to stay. */
  readonly steps?: readonly (readonly [on: string, run: string, settle?: number])[];
}

export const VXLAN = '{ "Network": "10.244.0.0/16", "Backend": { "Type": "vxlan" } }';
export const HOST_GW = '{ "Network": "10.244.0.0/16", "Backend": { "Type": "host-gw" } }';
const FLANNELD = 'flanneld --kube-subnet-mgr --ip-masq --iface=eth0';

/** Nodes 1, 2, ... on one wire, each with a pod and a flanneld; runs the steps. */
export function runFlannel({ nodes = 2, config = VXLAN, flanneld = FLANNELD, steps = [] }: FlannelLab): LabRun {
  const names = Array.from({ length: nodes }, (_, i) => `node${i + 1}`);
  const setup = `
name=$(hostname); i=\${name#node}
ip link set eth0 up; ip addr add 192.168.1.1$i/24 dev eth0; ip route add default via 192.168.1.1
sysctl -qw net.ipv4.ip_forward=1
ip link add cni0 type bridge; ip link set cni0 up; ip addr add 10.244.$i.1/24 dev cni0
ip netns add pod; ip link add veth0 type veth peer name eth0 netns pod; ip link set veth0 master cni0 up
ip -n pod link set eth0 mtu 1450 up; ip -n pod addr add 10.244.$i.2/24 dev eth0; ip -n pod route add default via 10.244.$i.1
mkdir -p /etc/kube-flannel; echo '${config}' >/etc/kube-flannel/net-conf.json
echo "{apiVersion: v1, kind: Node, metadata: {name: $name}, spec: {podCIDR: 10.244.$i.0/24}}" | kubectl create -f -
${flanneld} </dev/null >/tmp/flanneld.out 2>/tmp/flanneld.log & echo $! >/tmp/flanneld.pid`;
  const text = JSON.stringify({
    id: 'flannel', title: 'flannel', settle: 3,
    machines: Object.fromEntries(names.map((name) => [name, { setup }])),
    links: [{ switch: 'lan', ports: names.map((name) => `${name}:eth0`) }],
    steps: steps.map(([on, run, settle = 0]) => ({ on, run, settle })),
  });
  const parsed = parseLab(text);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return runLab(parsed.lab);
}

/** What the agents of a machine ran (or only noticed), in order. */
export function commandsOf(run: LabRun, machine: string): string[] {
  return run.trace.steps.flatMap((step) => (step.kind === 'agent' && step.machine === machine ? [step.run ?? `(${step.why})`] : []));
}
