import { describe, expect, it } from 'vitest';
import { lintLab, lintScript } from './lint.ts';
import { parseLab } from './parse.ts';
import { runLab } from './run.ts';

function lint(text: string): string[] {
  const parsed = parseLab(text);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return lintLab(parsed.lab, text, 'x.yaml', parsed.locate).map(({ line, column, message }) => `${line}:${column} ${message}`);
}

describe('a shell script', () => {
  it('is told line by line what is not simulated', () => {
    const script = 'set -e\nsudo ip netns add red\nip link add v type macvlan\ndocker run x\nfor i in 1 2; do\n  ip netns exec red tc qdisc show\ndone\nping -r 1.1.1.1\nfrobnicate\n';
    expect(lintScript(script, 'x.sh').map(({ line, message }) => `${line} ${message}`)).toEqual([
      '3 ip link add type macvlan is not simulated.', '4 docker is not simulated.', '6 tc is not simulated.', '8 ping -r is not simulated.',
      '9 There is no command named frobnicate.',
    ]);
  });
  it('of simulated commands alone has nothing to be told', () => {
    expect(lintScript('ip link add a type veth peer name b\nping -c 1 "$X" | grep received && brctl addbr br0\ntcpdump -i "$DEV" -nn icmp &\nwait\n', 'x.sh')).toEqual([]);
  });
  it('finds what a filter or a method of a program asks for', () => {
    expect(lintScript('tcpdump -i veth0 ipx\ntraceroute -T 1.1.1.1\n', 'x.sh').map(({ message }) => message)).toEqual(['tcpdump filter "ipx" is not simulated.', 'traceroute -T is not simulated.']);
  });
});

describe('a lab', () => {
  it('is told where in the YAML it stands: in a block, behind a key, in quotes', () => {
    expect(lint(`machines:
  a:
    setup: |
      ip link set eth0 up

      docker ps
  b: { setup: "crictl ps" }
links: [[a:eth0, b:eth0]]
steps:
  - on: a
    run: hostname; crictl ps
`)).toEqual(['6:7 docker is not simulated.', '7:16 crictl is not simulated.', '11:20 crictl is not simulated.']);
  });
  it('with IPv6 cannot be run, and says so', () => {
    const text = 'machines:\n  a: { ipv6: true }\nsteps:\n  - { on: a, run: "true" }\n';
    expect(lint(text)).toEqual(['2:8 IPv6 is not simulated.']);
    const parsed = parseLab(text);
    const run = parsed.ok ? runLab(parsed.lab) : null;
    expect(run!.problems).toEqual([{ path: ['machines', 'a', 'ipv6'], message: 'IPv6 is not simulated.', hint: '' }]);
    expect(run!.steps).toEqual([]);
  });
});
