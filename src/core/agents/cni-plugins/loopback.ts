import type { AgentRunning } from '../agent.ts';
import { formatIpv4, isLoopbackIpv4 } from '../../wire/address.ts';
import { formatCidr } from './cidr.ts';
import { fail } from './cni-error.ts';
import { must } from './commands.ts';
import { addressesOf, inNetns, linkByName, type Netns, openNetns } from './netns.ts';
import { prevResultOf, printResult } from './result.ts';
import { type CmdArgs, pluginMain } from './skel.ts';

const AGENT = 'loopback';

function sandbox({ process, netns: path }: CmdArgs): Netns {
  const netns = openNetns(process, path);
  return 'error' in netns ? fail(netns.error) : netns;
}

function* add(args: CmdArgs): AgentRunning<string> {
  const previous = prevResultOf(args.config);
  const netns = sandbox(args);
  yield* must(args.process, AGENT, inNetns(netns, ['ip', 'link', 'set', 'lo', 'up']), 'a new namespace has its loopback down; up, the kernel gives it 127.0.0.1', (error) => error);
  const addresses = addressesOf(netns.ns, linkByName(netns.ns, 'lo')?.ifindex ?? 1);
  for (const { local } of addresses) if (!isLoopbackIpv4(local)) fail(`loopback interface found with non-loopback address "${formatIpv4(local)}"`);
  if (previous) return printResult(previous, args.version);
  const ips = addresses.slice(0, 1).map(({ local, prefixLength }) => ({ interface: 0, address: formatCidr({ ip: local, length: prefixLength }), gateway: null }));
  return printResult({ interfaces: [{ name: 'lo', mac: '00:00:00:00:00:00', sandbox: args.netns }], ips, routes: [], dns: {} }, args.version);
}

function* del(args: CmdArgs): AgentRunning<string> {
  if (args.netns === '') return '';
  const netns = openNetns(args.process, args.netns);
  if ('error' in netns) return netns.missing ? '' : fail(netns.error);
  yield* must(args.process, AGENT, inNetns(netns, ['ip', 'link', 'set', 'lo', 'down']), 'the loopback goes down again', (error) => error);
  return '';
}

function* check(args: CmdArgs): AgentRunning<string> {
  if (!linkByName(sandbox(args).ns, 'lo')?.up) fail('loopback interface is down');
  return '';
}

/** The CNI plugin loopback (containernetworking/plugins, plugins/main/loopback). */
export const loopback = pluginMain(AGENT, { add, del, check });
