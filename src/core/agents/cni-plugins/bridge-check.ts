import type { NetNamespace } from '../../kernel/net-namespace.ts';
import type { LinkRow } from '../../kernel/rows.ts';
import { formatMac, network } from '../../wire/address.ts';
import type { AgentRunning } from '../agent.ts';
import { loadBridgeConfig } from './bridge-config.ts';
import { formatCidr, parseCidr } from './cidr.ts';
import { fail } from './cni-error.ts';
import { delegate } from './invoke.ts';
import { addressesOf, linkByName, openNetns } from './netns.ts';
import { type CniResult, prevResultOf, type ResultInterface } from './result.ts';
import type { CmdArgs } from './skel.ts';

function found(ns: NetNamespace, one: ResultInterface | undefined, inSandbox: boolean): LinkRow {
  if (!one || one.name === '') return fail('Interface name missing ');
  const row = linkByName(ns, one.name) ?? fail(`Interface name ${one.name} not found`);
  if (inSandbox && one.sandbox === '') fail(`Interface ${one.name} is expected to be in a sandbox`);
  if (!inSandbox && one.sandbox !== '') fail(`Interface ${one.name} should not be in sandbox`);
  return row;
}

/** CHECK: what the previous result says is what the kernel has (cmdCheck in bridge.go). */
export function* bridgeCheck(args: CmdArgs): AgentRunning<string> {
  const { process } = args;
  const config = loadBridgeConfig(args);
  const netns = openNetns(process, args.netns);
  if ('error' in netns) return fail(`failed to open netns "${args.netns}": ${netns.error}`);
  yield* delegate(process, config.ipam, args.stdin);
  const previous = prevResultOf(args.config) ?? fail('Required prevResult missing');
  const bridge = previous.interfaces.find((one) => one.name === config.bridge);
  const row = found(process.ns, bridge, false);
  if (row.kind !== 'bridge') fail(`Interface ${row.name} does not have link type of bridge`);
  if (bridge!.mac !== '' && bridge!.mac !== formatMac(row.mac)) fail(`Bridge interface ${row.name} Mac doesn't match: ${bridge!.mac}`);
  if (row.promisc !== config.promiscMode) fail(`Bridge interface ${row.name} configured Promisc Mode ${config.promiscMode} doesn't match current state: ${row.promisc} `);
  const inside = previous.interfaces.find((one) => one.name === args.ifName && one.sandbox === args.netns);
  if (!inside) fail(`Sandbox in prevResult  doesn't match configured netns: ${args.netns}`);
  const container = found(netns.ns, inside, true);
  if (container.kind !== 'veth') fail(`Error: Container interface ${container.name} not of type veth`);
  if (inside.mac !== '' && inside.mac !== formatMac(container.mac)) fail(`Interface ${inside.name} Mac ${inside.mac} doesn't match container Mac: ${formatMac(container.mac)}`);
  const others = previous.interfaces.filter((one) => one.name !== config.bridge && one.name !== args.ifName);
  const port = others.map((one) => ({ one, link: found(process.ns, one, false) })).find(({ link }) => link.kind === 'veth' && link.master === row.ifindex && link.ifindex === container.link?.ifindex);
  if (!port) fail(`CNI veth created for bridge ${config.bridge} was not found`);
  if (port.one.mac !== '' && port.one.mac !== formatMac(port.link.mac)) fail(`Interface ${port.one.name} Mac doesn't match: ${port.one.mac} not found`);
  checkTables(netns.ns, container, args.ifName, previous);
  return '';
}

function checkTables(ns: NetNamespace, link: LinkRow, ifName: string, { ips, routes }: CniResult): void {
  const have = addressesOf(ns, link.ifindex).map(({ local, prefixLength }) => formatCidr({ ip: local, length: prefixLength }));
  for (const { address } of ips) if (!have.includes(address)) fail(`Failed to match addr ${address} on interface ${ifName}`);
  for (const { dst, gw } of routes) {
    const { ip, length } = parseCidr(dst);
    const there = [...ns.tables.route.rows.values()].some((row) => row.dst === network(ip, length) && row.prefixLength === length);
    if (!there) fail(`Expected Route {Dst:{IP:${dst.split('/')[0]} Mask:${length}} GW:${gw ?? '<nil>'}} not found in routing table`);
  }
}
