import type { MultiportMatch, Range } from '../../../kernel/netfilter/xtables/xt-rule.ts';
import type { HeadSoFar, Instance, OptionDef } from '../extension.ts';
import { type MatchKind, bang } from '../kind.ts';
import { parsePort, portName, serviceProtocol } from '../ports.ts';
import { fail } from '../xtables-error.ts';

/** XT_MULTI_PORTS: a range takes two places. */
const MULTI_PORTS = 15;
const WITH_PORTS = new Set([6, 17, 136, 132, 33]);
const IDS: readonly string[] = ['source-ports', 'destination-ports', 'ports'];
const OF: Readonly<Record<string, MultiportMatch['of']>> = { 'source-ports': 'sports', 'destination-ports': 'dports', ports: 'ports' };

function checkProtocol({ protocol, invertProtocol }: HeadSoFar): string {
  if (!invertProtocol && protocol === 0) fail("multiport needs `-p tcp', `-p udp', `-p udplite', `-p sctp' or `-p dccp'");
  if (invertProtocol || !WITH_PORTS.has(protocol)) fail('multiport only works with TCP, UDP, UDPLITE, SCTP and DCCP');
  return serviceProtocol(protocol);
}

function parseRanges(text: string, protocol: string): Range[] {
  const ranges: Range[] = [];
  let places = 0;
  for (const part of text.split(',')) {
    const [from, to] = part.split(/:(.*)/s) as [string, string?];
    places += to === undefined ? 1 : 2;
    if (places > MULTI_PORTS) fail('too many ports specified');
    const first = parsePort(from, protocol);
    const last = to === undefined ? first : parsePort(to, protocol);
    if (to !== undefined && first >= last) fail('invalid portrange specified');
    ranges.push([first, last]);
  }
  return ranges;
}

function begin(): Instance<MultiportMatch> {
  let match: MultiportMatch | null = null;
  return {
    option({ id, arg, invert, head }) {
      const protocol = checkProtocol(head);
      match = { name: 'multiport', of: OF[id]!, ranges: parseRanges(arg, protocol), invert };
    },
    check(seen) { if (seen.size === 0) fail('multiport expection an option'); },
    finish() { return match; },
  };
}

const ports = (name: string, id: string): OptionDef => ({ name, id, arg: true, invert: true, excl: IDS.filter((other) => other !== id) });

/** libxt_multiport: a list of ports and ranges. */
export const multiport: MatchKind<'multiport'> = {
  extension: {
    name: 'multiport', begin,
    options: [
      ports('source-ports', 'source-ports'), ports('sports', 'source-ports'), ports('destination-ports', 'destination-ports'), ports('dports', 'destination-ports'),
      ports('ports', 'ports'),
    ],
  },
  save: ({ of, ranges, invert }) => `${bang(invert)} --${of} ${ranges.map(([from, to]) => (from === to ? from : `${from}:${to}`)).join(',')}`,
  print: ({ of, ranges, invert }, { numeric, protocol }) => {
    const one = (port: number): string => portName(port, serviceProtocol(protocol), numeric);
    return ` multiport ${of} ${invert ? ' !' : ''}${ranges.map(([from, to]) => (from === to ? one(from) : `${one(from)}:${one(to)}`)).join(',')}`;
  },
};
