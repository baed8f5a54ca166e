import type { Process } from '../../shell/process.ts';
import { formatMac, parseMac } from '../../wire/address.ts';
import { type AgentRunning, agentRun } from '../agent.ts';
import type { BridgeConfig } from './bridge-config.ts';
import { fail } from './cni-error.ts';
import { must, netlinkError } from './commands.ts';
import { randomVethName } from './names.ts';
import { hostNetns, inNetns, linkByName, type Netns } from './netns.ts';
import type { ResultInterface } from './result.ts';

const AGENT = 'bridge';
const TRIES = 10;

/** The two ends of the pair that joins a container to the bridge. */
export interface VethPair {
  readonly host: ResultInterface;
  readonly container: ResultInterface;
}

/** Makes the pair in the container, its other end here, and makes that a port of the bridge (setupVeth in bridge.go). */
export function* setupVeth(process: Process, netns: Netns, config: BridgeConfig, ifName: string): AgentRunning<VethPair> {
  const host = yield* makeVeth(process, netns, config, ifName);
  yield* must(process, AGENT, ['ip', 'link', 'set', host, 'up'], "the host's end is up before it becomes a port", (error) => `failed to set "${host}" up: ${error}`);
  yield* must(process, AGENT, ['ip', 'link', 'set', host, 'master', config.bridge], `the pod is joined to the others by ${config.bridge}`,
    (error) => `failed to connect "${host}" to bridge ${config.bridge}: ${error}`);
  const hairpin = config.hairpinMode ? 'hairpinMode: a pod may reach itself through a service or a host port' : 'hairpinMode is off: a frame never leaves by the port that it came from';
  yield* must(process, AGENT, ['bridge', 'link', 'set', 'dev', host, 'hairpin', config.hairpinMode ? 'on' : 'off'], hairpin, (error) => `failed to setup hairpin mode for ${host}: ${error}`);
  const isolated = config.portIsolation ? 'portIsolation: isolated ports do not reach one another' : 'portIsolation is off: the pods of this node reach one another';
  yield* must(process, AGENT, ['bridge', 'link', 'set', 'dev', host, 'isolated', config.portIsolation ? 'on' : 'off'], isolated, (error) => `failed to set isolated on for ${host}: ${error}`);
  const inside = linkByName(netns.ns, ifName) ?? fail(`failed to lookup "${ifName}": Link not found`);
  const outside = linkByName(process.ns, host) ?? fail(`failed to lookup "${host}": Link not found`);
  return {
    host: { name: host, mac: formatMac(outside.mac), sandbox: '' },
    container: { name: ifName, mac: formatMac(inside.mac), sandbox: netns.path },
  };
}

/** Gives the name of the host's end. A name that is taken is tried again with another (makeVeth in pkg/ip). */
function* makeVeth(process: Process, netns: Netns, { mtu, mac }: BridgeConfig, ifName: string): AgentRunning<string> {
  if (mac !== '' && parseMac(mac) === null) fail(`failed to make veth pair: address ${mac}: invalid MAC address`);
  const size = mtu > 0 ? ['mtu', String(mtu)] : [];
  const address = mac === '' ? [] : ['address', mac];
  for (let i = 0; i < TRIES; i++) {
    const peer = randomVethName(process.machine);
    const argv = inNetns(netns, ['ip', 'link', 'add', ifName, ...address, ...size, 'type', 'veth', 'peer', 'name', peer, ...size, 'netns', hostNetns(process)]);
    const { exit, stderr } = yield* agentRun(process, AGENT, argv, `the pod's ${ifName} is made in its namespace, the other end of the pair on the host`);
    if (exit === 0) return peer;
    const error = netlinkError(stderr);
    if (!/file exists/i.test(error)) fail(`failed to make veth pair: ${error}`);
    if (!linkByName(process.ns, peer)) fail(`container veth name ("${ifName}") peer provided ("${peer}") already exists`);
  }
  return fail('failed to find a unique veth name');
}
