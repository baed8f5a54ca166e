import type { Ipv4 } from '../../wire/address.ts';
import type { XtMatch, XtTarget } from '../../kernel/netfilter/xtables/xt-rule.ts';
import { byteLength } from '../text/io.ts';
import { numberStart, wholeNumber } from './numbers.ts';
import { fail } from './xtables-error.ts';

/** What a rule's text needs besides itself: names of hosts, users, sets. */
export interface XtEnv {
  /** Addresses of a host name; none when there is no such host. */
  hosts(name: string): readonly Ipv4[];
  /** What getaddrinfo(3) says of a name that `hosts` does not know. */
  readonly hostError: string;
  /** The name of an address; null when it has none. */
  hostName(ip: Ipv4): string | null;
  user(name: string): number | null;
  userName(uid: number): string | null;
  group(name: string): number | null;
  groupName(gid: number): string | null;
  /** How many dimensions the ipset has (`hash:ip,port` has 2); null when there is none of that name. */
  setDimensions(name: string): number | null;
  /** A line for stderr that stops nothing. */
  warn(text: string): void;
}

/** The header of the rule as far as it is parsed. */
export interface HeadSoFar {
  protocol: number;
  invertProtocol: boolean;
}

/** One option of an extension, as it was typed. */
export interface OptionCall {
  readonly extension: string;
  /** Its whole name, without the dashes. */
  readonly option: string;
  /** The option that it is an alias of, or itself. */
  readonly id: string;
  readonly arg: string;
  readonly invert: boolean;
  /** Takes the next word of the command line when it is no option. */
  readonly next: () => string | null;
  readonly head: HeadSoFar;
  readonly env: XtEnv;
}

export interface OptionDef {
  readonly name: string;
  /** The option that it is another name of. */
  readonly id?: string;
  /** It takes a value. */
  readonly arg?: boolean;
  /** `!` may stand before it. */
  readonly invert?: boolean;
  readonly must?: boolean;
  /** Ids of options that cannot be given beside it. */
  readonly excl?: readonly string[];
  /** Ids of options that it needs. */
  readonly also?: readonly string[];
  /** It may be given more than once. */
  readonly multi?: boolean;
}

/** A match or target while its options are read. */
export interface Instance<T> {
  option(call: OptionCall): void;
  /** What is checked before the rules of `OptionDef`. */
  check?(seen: ReadonlySet<string>): void;
  /** The result; null when it says nothing. */
  finish(head: HeadSoFar): T | null;
}

export interface Extension<T> {
  readonly name: string;
  readonly options: readonly OptionDef[];
  /** It checks its options by itself (libxtables' old interface). */
  readonly legacy?: boolean;
  begin(env: XtEnv): Instance<T>;
}
export type MatchExtension = Extension<XtMatch>;
export type TargetExtension = Extension<XtTarget>;

/** XTTYPE_UINT*: a whole number within bounds. */
export function uintOption({ extension, option, arg }: OptionCall, min: number, max: number): number {
  return wholeNumber(arg, min, max) ?? fail(`${extension}: bad value for option "--${option}", or out of range (${min}-${max}).\n`);
}

/** XTTYPE_UINT*RC: `A[:B]`, either left out; one number alone stands for both. */
export function uintRangeOption({ extension, option, arg }: OptionCall, max: number): readonly [number, number] {
  const values: number[] = [];
  for (let rest: string | null = arg; rest !== null;) {
    if (values.length === 2) fail(`${extension}: Too many components for option "--${option}" (max: 2)\n`);
    let end: string = rest;
    if (rest === '' || rest.startsWith(':')) values.push(values.length === 1 ? max : 0);
    else {
      const number = numberStart(rest, 0, max) ?? fail(`${extension}: bad value for option "--${option}" near "${rest}", or out of range (0-${max}).\n`);
      if (number.rest !== '' && !number.rest.startsWith(':')) fail(`${extension}: Argument to "--${option}" has unexpected characters near "${number.rest}".\n`);
      values.push(number.value);
      end = number.rest;
    }
    rest = end === '' ? null : end.slice(1);
  }
  return [values[0]!, values[1] ?? values[0]!];
}

/** XTTYPE_STRING: text of so many characters (bytes in UTF-8 count). */
export function stringOption({ arg }: OptionCall, min: number, max: number): string {
  const size = byteLength(arg);
  if (size < min) fail(`Argument must have a minimum length of ${min} characters\n`);
  if (size > max) fail(`Argument must have a maximum length of ${max} characters\n`);
  return arg;
}

const PLAIN_WORD = /^[A-Za-z0-9_-]*$/;

/** xtables_save_string: quoted unless it is a plain word. */
export function saveString(text: string): string {
  return text !== '' && PLAIN_WORD.test(text) ? text : `"${text.replace(/["\\']/g, '\\$&')}"`;
}
