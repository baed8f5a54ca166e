import type { XtRule, XtTableName } from '../../kernel/netfilter/xtables/xt-rule.ts';
import { NotSimulated } from '../../shell/process.ts';
import { type Batch, push, tableOf } from './batch.ts';
import type { CommandName } from './command-checks.ts';
import type { CommandLine } from './command-line.ts';
import { listSpecs, listTable } from './list-rules.ts';
import { detailRule } from './rule-text.ts';
import { type CachedChain, type CachedTable, NO_COUNTS, emptyChain, fakeBuiltins, findRule, isBuiltin, isTable, sortedChains } from './table-cache.ts';
import { XtablesError, fail } from './xtables-error.ts';

/** What keeps a command from being carried out: `iptables: TEXT.` */
export type Refusal = string | null;

const NO_CHAIN = 'No chain/target/match by that name';
const BAD_RULE = 'Bad rule (does a matching rule exist in that chain?)';

/** A command with what it works on. */
interface Work {
  readonly batch: Batch;
  readonly line: CommandLine;
  readonly table: CachedTable;
  readonly name: XtTableName;
}

/** The table of a command line must be one that there is. */
export function checkTable(name: string): XtTableName {
  if (!isTable(name)) throw new XtablesError(`table '${name}' does not exist`, 3);
  return name;
}

/** Carries out a command: changes go into the batch. Throws XtablesError for what ends the program at once. */
export function execute(batch: Batch, line: CommandLine): Refusal {
  if (line.verbose > 1) throw new NotSimulated('iptables -vv');
  const name = checkTable(line.table);
  const work: Work = { batch, line, table: tableOf(batch, name), name };
  let refusal: Refusal = null;
  for (const command of line.commands) refusal ??= COMMANDS[command](work);
  return refusal;
}

const COMMANDS: Readonly<Record<CommandName, (work: Work) => Refusal>> = {
  append, insert, replace, delete: remove, 'delete-number': removeNumber, check, list, 'list-rules': listRules, flush, zero, 'zero-number': zeroNumber,
  'new-chain': newChain, 'delete-chain': deleteChain, 'rename-chain': renameChain, policy: setPolicy,
};

/** The chain of the command, a built-in one made when it is not there; null when there is none of that name. */
function chainToFill({ table, line, name }: Work): CachedChain | null {
  const chain = line.chain!;
  const known = table.chains.get(chain);
  if (known !== undefined) {
    known.made = true;
    return known;
  }
  if (!isBuiltin(name, chain)) return null;
  const made = emptyChain(chain, 'ACCEPT', true);
  table.chains.set(chain, made);
  return made;
}

/** The chain of the command if the kernel has it. */
function madeChain({ table, line }: Work): CachedChain | null {
  const chain = table.chains.get(line.chain!);
  return chain?.made ? chain : null;
}

/** A jump must lead to a chain that there is. */
function checkJump({ table, name }: Work, rule: XtRule): void {
  const { target } = rule;
  if (target.name === 'chain' && !table.chains.has(target.chain) && !isBuiltin(name, target.chain)) fail(`Chain '${target.chain}' does not exist`);
}

function checkJumps(work: Work): void {
  for (const rule of work.line.rules) checkJump(work, rule);
}

/** -v: the rule that is added or deleted. */
function detail({ batch, line }: Work, rule: XtRule): void {
  if (line.verbose > 0) batch.out(`${detailRule(rule, { numeric: true, env: batch.env, protocol: rule.protocol?.number ?? 0 })}\n`);
}

function append(work: Work): Refusal {
  const { batch, line, name } = work;
  checkJumps(work);
  const chain = chainToFill(work);
  if (chain === null) return NO_CHAIN;
  const counters = line.counters ?? NO_COUNTS;
  for (const rule of line.rules) {
    detail(work, rule);
    refuseQueue(rule, 'RULE_APPEND', chain.name);
    chain.rules.push({ rule, counters });
    push(batch, { op: 'append', table: name, chain: chain.name, rule, counters });
  }
  return null;
}

