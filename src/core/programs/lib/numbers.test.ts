import { describe, expect, it } from 'vitest';
import { parseInteger, parseLong, strtod } from './numbers.ts';
import { inetAton } from './resolve.ts';
import { serviceName, servicePort } from './services.ts';

describe('numbers as C reads them', () => {
  it.each([
    ['5', 5], ['+5', 5], [' 7', 7], ['-1', "invalid argument: '-1': out of range: 0 <= value <= 10"], ['11', "invalid argument: '11': out of range: 0 <= value <= 10"],
    ['x', "invalid argument: 'x'"], ['5x', "invalid argument: '5x'"], ['', "invalid argument: ''"], ['99999999999999999999', "invalid argument: '99999999999999999999': out of range: 0 <= value <= 10"],
  ])('parseLong(%j)', (text, value) => expect(parseLong(text, 0, 10)).toBe(value));

  it.each([['0.2', 0.2, ''], ['1.5x', 1.5, 'x'], ['x', 0, 'x'], ['.5', 0.5, ''], ['-1', -1, ''], ['1e3', 1000, '']])('strtod(%j)', (text, value, rest) => {
    expect(strtod(text)).toEqual({ value, rest });
  });

  it.each([['0x10', 16], ['010', 8], ['16', 16], ['0', 0], ['09', null], ['x', null], ['', null]])('parseInteger(%j)', (text, value) => expect(parseInteger(text)).toBe(value));
});

describe('inetAton', () => {
  it.each([
    ['10.0.2.1', 0x0a000201], ['10.0.2', 0x0a000002], ['10.1', 0x0a000001], ['0', 0], ['0x7f.1', 0x7f000001], ['4294967295', 0xffff_ffff], ['10.0.2.256', null],
    ['10.0.2.1.5', null], ['4294967296', null], ['10.0.65536', null], ['bee', null], ['', null], ['010.0.0.1', 0x08000001],
  ])('%j', (text, value) => expect(inetAton(text)).toBe(value));
});

describe('services', () => {
  it('names a port by protocol', () => {
    expect([serviceName(22, 'tcp'), serviceName(22, 'udp'), serviceName(53, 'udp'), serviceName(40000, 'udp')]).toEqual(['ssh', null, 'domain', null]);
  });
  it('finds the port of a name or an alias', () => {
    expect([servicePort('www'), servicePort('domain'), servicePort('tftp'), servicePort('nosuch')]).toEqual([
      { port: 80, protocol: 'tcp' }, { port: 53, protocol: null }, { port: 69, protocol: 'udp' }, null,
    ]);
  });
});
