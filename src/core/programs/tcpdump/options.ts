import { NotSimulated, type Process } from '../../shell/process.ts';
import { getopt, type LongOption } from '../lib/getopt.ts';
import { TCPDUMP_USAGE, TCPDUMP_VERSION } from './usage.ts';
import { Exit } from '../lib/exit.ts';

/** What the command line asks of tcpdump. */
export interface TcpdumpOptions {
  device: string | null;
  readFile: string | null;
  writeFile: string | null;
  /** -c; 0 for no end. */
  count: number;
  snaplen: number;
  direction: 'in' | 'out' | 'inout';
  /** How often -t was given. */
  time: number;
  link: boolean;
  verbose: number;
  numeric: number;
  quiet: boolean;
  absolute: boolean;
  checksums: boolean;
  hex: number;
  hexAscii: number;
  ascii: number;
  number: boolean;
  onlyCount: boolean;
  lineBuffered: boolean;
  packetBuffered: boolean;
  immediate: boolean;
  promiscuous: boolean;
  print: boolean;
  listLinkTypes: boolean;
  filterFile: string | null;
  expression: string;
}

export function fail(message: string): never {
  throw new Exit(1, `tcpdump: ${message}\n`);
}

export const MAX_SNAPLEN = 262_144;
export const TCPDUMP_LETTERS = 'aAbB:c:C:dDeE:fF:G:hHi:Ij:JKlLm:M:nNOpqQ:r:s:StT:uUvV:w:W:xXy:Yz:Z:#';
export const TCPDUMP_LONG: readonly LongOption[] = [
  ['buffer-size', 'required', 'B'], ['list-interfaces', 'none', 'D'], ['help', 'none', 'h'], ['interface', 'required', 'i'], ['monitor-mode', 'none', 'I'],
  ['time-stamp-type', 'required', 'j'], ['list-time-stamp-types', 'none', 'J'], ['micro', 'none', 'micro'], ['nano', 'none', 'nano'],
  ['time-stamp-precision', 'required', 'time-stamp-precision'], ['dont-verify-checksums', 'none', 'K'], ['list-data-link-types', 'none', 'L'],
  ['no-optimize', 'none', 'O'], ['no-promiscuous-mode', 'none', 'p'], ['direction', 'required', 'Q'], ['snapshot-length', 'required', 's'],
  ['absolute-tcp-sequence-numbers', 'none', 'S'], ['packet-buffered', 'none', 'U'], ['linktype', 'required', 'y'], ['immediate-mode', 'none', 'immediate-mode'],
  ['relinquish-privileges', 'required', 'Z'], ['count', 'none', 'count'], ['number', 'none', '#'], ['print', 'none', 'print'], ['version', 'none', 'version'],
].map(([name, argument, is]) => ({ name, argument, is }) as LongOption);

const DEFAULTS: TcpdumpOptions = {
  device: null, readFile: null, writeFile: null, count: 0, snaplen: MAX_SNAPLEN, direction: 'inout', time: 0, link: false, verbose: 0, numeric: 0, quiet: false,
  absolute: false, checksums: true, hex: 0, hexAscii: 0, ascii: 0, number: false, onlyCount: false, lineBuffered: false, packetBuffered: false, immediate: false,
  promiscuous: true, print: false, listLinkTypes: false, filterFile: null, expression: '',
};

type Handler = (options: TcpdumpOptions, value: string) => void;
const not = (name: string): Handler => () => {
  throw new NotSimulated(`tcpdump ${name}`);
};
const nothing: Handler = () => {};

/** Options that the real program has and this one refuses, by what they are reported as. */
export const TCPDUMP_NOT_SIMULATED = new Set(['C', 'd', 'D', 'E', 'f', 'G', 'H', 'I', 'j', 'J', 'm', 'M', 'N', 'T', 'V', 'W', 'z', 'nano']);

const HANDLERS: Readonly<Record<string, Handler>> = {
  a: nothing, A: (o) => { o.ascii++; }, b: nothing, B: nothing, c: (o, value) => { o.count = count(value); }, C: not('-C'), d: not('-d'), D: not('-D'),
  e: (o) => { o.link = true; }, E: not('-E'), f: not('-f'), F: (o, value) => { o.filterFile = value; }, G: not('-G'),
  h: () => { throw new Exit(0, '', TCPDUMP_USAGE); }, H: not('-H'), i: (o, value) => { o.device = value; }, I: not('-I'), j: not('-j'), J: not('-J'),
  K: (o) => { o.checksums = false; }, l: (o) => { o.lineBuffered = true; }, L: (o) => { o.listLinkTypes = true; }, m: not('-m'), M: not('-M'),
  n: (o) => { o.numeric++; }, N: not('-N'), O: nothing, p: (o) => { o.promiscuous = false; }, q: (o) => { o.quiet = true; }, Q: setDirection,
  r: (o, value) => { o.readFile = value; }, s: setSnaplen, S: (o) => { o.absolute = true; }, t: (o) => { o.time++; }, T: not('-T'), u: nothing,
  U: (o) => { o.packetBuffered = true; }, v: (o) => { o.verbose++; }, V: not('-V'), w: (o, value) => { o.writeFile = value; }, W: not('-W'),
  x: (o) => { o.hex++; }, X: (o) => { o.hexAscii++; }, y: setLinkType, Y: nothing, z: not('-z'), Z: nothing, '#': (o) => { o.number = true; },
  micro: nothing, nano: not('--nano'), 'time-stamp-precision': (_, value) => { if (value !== 'micro') not('--time-stamp-precision')(DEFAULTS, value); },
  'immediate-mode': (o) => { o.immediate = true; }, count: (o) => { o.onlyCount = true; }, print: (o) => { o.print = true; },
  version: () => { throw new Exit(0, '', TCPDUMP_VERSION); },
};

function count(text: string): number {
  return /^\d+$/.test(text) && Number(text) > 0 ? Number(text) : fail(`invalid packet count ${text}`);
}

function setSnaplen(options: TcpdumpOptions, text: string): void {
  const snaplen = /^(0[xX][0-9a-fA-F]+|\d+)$/.test(text) ? Number(text) : Number.NaN;
  if (!(snaplen >= 0 && snaplen <= MAX_SNAPLEN)) fail(`invalid snaplen ${text} (must be >= 0 and <= ${MAX_SNAPLEN})`);
  options.snaplen = snaplen === 0 ? MAX_SNAPLEN : snaplen;
}

function setDirection(options: TcpdumpOptions, text: string): void {
  if (text !== 'in' && text !== 'out' && text !== 'inout') fail(`unknown capture direction \`${text}'`);
  options.direction = text;
}

function setLinkType(_: TcpdumpOptions, text: string): void {
  if (text !== 'EN10MB') throw new NotSimulated(`tcpdump -y ${text}`);
}

/** Reads the command line; what follows the options is the filter. Throws Exit with the real program's words. */
export function parseTcpdump(process: Process): TcpdumpOptions {
  const options = { ...DEFAULTS };
  const words: string[] = [];
  for (const option of getopt(process.argv.slice(1), TCPDUMP_LETTERS, words, TCPDUMP_LONG)) {
    if ('error' in option) throw new Exit(1, `tcpdump: ${option.error}\n${TCPDUMP_USAGE}`);
    HANDLERS[option.name]!(options, option.value ?? '');
  }
  if (options.time > 5) fail('only -t, -tt, -ttt, -tttt and -ttttt are supported');
  options.expression = words.join(' ');
  return options;
}
