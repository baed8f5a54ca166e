import type { Process } from '../../shell/process.ts';
import { type AgentRunning, agentRun, runCaptured } from '../agent.ts';
import { fail } from './cni-error.ts';

/** What the kernel said, as Go's netlink library says it. */
export function netlinkError(stderr: string): string {
  const line = stderr.trim().split('\n')[0] ?? '';
  if (/already assigned/.test(line)) return 'file exists';
  if (/invalid gateway/.test(line)) return 'network is unreachable';
  const text = line.replace(/^(RTNETLINK answers|Error|Cannot find device): ?/, '').replace(/\.$/, '');
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** Runs what must succeed; `wrong` makes the plugin's error of the kernel's. */
export function* must(process: Process, agent: string, argv: readonly string[], why: string, wrong: (error: string) => string): AgentRunning<void> {
  const { exit, stderr } = yield* agentRun(process, agent, argv, why);
  if (exit !== 0) fail(wrong(netlinkError(stderr)));
}

function natCommand(words: readonly string[]): readonly string[] {
  return ['iptables', '-t', 'nat', ...words, '--wait'];
}

function iptablesError(argv: readonly string[], exit: number, stderr: string): never {
  return fail(`running [/usr/sbin/${argv.join(' ')}]: exit status ${exit}: ${stderr}`);
}

/** The rules of the nat table, or of one chain, as `iptables -S` prints them; null when there is no such chain. */
export function* listNat(process: Process, chain?: string): AgentRunning<readonly string[] | null> {
  const { exit, stdout } = yield* runCaptured(process, natCommand(chain === undefined ? ['-S'] : ['-S', chain]));
  return exit === 0 ? stdout.split('\n').filter((line) => line !== '') : null;
}

export function* natChainExists(process: Process, chain: string): AgentRunning<boolean> {
  return ((yield* listNat(process)) ?? []).includes(`-N ${chain}`);
}

/** `iptables -C`: asks whether the rule is there already. */
export function* natRuleExists(process: Process, chain: string, rule: readonly string[]): AgentRunning<boolean> {
  return (yield* runCaptured(process, natCommand(['-C', chain, ...rule]))).exit === 0;
}

/** Changes the nat table. */
export function* changeNat(process: Process, agent: string, words: readonly string[], why: string): AgentRunning<void> {
  const argv = natCommand(words);
  const { exit, stderr } = yield* agentRun(process, agent, argv, why);
  if (exit !== 0) iptablesError(argv, exit, stderr);
}

/** Makes a chain of the nat table unless it is there. */
export function* ensureNatChain(process: Process, agent: string, chain: string, why: string): AgentRunning<void> {
  if (!(yield* natChainExists(process, chain))) yield* changeNat(process, agent, ['-N', chain], why);
}

/** Appends a rule, or puts it first, unless it is there. */
export function* ensureNatRule(process: Process, agent: string, chain: string, rule: readonly string[], why: string, first = false): AgentRunning<void> {
  if (yield* natRuleExists(process, chain, rule)) return;
  yield* changeNat(process, agent, first ? ['-I', chain, '1', ...rule] : ['-A', chain, ...rule], why);
}

/** The words of a line of `iptables -S`, its quotes taken off. */
export function ruleWords(line: string): readonly string[] {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, quoted, plain]) => (quoted === undefined ? plain! : quoted.replace(/\\(.)/g, '$1')));
}
