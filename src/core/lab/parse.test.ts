import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SCHEMA_FILE, scenarioJsonSchema } from '../../../scripts/make-schema.ts';
import { MAX_FILE_SIZE, parseLab } from './parse.ts';
import { formatProblem, nearest } from './problem.ts';

const GOOD = `id: two
title: Two machines
machines:
  node1:
    setup: ip link set eth0 up
  node2:
links:
  - [node1:eth0, node2:eth0]
  - switch: lan
    ports: [node1:eth1, node2:eth1]
steps:
  - on: node1
    run: ping -c 1 10.0.0.2
    expect: { exit: 0, dropped: { reason: NEIGH_FAILED } }
    beats:
      - at: start
        say: Hello.
        ask: { question: Which?, options: [a, b, c], answer: 3 }
      - at: { kind: arp.request, where: { unicast: false } }
        say: It asks.
  - sleep: 2
    at: 30
`;

function problems(text: string, file = 'labs/two.yaml'): string[] {
  const result = parseLab(text, { file });
  return result.ok ? [] : result.errors.map(formatProblem);
}

/** The lab with one line replaced. */
function withLine(old: string, line: string): string {
  expect(GOOD).toContain(old);
  return GOOD.replace(old, line);
}

describe('a good file', () => {
  it('is read with its defaults', () => {
    const result = parseLab(GOOD, { file: 'labs/two.yaml' });
    if (!result.ok) throw new Error(result.errors.map(formatProblem).join('\n'));
    const { lab } = result;
    expect(lab).toMatchObject({ id: 'two', ipv6: false, settle: 1.2, seed: 1, ignore: [], knobs: [] });
    expect(lab.machines).toEqual([
      { name: 'node1', setup: 'ip link set eth0 up', timeout: 60, ipv6: false, brNetfilter: false },
      { name: 'node2', setup: '', timeout: 60, ipv6: false, brNetfilter: false },
    ]);
    expect(lab.links[1]).toEqual({ kind: 'switch', name: 'lan', ports: [{ machine: 'node1', device: 'eth1' }, { machine: 'node2', device: 'eth1' }] });
    expect(lab.steps[1]).toMatchObject({ index: 2, on: null, sleep: 2, at: 30, timeout: 30, settle: 0 });
    expect(result.locate(['steps', 0, 'beats', 1, 'at'])).toEqual({ line: 19, column: 9 });
  });

  it('counts answers from 1 in the file and from 0 in the lab', () => {
    const result = parseLab(GOOD);
    expect(result.ok && result.lab.steps[0]!.beats[0]!.ask!.answer).toBe(2);
  });

  it('may use anchors, and YAML 1.2 takes `on` for a key', () => {
    const result = parseLab('machines:\n  a: &m { setup: hostname }\n  b: *m\nsteps:\n  - { on: b, run: "true" }\n');
    expect(result.ok && result.lab.machines.map(({ setup }) => setup)).toEqual(['hostname', 'hostname']);
    expect(result.ok && result.lab.steps[0]!.on).toBe('b');
  });

  it('takes machine settings before those of the lab', () => {
    const result = parseLab('br_netfilter: true\nmachines:\n  a:\n  b: { br_netfilter: false, ipv6: true }\n');
    expect(result.ok && result.lab.machines.map(({ ipv6, brNetfilter }) => [ipv6, brNetfilter])).toEqual([[false, true], [true, false]]);
  });
});

