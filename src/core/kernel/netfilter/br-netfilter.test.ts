import { describe, expect, it } from 'vitest';
import type { Ipv4Header } from '../../wire/packet.ts';
import { parseIpv4 } from '../../wire/address.ts';
import { startShell } from '../../shell/run.ts';
import { attachInet } from '../inet.ts';
import { World, type Machine } from '../machine.ts';
import { NF_HOOKS, registerHook, type NfHook, type NfVerdict } from './hooks.ts';
import type { SkBuff } from '../sk-buff.ts';

const SETUP = `
ip netns add ns1; ip netns add ns2; ip netns add ns3
ip link add br0 type bridge; ip addr add 10.0.0.254/24 dev br0; ip link set br0 up
for i in 1 2 3; do
  ip link add p$i type veth peer name eth0 netns ns$i
  ip link set p$i master br0; ip link set p$i up
  ip -n ns$i addr add 10.0.0.$i/24 dev eth0; ip -n ns$i link set eth0 up
done
sleep 2
`;

function run(machine: Machine, script: string): string {
  const { queue } = machine.world;
  const shell = startShell(machine, script);
  while (shell.exit === null && queue.step());
  if (shell.defect) throw shell.defect;
  return shell.stdout;
}

function bridged(): Machine {
  const world = new World({ seed: 1, record: 'everything', protocols: [attachInet] });
  const machine = world.addMachine('node1', { ipv6: false, brNetfilter: true });
  run(machine, SETUP);
  return machine;
}

/** Notes what each hook of the root namespace sees; `act` may change the packet or end it. */
function watch(machine: Machine, act: (hook: NfHook, skb: SkBuff) => NfVerdict = () => 'accept'): string[] {
  const seen: string[] = [];
  for (const hook of NF_HOOKS) {
    registerHook(machine.root, hook, {
      priority: 0, name: 'test', run: (_ns, skb, state) => {
        const { physin, physout } = skb.nfBridge ?? { physin: null, physout: null };
        seen.push(`${hook} ${state.in?.name ?? '-'}(${physin?.name ?? '-'}) ${state.out?.name ?? '-'}(${physout?.name ?? '-'}) ${skb.pktType}`);
        return act(hook, skb);
      },
    });
  }
  return seen;
}

const PING = 'ip netns exec ns1 ping -c 1 -W 1 10.0.0.2 > /dev/null; echo $?';

describe('bridged frames and the hooks of IPv4', () => {
  it('pass PREROUTING, FORWARD and POSTROUTING of the bridge, each way', () => {
    const machine = bridged();
    const seen = watch(machine);
    expect(run(machine, PING)).toBe('0\n');
    const way = (from: string, to: string): string[] => [`PREROUTING br0(${from}) -(-) host`, `FORWARD br0(${from}) br0(${to}) host`, `POSTROUTING -(${from}) br0(${to}) host`];
    expect(seen).toEqual([...way('p1', 'p2'), ...way('p2', 'p1')]);
  });

  it('pass none with bridge-nf-call-iptables 0', () => {
    const machine = bridged();
    const seen = watch(machine);
    run(machine, 'sysctl -qw net.bridge.bridge-nf-call-iptables=0');
    expect(run(machine, PING)).toBe('0\n');
    expect(seen).toEqual([]);
  });

  it('end where a hook drops them', () => {
    const machine = bridged();
    watch(machine, (hook) => (hook === 'FORWARD' ? 'drop' : 'accept'));
    expect(run(machine, PING)).toBe('1\n');
    expect(machine.world.recorder.steps.filter((step) => step.kind === 'drop').map((step) => step.detail)).toContain('by test in FORWARD');
  });

  it('for the host itself see PREROUTING once', () => {
    const machine = bridged();
    const seen = watch(machine);
    expect(run(machine, PING.replace('10.0.0.2', '10.0.0.254'))).toBe('0\n');
    expect(seen.map((line) => line.split(' ')[0])).toEqual(['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING']);
  });

  it.each([['known', 'ping -c 1 -W 1 10.0.0.3 > /dev/null;'], ['not yet resolved', '']])('with a new destination behind the same bridge, %s: stay below IP, with the sender’s MAC and TTL', (_name, before) => {
    const machine = bridged();
    run(machine, `sysctl -qw net.ipv4.ip_forward=1; ${before} true`);
    watch(machine, (hook, skb) => {
      const [ip, ...rest] = skb.packet as [Ipv4Header, ...SkBuff['packet']];
      if (hook === 'PREROUTING' && ip.dst === parseIpv4('10.0.0.2')) skb.packet = [{ ...ip, dst: parseIpv4('10.0.0.3')! }, ...rest];
      return 'accept';
    });
    run(machine, PING);
    const arrived = machine.world.recorder.steps.find((step) => step.kind === 'dev.rx' && step.netns === 'ns3' && step.packet?.[2]?.kind === 'icmp' && step.packet[2].type === 8
      && (step.packet[1] as Ipv4Header).src === parseIpv4('10.0.0.1'));
    const sender = machine.namespaces.get('ns1')!.devicesByName.get('eth0')!.mac;
    const receiver = machine.namespaces.get('ns3')!.devicesByName.get('eth0')!.mac;
    expect(arrived?.packet).toMatchObject([{ src: sender, dst: receiver }, { ttl: 64 }, {}, {}]);
  });
});

