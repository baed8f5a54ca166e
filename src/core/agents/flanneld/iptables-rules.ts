import type { Cidr } from '../../cluster/cidr.ts';
import { formatCidr } from '../../cluster/cidr.ts';
import { xtListTable } from '../../kernel/netlink/xtables.ts';
import type { Process } from '../../shell/process.ts';
import { type AgentRunning, agentRun, runCaptured } from '../agent.ts';
import { klog } from './log.ts';

/** Kube-proxy's mark for what it will masquerade itself. */
const KUBE_PROXY_MARK = '0x4000/0x4000';

/** A rule and its chain. */
export interface Rule {
  readonly chain: string;
  readonly spec: readonly string[];
}

/** Rules of one table that flanneld keeps in place, in their order; the first jumps from `hook` to `chain`. */
export interface RuleSet {
  readonly table: 'nat' | 'filter';
  readonly hook: string;
  readonly chain: string;
  readonly rules: readonly Rule[];
  /** What they are good for. */
  readonly why: string;
  /** Keys of the rules in the kernel's table as flanneld left them: while all are there, nothing is missing. */
  handles: readonly string[];
}

/** masqRules (pkg/trafficmngr/iptables/iptables.go). */
export function masqRules(network: Cidr, subnet: Cidr): RuleSet {
  const [cluster, pods] = [formatCidr(network), formatCidr(subnet)];
  const comment = ['-m', 'comment', '--comment', 'flanneld masq'];
  const masquerade = ['-j', 'MASQUERADE', '--random-fully'];
  const chain = 'FLANNEL-POSTRTG';
  return {
    table: 'nat', hook: 'POSTROUTING', chain, handles: [], why: 'what leaves the pod network gets an address of this node; what stays inside keeps its own',
    rules: [
      { chain: 'POSTROUTING', spec: [...comment, '-j', chain] },
      { chain, spec: ['-m', 'mark', '--mark', KUBE_PROXY_MARK, ...comment, '-j', 'RETURN'] },
      { chain, spec: ['-s', pods, '-d', cluster, ...comment, '-j', 'RETURN'] },
      { chain, spec: ['-s', cluster, '-d', pods, ...comment, '-j', 'RETURN'] },
      { chain, spec: ['!', '-s', cluster, '-d', pods, ...comment, '-j', 'RETURN'] },
      { chain, spec: ['-s', cluster, '!', '-d', '224.0.0.0/4', ...comment, ...masquerade] },
      { chain, spec: ['!', '-s', cluster, '-d', cluster, ...comment, ...masquerade] },
    ],
  };
}

/** forwardRules. */
export function forwardRules(network: Cidr): RuleSet {
  const cluster = formatCidr(network);
  const comment = ['-m', 'comment', '--comment', 'flanneld forward'];
  const chain = 'FLANNEL-FWD';
  return {
    table: 'filter', hook: 'FORWARD', chain, handles: [], why: 'packets of pods are let through, even where the policy of FORWARD is DROP',
    rules: [
      { chain: 'FORWARD', spec: [...comment, '-j', chain] },
      { chain, spec: ['-s', cluster, ...comment, '-j', 'ACCEPT'] },
      { chain, spec: ['-d', cluster, ...comment, '-j', 'ACCEPT'] },
    ],
  };
}

/** ClearChain: an empty chain. */
export function* makeChain(process: Process, { table, chain }: RuleSet): AgentRunning<void> {
  const made = yield* agentRun(process, 'flanneld', ['iptables', '-t', table, '-N', chain, '--wait'], 'a chain of its own, so that its rules stay together');
  if (made.exit === 1) yield* agentRun(process, 'flanneld', ['iptables', '-t', table, '-F', chain, '--wait'], 'the chain is there from an earlier life: it begins empty');
  else if (made.exit !== 0) klog(process, 'E', 'iptables.go', `Failed to setup IPTables. Error on creating the chain: ${made.stderr.trim()}`);
}

/** ipTablesBootstrap: all rules in one go, by `iptables-restore --noflush` as flanneld does since 0.15. */
export function* bootstrap(process: Process, set: RuleSet, why: string): AgentRunning<void> {
  const { table, chain, rules } = set;
  if (!chainExists(process, set)) yield* agentRun(process, 'flanneld', ['iptables', '-t', table, '-N', chain, '--wait'], 'its chain is gone');
  const lines: string[] = [];
  for (const rule of rules) {
    // What is there already goes first, so that all come out in their order, with nobody else's rule between them.
    if (yield* ruleExists(process, set, rule)) lines.push(line('-D', rule));
    lines.push(line('-A', rule));
  }
  const text = [`*${table}`, ...lines, 'COMMIT', ''].join('\n');
  const restored = yield* agentRun(process, 'flanneld', ['iptables-restore', '--noflush', '--wait'], why, { stdin: text });
  if (restored.exit === 0) klog(process, 'I', 'iptables.go', 'bootstrap done');
  else klog(process, 'E', 'iptables.go', `Failed to bootstrap IPTables: failed to apply partial iptables-restore ${restored.stderr.trim()}`);
  set.handles = handlesOf(process, set);
}

function line(action: '-A' | '-D', { chain, spec }: Rule): string {
  return [action, chain, ...spec.map((word) => (/\s/.test(word) ? `"${word}"` : word))].join(' ');
}

function chainExists(process: Process, { table, chain }: RuleSet): boolean {
  return xtListTable(process.ns, table)?.some(({ name }) => name === chain) ?? false;
}

function* ruleExists(process: Process, { table }: RuleSet, { chain, spec }: Rule): AgentRunning<boolean> {
  const listed = xtListTable(process.ns, table)?.find(({ name }) => name === chain);
  if (!listed || listed.rules.length === 0) return false;
  return (yield* runCaptured(process, ['iptables', '-t', table, '-C', chain, ...spec, '--wait'])).exit === 0;
}

/** The rules of its chain, and those that jump there. */
function handlesOf(process: Process, { table, hook, chain }: RuleSet): string[] {
  const chains = xtListTable(process.ns, table) ?? [];
  return chains.flatMap(({ name, rules }) => rules
    .filter(({ rule }) => name === chain || (name === hook && rule.target?.name === 'chain' && rule.target.chain === chain))
    .map(({ handle }) => `${table}/${handle}`));
}

/** ensureIPTables: when any rule is missing, all are taken away and made again, because their order matters. */
export function* ensureRules(process: Process, set: RuleSet): AgentRunning<void> {
  if (set.handles.length >= set.rules.length && set.handles.every((key) => process.ns.tables.xtrule.rows.has(key))) return;
  if (chainExists(process, set)) {
    let missing = false;
    for (const rule of set.rules) missing ||= !(yield* ruleExists(process, set, rule));
    if (!missing) {
      set.handles = handlesOf(process, set);
      return;
    }
  }
  klog(process, 'I', 'iptables.go', 'Some iptables rules are missing; deleting and recreating rules');
  yield* bootstrap(process, set, 'some of its rules are missing: it looks every few seconds, and makes all of them anew');
}

/** teardownIPTables: takes the rules of an earlier subnet away. */
export function* tearDownRules(process: Process, set: RuleSet): AgentRunning<void> {
  if (!chainExists(process, set)) return;
  const lines: string[] = [];
  for (const rule of set.rules) if (yield* ruleExists(process, set, rule)) lines.push(line('-D', rule));
  if (lines.length === 0) return;
  const text = [`*${set.table}`, ...lines, 'COMMIT', ''].join('\n');
  yield* agentRun(process, 'flanneld', ['iptables-restore', '--noflush', '--wait'], 'rules for the subnet that this node had before', { stdin: text });
}
