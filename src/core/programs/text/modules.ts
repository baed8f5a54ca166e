import { isTunnelModule, loadTunnelModule } from '../../kernel/devices/ip-tunnel/tunnel-modules.ts';
import { NotSimulated, type Program } from '../../shell/process.ts';
import { parseOptions } from './options.ts';

/** Kernel modules that are always there. br_netfilter is the lab's choice, because it changes what every bridge does. */
const BUILT_IN = ['8021q', 'bridge', 'llc', 'stp', 'veth'];

/** modprobe(8): what the simulated kernel can do is loaded already, but for tunnels, which bring devices. */
export const modprobe: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, { a: 'no', all: '=a', r: 'no', remove: '=r', q: 'no', quiet: '=q', v: 'no', verbose: '=v', f: 'no', n: 'no', 'dry-run': '=n', i: 'no', 'first-time': 'never', c: 'never', D: 'never' }, { exit: 1 });
  if (failed !== null) return failed;
  const flags = new Set(options.map(([name]) => name));
  for (const name of flags.has('a') ? operands : operands.slice(0, 1)) {
    const module = name.replaceAll('-', '_');
    if (flags.has('r')) throw new NotSimulated(`modprobe -r ${name}`);
    if (isTunnelModule(module)) {
      if (!flags.has('n')) loadTunnelModule(process.machine, module);
      continue;
    }
    const loaded = BUILT_IN.includes(module) || (module === 'br_netfilter' && process.machine.options.brNetfilter);
    if (!loaded) throw new NotSimulated(module === 'br_netfilter' ? 'loading br_netfilter later (write br_netfilter: true in the lab)' : `modprobe ${name}`);
  }
  if (operands.length > 0) return 0;
  process.stderr.write('modprobe: ERROR: missing parameters. See -h.\n');
  return 1;
};

/** lsmod(8) */
export const lsmod: Program = function* (process) {
  const names = [...BUILT_IN, ...process.machine.tunnelModules, ...(process.machine.options.brNetfilter ? ['br_netfilter'] : [])].sort().reverse();
  process.stdout.write('Module                  Size  Used by\n');
  for (const name of names) process.stdout.write(`${name.padEnd(19)} ${'16384'.padStart(8)}  0\n`);
  return 0;
};
