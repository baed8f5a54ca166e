import type { NatRange, Range, XtTarget } from '../../../kernel/netfilter/xtables/xt-rule.ts';
import { formatIpv4, parseIpv4 } from '../../../wire/address.ts';
import { maskSuffix, prefixLength } from '../addresses.ts';
import type { Extension, Instance, OptionCall, OptionDef } from '../extension.ts';
import { hostMaskOption } from '../host-option.ts';
import type { TargetKind } from '../kind.ts';
import { UINT16_MAX, numberStart } from '../numbers.ts';
import { findPort } from '../ports.ts';
import { fail } from '../xtables-error.ts';

type NatName = 'MASQUERADE' | 'SNAT' | 'DNAT' | 'REDIRECT';
type Draft = { -readonly [K in keyof NatRange]: NatRange[K] };

const WITH_PORTS = new Set([6, 17, 132, 33, 1]);

/** `80`, `80-90`, `80-90/1000` (parse_ports of libxt_NAT). */
function parsePorts(text: string, call: OptionCall): { ports: Range; basePort: number | null } {
  if (!WITH_PORTS.has(call.head.protocol)) fail('Need TCP, UDP, SCTP or DCCP with port specification');
  const first = numberStart(text, 0, UINT16_MAX);
  if (first === null) {
    const port = findPort(text, null) ?? fail(`Port \`${text}' not valid`);
    return { ports: [port, port], basePort: null };
  }
  if (first.rest === '') return { ports: [first.value, first.value], basePort: null };
  if (first.rest.startsWith(':')) fail('Invalid port:port syntax - use dash');
  if (!first.rest.startsWith('-')) fail(`Garbage after port value: \`${first.rest}'`);
  const second = first.rest.slice(1);
  const last = numberStart(second, 0, UINT16_MAX) ?? fail(`Port \`${second}' not valid`);
  if (last.value < first.value) fail(`Port range \`${second}' funky`);
  const ports = [first.value, last.value] as const;
  if (last.rest === '') return { ports, basePort: null };
  if (!last.rest.startsWith('/')) fail(`Garbage after port range: \`${last.rest}'`);
  const base = last.rest.slice(1);
  return { ports, basePort: findPort(base, null) ?? fail(`Port \`${base}' not valid`) };
}

/** `A[-B][:PORTS]`, or `:PORTS`. */
function parseTo(draft: Draft, call: OptionCall): void {
  const first = call.arg.indexOf(':');
  // More than one is an address of IPv6, which is none here.
  const colon = call.arg.indexOf(':', first + 1) < 0 ? first : -1;
  if (colon >= 0) Object.assign(draft, parsePorts(call.arg.slice(colon + 1), call));
  if (colon === 0) return;
  const [from, to = from] = (colon < 0 ? call.arg : call.arg.slice(0, colon)).split(/-(.*)/s) as [string, string?];
  const address = (text: string): number => parseIpv4(text) ?? fail(`Bad IP address "${text}"`);
  draft.addresses = [address(from), address(to)];
}

function begin<N extends NatName>(name: N): Instance<{ name: N; range: NatRange }> {
  const draft: Draft = { addresses: null, ports: null, basePort: null, random: false, randomFully: false, persistent: false };
  return {
    option(call) {
      if (call.id === 'random') draft.random = true;
      else if (call.id === 'random-fully') draft.randomFully = true;
      else if (call.id === 'persistent') draft.persistent = true;
      else if (call.id === 'to-ports') Object.assign(draft, parsePorts(call.arg, call));
      else parseTo(draft, call);
    },
    finish() { return { name, range: draft }; },
  };
}

function portsText({ ports, basePort }: NatRange): string {
  if (ports === null) return '';
  const [from, to] = ports;
  return (from === to ? String(from) : `${from}-${to}`) + (basePort === null ? '' : `/${basePort}`);
}

function toText(range: NatRange): string {
  const { addresses, ports } = range;
  const address = addresses === null ? '' : addresses[0] === addresses[1] ? formatIpv4(addresses[0]) : `${formatIpv4(addresses[0])}-${formatIpv4(addresses[1])}`;
  return ports === null ? address : `${address}:${portsText(range)}`;
}

function flagsText({ random, randomFully, persistent }: NatRange, prefix: string): string {
  return `${random ? ` ${prefix}random` : ''}${randomFully ? ` ${prefix}random-fully` : ''}${persistent ? ` ${prefix}persistent` : ''}`;
}

type NatTarget = Extract<XtTarget, { range: NatRange }>;
type NatKind = { readonly extension: Extension<NatTarget>; save(target: NatTarget): string; print(target: NatTarget): string };

/** A target with `--to-source` or `--to-destination`. */
function withAddress(name: NatName, option: string, flags: readonly OptionDef[]): NatKind {
  return {
    extension: { name, begin: () => begin(name), options: [{ name: option, arg: true, must: true }, ...flags] },
    save: ({ range }) => ` --${option} ${toText(range)}${flagsText(range, '--')}`,
    print: ({ range }) => ` to:${toText(range)}${flagsText(range, '')}`,
  };
}

/** A target with `--to-ports`. */
function withPorts(name: NatName, label: string, flags: readonly OptionDef[]): NatKind {
  return {
    extension: { name, begin: () => begin(name), options: [{ name: 'to-ports', arg: true }, ...flags] },
    save: ({ range }) => `${range.ports === null ? '' : ` --to-ports ${portsText(range)}`}${flagsText(range, '--')}`,
    print: ({ range }) => `${range.ports === null ? '' : ` ${label} ${portsText(range)}`}${flagsText(range, '')}`,
  };
}

const RANDOM: OptionDef = { name: 'random' };
const FULLY: OptionDef = { name: 'random-fully' };
const PERSISTENT: OptionDef = { name: 'persistent' };

/** The four targets of libxt_NAT. */
export const SNAT = withAddress('SNAT', 'to-source', [RANDOM, FULLY, PERSISTENT]);
export const DNAT = withAddress('DNAT', 'to-destination', [RANDOM, PERSISTENT]);
export const MASQUERADE = withPorts('MASQUERADE', 'masq ports:', [RANDOM, FULLY]);
export const REDIRECT = withPorts('REDIRECT', 'redir ports', [RANDOM]);

/** libipt_NETMAP: the network part of the address is replaced. */
export const NETMAP: TargetKind<'NETMAP'> = {
  extension: {
    name: 'NETMAP', options: [{ name: 'to', arg: true, must: true }],
    begin: () => {
      let target: Extract<XtTarget, { name: 'NETMAP' }> | null = null;
      return {
        option(call) {
          const { address, mask } = hostMaskOption(call);
          target = { name: 'NETMAP', address: (address & mask) >>> 0, mask };
        },
        finish() { return target; },
      };
    },
  },
  save: (target) => ` --to ${netmapText(target)}`,
  print: (target) => ` to:${netmapText(target)}`,
};

function netmapText({ address, mask }: Extract<XtTarget, { name: 'NETMAP' }>): string {
  return `${formatIpv4(address)}${prefixLength(mask) === 32 ? '/32' : maskSuffix(mask)}`;
}
