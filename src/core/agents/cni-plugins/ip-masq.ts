import type { Process } from '../../shell/process.ts';
import { formatIpv4 } from '../../wire/address.ts';
import type { AgentRunning } from '../agent.ts';
import { type Cidr, formatCidr } from './cidr.ts';
import { changeNat, ensureNatChain, ensureNatRule, natChainExists, natRuleExists } from './commands.ts';
import { chainName, ruleComment } from './names.ts';

const MULTICAST = '224.0.0.0/4';

/** Masquerades what a pod sends out of its network (ip.SetupIPMasq). */
export function* setupIpMasq(process: Process, agent: string, address: Cidr, network: string, containerId: string): AgentRunning<void> {
  const chain = chainName(network, containerId);
  const comment = ['-m', 'comment', '--comment', ruleComment(network, containerId)];
  yield* ensureNatChain(process, agent, chain, 'the masquerade rules of this pod get a chain of their own');
  yield* ensureNatRule(process, agent, chain, ['-d', formatCidr(address), '-j', 'ACCEPT', ...comment], "packets to the pod's own network keep their source address");
  yield* ensureNatRule(process, agent, chain, ['!', '-d', MULTICAST, '-j', 'MASQUERADE', ...comment], 'all others, but multicast, leave with an address of this host');
  yield* ensureNatRule(process, agent, 'POSTROUTING', ['-s', formatIpv4(address.ip), '-j', chain, ...comment], 'what comes from the pod goes through its chain');
}

/** Takes the rules away again; what is gone already is no error. */
export function* teardownIpMasq(process: Process, agent: string, address: Cidr, network: string, containerId: string): AgentRunning<void> {
  const chain = chainName(network, containerId);
  const jump = ['-s', formatIpv4(address.ip), '-j', chain, '-m', 'comment', '--comment', ruleComment(network, containerId)];
  if (!(yield* natChainExists(process, chain))) return;
  if (yield* natRuleExists(process, 'POSTROUTING', jump)) yield* changeNat(process, agent, ['-D', 'POSTROUTING', ...jump], 'the pod is gone, and with it the way into its chain');
  yield* changeNat(process, agent, ['-F', chain], 'a chain must be empty before it can be deleted');
  yield* changeNat(process, agent, ['-X', chain], "the pod's chain goes too");
}
