import type { InterfaceMatch } from '../../kernel/netfilter/xtables/xt-rule.ts';
import { byteLength } from '../text/io.ts';
import type { XtEnv } from './extension.ts';
import { fail } from './xtables-error.ts';

const IFNAMSIZ = 16;

/** xtables_parse_interface. */
export function parseInterface(name: string, invert: boolean, env: XtEnv): InterfaceMatch {
  if (byteLength(name) + 1 > IFNAMSIZ) fail(`interface name \`${name}' must be shorter than IFNAMSIZ (${IFNAMSIZ - 1})`);
  if (/[/ ]/.test(name)) env.warn(`Warning: weird character in interface \`${name}' ('/' and ' ' are not allowed by the kernel).`);
  return { name, invert };
}
