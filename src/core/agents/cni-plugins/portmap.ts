import { type Process } from '../../shell/process.ts';
import { formatIpv4 } from '../../wire/address.ts';
import { type AgentRunning, agentRun, runCaptured } from '../agent.ts';
import { type Cidr, formatCidr } from './cidr.ts';
import { explained, fail } from './cni-error.ts';
import { changeNat, ensureNatChain, ensureNatRule, listNat, must, natChainExists, natRuleExists, ruleWords } from './commands.ts';
import { chainName } from './names.ts';
import { loadPortmapConfig, type PortmapConfig } from './portmap-config.ts';
import { printResult } from './result.ts';
import { type CmdArgs, pluginMain } from './skel.ts';

const AGENT = 'portmap';
const DNAT_CHAIN = 'CNI-HOSTPORT-DNAT';
const SETMARK_CHAIN = 'CNI-HOSTPORT-SETMARK';
const MASQ_CHAIN = 'CNI-HOSTPORT-MASQ';
/** Most ports that one multiport match takes. */
const MULTIPORT = 15;
const MAX_COMMENT = 255;

interface Rule {
  readonly words: readonly string[];
  readonly why: string;
}

/** The way into a container's chain: one rule for fifteen ports of a protocol. */
function entryRules({ name, containerId, mappings, conditions }: PortmapConfig): readonly Rule[] {
  const text = `dnat name: "${name}" id: "${containerId}"`;
  const comment = text.length <= MAX_COMMENT ? text : `${text.slice(0, MAX_COMMENT - 2)}...`;
  const protocols = [...new Set(mappings.map(({ protocol }) => protocol))].sort();
  return protocols.flatMap((protocol) => {
    const ports = mappings.filter((one) => one.protocol === protocol).map(({ hostPort }) => hostPort);
    return Array.from({ length: Math.ceil(ports.length / MULTIPORT) }, (_, i) => {
      const some = ports.slice(i * MULTIPORT, (i + 1) * MULTIPORT).join(',');
      return {
        words: ['-m', 'comment', '--comment', comment, '-m', 'multiport', '-p', protocol, '--destination-ports', some, ...conditions],
        why: `what comes for host port ${some}/${protocol} goes to the rules of this container`,
      };
    });
  });
}

/** The rules of a container's chain: those that mark come first (fillDnatRules). */
function dnatRules(config: PortmapConfig, address: Cidr): readonly Rule[] {
  const setMark = config.externalSetMarkChain ?? SETMARK_CHAIN;
  return config.mappings.flatMap(({ protocol, hostPort, hostIp, containerPort }) => {
    const match = ['-p', protocol, '--dport', String(hostPort), ...(hostIp === '' || hostIp === '0.0.0.0' ? [] : ['-d', hostIp])];
    const from = config.masqAll ? '0.0.0.0/0' : formatCidr(address);
    const marks: Rule[] = [{ words: [...match, '-s', from, '-j', setMark], why: "a pod that comes back to its own network by the host port must get the answer by the host: masquerade it" }];
    if (!config.masqAll) marks.push({ words: [...match, '-s', '127.0.0.1', '-j', setMark], why: 'the pod could not answer to 127.0.0.1: masquerade it' });
    const to = `${formatIpv4(address.ip)}:${containerPort}`;
    return [...(config.snat ? marks : []), { words: [...match, '-j', 'DNAT', '--to-destination', to], why: `host port ${hostPort} is port ${containerPort} of the pod` }];
  });
}

/** The chains that all containers share, for packets that have to be masqueraded. */
function* setupMasquerade(process: Process, { mark }: PortmapConfig): AgentRunning<void> {
  yield* ensureNatChain(process, AGENT, SETMARK_CHAIN, 'a chain that marks what has to be masqueraded');
  yield* ensureNatRule(process, AGENT, SETMARK_CHAIN, ['-m', 'comment', '--comment', 'CNI portfwd masquerade mark', '-j', 'MARK', '--set-xmark', mark], 'the mark is one bit, so that others may use the rest');
  yield* ensureNatChain(process, AGENT, MASQ_CHAIN, 'a chain that masquerades what has the mark');
  yield* ensureNatRule(process, AGENT, MASQ_CHAIN, ['-m', 'mark', '--mark', mark, '-j', 'MASQUERADE'], 'what has the mark leaves with an address of this host');
  yield* ensureNatRule(process, AGENT, 'POSTROUTING', ['-m', 'comment', '--comment', 'CNI portfwd requiring masquerade', '-j', MASQ_CHAIN], 'first in POSTROUTING, before the rules of the bridge plugin', true);
}

