import { SECOND } from '../../sim/time.ts';
import { type Process, sleepUntil } from '../../shell/process.ts';
import { formatIpv4, formatMac, network } from '../../wire/address.ts';
import type { LinkRow } from '../../kernel/rows.ts';
import { type AgentRunning, agentRun } from '../agent.ts';
import { bridgeCheck } from './bridge-check.ts';
import { type BridgeConfig, ipamType, loadBridgeConfig } from './bridge-config.ts';
import { setupVeth } from './bridge-veth.ts';
import { type Cidr, firstAddress, formatCidr, parseCidr } from './cidr.ts';
import { fail } from './cni-error.ts';
import { must } from './commands.ts';
import { parseJson } from './go-json.ts';
import { cniPath, delegate, execPlugin, findPlugin } from './invoke.ts';
import { setupIpMasq, teardownIpMasq } from './ip-masq.ts';
import { addressesOf, inNetns, linkByName, type Netns, openNetns } from './netns.ts';
import { type CniResult, printResult, readResult, type ResultRoute } from './result.ts';
import { type CmdArgs, pluginMain } from './skel.ts';

const AGENT = 'bridge';
/** What is waited before each look at the port's state, in seconds. */
const PORT_WAITS = [0, 0.05, 0.5, 1, 1];
const DEFAULT_ROUTE = '0.0.0.0/0';

function bridgeByName(process: Process, name: string): LinkRow {
  const row = linkByName(process.ns, name) ?? fail(`could not lookup "${name}": Link not found`);
  return row.kind === 'bridge' ? row : fail(`"${name}" already exists but is not a bridge`);
}

/** Makes the bridge unless it is there, and sets it up (ensureBridge in bridge.go). */
function* ensureBridge(process: Process, { bridge, mtu, promiscMode }: BridgeConfig): AgentRunning<LinkRow> {
  const wrong = (error: string): string => `failed to create bridge "${bridge}": ${error}`;
  if (!linkByName(process.ns, bridge)) {
    const size = mtu > 0 ? ['mtu', String(mtu)] : [];
    yield* must(process, AGENT, ['ip', 'link', 'add', bridge, ...size, 'type', 'bridge'], 'the first pod of this network: its bridge is not there yet', (error) => wrong(`could not add "${bridge}": ${error}`));
  }
  if (promiscMode) {
    yield* must(process, AGENT, ['ip', 'link', 'set', bridge, 'promisc', 'on'], 'promiscMode', (error) => wrong(`could not set promiscuous mode on "${bridge}": ${error}`));
  }
  const row = linkByName(process.ns, bridge);
  if (!row) fail(wrong(`could not lookup "${bridge}": Link not found`));
  if (row.kind !== 'bridge') fail(wrong(`"${bridge}" already exists but is not a bridge`));
  if (!row.up) yield* must(process, AGENT, ['ip', 'link', 'set', bridge, 'up'], 'the bridge forwards only when it is up', wrong);
  return row;
}

function* add(args: CmdArgs): AgentRunning<string> {
  const { process } = args;
  const config = loadBridgeConfig(args);
  if (config.hairpinMode && config.promiscMode) fail('cannot set hairpin mode and promiscuous mode at the same time');
  const bridge = yield* ensureBridge(process, config);
  const netns = openNetns(process, args.netns);
  if ('error' in netns) return fail(`failed to open netns "${args.netns}": ${netns.error}`);
  const { host, container } = yield* setupVeth(process, netns, config, args.ifName);
  let result: CniResult = { interfaces: [], ips: [], routes: [], dns: {} };
  let allocated = false;
  try {
    if (config.ipam === '') {
      yield* must(process, AGENT, inNetns(netns, ['ip', 'link', 'set', args.ifName, 'up']), "no addresses are configured: the pod's end is only set up", (error) => `failed to set "${args.ifName}" up: ${error}`);
    } else {
      const printed = yield* delegate(process, config.ipam, args.stdin);
      allocated = true;
      result = withGateways(readResult(parseJson(printed)), config);
      yield* configureIface(process, netns, args.ifName, result);
      yield* serveGateway(process, config, bridge, result);
      if (config.ipMasq) for (const { address } of result.ips) yield* setupIpMasq(process, AGENT, parseCidr(address), config.name, args.containerId);
    }
    yield* waitForPort(process, host.name);
  } catch (error) {
    if (allocated) yield* releaseAddress(args, config.ipam);
    throw error;
  }
  const interfaces = [{ name: config.bridge, mac: formatMac(bridgeByName(process, config.bridge).mac), sandbox: '' }, host, container];
  return printResult({ ...result, interfaces, dns: Object.keys(config.dns).length > 0 ? config.dns : result.dns }, args.version);
}

