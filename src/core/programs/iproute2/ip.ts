import { strerror } from '../../kernel/errno.ts';
import type { NetNamespace } from '../../kernel/net-namespace.ts';
import { NotSimulated, type Process, type Running } from '../../shell/process.ts';
import { ipAddr } from './addr.ts';
import { Args, Exit, Failure, firstMatch } from './args.ts';
import { runBatch } from './batch.ts';
import { processContext, type Ip } from './ip-context.ts';
import { ipLink } from './link.ts';
import { ipMaddr } from './maddr.ts';
import { ipMonitor } from './monitor.ts';
import { ipNeigh } from './neigh.ts';
import { ipNetns } from './netns.ts';
import { findNamespace } from './netns-find.ts';
import { parseOptions, type CommandLine } from './options.ts';
import { ipRoute } from './route.ts';
import { ipRule } from './rule.ts';
import { ipTunnel } from './tunnel.ts';
import { ipUsage } from './usage-text.ts';

type Command = (ip: Ip, args: Args) => number | Running;

/** The objects of ip(8) in its own order: an abbreviation means the first that it fits. Null: this program has it not. */
const OBJECTS: Readonly<Record<string, Command | null>> = {
  address: ipAddr, addrlabel: null, maddress: ipMaddr, route: ipRoute, rule: ipRule, neighbor: ipNeigh, neighbour: ipNeigh, ntable: null,
  ntbl: null, link: ipLink, l2tp: null, fou: null, ila: null, macsec: null, tunnel: ipTunnel, tunl: ipTunnel, tuntap: null, tap: null,
  token: null, tcpmetrics: null, tcp_metrics: null, monitor: ipMonitor, xfrm: null, mroute: null, mrule: null, netns: ipNetns,
  netconf: null, vrf: null, sr: null, nexthop: null, mptcp: null, ioam: null, help: () => ipUsage(), stats: null,
};

/** The object that a word means, by its full name; null when it means none. */
export function ipObject(word: string): { readonly name: string; readonly simulated: boolean } | null {
  const name = firstMatch(word, Object.keys(OBJECTS));
  return name === null ? null : { name, simulated: OBJECTS[name] !== null };
}

/** One command: an object and its words. Gives its exit code. */
export function* runIpCommand(ip: Ip, words: readonly string[]): Running {
  const [word = ''] = words;
  const object = ipObject(word);
  if (!object) throw new Failure(`Object "${word}" is unknown, try "ip help".\n`);
  const command = OBJECTS[object.name];
  if (!command) throw new NotSimulated(`ip ${object.name}`);
  const result = command(ip, new Args(words, 1));
  return typeof result === 'number' ? result : yield* result;
}

/** ip(8) of iproute2 6.1. */
export function* ip(process: Process): Running {
  return yield* runProgram(process, 'ip', runIpCommand, () => ipUsage());
}

type RunCommand = (ip: Ip, words: readonly string[]) => Running;

/** What ip(8) and bridge(8) share: options, `-netns`, `-batch`, and how an error ends them. */
export function* runProgram(process: Process, program: 'ip' | 'bridge', command: RunCommand, usage: () => never): Running {
  let context: Ip | null = null;
  try {
    const line = parseOptions(program, process.argv.slice(1));
    const ns = switchNetns(process, line);
    context = processContext(process, ns, line.options);
    if (line.version) {
      context.out(program === 'ip' ? 'ip utility, iproute2-6.1.0, libbpf 1.1.2\n' : 'bridge utility, 6.1.0\n');
      return 0;
    }
    if (line.options.batch !== null) return yield* runBatch(context, line.options.batch, command);
    if (line.rest.length === 0) usage();
    return yield* command(context, line.rest);
  } catch (error) {
    if (!(error instanceof Exit || error instanceof Failure)) throw error;
    context?.flush();
    if (error.message !== '') process.stderr.write(error.message);
    return error.code;
  } finally {
    context?.flush();
  }
}

/** netns_switch: the namespace of the last `-netns`. */
function switchNetns(process: Process, line: CommandLine): NetNamespace {
  let { ns } = process;
  for (const name of line.netns) {
    const found = findNamespace(process.machine, name);
    if (!found) throw new Exit(255, `Cannot open network namespace "${name}": ${strerror('ENOENT')}\n`);
    ns = found;
  }
  return ns;
}
