import type { XtMatch, XtTarget } from '../../kernel/netfilter/xtables/xt-rule.ts';
import type { Extension, XtEnv } from './extension.ts';

/** How `iptables -L` is asked to look. */
export interface Look {
  readonly numeric: boolean;
  readonly env: XtEnv;
  /** The protocol of the rule. */
  readonly protocol: number;
}

/** A match or target: its options, and the two ways in which it is printed; each piece of text begins with a space. */
export interface Kind<T> {
  readonly extension: Extension<T>;
  /** As `iptables -S` has it, without `-m NAME`. */
  save(value: T): string;
  /** As `iptables -L` has it. */
  print(value: T, look: Look): string;
}
export type MatchKind<N extends XtMatch['name']> = Kind<Extract<XtMatch, { name: N }>>;
export type TargetKind<N extends XtTarget['name']> = Kind<Extract<XtTarget, { name: N }>>;

export function bang(invert: boolean): string {
  return invert ? ' !' : '';
}