function* forwardPorts(process: Process, config: PortmapConfig, address: Cidr): AgentRunning<void> {
  if (config.snat) {
    yield* routeLocalnet(process, address);
    if (config.externalSetMarkChain === null) yield* setupMasquerade(process, config);
  }
  yield* ensureNatChain(process, AGENT, DNAT_CHAIN, 'the host ports of all containers');
  for (const chain of ['PREROUTING', 'OUTPUT']) {
    const why = chain === 'PREROUTING' ? 'what comes in for an address of this host may be for a host port' : 'so may what this host sends to itself';
    yield* ensureNatRule(process, AGENT, chain, ['-m', 'addrtype', '--dst-type', 'LOCAL', '-j', DNAT_CHAIN], why);
  }
  const chain = chainName(config.name, config.containerId, 'DN-');
  yield* ensureNatChain(process, AGENT, chain, 'the host ports of this container');
  for (const { words, why } of dnatRules(config, address)) yield* ensureNatRule(process, AGENT, chain, words, why);
  for (const { words, why } of entryRules(config)) yield* ensureNatRule(process, AGENT, DNAT_CHAIN, [...words, '-j', chain], why);
}

/** Packets from 127.0.0.1 may leave by the device towards the pod. */
function* routeLocalnet(process: Process, address: Cidr): AgentRunning<void> {
  const { stdout } = yield* runCaptured(process, ['ip', '-o', 'route', 'get', formatIpv4(address.ip)]);
  const device = / dev (\S+)/.exec(stdout)?.[1];
  if (device === undefined) return;
  yield* must(process, AGENT, ['sysctl', '-w', `net.ipv4.conf.${device.replaceAll('.', '/')}.route_localnet=1`], `connections of this host from 127.0.0.1 may be sent on to the pod behind ${device}`, (error) => `unable to enable route_localnet: ${error}`);
}

/** What ADD and DEL say of a configuration; CHECK says it without these words. */
function parsed(args: CmdArgs): PortmapConfig {
  return explained('failed to parse config: ', () => loadPortmapConfig(args));
}

function* add(args: CmdArgs): AgentRunning<string> {
  const config = parsed(args);
  const { previous, address, mappings } = config;
  if (previous === null) return fail('must be called as chained plugin');
  if (mappings.length > 0 && address !== null) {
    yield* forwardPorts(args.process, config, address);
    for (const { protocol, hostPort } of mappings) {
      if (protocol.toLowerCase() !== 'udp') continue;
      yield* agentRun(args.process, AGENT, ['conntrack', '-D', '-p', 'udp', '--orig-port-dst', String(hostPort)], 'a connection that was tracked before would go on past the new rules');
    }
  }
  return printResult(previous, args.version);
}

function* del(args: CmdArgs): AgentRunning<string> {
  const config = parsed(args);
  if (config.mappings.length === 0) return '';
  const { process } = args;
  const chain = chainName(config.name, config.containerId, 'DN-');
  if (!(yield* natChainExists(process, chain))) return '';
  yield* changeNat(process, AGENT, ['-F', chain], 'the host ports of this container end');
  for (const line of (yield* listNat(process, DNAT_CHAIN)) ?? []) {
    if (line.endsWith(` -j ${chain}`)) yield* changeNat(process, AGENT, ['-D', DNAT_CHAIN, ...ruleWords(line).slice(2)], 'nothing may lead into a chain that is deleted');
  }
  yield* changeNat(process, AGENT, ['-X', chain], "the container's chain goes too; the chains that all share stay");
  return '';
}

function* check(args: CmdArgs): AgentRunning<string> {
  const config = loadPortmapConfig(args);
  if (config.previous === null) fail('Required prevResult missing');
  if (config.mappings.length === 0 || config.address === null) return '';
  const { process } = args;
  const chain = chainName(config.name, config.containerId, 'DN-');
  const wrong = (what: string): never => fail(`could not check ipv4 dnat: ${what}`);
  if (!(yield* natChainExists(process, chain))) wrong(`chain ${chain} not found in iptables table nat`);
  const text = (rules: readonly Rule[]): string => `[${rules.map(({ words }) => `[${words.join(' ')}]`).join(' ')}]`;
  const rules = dnatRules(config, config.address);
  for (const { words } of rules) if (!(yield* natRuleExists(process, chain, words))) wrong(`rule ${text(rules)} in chain ${chain} not found in table nat`);
  const entries = entryRules(config);
  for (const { words } of entries) if (!(yield* natRuleExists(process, DNAT_CHAIN, [...words, '-j', chain]))) wrong(`rule ${text(entries)} in chain ${DNAT_CHAIN} not found in table nat`);
  return '';
}

/** The CNI plugin portmap (containernetworking/plugins, plugins/meta/portmap): host ports by iptables. */
export const portmap = pluginMain(AGENT, { add, del, check });
