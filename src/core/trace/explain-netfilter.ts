import type { Explanation } from './explain.ts';
import { namesOf, placeOfStep } from './names.ts';
import { packetEnds, packetName } from './packet-name.ts';
import type { NfLogStep, NfTableStep } from './step.ts';
import type { Trace } from './trace.ts';
import { expandRun, walkRuns, type WalkedRule } from './walk.ts';
import { rulesWalked } from './walk-length.ts';

/** What a table is there for, in a few words. */
const TABLES: Readonly<Record<string, string>> = {
  raw: 'raw, before connections are looked at', mangle: 'mangle, which changes packets', nat: 'nat, asked once for each connection', filter: 'filter, which lets pass or not',
  security: 'security, for marks of SELinux',
};

/** Where in a packet's way a hook is. */
const HOOKS: Readonly<Record<string, string>> = {
  PREROUTING: 'on its way in, before the routing decision', INPUT: 'on its way to a socket of this host', FORWARD: 'on its way through this host',
  OUTPUT: 'just made by this host', POSTROUTING: 'on its way out',
};

export function explainNetfilter(step: NfTableStep | NfLogStep, trace: Trace): Explanation {
  return step.kind === 'nf.log' ? explainLog(step, trace) : explainTable(step, trace);
}

function explainLog(step: NfLogStep, trace: Trace): Explanation {
  const host = namesOf(trace).host(placeOfStep(step));
  return { title: `${host} notes in the kernel’s log: ${step.line}`, text: `A LOG rule matched the ${packetName(step.packet)}. LOG only writes: the packet goes on to the next rule.` };
}

function explainTable(step: NfTableStep, trace: Trace): Explanation {
  const host = namesOf(trace).host(placeOfStep(step));
  const packet = packetName(step.packet);
  const matched = walkRuns(step).filter((run) => run.matched).flatMap((run) => expandRun(run, step, trace));
  return { title: titleOf(step, host, packet), text: [`The ${packet} ${packetEnds(step.packet)}, ${HOOKS[step.hook] ?? step.hook}, meets the table ${TABLES[step.table] ?? step.table}.`, walkedText(step), matchedText(matched), endText(step, matched)].filter((part) => part !== '').join(' ') };
}

function titleOf({ table, hook, verdict, byPolicy }: NfTableStep, host: string, packet: string): string {
  const where = `${table} ${hook}`;
  if (verdict === 'DROP') return byPolicy ? `${host}: the policy of ${where} drops the ${packet}` : `${host}: a rule of ${where} ends the ${packet}`;
  if (verdict === 'STOLEN') return `${host}: ${where} takes the ${packet} away`;
  return byPolicy ? `${host}: the ${packet} passes ${where}` : `${host}: a rule of ${where} decides for the ${packet}`;
}

function walkedText(step: NfTableStep): string {
  const count = rulesWalked(step);
  if (count === 0) return 'There is no rule.';
  const chains = step.chains.length === 1 ? '' : ` in ${step.chains.length} chains (${step.chains.slice(0, 6).join(', ')}${step.chains.length > 6 ? ' ...' : ''})`;
  return `${count === 1 ? 'One rule is' : `${count} rules are`} looked at${chains}.`;
}

function matchedText(matched: readonly WalkedRule[]): string {
  if (matched.length === 0) return '';
  const texts = matched.slice(0, 5).map(({ chain, index, text }) => `rule ${index + 1} of ${chain}${text === '' ? '' : ` (${text})`}`);
  const more = matched.length > 5 ? `, and ${matched.length - 5} more` : '';
  return `${matched.length === 1 ? 'One matches' : `${matched.length} match`}: ${texts.join(', ')}${more}.`;
}

function endText({ byPolicy, verdict, chains }: NfTableStep, matched: readonly WalkedRule[]): string {
  if (byPolicy) return `${matched.length === 0 ? 'None matches, so' : 'None of them decides, so'} the policy of ${chains[0]} does: ${verdict}.`;
  const last = matched.at(-1);
  return last === undefined ? '' : `The last of them decides: ${verdict}.`;
}
