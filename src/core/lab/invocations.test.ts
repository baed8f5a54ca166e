import { describe, expect, it } from 'vitest';
import { mentionsAgents } from './invocations.ts';
import { parseLab } from './parse.ts';
import { runLab } from './run.ts';

const LAB = JSON.stringify({
  id: 'agents', title: 'agents', settle: 2,
  machines: {
    a: { setup: `ip link set eth0 up; ip addr add 192.168.1.1/24 dev eth0; mkdir -p /etc/kube-flannel
echo '{ "Network": "10.244.0.0/16", "Backend": { "Type": "host-gw" } }' >/etc/kube-flannel/net-conf.json
echo "{apiVersion: v1, kind: Node, metadata: {name: a}, spec: {podCIDR: 10.244.1.0/24}}" | kubectl apply -f -
flanneld --kube-subnet-mgr --iface=eth0 </dev/null >/dev/null 2>&1 & echo $! >/tmp/pid` },
    b: { setup: '' },
    c: { setup: 'ip link set eth0 up' },
  },
  links: [['a:eth0', 'c:eth0']],
  steps: [
    { on: 'b', run: 'echo "{apiVersion: v1, kind: Node, metadata: {name: b, annotations: {flannel.alpha.coreos.com/kube-subnet-manager: \'true\', flannel.alpha.coreos.com/backend-type: host-gw, flannel.alpha.coreos.com/public-ip: 192.168.1.2}}, spec: {podCIDR: 10.244.2.0/24}}" | kubectl create -f -; kubectl get node x', settle: 1 },
    { on: 'a', run: 'kill $(cat /tmp/pid)', settle: 1 },
  ],
});

describe('what agents did', () => {
  const parsed = parseLab(LAB);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  const run = runLab(parsed.lab, { invocations: true });
  const invocations = run.invocations!;

  // What a setup leaves in the background begins when that setup has ended, which is when the next begins.
  it('is written down for each of their starts, by machine', () => {
    expect(run.problems).toEqual([]);
    expect(invocations.map(({ machine, program, argv, start, end }) => `${machine} ${program} ${argv.length} ${start.epoch} ${end?.epoch} ${end?.exit} ${end?.signal}`)).toEqual([
      'a kubectl 4 1 1 0 false', 'a flanneld 3 2 4 0 true', 'b kubectl 4 3 3 0 false', 'b kubectl 4 3 3 1 false',
    ]);
  });

  it('has the commands in their order, with the setup or step they belong to', () => {
    const { commands } = invocations[1]!;
    expect(commands.map(({ epoch, run: command }) => `${epoch} ${command.split('\n')[0]!}`)).toEqual([
      '2 iptables -t filter -N FLANNEL-FWD --wait', "2 mkdir -p /run/flannel; cat >/run/flannel/subnet.env <<'EOF'", "2 iptables-restore --noflush --wait <<'EOF'",
      '3 ip route add 10.244.2.0/24 via 192.168.1.2 dev eth0',
    ]);
    expect(commands.at(-1)!.offsetNs).toBe(2_000_000);
  });

  it('has what they printed, wherever it went', () => {
    expect(invocations[0]!.outputs.map(({ stream, text }) => `${stream} ${text}`)).toEqual(['stdout node/a created\n']);
    expect(invocations[3]!.outputs.map(({ stream, text }) => `${stream} ${text}`)).toEqual(['stderr Error from server (NotFound): nodes "x" not found\n']);
    expect(invocations[1]!.outputs.some(({ stream, text, epoch }) => epoch === 4 && stream === 'stderr' && text.includes('Exiting cleanly'))).toBe(true);
  });

  it('is asked for only by labs that name an agent', () => {
    expect(mentionsAgents(['ip link; kubectl get nodes'])).toBe(true);
    expect(mentionsAgents(['/opt/flannel/v0.8.0/flanneld &'])).toBe(true);
    expect(mentionsAgents(['ip link', 'bridge fdb'])).toBe(false);
    expect(runLab(parsed.lab).invocations).toBeNull();
  });
});