/** An address that an ADD which failed had got is given back. */
function* releaseAddress({ process, stdin }: CmdArgs, ipam: string): AgentRunning<void> {
  const env = new Map([...process.env, ['CNI_COMMAND', 'DEL']]);
  yield* execPlugin(process, findPlugin(process, ipam, cniPath(process)), stdin, env);
}

/** Gateways that the IPAM plugin left out, and the default route of isDefaultGateway (calcGateways in bridge.go). */
function withGateways(result: CniResult, config: BridgeConfig): CniResult {
  if (result.ips.length === 0) fail('IPAM plugin returned missing IP config');
  const ips = result.ips.map((one) => {
    const gateway = one.gateway ?? (config.isGateway ? formatIpv4(firstAddress(parseCidr(one.address))) : null);
    return { ...one, gateway, interface: 2 };
  });
  const routes: ResultRoute[] = [...result.routes];
  if (config.isDefaultGateway && !routes.some(({ dst, gw }) => gw !== null && dst === DEFAULT_ROUTE)) routes.push({ dst: DEFAULT_ROUTE, gw: ips[0]!.gateway, options: {} });
  return { ...result, ips, routes };
}

/** Gives the container's end its addresses and routes (ipam.ConfigureIface). */
function* configureIface(process: Process, netns: Netns, ifName: string, { ips, routes }: CniResult): AgentRunning<void> {
  yield* agentRun(process, AGENT, inNetns(netns, ['sysctl', '-w', `net.ipv4.conf.${ifName.replaceAll('.', '/')}.arp_notify=1`]), 'the pod tells its neighbours its MAC as soon as it is up (gratuitous ARP)');
  for (const { address } of ips) {
    yield* must(process, AGENT, inNetns(netns, ['ip', 'addr', 'add', address, 'dev', ifName]), "the pod's address, with the mask of the node's pod network", (error) => `failed to add IP addr ${address} to "${ifName}": ${error}`);
  }
  yield* must(process, AGENT, inNetns(netns, ['ip', 'link', 'set', ifName, 'up']), "the pod's end goes up", (error) => `failed to set "${ifName}" UP: ${error}`);
  const gateway = ips.find((one) => one.gateway !== null)?.gateway ?? null;
  for (const { dst, gw, options } of routes) {
    const via = options.scope === 253 ? null : (gw ?? gateway);
    const words = Object.entries(options).flatMap(([key, value]) => [key === 'priority' ? 'metric' : key, String(value)]);
    const destination = parseCidr(dst);
    const to = dst === DEFAULT_ROUTE ? 'default' : formatCidr(destination);
    // RouteAddEcmp does not mind another route to the same destination.
    const act = hasRoute(netns, destination) ? 'prepend' : 'add';
    const argv = ['ip', 'route', act, to, ...(via === null ? [] : ['via', via]), 'dev', ifName, ...words];
    yield* must(process, AGENT, inNetns(netns, argv), to === 'default' ? 'everything else goes by the bridge' : "a route of the network's configuration", (error) => `failed to add route '${dst} via ${via ?? '<nil>'} dev ${ifName}': ${error}`);
  }
}

function hasRoute({ ns }: Netns, { ip, length }: Cidr): boolean {
  return [...ns.tables.route.rows.values()].some((row) => row.dst === network(ip, length) && row.prefixLength === length);
}

