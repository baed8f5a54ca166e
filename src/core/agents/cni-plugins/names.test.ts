import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { base64 } from './base64.ts';
import { parseJson, printJson, sorted } from './go-json.ts';
import { chainName } from './names.ts';
import { sha512 } from './sha512.ts';

describe('names of chains', () => {
  // From pkg/utils/utils_test.go of containernetworking/plugins, and of a network as flannel calls it.
  it.each([
    ['test', '1234', '', 'CNI-2bbe0c48b91a7d1b8a6753a8'], ['test', '1234', 'PREFIX-', 'CNI-PREFIX-2bbe0c48b91a7d1b8'],
    ['cbr0', 'dummy-container-id', '', 'CNI-56caefbce4e6ded26963e0b1'], ['cbr0', 'dummy-container-id', 'DN-', 'CNI-DN-56caefbce4e6ded26963e'],
  ])('%s and %s with prefix %j', (network, id, prefix, name) => {
    expect(chainName(network, id, prefix)).toBe(name);
    expect(name).toHaveLength(28);
  });
});

describe('encodings', () => {
  it('hashes as everybody else', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme', maxLength: 150 }), (text) => {
      expect(sha512(text)).toBe(createHash('sha512').update(text).digest('hex'));
    }), { numRuns: 25 });
  });

  it('writes base64', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      expect(base64(text)).toBe(Buffer.from(text).toString('base64'));
    }));
  });
});

describe('JSON', () => {
  it('reads what it writes', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => {
      const plain = JSON.parse(JSON.stringify(value)) as never;
      expect(parseJson(printJson(plain, '    '))).toEqual(plain);
    }));
  });

  it('escapes and sorts as Go does', () => {
    expect(printJson(sorted({ b: '<&>', a: [{ d: 1, c: null }] }))).toBe('{"a":[{"c":null,"d":1}],"b":"\\u003c\\u0026\\u003e"}');
  });

  it.each([
    ['', 'unexpected end of JSON input'], ['{"a":', 'unexpected end of JSON input'], ['{a}', "invalid character 'a' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"], ['{"a":1 "b"}', `invalid character '"' after object key:value pair`], ['[1 2]', "invalid character '2' after array element"],
    ['{} x', "invalid character 'x' after top-level value"], ['tru1', "invalid character '1' in literal true (expecting 'e')"], ['yes', "invalid character 'y' looking for beginning of value"],
    ['{"a":1,}', "invalid character '}' looking for beginning of object key string"], ['-x', "invalid character 'x' in numeric literal"], ['"\\q"', "invalid character 'q' in string escape code"],
  ])('refuses %j', (text, message) => expect(() => parseJson(text)).toThrow(message));
});
