import { addRoute, cable, sysctl, testHost, testWorld } from '../../kernel/testing.ts';
import { startShell } from '../../shell/run.ts';
import type { Outcome } from '../../shell/testing/compare.ts';

/*
 * The network that the programs of this folder are tested on: host a (10.0.1.1), router r (10.0.1.254 and 10.0.2.254), host b
 * (10.0.2.1). The same was built of namespaces to see what the real programs print. Not part of the product.
 */

export interface TestNetwork {
  /** Runs a script on a machine until it ends. */
  run(machine: 'a' | 'r' | 'b', script: string): Outcome;
}

export function testNetwork(): TestNetwork {
  const world = testWorld('nothing');
  const [a, r, b] = ['a', 'r', 'b'].map((name) => testHost(world, name)) as [ReturnType<typeof testHost>, ReturnType<typeof testHost>, ReturnType<typeof testHost>];
  cable(a, 'eth0', ['10.0.1.1/24'], r, 'eth0', ['10.0.1.254/24']);
  cable(r, 'eth1', ['10.0.2.254/24'], b, 'eth0', ['10.0.2.1/24']);
  addRoute(a, 'default', { via: '10.0.1.254' });
  addRoute(b, 'default', { via: '10.0.2.254' });
  sysctl(r, 'net.ipv4.ip_forward', 1);
  for (const ns of [r, b]) sysctl(ns, 'net.ipv4.icmp_ratemask', 0);
  addRoute(r, '10.4.0.0/16', { type: 'unreachable' });
  addRoute(r, '10.5.0.0/16', { type: 'prohibit' });
  return {
    run: (name, script) => {
      const shell = startShell(world.machines.get(name)!, script);
      while (shell.exit === null && world.queue.step());
      return { stdout: shell.stdout, stderr: shell.stderr, exit: shell.exit! };
    },
  };
}

/** Takes out what differs from run to run: times and identifiers. */
export function withoutTimes(text: string): string {
  return text
    .replace(/time=[\d.]+ ms/g, 'time=T ms')
    .replace(/time \d+ms/g, 'time Tms')
    .replace(/= [\d.]+(\/[\d.]+)+ ms/g, '= T ms')
    .replace(/ipg\/ewma [\d.]+\/[\d.]+ ms/g, 'ipg/ewma T ms')
    .replace(/ident=\d+/g, 'ident=N')
    .replace(/\bid \d+\b/g, 'id N')
    .replace(/ {2}\d+\.\d{3} ?ms/g, '  T ms')
    .replace(/^\d\d:\d\d:\d\d\.\d{6}/gm, 'TIME');
}
