import { placeOfStep } from '../trace/names.ts';
import type { NfTableStep, Step } from '../trace/step.ts';
import { XT_MISS } from '../trace/xt-miss.ts';
import type { XtRule } from '../kernel/netfilter/xtables/xt-rule.ts';
import type { XtRuleRow } from '../kernel/rows.ts';
import { toHex } from '../wire/bytes.ts';
import { encode } from '../wire/codec.ts';
import type { Packet } from '../wire/packet.ts';
import type { RecordWalk } from './record.ts';

/** How much of what follows the IP header nftables reports (NFT_TRACETYPE_TRANSPORT_HSIZE). */
const TRANSPORT_BYTES = 20;

/** A packet on its way through a namespace. */
interface OpenWalk {
  readonly walk: string[];
  hook: string;
}

/** The rules that packets met in each lab step of a trace, by namespace, as the record has them. `starts`: where the steps begin. */
export function recordWalks(steps: readonly Step[], starts: readonly number[]): Record<string, RecordWalk[]>[] {
  const rules = new Map<string, XtRule>();
  const open = new Map<string, OpenWalk>();
  // What a packet was before NAT wrote into it: the kernel reports it as it came to the hook.
  const arrived = new Map<string, Packet>();
  const walks: Record<string, RecordWalk[]>[] = starts.map(() => ({}));
  let current = -1;
  for (const step of steps) {
    while (current + 1 < starts.length && step.seq >= starts[current + 1]!) current++;
    for (const { table, key, after } of step.changes) {
      if (after !== null && table.endsWith('#xtrule')) rules.set(`${table} ${key}`, (after as XtRuleRow).rule);
    }
    const place = placeOfStep(step);
    const key = `${place} ${step.skb}`;
    if (step.kind === 'dev.rx' || step.kind === 'dev.xmit') arrived.delete(key);
    if (step.kind === 'nat.rewrite' && !arrived.has(key)) arrived.set(key, step.before);
    if (step.kind !== 'nf.table') continue;
    let packet = open.get(key);
    if (packet === undefined || !goesOn(packet.hook, step.hook)) {
      packet = { walk: [], hook: step.hook };
      open.set(key, packet);
      if (current >= 0 && step.packet !== null) (walks[current]![place] ??= []).push({ packet: headerHex(arrived.get(key) ?? step.packet), walk: packet.walk });
    }
    packet.hook = step.hook;
    packet.walk.push(...lines(step, rules));
  }
  return walks;
}

const AFTER: Readonly<Record<string, readonly string[]>> = {
  PREROUTING: ['PREROUTING', 'INPUT', 'FORWARD', 'POSTROUTING'], INPUT: ['INPUT'], FORWARD: ['FORWARD', 'POSTROUTING'],
  OUTPUT: ['OUTPUT', 'POSTROUTING'], POSTROUTING: ['POSTROUTING'],
};

/** False when it is another way that begins: over lo a packet comes in as it went out. */
function goesOn(before: string, hook: string): boolean {
  return AFTER[before]?.includes(hook) ?? false;
}

function headerHex(packet: Packet): string {
  const at = packet.findIndex(({ kind }) => kind === 'ipv4');
  const bytes = encode(packet.slice(at < 0 ? 0 : at));
  return toHex(bytes.subarray(0, ((bytes[0] ?? 0) & 15) * 4 + TRANSPORT_BYTES));
}

function lines({ walk, chains, reads, table, hook, verdict, byPolicy }: NfTableStep, rules: ReadonlyMap<string, XtRule>): string[] {
  const found: string[] = [];
  for (let i = 0; i + 3 < walk.length; i += 4) {
    const [place, first, count, miss] = walk.slice(i, i + 4) as [number, number, number, number];
    if (miss !== XT_MISS.matched) continue;
    for (let n = first; n < first + count; n++) {
      const ref = reads[found.length];
      const rule = ref === undefined ? undefined : rules.get(`${ref.table} ${ref.key}`);
      found.push(`${table} ${chains[place]} ${n + 1} ${rule === undefined ? '?' : verdictOf(rule, verdict)}`);
    }
  }
  if (byPolicy) found.push(`${table} ${hook} policy ${verdict}`);
  return found;
}

/** `end`: what came of the whole walk. */
function verdictOf({ target }: XtRule, end: NfTableStep['verdict']): string {
  switch (target.name) {
    case 'chain': return `${target.goto ? 'GOTO' : 'JUMP'} ${target.chain}`;
    case 'RETURN': return 'RETURN';
    case 'ACCEPT': case 'DROP': return target.name;
    case 'REJECT': case 'SNAT': case 'DNAT': case 'MASQUERADE': case 'REDIRECT': case 'NETMAP': case 'QUEUE': return end;
    default: return 'CONTINUE';
  }
}
