import { attachInet } from '../../kernel/inet.ts';
import { World, type Machine } from '../../kernel/machine.ts';
import { startShell } from '../../shell/run.ts';

/** Runs a script to its end. */
export function runScript(machine: Machine, script: string): { readonly stdout: string; readonly stderr: string; readonly exit: number | null } {
  const { queue } = machine.world;
  const shell = startShell(machine, script);
  while (shell.exit === null && queue.step());
  if (shell.defect) throw shell.defect;
  return shell;
}

/** One machine with two hosts as namespaces on a veth pair: a has 10.0.0.1, b 10.0.0.2. */
export function twoHosts(): Machine {
  const world = new World({ seed: 1, record: 'nothing', protocols: [attachInet] });
  const machine = world.addMachine('node1', { ipv6: false, brNetfilter: false });
  runScript(machine, `
    ip netns add a; ip netns add b
    ip link add eth0 netns a type veth peer name eth0 netns b
    ip -n a addr add 10.0.0.1/24 dev eth0; ip -n b addr add 10.0.0.2/24 dev eth0
    for n in a b; do ip -n $n link set lo up; ip -n $n link set eth0 up; done; sleep 2`);
  return machine;
}

/** What a client in `a` says while a server in `b` runs, then what the server has printed. Neither may have single quotes. */
export function dialogue(server: string, client: string): { readonly stdout: string; readonly stderr: string; readonly served: string } {
  const machine = twoHosts();
  const said = runScript(machine, `ip netns exec b bash -c '${server}' > /tmp/out 2>&1 < /dev/null & sleep 0.1; ip netns exec a bash -c '${client}'; echo "=> $?"`);
  const served = runScript(machine, 'sleep 0.1; cat /tmp/out').stdout;
  return { stdout: said.stdout, stderr: said.stderr, served };
}
