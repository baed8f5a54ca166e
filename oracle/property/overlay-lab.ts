import { parseLab, type Lab } from '../../src/core/index.ts';
import { hostName, numbers, podName, underlayAddress, type Act, type OverlayCase } from './overlay-cases.ts';
import { inSteps, stepOf } from './run-cases.ts';

/** Cases that run at the same time. More would fill the neighbour table, which is the whole computer’s: from 128 entries on Linux forgets what it does not use. */
export const OVERLAY_WIDTH = 12;

/**
 * A lab that runs cases, OVERLAY_WIDTH in each step; each makes its own namespaces, and leaves them to the next step to take away.
 * No name comes twice: counters are compared with those of the same namespace one step before.
 */
export function overlayLab(all: readonly OverlayCase[]): Lab {
  const steps = inSteps(all, OVERLAY_WIDTH).map((some, step) => ({ on: 'm', timeout: 120, run: `${CLEAN}\n${stepOf(some.map((one, i) => caseScript(one, step * OVERLAY_WIDTH + i + 1)))}` }));
  const parsed = parseLab(JSON.stringify({ title: 'Overlays', settle: 0.1, machines: { m: {} }, steps }));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return parsed.lab;
}

const CLEAN = 'for ns in $(ip netns list | cut -d" " -f1); do ip netns del $ns; done';

/** After each act there is a pause, in which ARP on the underlay gives up what it asks for in vain. */
function caseScript(one: OverlayCase, n: number): string {
  const acts = one.acts.map((each) => `${inside(each, n)}; echo "exit $?"; sleep 0.3`);
  return [...wiring(one, n), ...setup(one.setup, n), ...reported(one), ...acts, ...reported(one), counters(one, n)].join('\n');
}

/** Milliseconds between two ARP requests, for each host another: who of several asks first is no matter of overlays. */
const ASKING = [45, 58, 72, 86] as const;

/** The namespaces, and the underlay: eth0 of each host, and in u a bridge or a router. */
function wiring(one: OverlayCase, n: number): string[] {
  const { routed, hosts } = one;
  const all = numbers(hosts);
  const pods = podsOf(one);
  const silence = one.pieces ? ['iptables -A OUTPUT -d 172.16.0.0/12 -p icmp --icmp-type 3 -j DROP; iptables -A OUTPUT -d 172.16.0.0/12 -p icmp --icmp-type 11 -j DROP'] : [];
  const underlay = all.map((i) => `p${hostName(i)}`);
  return [
    `for ns in ${['u', ...all.map(hostName), ...pods].map((name) => `${name}${n}`).join(' ')}; do ip netns add $ns; done`,
    // First, also where it is not needed, so that no port has the number of its peer: Linux hears of such a device's carrier with a delay.
    `ip -n u${n} link add br0 address 02:00:00:00:00:40 type bridge`,
    ...all.map((i) => `ip link add eth0 netns ${hostName(i)}${n} address 02:00:00:00:00:0${i} type veth peer name p${hostName(i)} address 02:00:00:00:01:0${i} netns u${n}`),
    ...all.map((i) => inNamespace(`${hostName(i)}${n}`, [
      ...batch([`addr add ${underlayAddress(routed, i)}/24 dev eth0`, 'link set lo up', 'link set eth0 up', ...(routed ? [`route add 172.16.0.0/16 via 172.16.${i}.1`] : [])]),
      // How many errors are sent is a matter of time.
      'echo 0 >/proc/sys/net/ipv4/icmp_ratelimit', ...patience('eth0', ASKING[i - 1]!), ...silence,
    ])),
    ...pods.map((pod) => inNamespace(`${pod}${n}`, ['ip link set lo up', 'echo 0 >/proc/sys/net/ipv4/icmp_ratelimit'])),
    inNamespace(`u${n}`, routed
      ? [...batch(['link set lo up', ...all.flatMap((i) => [`addr add 172.16.${i}.1/24 dev p${hostName(i)}`, `link set p${hostName(i)} up`])]),
        'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 0 >/proc/sys/net/ipv4/icmp_ratelimit', ...underlay.flatMap((port, at) => patience(port, ASKING[at]!)), ...silence]
      : batch(['link set br0 up', ...underlay.map((port) => `link set ${port} master br0 up`)])),
  ];
}

/** The pods that there are. */
function podsOf({ hosts, setup: first }: OverlayCase): string[] {
  return numbers(hosts).map(podName).filter((pod) => first.some(({ on, command }) => on === pod || command.endsWith(` ${pod}@`)));
}

function inNamespace(name: string, lines: readonly string[]): string {
  return `ip netns exec ${name} sh -c '\n${lines.join('\n')}'`;
}

/** One process instead of many. */
function batch(lines: readonly string[]): string[] {
  return ['ip -b - <<END', ...lines, 'END'];
}

/** ARP gives up soon, before ping does, and asks nobody again who has answered once: a step is over by then, but may last longer on a busy computer. */
function patience(device: string, retransmit: number): string[] {
  const folder = `/proc/sys/net/ipv4/neigh/${device}`;
  return [`{ echo ${retransmit} >${folder}/retrans_time_ms; echo 60 >${folder}/delay_first_probe_time; } 2>/dev/null`];
}

/** IGMP says everything twice, within a second. */
function reported(one: OverlayCase): string[] {
  return JSON.stringify(one).includes('group ') ? ['sleep 1.1'] : [];
}

/** What one host does in a row is one process. */
function setup(acts: readonly Act[], n: number): string[] {
  const runs: { readonly on: string; readonly lines: string[] }[] = [];
  for (const each of acts) {
    if (runs.at(-1)?.on !== each.on) runs.push({ on: each.on, lines: [] });
    const line = words(each, n);
    const device = /^ip addr add \S+ dev (\S+)/.exec(line)?.[1];
    runs.at(-1)!.lines.push(line, ...(device === undefined ? [] : patience(device, 100)));
  }
  return runs.map(({ on, lines }) => inNamespace(`${on}${n}`, lines));
}

function inside(each: Act, n: number): string {
  return `ip netns exec ${each.on}${n} sh -c '${words(each, n)}'`;
}

/** `p@` stands for the namespace p of this case. */
function words({ command, options }: Act, n: number): string {
  return [command.replace(/@/g, String(n)), ...options].join(' ');
}

/** How many frames each VXLAN device has sent, got and lost. */
function counters({ hosts }: OverlayCase, n: number): string {
  return `for ns in ${numbers(hosts).map((i) => `${hostName(i)}${n}`).join(' ')}; do ip -n $ns -s -s link show type vxlan; done`;
}

/** For people to read. */
export function overlayText({ routed, hosts, setup: first, acts }: OverlayCase): string {
  const line = (each: Act): string => `${each.on}$ ${[each.command, ...each.options].join(' ')}`;
  return [`${hosts} hosts, ${routed ? 'routed' : 'on one bridge'}`, ...first.map(line), '--', ...acts.map(line)].join('\n');
}