/** isGateway: the bridge has the gateway's address, and the host forwards. */
function* serveGateway(process: Process, config: BridgeConfig, bridge: LinkRow, { ips }: CniResult): AgentRunning<void> {
  if (!config.isGateway) return;
  for (const { address, gateway } of ips) yield* ensureAddress(process, config, bridge, { ip: parseCidr(`${gateway}/32`).ip, length: parseCidr(address).length });
  if (process.fs.read('/proc/sys/net/ipv4/ip_forward').trim() !== '1') {
    yield* must(process, AGENT, ['sysctl', '-w', 'net.ipv4.ip_forward=1'], 'a gateway forwards', (error) => `failed to enable forwarding: ${error}`);
  }
}

/** The plugin gives the bridge the MAC that it had when the plugin looked first, so that it does not follow its ports any more (ensureAddr in bridge.go). */
function* ensureAddress(process: Process, { bridge: name, forceAddress }: BridgeConfig, bridge: LinkRow, wanted: Cidr): AgentRunning<void> {
  const text = formatCidr(wanted);
  const wrong = (what: string): string => `failed to set bridge addr: ${what}`;
  for (const { local, prefixLength } of addressesOf(process.ns, bridge.ifindex)) {
    const other = formatCidr({ ip: local, length: prefixLength });
    if (other === text) return;
    if (!forceAddress) fail(wrong(`"${name}" already has an IP address different from ${text}`));
    yield* must(process, AGENT, ['ip', 'addr', 'del', other, 'dev', name], 'forceAddress: the bridge has another address', (error) => wrong(`could not remove IP address from "${name}": ${error}`));
  }
  yield* must(process, AGENT, ['ip', 'addr', 'add', text, 'dev', name], 'the gateway of the pods is an address of the bridge', (error) => wrong(`could not add IP address to "${name}": ${error}`));
  yield* must(process, AGENT, ['ip', 'link', 'set', name, 'address', formatMac(bridge.mac)], 'a MAC that was set stays when ports come and go', (error) => wrong(`could not set bridge's mac: ${error}`));
}

/** Waits until the port is up. */
function* waitForPort(process: Process, name: string): AgentRunning<void> {
  for (const seconds of PORT_WAITS) {
    if (seconds > 0) yield* sleepUntil(process.now + seconds * SECOND);
    const row = linkByName(process.ns, name) ?? fail('Link not found');
    if (row.operstate === 'UP') return;
  }
  const state = linkByName(process.ns, name)?.operstate.toLowerCase();
  fail(`bridge port in error state: ${state === 'lowerlayerdown' ? 'lower-layer-down' : state}`);
}

function* del(args: CmdArgs): AgentRunning<string> {
  const { process, ifName } = args;
  const config = loadBridgeConfig(args);
  let addresses: readonly Cidr[] = [];
  if (args.netns !== '') {
    const netns = openNetns(process, args.netns);
    if ('error' in netns) {
      if (!netns.missing) fail(netns.error);
    } else {
      const row = linkByName(netns.ns, ifName);
      if (row) {
        addresses = addressesOf(netns.ns, row.ifindex).map(({ local, prefixLength }) => ({ ip: local, length: prefixLength }));
        yield* must(process, AGENT, inNetns(netns, ['ip', 'link', 'del', ifName]), "with the pod's end of the pair goes the host's", (error) => `failed to delete "${ifName}": ${error}`);
      }
    }
  }
  if (config.ipam !== '') yield* delegate(process, config.ipam, args.stdin);
  if (config.ipam !== '' && config.ipMasq) for (const address of addresses) yield* teardownIpMasq(process, AGENT, address, config.name, args.containerId);
  return '';
}

/** Ready for an ADD when the IPAM plugin is. */
function* status(args: CmdArgs): AgentRunning<string> {
  const ipam = ipamType(args);
  return ipam === '' ? '' : yield* delegate(args.process, ipam, args.stdin);
}

/** The CNI plugin bridge (containernetworking/plugins, plugins/main/bridge). IPv6 and VLANs are NotSimulated. */
export const bridge = pluginMain(AGENT, { add, del, check: bridgeCheck, status });