describe('bridged frames that are too long for a port', () => {
  const TRY = (size: number, how: 'do' | 'dont'): string => `ip netns exec ns1 ping -M ${how} -s ${size} -c 1 -W 0.2 10.0.0.2 > /dev/null; echo $?`;
  const COUNTED = ['Ip.FragOKs', 'Ip.FragFails', 'Ip.FragCreates'] as const;

  function narrow(setup = ''): Machine {
    const machine = bridged();
    run(machine, `${PING}; ip link set p2 mtu 1400; ${setup}`);
    return machine;
  }

  function counted(machine: Machine): number[] {
    const text = run(machine, 'cat /proc/net/snmp').split('\n').filter((line) => line.startsWith('Ip:')).map((line) => line.split(' '));
    return COUNTED.map((name) => Number(text[1]![text[0]!.indexOf(name.slice(3))]));
  }

  it.each([[1372, 'dont', '0', [0, 0, 0]], [1372, 'do', '0', [0, 0, 0]], [1373, 'dont', '0', [1, 0, 2]], [1373, 'do', '1', [0, 1, 0]]] as const)(
    '%i bytes of data, DF %s: exit code %s, counters %j', (size, how, code, counters) => {
      const machine = narrow();
      expect(run(machine, TRY(size, how))).toBe(`${code}\n`);
      expect(counted(machine)).toEqual(counters);
    });

  it('are cut to the MTU of the bridge; in one piece they still have the four bytes that a port grants', () => {
    const machine = narrow('ip link set br0 mtu 1500');
    expect(run(machine, `${TRY(1376, 'dont')}; ${TRY(1377, 'dont')}`)).toBe('0\n1\n');
    expect(counted(machine)).toEqual([2, 0, 2]);
  });

  it('are not cut when they came in longer pieces than the bridge may send', () => {
    const machine = narrow('iptables -A FORWARD -m conntrack --ctstate INVALID -j DROP');
    expect(run(machine, TRY(2000, 'dont'))).toBe('1\n');
    expect(counted(machine)).toEqual([0, 1, 0]);
    expect(machine.world.recorder.steps.filter((step) => step.kind === 'drop').at(-1)).toMatchObject({ fn: 'br_nf_ip_fragment', reason: 'PKT_TOO_BIG' });
  });

  it('leave in pieces no longer than those that came', () => {
    const machine = narrow('ip link set p2 mtu 1500; ip -n ns1 link set eth0 mtu 1000; iptables -A FORWARD -m conntrack --ctstate INVALID -j DROP');
    run(machine, TRY(2000, 'dont'));
    const left = machine.world.recorder.steps.filter((step) => step.kind === 'dev.xmit' && step.device === 'p2').map((step) => step.packet![1] as Ipv4Header);
    expect(left.slice(-3).map(({ offset, mf }) => [offset, mf])).toEqual([[0, true], [976, true], [1952, false]]);
  });
});
