import type { Machine } from '../../kernel/machine.ts';
import { agentRandom } from '../agent.ts';
import { sha512 } from './sha512.ts';

/** Longest name of a chain that the plugins use (pkg/utils). */
const MAX_CHAIN = 28;

/** `CNI-` or another prefix, then as many digits of SHA-512(network + container) as fit in 28 characters (utils.FormatChainName). */
export function chainName(network: string, containerId: string, prefix = ''): string {
  return `CNI-${prefix}${sha512(network + containerId)}`.slice(0, MAX_CHAIN);
}

/** The comment of a masquerade rule (utils.FormatComment). */
export function ruleComment(network: string, containerId: string): string {
  return `name: ${JSON.stringify(network)} id: ${JSON.stringify(containerId)}`;
}

/** `veth` and eight random digits (ip.RandomVethName). */
export function randomVethName(machine: Machine): string {
  return `veth${agentRandom(machine).u32().toString(16).padStart(8, '0')}`;
}
