import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { createPrinter, type Printer } from './printer.ts';

function printed(options: { json: boolean; pretty?: boolean; oneline?: boolean }, print: (p: Printer) => void): string {
  let text = '';
  print(createPrinter({ pretty: false, oneline: false, ...options }, (piece) => { text += piece; }));
  return text;
}

function sample(p: Printer): void {
  p.begin();
  for (const name of ['lo', 'eth0']) {
    p.openObject();
    p.any('ifname', name, `${name}: `);
    p.openArray('flags');
    for (const flag of name === 'lo' ? [] : ['UP', 'LOWER_UP']) p.value(null, flag);
    p.closeArray();
    p.openObject('linkinfo');
    p.seconds('timer', 0, 'timer 0.00');
    p.any('not', null, ' not');
    p.closeObject();
    p.text(p.newline);
    p.closeObject();
  }
  p.end();
}

describe('the two forms of what ip prints', () => {
  test('text', () => {
    expect(printed({ json: false }, sample)).toBe('lo: timer 0.00 not\neth0: timer 0.00 not\n');
    expect(printed({ json: false, oneline: true }, sample)).toBe('lo: timer 0.00 not\\eth0: timer 0.00 not\\');
  });

  test('JSON on one line', () => {
    expect(printed({ json: true }, sample)).toBe(
      '[{"ifname":"lo","flags":[],"linkinfo":{"timer":0.00,"not":null}},{"ifname":"eth0","flags":["UP","LOWER_UP"],"linkinfo":{"timer":0.00,"not":null}}]\n');
  });

  test('JSON with -p: a line for every key, none for the elements of an array', () => {
    expect(printed({ json: true, pretty: true }, sample)).toBe(`[ {
        "ifname": "lo",
        "flags": [ ],
        "linkinfo": {
            "timer": 0.00,
            "not": null
        }
    },{
        "ifname": "eth0",
        "flags": [ "UP","LOWER_UP" ],
        "linkinfo": {
            "timer": 0.00,
            "not": null
        }
    } ]
`);
  });

  test('an empty list', () => {
    const nothing = (p: Printer): void => { p.begin(); p.end(); };
    expect(printed({ json: true }, nothing)).toBe('[]\n');
    expect(printed({ json: true, pretty: true }, nothing)).toBe('[ ]\n');
    expect(printed({ json: false }, nothing)).toBe('');
  });

  test('every text that a device alias may have comes back from the JSON', () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', '\t', "'", 'é', '\f', '/') }), (alias) => {
      const text = printed({ json: true }, (p) => { p.begin(); p.value(null, alias); p.end(); });
      expect(JSON.parse(text)).toEqual([alias]);
    }));
  });
});