/** nf_tables takes QUEUE for a chain, which it does not find. */
function refuseQueue({ target }: XtRule, what: string, chain: string): void {
  if (target.name === 'QUEUE') throw new XtablesError(` ${what} failed (No such file or directory): rule in chain ${chain}`, 4);
}

function insert(work: Work): Refusal {
  const { batch, line, name, table } = work;
  checkJumps(work);
  if (!isBuiltin(name, line.chain!) && !table.chains.has(line.chain!)) return NO_CHAIN;
  if (line.ruleNumber - 1 > (madeChain(work)?.rules.length ?? 0)) return 'Index of insertion too big';
  const chain = chainToFill(work)!;
  const counters = line.counters ?? NO_COUNTS;
  const index = line.ruleNumber - 1;
  for (const rule of line.rules) {
    detail(work, rule);
    refuseQueue(rule, 'RULE_INSERT', chain.name);
    chain.rules.splice(index, 0, { rule, counters });
    push(batch, { op: 'insert', table: name, chain: chain.name, index, rule, counters });
  }
  return null;
}

function replace(work: Work): Refusal {
  const { batch, line, name } = work;
  checkJumps(work);
  const chain = madeChain(work);
  if (chain === null) return NO_CHAIN;
  const index = line.ruleNumber - 1;
  if (index >= chain.rules.length) return 'Index of replacement too big';
  const rule = line.rules[0]!;
  detail(work, rule);
  refuseQueue(rule, 'RULE_REPLACE', chain.name);
  const counters = line.counters ?? NO_COUNTS;
  chain.rules[index] = { rule, counters };
  push(batch, { op: 'replace', table: name, chain: chain.name, index, rule, counters });
  return null;
}

function remove(work: Work): Refusal {
  checkJumps(work);
  for (const rule of work.line.rules) {
    const chain = madeChain(work);
    const index = chain === null ? -1 : findRule(chain, rule);
    if (chain === null || index < 0) return BAD_RULE;
    detail(work, rule);
    removeAt(work, chain, index);
  }
  return null;
}

function removeAt({ batch, name }: Work, chain: CachedChain, index: number): void {
  chain.rules.splice(index, 1);
  push(batch, { op: 'delete', table: name, chain: chain.name, index });
}

function removeNumber(work: Work): Refusal {
  const chain = madeChain(work);
  if (chain === null) return NO_CHAIN;
  const index = work.line.ruleNumber - 1;
  if (index >= chain.rules.length) return 'Index of deletion too big';
  removeAt(work, chain, index);
  return null;
}

function check(work: Work): Refusal {
  checkJumps(work);
  const chain = madeChain(work);
  for (const rule of work.line.rules) {
    if (chain === null || findRule(chain, rule) < 0) return BAD_RULE;
    detail(work, rule);
  }
  return null;
}

function incompatible({ line, name }: Work): never {
  throw new XtablesError(`chain \`${line.chain}' in table \`${name}' is incompatible, use 'nft' tool.`, 1);
}

function list(work: Work): Refusal {
  const { batch, line, table } = work;
  fakeBuiltins(table);
  const look = { numeric: line.numeric, verbose: line.verbose > 0, exact: line.exact, lineNumbers: line.lineNumbers, env: batch.env };
  batch.out(listTable(table, line.chain, line.ruleNumber, look) ?? incompatible(work));
  return null;
}

function listRules(work: Work): Refusal {
  const { batch, line, table } = work;
  fakeBuiltins(table);
  batch.out(listSpecs(table, line.chain, line.ruleNumber, line.verbose > 0) ?? incompatible(work));
  return null;
}

/** The chains that a command without a chain means. */
function eachChain({ table, line, batch }: Work, word: string, chains: readonly CachedChain[], run: (chain: CachedChain) => void): void {
  for (const chain of chains) {
    if (line.verbose > 0) batch.out(`${word} chain \`${chain.name}'\n`);
    if (chain.made || table.made) run(chain);
  }
}

