import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAimed, isMet, type Bar, type Group, type Outcome } from './bar.ts';
import { short } from './measure.ts';
import { ROOT } from './root.ts';

const BEGIN = '<!-- results -->';
const END = '<!-- /results -->';

const TITLES: Readonly<Record<Group, string>> = {
  hops: 'Packets, against ns-3',
  kernel: 'Commands, against the real kernel',
  rules: 'Rules, against the real kernel',
  recording: 'The trace',
  page: 'The page',
  growth: 'Growth',
  connections: '100,000 connections',
  overlay: 'A flannel cluster',
};

function figure(bar: Bar, value: number | null): string {
  if (value === null) return '';
  if (bar.unit === 'x') return `${short(value)}x`;
  return bar.unit === 'exponent' ? value.toFixed(2) : `${short(value)} ${bar.unit}`;
}

function verdict(bar: Bar): string {
  if (!isMet(bar)) return 'MISSED';
  if (bar.must === null && bar.aim === null) return '';
  return bar.aim !== null && isAimed(bar) ? 'aim' : 'must';
}

function limit(bar: Bar, value: number | null): string {
  return value === null ? '' : `${bar.unit === 'x' ? 'at least' : 'at most'} ${figure(bar, value)}`;
}

function subject({ what, against }: Bar): string {
  return against === '' ? what : `${what}, against ${against}`;
}

/** For a terminal. */
export function textTable({ bars, leftOut }: Outcome): string {
  const rows = bars.map((bar) => [verdict(bar), subject(bar), figure(bar, bar.value), limit(bar, bar.must), bar.aim === null ? '' : `aim ${figure(bar, bar.aim)}`, bar.detail]);
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd());
  return [...lines, ...leftOut.map((why) => `left out: ${why}`)].join('\n');
}

function markdownTable(bars: readonly Bar[]): string {
  const rows = bars.map((bar) => `| ${subject(bar)} | **${figure(bar, bar.value)}** | ${figure(bar, bar.must)} | ${figure(bar, bar.aim)} | ${bar.detail} |`);
  return ['| what | result | must | aim | from |', '| --- | ---: | ---: | ---: | --- |', ...rows].join('\n');
}

/** Puts the results into bench/README.md, between its two markers, and draws bench/results.svg. */
export function writeReport({ bars, leftOut }: Outcome, machine: string): void {
  const file = join(ROOT, 'bench', 'README.md');
  const text = readFileSync(file, 'utf8');
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error('bench/README.md has lost its markers');
  const parts = (Object.keys(TITLES) as Group[]).flatMap((group) => {
    const own = bars.filter((bar) => bar.group === group);
    return own.length === 0 ? [] : [`### ${TITLES[group]}\n\n${markdownTable(own)}`];
  });
  const missing = leftOut.map((why) => `Left out: ${why}.`);
  const body = [`Measured on ${machine}.`, ...parts, ...missing].join('\n\n');
  writeFileSync(file, `${text.slice(0, begin + BEGIN.length)}\n\n${body}\n\n${text.slice(end)}`);
  writeFileSync(join(ROOT, 'bench', 'results.svg'), chart(bars.filter((bar) => bar.unit === 'x')));
}

const ROW = 30;
const LEFT = 520;
const WIDTH = 400;
const STYLE = `
  text { font: 13px 'IBM Plex Sans', system-ui, sans-serif; fill: #1d2733 }
  .value { font-weight: 600 }
  .quiet, .quiet text { fill: #5b6775; font-size: 12px }
  .bar { fill: #2f6f9f } .must { stroke: #c2410c; stroke-width: 2 } .aim { stroke: #2e7d4f; stroke-width: 2 } .one { stroke: #8b97a5; stroke-dasharray: 3 3 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e4eaf0 } .quiet, .quiet text { fill: #9aa7b5 }
    .bar { fill: #5ba3d6 } .must { stroke: #f08a5d } .aim { stroke: #6fce96 }
  }`;

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** How many times faster, on a logarithmic scale; a tick for what is a must, and one for the aim. */
function chart(bars: readonly Bar[]): string {
  const all = bars.flatMap(({ value, must, aim }) => [value, must ?? 1, aim ?? 1, 1]);
  const [low, high] = [Math.log(Math.min(...all)) - 0.15, Math.log(Math.max(...all)) + 0.15];
  const x = (value: number): number => Math.round(LEFT + ((Math.log(value) - low) / (high - low)) * WIDTH);
  const height = 44 + bars.length * ROW;
  const tick = (value: number | null, y: number, name: string): string => (value === null ? '' : `<line class="${name}" x1="${x(value)}" x2="${x(value)}" y1="${y}" y2="${y + 20}"/>`);
  const rows = bars.map((bar, i) => {
    const y = 38 + i * ROW;
    const end = x(bar.value);
    return [
      `<text x="${LEFT - 10}" y="${y + 14}" text-anchor="end">${escape(subject(bar))}</text>`,
      `<rect class="bar" x="${LEFT}" y="${y + 3}" width="${Math.max(1, end - LEFT)}" height="14" rx="2"/>`,
      tick(bar.must, y, 'must'), tick(bar.aim, y, 'aim'),
      `<text class="value" x="${Math.max(end, x(bar.aim ?? bar.value)) + 8}" y="${y + 14}">${figure(bar, bar.value)}</text>`,
    ].join('');
  });
  const total = LEFT + WIDTH + 70;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${total} ${height}" width="${total}" height="${height}" role="img" aria-label="How many times faster the simulator is than each reference">`,
    `<style>${STYLE}\n</style>`,
    `<g class="quiet"><text x="${LEFT}" y="18">times faster (logarithmic)</text><line class="must" x1="${LEFT + 185}" x2="${LEFT + 185}" y1="6" y2="22"/><text x="${LEFT + 192}" y="18">must</text><line class="aim" x1="${LEFT + 235}" x2="${LEFT + 235}" y1="6" y2="22"/><text x="${LEFT + 242}" y="18">aim</text></g>`,
    `<line class="one" x1="${x(1)}" x2="${x(1)}" y1="30" y2="${height - 4}"/>`,
    ...rows,
    '</svg>\n',
  ].join('\n');
}
