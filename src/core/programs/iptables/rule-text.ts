import { formatIpv4 } from '../../wire/address.ts';
import type { InterfaceMatch, Masked, XtMatch, XtRule } from '../../kernel/netfilter/xtables/xt-rule.ts';
import { addressText, prefixLength } from './addresses.ts';
import { type Look, bang } from './kind.ts';
import { printMatch, saveMatch } from './matches/index.ts';
import { chainProtocolName, protocolName } from './protocols.ts';
import { printTarget, saveTarget, targetName } from './targets/index.ts';

/** A rule without its text. */
export type BareRule = Omit<XtRule, 'text'>;

function saveAddress(letter: 's' | 'd', masked: Masked | null): string {
  if (masked === null) return '';
  return `${bang(masked.invert)} -${letter} ${formatIpv4(masked.address)}/${prefixLength(masked.mask) ?? formatIpv4(masked.mask)}`;
}

function saveInterface(letter: 'i' | 'o', device: InterfaceMatch | null): string {
  return device === null ? '' : `${bang(device.invert)} -${letter} ${device.name}`;
}

/** The part of a rule that its addresses do not change: what follows `-s` and `-d`. */
export function saveRest(rule: Pick<BareRule, 'in' | 'out' | 'protocol' | 'fragment'>, matches: readonly XtMatch[]): string {
  const { protocol, fragment } = rule;
  let text = saveInterface('i', rule.in) + saveInterface('o', rule.out);
  if (protocol !== null) text += `${bang(protocol.invert)} -p ${protocolName(protocol.number) ?? protocol.number}`;
  if (fragment !== null) text += `${bang(fragment.invert)} -f`;
  for (const match of matches) text += saveMatch(match);
  return text;
}

export function saveAddresses(src: Masked | null, dst: Masked | null): string {
  return saveAddress('s', src) + saveAddress('d', dst);
}

/** A rule as `iptables -S` prints it behind `-A CHAIN`, with `counters` (` -c 1 2`) before its target; begins with a space. */
export function saveRule(rule: BareRule, counters = ''): string {
  return saveAddresses(rule.src, rule.dst) + saveRest(rule, rule.matches) + counters + saveTarget(rule.target);
}

/** Pads a column of a listing. */
function column(text: string, width: number): string {
  return text.length < width ? text.padEnd(width) : text;
}

const ANYWHERE = { address: 0, mask: 0 };

/** What a line of `iptables -L` shows besides the rule. */
export interface LineLook extends Look {
  readonly lineNumber: number | null;
  /** Both columns with the space behind them; nothing without -v. */
  readonly counters: string;
  /** The devices (-v). */
  readonly devices: boolean;
}

function deviceText(device: InterfaceMatch | null, any: string): string {
  return device === null ? any : `${device.invert ? '!' : ''}${device.name}`;
}

function addressColumn(masked: Masked | null, look: Look): string {
  return `${masked?.invert ? '!' : ' '}${column(addressText(masked ?? ANYWHERE, look.numeric, look.env), 19)} `;
}

function tail(rule: BareRule, look: Look): string {
  let text = rule.target.name === 'chain' && rule.target.goto ? '[goto] ' : '';
  for (const match of rule.matches) text += printMatch(match, look);
  return text + printTarget(rule.target, look);
}

function fragmentText({ fragment }: BareRule): string {
  return fragment === null ? '--' : `${fragment.invert ? '!' : '-'}f`;
}

/** A line of `iptables -L`. */
export function listRule(rule: BareRule, look: LineLook): string {
  const { protocol } = rule;
  const number = protocol?.number ?? 0;
  const name = look.numeric ? String(number) : (protocolName(number) ?? String(number));
  const any = look.numeric ? '*' : 'any';
  return (look.lineNumber === null ? '' : `${column(String(look.lineNumber), 4)} `) + look.counters + `${column(targetName(rule.target), 9)} `
    + `${protocol?.invert ? '!' : ' '}${column(name, 4)} ${fragmentText(rule)} `
    + (look.devices ? ` ${column(deviceText(rule.in, any), 6)} ${column(deviceText(rule.out, any), 6)} ` : '')
    + addressColumn(rule.src, look) + addressColumn(rule.dst, look) + tail(rule, look);
}

/** The line that -A, -I, -R and -D print with -v. */
export function detailRule(rule: BareRule, look: Look): string {
  const { protocol, src, dst } = rule;
  const number = protocol?.number ?? 0;
  const address = (masked: Masked | null): string => addressText(masked ?? ANYWHERE, true, look.env);
  return `${targetName(rule.target)} ${protocol?.invert ? '!' : ' '}${chainProtocolName(number) ?? number} opt ${fragmentText(rule)} `
    + `in ${deviceText(rule.in, '*')} out ${deviceText(rule.out, '*')} ${src?.invert ? '!' : ' '}${address(src)} ${dst?.invert ? '!' : ' '}-> ${address(dst)}  `
    + tail(rule, { ...look, numeric: true });
}
