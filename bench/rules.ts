import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canUseNamespaces } from '../scripts/tools.mjs';
import type { Lab } from '../src/core/index.ts';
import type { Bar, Outcome } from './bar.ts';
import { kubeProxyRules, ROUTER_SETUP, serviceChain } from './labs.ts';
import { compete, costOf, labFrom, median, short } from './measure.ts';

/** Rules in the chain that is walked, and packets that walk it: an echo meets it twice, as request and as reply. */
const RULES = 5000;
const ECHOES = 1000;
/** Services of the rules that are loaded: eight rules each, and a few. */
const SERVICES = 5000;
const ROUNDS = 5;

/** What rules cost: to walk, to load, and where they should cost nothing. */
export function measureRules(): Outcome {
  const kernel = canUseNamespaces();
  return { bars: [...walking(kernel), loading(kernel), established()], leftOut: kernel ? [] : ['the rules of the real kernel: it needs root and network namespaces'] };
}

const RESTORE = 'iptables-restore < /tmp/rules';

/** The host with its two pods, the rules in a file, and one command that is measured. `before`: what the setup does with them. */
function routerLab(rules: string, before: string, run: string): string {
  const setup = `${ROUTER_SETUP}cat > /tmp/rules <<'RULES'\n${rules}RULES\n${before}\n`.split('\n').map((line) => `      ${line}`).join('\n');
  return `id: rules\nmachines:\n  node1:\n    timeout: 100000\n    setup: |\n${setup}\nsteps:\n  - on: node1\n    timeout: 100000\n    run: ${run}\n`;
}

function pingLab(rules: string, echoes: number): Lab {
  return labFrom(routerLab(rules, rules === '' ? '' : RESTORE, `ip netns exec ns1 ping -q -c ${echoes} -i 0.001 10.2.0.1`));
}

/** Nanoseconds of a rule: what an echo costs with the chain and without, by the rules that it meets. */
function walking(kernel: boolean): Bar[] {
  const [plain, long] = [pingLab('', ECHOES), pingLab(serviceChain(RULES), ECHOES)];
  const perRule = (seconds: number): number => (seconds / (ECHOES * 2 * RULES)) * 1e9;
  const took = compete(ROUNDS, {
    plain: () => costOf(plain, 'nothing').seconds, long: () => costOf(long, 'nothing').seconds,
    plainTraced: () => costOf(plain, 'everything').seconds, longTraced: () => costOf(long, 'everything').seconds,
  });
  const here = perRule(took.long - took.plain);
  const traced = perRule(took.longTraced - took.plainTraced);
  if (!kernel) return [['nothing traced', here], ['everything traced', traced]].map(([how, value]) => ({ group: 'rules', what: `a rule walked, ${how}`, against: '', value: Number(value) / 1000, unit: 'us', must: null, aim: null, detail: `${short(Number(value))} ns` }));
  const there = perRule(median(Array.from({ length: ROUNDS }, () => pingOnKernel(serviceChain(RULES)) - pingOnKernel(''))));
  const bar = (how: string, ours: number): Bar => ({
    group: 'rules', what: `a rule walked, ${how}`, against: 'the real kernel', value: there / ours, unit: 'x', must: 1, aim: 2.7, detail: `${short(ours)} ns against ${short(there)} ns, in a chain of ${short(RULES)}`,
  });
  return [bar('nothing traced', here), bar('everything traced', traced)];
}

/** From the text of the rules in a file to rules that packets meet. */
function loading(kernel: boolean): Bar {
  const rules = kubeProxyRules(SERVICES);
  const count = rules.split('\n').filter((line) => line.startsWith('-A')).length;
  const lab = labFrom(routerLab(rules, '', RESTORE));
  const { here } = compete(ROUNDS, { here: () => costOf(lab, 'nothing').seconds });
  const what = `${short(count)} rules of ${short(SERVICES)} Services loaded`;
  if (!kernel) return { group: 'rules', what, against: '', value: here * 1000, unit: 'ms', must: null, aim: null, detail: '' };
  const there = median(Array.from({ length: ROUNDS }, () => restoreOnKernel(rules)));
  return { group: 'rules', what, against: 'iptables-restore', value: there / here, unit: 'x', must: 1, aim: 2, detail: `${short(here * 1000)} ms against ${short(there * 1000)} ms` };
}

/** A connection that is known is not asked for again: its packets do not feel the rules of table nat. */
function established(): Bar {
  const [few, many] = [pingLab(kubeProxyRules(1), ECHOES * 5), pingLab(kubeProxyRules(SERVICES), ECHOES * 5)];
  const took = compete(ROUNDS, { few: () => costOf(few, 'nothing').seconds, many: () => costOf(many, 'nothing').seconds });
  return {
    group: 'rules', what: `a packet of a known connection, ${short(SERVICES)} Services`, against: 'one Service', value: took.few / took.many, unit: 'x', must: 0.8, aim: 0.95,
    detail: `${short((took.many / ECHOES / 5) * 1e6)} us an echo against ${short((took.few / ECHOES / 5) * 1e6)} us`,
  };
}

/** Runs commands on the kernel of this computer, in a network and a mount namespace of their own; what they print last. */
function onKernel(commands: string, input: string): number {
  const script = ['set -e', 'mount -t tmpfs tmpfs /run', 'mkdir /run/netns', `mount -t tmpfs tmpfs /mnt`, 'cat > /mnt/rules', `{ ${ROUTER_SETUP}} > /dev/null`, commands, 'echo $((${EPOCHREALTIME/./} - ${began/./}))'].join('\n');
  const lock = join(tmpdir(), 'hopscope-kernel.lock');
  const { status, stdout, stderr } = spawnSync('flock', ['--exclusive', lock, 'unshare', '--net', '--mount', 'bash', '-c', script], { encoding: 'utf8', input });
  if (status !== 0) throw new Error(`the commands failed on the kernel: ${stderr}`);
  return Number(stdout.trim().split('\n').at(-1)) / 1e6;
}

function pingOnKernel(rules: string): number {
  return onKernel(`${rules === '' ? '' : 'iptables-restore < /mnt/rules\n'}ip netns exec ns1 ping -q -c 1 10.2.0.1 > /dev/null\nbegan=$EPOCHREALTIME\nip netns exec ns1 ping -q -f -c ${ECHOES} 10.2.0.1 > /dev/null`, rules);
}

function restoreOnKernel(rules: string): number {
  return onKernel('began=$EPOCHREALTIME\niptables-restore < /mnt/rules', rules);
}
