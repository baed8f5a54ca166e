import { parseLab, type Lab } from '../../src/core/index.ts';
import { restoreText, type Case } from './cases.ts';
import { inSteps, stepOf } from './run-cases.ts';

/** Cases that run at the same time, each in three namespaces of its own: a<n>, r<n>, b<n>. */
export const WIDTH = 20;

/** A lab that runs cases, WIDTH in each step. */
export function ruleLab(all: readonly Case[]): Lab {
  const steps = inSteps(all, WIDTH).map((some) => ({ on: 'm', timeout: 60, run: stepOf(some.map((one, i) => caseScript(one, i + 1))) }));
  const parsed = parseLab(JSON.stringify({ title: 'Cases', trace: true, settle: 0.5, machines: { m: { setup: setupScript(Math.min(WIDTH, all.length)), timeout: 120 } }, steps }));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return parsed.lab;
}

function setupScript(width: number): string {
  return `
for n in $(seq ${width}); do
  ip netns add a$n; ip netns add r$n; ip netns add b$n
  ip link add eth0 netns a$n address 02:00:00:aa:00:01 type veth peer name eth1 address 02:00:00:aa:00:02 netns r$n
  ip link add eth0 netns b$n address 02:00:00:aa:00:03 type veth peer name eth2 address 02:00:00:aa:00:04 netns r$n
  for ns in a$n r$n b$n; do ip -n $ns link set lo up; done
  ip -n a$n addr add 10.1.0.2/24 dev eth0; ip -n a$n addr add 10.1.0.3/24 dev eth0; ip -n a$n link set eth0 up
  ip -n b$n addr add 10.2.0.2/24 dev eth0; ip -n b$n addr add 10.2.0.3/24 dev eth0; ip -n b$n link set eth0 up
  ip -n r$n addr add 10.1.0.1/24 dev eth1; ip -n r$n link set eth1 up
  ip -n r$n addr add 10.2.0.1/24 dev eth2; ip -n r$n link set eth2 up
  for i in 2 3; do
    ip -n r$n neigh add 10.1.0.$i lladdr 02:00:00:aa:00:01 dev eth1; ip -n r$n neigh add 10.2.0.$i lladdr 02:00:00:aa:00:03 dev eth2
  done
  ip -n a$n neigh add 10.1.0.1 lladdr 02:00:00:aa:00:02 dev eth0; ip -n b$n neigh add 10.2.0.1 lladdr 02:00:00:aa:00:04 dev eth0
  ip -n a$n route add default via 10.1.0.1; ip -n b$n route add default via 10.2.0.1
  # How many redirects are sent is a matter of time.
  ip netns exec r$n sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth1.send_redirects=0 net.ipv4.conf.eth2.send_redirects=0
done
`;
}

/** After each command there is a pause: which of two programs sends first is no matter of rules. */
function caseScript(one: Case, n: number): string {
  return [
    `ip netns exec r${n} iptables-restore <<'END'`, restoreText(one), 'END', 'echo "restore $?"', `ip netns exec r${n} conntrack -F 2>/dev/null`,
    ...one.sends.map(({ from, command }) => `ip netns exec ${from}${n} sh -c '${command}'; echo "exit $?"; sleep 0.01`),
  ].join('\n');
}
