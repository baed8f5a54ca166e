import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { XtEnv } from './extension.ts';
import { parseCommandLine } from './command-line.ts';
import { tokenize } from './tokens.ts';

const ENV: XtEnv = {
  hosts: () => [], hostError: '', hostName: () => null, user: () => null, userName: () => null, group: () => null, groupName: () => null, setDimensions: () => 2, warn: () => {},
};

function parse(text: string): readonly { readonly text: string }[] {
  const parsed = parseCommandLine(['iptables', ...tokenize(text)], { restore: false, env: ENV });
  return 'line' in parsed ? parsed.line.rules : [];
}

const not = fc.constantFrom('', '! ');
const address = fc.tuple(fc.nat(0xffff_ffff), fc.integer({ min: 1, max: 32 })).map(([ip, bits]) => `${[24, 16, 8, 0].map((shift) => (ip >>> shift) & 255).join('.')}/${bits}`);
const host = address.map((text) => text.replace(/\/.*/, ''));
const port = fc.integer({ min: 1, max: 65_534 });
const ports = fc.oneof(port.map(String), port.map((from) => `${from}:65535`));
const mark = fc.tuple(fc.nat(0xffff_ffff), fc.nat(0xffff_ffff)).map(([value, mask]) => `0x${value.toString(16)}/0x${mask.toString(16)}`);
const device = fc.constantFrom('eth0', 'veth+', 'br-lan', 'lo');
const word = fc.string({ minLength: 1, maxLength: 20 }).filter((text) => /^[\x20-\x7e]+$/.test(text));
const quoted = word.map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`);
const option = (form: string, value: fc.Arbitrary<string>): fc.Arbitrary<string> => value.map((text) => `${form} ${text}`);
const inverted = (form: string, value: fc.Arbitrary<string>): fc.Arbitrary<string> => fc.tuple(not, value).map(([sign, text]) => `${form.replace('!', sign)} ${text}`);
const list = (names: readonly string[]): fc.Arbitrary<string> => fc.subarray([...names], { minLength: 1 }).map((chosen) => chosen.join(','));

const matches = fc.oneof(
  inverted('-m tcp !--dport', ports), inverted('-m tcp !--tcp-flags', fc.constantFrom('SYN,ACK SYN', 'ALL NONE', 'FIN FIN')), inverted('-m multiport !--dports', ports),
  inverted('-m conntrack !--ctstate', list(['NEW', 'INVALID', 'ESTABLISHED', 'RELATED', 'DNAT'])), inverted('-m conntrack !--ctorigdst', address),
  inverted('-m addrtype !--dst-type', list(['LOCAL', 'UNICAST', 'BROADCAST'])), inverted('-m mark !--mark', mark), inverted('-m connmark !--mark', mark),
  option('-m iprange --src-range', host.map((ip) => `${ip}-255.255.255.255`)), option('-m limit --limit', fc.constantFrom('3/sec', '5/min', '90/hour', '7/day')),
  option('-m statistic --mode random --probability', fc.double({ min: 0, max: 1, noNaN: true }).map((value) => value.toFixed(10))), option('-m comment --comment', quoted),
  inverted('-m mac !--mac-source', fc.constant('02:00:00:00:00:01')), inverted('-m physdev !--physdev-in', device), inverted('-m recent --name X !--update --seconds', port.map(String)),
  inverted('-m length !--length', ports), inverted('-m ttl !--ttl-eq', fc.nat(255).map(String)), inverted('-m owner !--uid-owner', fc.nat(65_535).map(String)),
  inverted('-m set !--match-set', fc.constantFrom('a src', 'b src,dst')), fc.constant('-m rpfilter --loose --invert'),
);
const targets = fc.oneof(
  fc.constantFrom('', '-j ACCEPT', '-j RETURN', '-j CHAIN', '-g CHAIN', '-j REJECT', '-j REJECT --reject-with tcp-reset', '-j CT --notrack', '-j TTL --ttl-dec 1', '-j NOTRACK',
    '-j TCPMSS --clamp-mss-to-pmtu', '-j MASQUERADE --random-fully', '-j CONNMARK --save-mark', '-j SET --add-set a src --exist'),
  option('-j LOG --log-level 6 --log-prefix', quoted), option('-j MARK --set-xmark', mark), option('-j CONNMARK --set-mark', mark), option('-j SNAT --to-source', host),
  fc.tuple(host, port).map(([ip, to]) => `-j DNAT --to-destination ${ip}:${to}-65535/80`), option('-j REDIRECT --to-ports', port.map(String)), option('-j NETMAP --to', address),
);
const header = fc.tuple(inverted('!-s', address), inverted('!-d', address), inverted('!-i', device), inverted('!-o', device)).chain((all) => fc.subarray(all)).map((given) => given.join(' '));

describe('the text of a rule', () => {
  it('is read back to the same rule', () => {
    fc.assert(fc.property(header, fc.uniqueArray(matches, { maxLength: 4, selector: (text) => text.split(' ')[1] }), targets, (head, chosen, target) => {
      const [rule] = parse(`-A FORWARD -p tcp ${head} ${chosen.join(' ')} ${target}`);
      expect(parse(`-A FORWARD ${rule!.text}`)).toEqual([rule]);
    }), { numRuns: 1000 });
  });
});

describe('the words of a line of iptables-restore', () => {
  it.each([
    ['a  b\tc\n', ['a', 'b', 'c']], ['-m "a b" c', ['-m', 'a b', 'c']], ['"a \\"b\\" \\\\"', ['a "b" \\']], ['a"b c"d', ['ab c', 'd']], ['"" x', ['', 'x']], ['"open\n', ['open\n']],
    ['a\\b', ['a\\b']], ['', []],
  ])('%j', (line, words) => expect(tokenize(line)).toEqual(words));
});