describe('a mistake is told with its place and a hint', () => {
  const cases: [name: string, text: string, ...expected: string[]][] = [
    ['unknown key', withLine('title: Two', 'titel: Two'), 'labs/two.yaml:2:1: “titel” is not known here.\n  Did you mean “title”?'],
    ['unknown key under a union', withLine('where: { unicast: false } }', 'wher: {} }'), 'labs/two.yaml:19:34: “wher” is not known here.\n  Did you mean “where”?'],
    ['unknown machine in a link', withLine('[node1:eth0, node2:eth0]', '[node1:eth0, nod2:eth0]'), 'labs/two.yaml:8:18: There is no machine “nod2”.\n  Did you mean “node2”?'],
    ['a NIC used twice', withLine('ports: [node1:eth1', 'ports: [node1:eth0'), 'labs/two.yaml:10:13: node1:eth0 is plugged in twice; the first time in link 1.\n  A NIC has one cable.'],
    ['a cable with one end', withLine('[node1:eth0, node2:eth0]', '[node1:eth0]'), 'labs/two.yaml:8:5: A cable has exactly two ends.\n  Two NICs are a cable; for more use {switch: NAME, ports: [...]}.'],
    ['a cable with three ends', withLine('[node1:eth0, node2:eth0]', '[node1:eth0, node2:eth0, node1:eth2]'), 'labs/two.yaml:8:5: A cable has exactly two ends.\n  Two NICs are a cable; for more use {switch: NAME, ports: [...]}.'],
    ['unknown machine in a step', withLine('on: node1', 'on: node3'), 'labs/two.yaml:12:9: There is no machine “node3”.\n  Did you mean “node1”?'],
    ['an answer that is no option', withLine('answer: 3', 'answer: 4'), 'labs/two.yaml:18:62: The answer is number 4, but there are 3 options.\n  The options are counted from 1.'],
    ['an answer counted from 0', withLine('answer: 3', 'answer: 0'), 'labs/two.yaml:18:62: answer counts the options from 1.'],
    ['a bad regular expression', withLine('exit: 0,', 'stdout: "(1 received",'), 'labs/two.yaml:14:23: That is not a regular expression: Unterminated group.\n  Put a backslash before ( ) [ ] { } . * + ? | where you mean the character.'],
    ['a wrong type', withLine('exit: 0,', 'exit: "0",'), 'labs/two.yaml:14:21: “exit” must be a number, not the text “0”.\n  Write a number without quotes.'],
    ['an unknown drop reason', withLine('NEIGH_FAILED', 'NEIGH_FAILD'), 'labs/two.yaml:14:43: “reason” cannot be the text “NEIGH_FAILD”.\n  Did you mean “NEIGH_FAILED”?'],
    ['an unknown kind of step', withLine('arp.request', 'arp.reqest'), 'labs/two.yaml:19:21: “kind” cannot be the text “arp.reqest”.\n  Did you mean “arp.request”?'],
    ['an id that is not the file name', withLine('id: two', 'id: three'), 'labs/two.yaml:1:5: The id is “three”, but the file is named “two”.\n  They must be equal: change one of them.'],
    ['a step without a command', withLine('    run: ping -c 1 10.0.0.2\n', '').replace('exit: 0, ', ''), 'labs/two.yaml:12:5: The step names a machine but no command.\n  Add “run”.'],
    ['a key given twice', withLine('title: Two machines', 'title: a\ntitle: b'), 'labs/two.yaml:3:1: “title” stands twice in its block.\n  Each key may stand once.'],
    ['broken YAML', withLine('[node1:eth0, node2:eth0]', '[node1:eth0, node2:eth0'), 'labs/two.yaml:9:3: Flow sequence in block collection must be sufficiently indented and end with a ].\n  Lines of one block begin in the same column.', 'labs/two.yaml:9:13: Nested mappings are not allowed in compact mappings.\n  A text with “: ” in it needs quotes.'],
  ];
  for (const [name, text, ...expected] of cases) {
    it(name, () => {
      expect(problems(text)).toEqual(expected);
    });
  }

  it('tells all of them at once, in order', () => {
    const text = withLine('title: Two', 'titel: Two').replace('exit: 0', 'exit: no').replace('answer: 3', 'answer: 0');
    expect(problems(text).map((line) => line.split(':')[1])).toEqual(['2', '14', '18']);
  });
});

describe('a hostile file', () => {
  it('of 5 MB is refused unread', () => {
    expect(problems('x'.repeat(MAX_FILE_SIZE))).toEqual(['labs/two.yaml:1:1: The file is too big: 5.0 MB; a lab file is smaller than 5 MB.\n  Is it a lab at all?']);
  });
  it('that multiplies itself is refused', () => {
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]', ...'bcdefghi'.split('').map((name, i) => `${name}: &${name} [${Array<string>(9).fill(`*${'abcdefgh'[i]!}`).join(', ')}]`)].join('\n');
    expect(problems(bomb)[0]).toMatch(/aliases/i);
  });
  it('with many thousand aliases is refused', () => {
    expect(problems(`a: &a 1\nb: [${'*a,'.repeat(5000)}]`)[0]).toMatch(/More than 1000 aliases/);
  });
  it('nested without end is refused', () => {
    expect(problems('['.repeat(100_000))).toEqual([expect.stringMatching(/nested too deeply/)]);
    expect(problems('- '.repeat(100_000))).toEqual([expect.stringMatching(/nested too deeply/)]);
  });
  it('with thousands of machines or names of the language itself is refused', () => {
    expect(problems(`machines:\n${Array.from({ length: 256 }, (_, i) => `  m${i}:\n`).join('')}`)[0]).toMatch(/256 machines; at most 255/);
    expect(problems('machines: { constructor: {}, __proto__: { setup: x } }').join()).toMatch(/“constructor” cannot be a machine’s name/);
  });
  it('of any content never throws', () => {
    fc.assert(fc.property(fc.string({ maxLength: 300 }), (text) => {
      const result = parseLab(text);
      expect(result.ok || result.errors.length > 0).toBe(true);
    }));
  });
  it('made of any data in place of the right data never throws, and names a line', () => {
    const keys = ['machines', 'links', 'steps', 'knobs', 'id', 'settle', 'sources', 'ignore'];
    fc.assert(fc.property(fc.dictionary(fc.constantFrom(...keys), fc.jsonValue({ maxDepth: 4 })), (data) => {
      const result = parseLab(JSON.stringify(data));
      if (!result.ok) for (const error of result.errors) expect(error.line).toBeGreaterThan(0);
    }));
  });
});

describe('nearest', () => {
  it('finds the word that was meant, and none that was not', () => {
    expect(nearest('timout', ['timeout', 'title'])).toBe('timeout');
    expect(nearest('setpu', ['setup', 'steps'])).toBe('setup');
    expect(nearest('colour', ['setup', 'steps'])).toBeNull();
  });
});

it('the published JSON Schema is up to date (node --import tsx scripts/make-schema.ts)', () => {
  expect(readFileSync(SCHEMA_FILE, 'utf8')).toBe(scenarioJsonSchema());
});