function flush(work: Work): Refusal {
  const { batch, line, table, name } = work;
  const flushOne = (chain: CachedChain): void => {
    chain.rules = [];
    push(batch, { op: 'flush', table: name, chain: chain.name });
  };
  if (line.chain !== null) {
    const chain = chainToFill(work);
    if (chain === null) return NO_CHAIN;
    if (line.verbose > 0) batch.out(`Flushing chain \`${chain.name}'\n`);
    flushOne(chain);
    return null;
  }
  if (line.verbose > 0) fakeBuiltins(table);
  eachChain(work, 'Flushing', sortedChains(table), (chain) => {
    if (chain.made) flushOne(chain);
  });
  return null;
}

function zero(work: Work): Refusal {
  const { batch, line, table, name } = work;
  const zeroOne = (chain: CachedChain): void => {
    chain.counters = NO_COUNTS;
    chain.rules = chain.rules.map(({ rule }) => ({ rule, counters: NO_COUNTS }));
    if (chain.made) push(batch, { op: 'zero', table: name, chain: chain.name, index: null });
  };
  if (line.chain === null) {
    eachChain(work, 'Zeroing', sortedChains(table), zeroOne);
    return null;
  }
  const chain = table.chains.get(line.chain);
  if (chain === undefined) return NO_CHAIN;
  if (line.verbose > 0) batch.out(`Zeroing chain \`${chain.name}'\n`);
  zeroOne(chain);
  return null;
}

function zeroNumber(work: Work): Refusal {
  const { batch, line, name } = work;
  const chain = madeChain(work);
  if (chain === null) return BAD_RULE;
  const index = line.ruleNumber - 1;
  if (index < chain.rules.length) push(batch, { op: 'zero', table: name, chain: chain.name, index });
  return null;
}

function newChain({ batch, line, table, name }: Work): Refusal {
  const chain = line.chain!;
  if (table.chains.has(chain) || isBuiltin(name, chain)) return 'Chain already exists';
  table.chains.set(chain, emptyChain(chain, null, true));
  push(batch, { op: 'new-chain', table: name, chain });
  return null;
}

function deleteChain(work: Work): Refusal {
  const { batch, line, table, name } = work;
  const deleteOne = (chain: CachedChain): void => {
    if (line.verbose > 0 && !isBuiltin(name, chain.name)) batch.out(`Deleting chain \`${chain.name}'\n`);
    table.chains.delete(chain.name);
    push(batch, { op: 'delete-chain', table: name, chain: chain.name });
  };
  const mayGo = (chain: CachedChain): boolean => !isBuiltin(name, chain.name) || (chain.policy === 'ACCEPT' && chain.rules.length === 0);
  if (line.chain === null) {
    sortedChains(table).filter((chain) => chain.made && mayGo(chain)).forEach(deleteOne);
    return null;
  }
  const chain = madeChain(work);
  if (chain === null) return NO_CHAIN;
  if (!mayGo(chain)) return 'Directory not empty';
  deleteOne(chain);
  return null;
}

function renameChain(work: Work): Refusal {
  const { batch, line, table, name } = work;
  const to = line.newName!;
  const chain = madeChain(work);
  if (isBuiltin(name, to) || table.chains.has(to)) return 'File exists';
  if (chain === null) return NO_CHAIN;
  if (isBuiltin(name, chain.name)) throw new NotSimulated('iptables -E of a built-in chain');
  table.chains.delete(chain.name);
  push(batch, { op: 'rename-chain', table: name, chain: chain.name, to });
  chain.name = to;
  table.chains.set(to, chain);
  return null;
}

function setPolicy(work: Work): Refusal {
  const { batch, line, name } = work;
  if (!isBuiltin(name, line.chain!)) return 'Bad built-in chain name';
  const { policy } = line;
  if (policy !== 'ACCEPT' && policy !== 'DROP') return batch.line === null ? 'Bad policy name. Run `dmesg\' for more information' : 'Bad policy name';
  const chain = chainToFill(work)!;
  chain.policy = policy;
  chain.counters = NO_COUNTS;
  push(batch, { op: 'policy', table: name, chain: chain.name, policy });
  return null;
}
