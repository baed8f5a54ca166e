import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { formatIpv4 } from '../../wire/address.ts';
import { getAddress, getPrefix, isIpv6, parseIpv4Loose, parseLladdr } from './addresses.ts';
import { Args, Exit, firstMatch, matches, parseInteger, parseUnsigned } from './args.ts';
import { parseBatch } from './batch.ts';
import { bridgeObject } from './bridge.ts';
import { ipObject } from './ip.ts';
import { parseOptions } from './options.ts';

describe('abbreviations', () => {
  test('an object is the first of the table that begins with the word', () => {
    const meaning = (word: string): string | undefined => ipObject(word)?.name;
    expect(['a', 'ad', 'add', 'addr', 'address', 'addrl'].map(meaning)).toEqual(['address', 'address', 'address', 'address', 'address', 'addrlabel']);
    expect(['l', 'li', 'r', 'ro', 'ru', 'n', 'nei', 'net', 'netn', 'm', 'mo', 't'].map(meaning))
      .toEqual(['link', 'link', 'route', 'route', 'rule', 'neighbor', 'neighbor', 'netns', 'netns', 'maddress', 'monitor', 'tunnel']);
    expect(['exec', 'links', ''].map(meaning)).toEqual([undefined, undefined, undefined]);
    expect(['l', 'f', 'v', 'm'].map((word) => bridgeObject(word)?.name)).toEqual(['link', 'fdb', 'vlan', 'mdb']);
  });

  test('matches holds for the prefixes of a word and for nothing else', () => {
    fc.assert(fc.property(fc.string({ minLength: 1, maxLength: 8 }), fc.nat(8), (word, length) => {
      const prefix = word.slice(0, length);
      expect(matches(prefix, word)).toBe(prefix !== '');
      expect(matches(`${word}x`, word)).toBe(false);
    }));
    expect(firstMatch('s', ['add', 'set', 'show'])).toBe('set');
  });

  test('options are tried in the order of the real program', () => {
    const options = (text: string): object => parseOptions('ip', text.split(' ')).options;
    expect(options('-s -s -d link')).toMatchObject({ stats: 2, details: 1 });
    expect(options('-br link')).toMatchObject({ brief: true, batch: null });
    expect(options('-b file')).toMatchObject({ brief: false, batch: 'file' });
    expect(options('-f inet addr')).toMatchObject({ family: 'inet', force: false });
    expect(options('-force addr')).toMatchObject({ force: true });
    expect(options('-t monitor')).toMatchObject({ timestamp: 'long' });
    expect(options('-ts monitor')).toMatchObject({ timestamp: 'short' });
    expect(options('--json -pretty -o addr')).toMatchObject({ json: true, pretty: true, oneline: true });
    expect(parseOptions('ip', ['-n', 'ns1', '-j', 'link', '-x']).rest).toEqual(['link', '-x']);
    expect(() => parseOptions('ip', ['-foo'])).toThrow('Option "-foo" is unknown, try "ip -help".');
    expect(() => parseOptions('bridge', ['-br'])).toThrow('Option "-br" is unknown, try "bridge help".');
  });
});

describe('numbers and addresses', () => {
  test('strtoul with base 0', () => {
    expect(['10', '0x10', '010', '0', '+5'].map((word) => parseUnsigned(word))).toEqual([10, 16, 8, 0, 5]);
    expect(['', 'a', '1a', '08', '4294967296', '-1'].map((word) => parseUnsigned(word))).toEqual([null, null, null, null, null, null]);
    expect(['-5', '2147483648', '-2147483648'].map(parseInteger)).toEqual([-5, null, -2147483648]);
  });

  test('every dotted quad is itself', () => {
    fc.assert(fc.property(fc.nat(0xffff_ffff), (ip) => { expect(parseIpv4Loose(formatIpv4(ip))).toBe(ip); }));
  });

  test('short and odd spellings of IPv4 addresses', () => {
    expect(['10', '10.1', '10.1.2', '0x0a.1.1.1', '010.1.1.1'].map((word) => formatIpv4(parseIpv4Loose(word)!)))
      .toEqual(['10.0.0.0', '10.1.0.0', '10.1.2.0', '10.1.1.1', '8.1.1.1']);
    expect(['10.0.0.300', '1.2.3.4.5', 'foo', '1..2', '', '1.2.3.'].map(parseIpv4Loose)).toEqual([null, null, null, null, null, null]);
  });

  test('prefixes', () => {
    expect(getPrefix('10.0.0.0/255.255.255.0', 'unspec')).toMatchObject({ family: 'inet', length: 24, explicit: true });
    expect(getPrefix('10.0.0.1', 'inet')).toMatchObject({ length: 32, explicit: false });
    expect(getPrefix('default', 'inet')).toMatchObject({ family: 'any', length: 0 });
    expect(getPrefix('fd00::/64', 'unspec')).toMatchObject({ family: 'inet6', length: 64 });
    expect(() => getPrefix('10.0.0.3/33', 'unspec')).toThrow('Error: any valid prefix is expected rather than "10.0.0.3/33".');
    expect(() => getPrefix('10.0.0.3/255.0.255.0', 'inet')).toThrow('Error: inet prefix is expected rather than');
    expect(() => getAddress('192.168.1.1/24', 'unspec')).toThrow('Error: any valid address is expected rather than "192.168.1.1/24".');
    expect(() => getPrefix('fd00::1', 'inet')).toThrow(Exit);
  });

  test('IPv6 addresses', () => {
    expect(['::', '::1', 'fe80::1', '1:2:3:4:5:6:7:8', '::ffff:1.2.3.4', '1::8'].every(isIpv6)).toBe(true);
    expect(['1:2:3', '1::2::3', 'g::', '1:2:3:4:5:6:7:8:9', '12345::', ':', '::1.2.3'].some(isIpv6)).toBe(false);
  });

  test('link addresses are read as sscanf("%x") reads them', () => {
    expect(parseLladdr('02:00:00:00:00:0a')).toEqual({ bytes: [2, 0, 0, 0, 0, 10] });
    expect(parseLladdr('foo')).toEqual({ bytes: [15] });
    expect(parseLladdr('type')).toEqual({ error: '"type" is invalid lladdr.\n' });
    expect(parseLladdr('100:0')).toEqual({ error: '"100" is invalid lladdr.\n' });
  });
});

describe('words', () => {
  test('a word that must follow and does not', () => {
    const args = new Args(['dev']);
    expect(() => args.next()).toThrow('Command line is not complete. Try option "help"');
  });

  test('batch files: comments, empty lines, quotes, lines that go on', () => {
    expect(parseBatch('# one\n\nlink set "lo" up\naddr add 10.0.0.1/24 \\\n  dev \'lo\' # here\n')).toEqual([
      { number: 3, words: ['link', 'set', 'lo', 'up'] },
      { number: 5, words: ['addr', 'add', '10.0.0.1/24', 'dev', 'lo'] },
    ]);
  });
});
