import { type Ipv4, netmask } from '../../wire/address.ts';
import { inetAton } from '../lib/resolve.ts';
import { type AddressMask, prefixLength } from './addresses.ts';
import type { OptionCall } from './extension.ts';
import { wholeNumber } from './numbers.ts';
import { fail } from './xtables-error.ts';

/** XTTYPE_HOST: an address or the name of a host. */
export function hostOption({ arg, env }: OptionCall): Ipv4 {
  const literal = inetAton(arg);
  if (literal !== null) return literal;
  const [first, second] = env.hosts(arg);
  if (first === undefined) fail(`getaddrinfo: ${env.hostError}\n`);
  if (second !== undefined && second !== first) fail(`${arg} resolves to more than one address\n`);
  return first;
}

/** XTTYPE_HOSTMASK: `HOST[/MASK]`; a mask that is no prefix counts as all ones, as in libxtables. */
export function hostMaskOption(call: OptionCall): AddressMask {
  const slash = call.arg.indexOf('/');
  if (slash < 0) return { address: hostOption(call), mask: 0xffff_ffff };
  const address = hostOption({ ...call, arg: call.arg.slice(0, slash) });
  const text = call.arg.slice(slash + 1);
  const bits = wholeNumber(text, 0, 32);
  if (bits !== null) return { address, mask: netmask(bits) };
  const mask = inetAton(text) ?? fail(`${call.extension}: bad value for option "--${call.option}", neither a valid network mask nor valid CIDR (0-32).\n`);
  return { address, mask: prefixLength(mask) === null ? 0xffff_ffff : mask };
}
