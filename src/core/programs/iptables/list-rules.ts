import type { XtCounters } from '../../kernel/netfilter/xtables/xt-rule.ts';
import type { XtEnv } from './extension.ts';
import { listRule, saveRule } from './rule-text.ts';
import { type CachedChain, type CachedTable, isBuiltin, sortedChains } from './table-cache.ts';

/** How -L was asked to list. */
export interface ListLook {
  readonly numeric: boolean;
  readonly verbose: boolean;
  readonly exact: boolean;
  readonly lineNumbers: boolean;
  readonly env: XtEnv;
}

const UNITS = ['K', 'M', 'G', 'T'];

/** xtables_print_num: at most five digits and a unit, unless exact. */
function shortNumber(count: number): string {
  if (count <= 99_999) return String(count);
  let value = count;
  for (const [i, unit] of UNITS.entries()) {
    value = Math.floor((value + 500) / 1000);
    if (value <= 9999 || i === UNITS.length - 1) return `${value}${unit}`;
  }
  return String(value);
}

function counterColumns({ packets, bytes }: XtCounters, exact: boolean): string {
  if (exact) return `${String(packets).padStart(8)} ${String(bytes).padStart(8)} `;
  return `${shortNumber(packets).padStart(5)} ${shortNumber(bytes).padStart(5)} `;
}

function header({ name, policy, counters, references }: CachedChain, look: ListLook): string {
  const number = (count: number): string => (look.exact ? String(count) : shortNumber(count));
  const counts = look.verbose ? ` ${number(counters.packets)} packets, ${number(counters.bytes)} bytes` : '';
  return `Chain ${name} (${policy === null ? `${references} references` : `policy ${policy}${counts}`})\n`
    + (look.lineNumbers ? 'num  ' : '') + (look.verbose ? (look.exact ? '    pkts      bytes ' : ' pkts bytes ') : '') + 'target     prot opt '
    + (look.verbose ? 'in     out     ' : '') + 'source               destination         \n';
}

function line(chain: CachedChain, index: number, look: ListLook): string {
  const { rule, counters } = chain.rules[index]!;
  return `${listRule(rule, {
    numeric: look.numeric, env: look.env, protocol: rule.protocol?.number ?? 0, lineNumber: look.lineNumbers ? index + 1 : null,
    counters: look.verbose ? counterColumns(counters, look.exact) : '', devices: look.verbose,
  })}\n`;
}

/** The text of `iptables -L [CHAIN [NUMBER]]`; null when there is no such chain. `number` 0: all. */
export function listTable(table: CachedTable, chain: string | null, number: number, look: ListLook): string | null {
  if (chain !== null) {
    const one = table.chains.get(chain);
    if (one === undefined) return null;
    if (number > 0) return number > one.rules.length ? '' : line(one, number - 1, look);
    return listChain(one, look);
  }
  return sortedChains(table).map((one) => listChain(one, look)).join('\n');
}

function listChain(chain: CachedChain, look: ListLook): string {
  return header(chain, look) + chain.rules.map((_, i) => line(chain, i, look)).join('');
}

/** The text of `iptables -S [CHAIN [NUMBER]]`; null when there is no such chain. */
export function listSpecs(table: CachedTable, chain: string | null, number: number, verbose: boolean): string | null {
  const chains = chain === null ? sortedChains(table) : [table.chains.get(chain)].filter((one) => one !== undefined);
  if (chain !== null && chains.length === 0) return null;
  const heads = chains.map((one) => headSpec(one, verbose, isBuiltin(table.name, one.name)));
  const rules = chains.map((one) => one.rules.filter((_, i) => number === 0 || i === number - 1).map((rule) => ruleSpec(one.name, rule, verbose)).join(''));
  return (number === 0 ? heads.join('') : '') + rules.join('');
}

function headSpec({ name, policy, counters }: CachedChain, verbose: boolean, builtin: boolean): string {
  return builtin ? `-P ${name} ${policy}${verbose ? countersText(counters) : ''}\n` : `-N ${name}\n`;
}

function countersText({ packets, bytes }: XtCounters): string {
  return ` -c ${packets} ${bytes}`;
}

function ruleSpec(chain: string, { rule, counters }: CachedChain['rules'][number], verbose: boolean): string {
  if (verbose) return `-A ${chain}${saveRule(rule, countersText(counters))}\n`;
  return rule.text === '' ? `-A ${chain}\n` : `-A ${chain} ${rule.text}\n`;
}
