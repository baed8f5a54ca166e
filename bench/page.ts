import { spawnSync } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { chromium, type CDPSession, type ElementHandle, type Page } from '@playwright/test';
import { serve } from '../scripts/serve.mjs';
import { findChromium } from '../scripts/tools.mjs';
import { runLab, type Lab } from '../src/core/index.ts';
import type { Bar, Outcome } from './bar.ts';
import { lineLab } from './labs.ts';
import { labFrom, median, quantile, short } from './measure.ts';
import { ROOT } from './root.ts';

const DIST = join(ROOT, '.cache', 'bench-dist');
/** The built-in scenario in whose place the page gets the long lab. */
const SCENARIO = 'two-pods-one-bridge';
const MOVES = 120;

/**
 * Stepping and scrubbing in the built page, in a browser without a window. The page knows only its own scenarios, so the server's
 * answer for one of them is replaced by a lab whose trace has 100,000 steps; the page itself is the one that is shipped.
 */
export async function measurePage(): Promise<Outcome> {
  const executablePath = findChromium();
  if (executablePath === null) return { bars: [], leftOut: ['the page: no Chromium (Debian: apt-get install chromium)'] };
  build();
  const lab = longLab();
  const server = await serve(DIST, 0);
  const browser = await chromium.launch({ executablePath, args: [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), '--disable-gpu'] });
  try {
    // What moves after a step goes on for some frames; without motion a step is over when its own work is.
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce' });
    await page.route(`**/${SCENARIO}-*.js`, (route) => route.fulfill({ contentType: 'text/javascript', body: `export default ${JSON.stringify(lab.data)};` }));
    const { port } = server.address() as AddressInfo;
    await page.goto(`http://127.0.0.1:${port}/?scenario=${SCENARIO}&granularity=rules`);
    const slider = page.getByRole('slider', { name: 'Place in the journey' });
    await slider.waitFor({ timeout: 120_000 });
    const handle = (await slider.elementHandle()) as Slider;
    const stops = Number(await slider.getAttribute('max')) + 1;
    const session = await page.context().newCDPSession(page);
    await session.send('Performance.enable');
    const detail = `${short(lab.steps)} steps, ${short(stops)} places to stand`;
    return { bars: [await stepping(page, session, handle, stops, detail), await scrubbing(page, session, handle, stops, detail)], leftOut: [] };
  } finally {
    await browser.close();
    server.close();
  }
}

function build(): void {
  const vite = join(ROOT, 'node_modules', 'vite', 'bin', 'vite.js');
  const { status, stderr } = spawnSync(process.execPath, [vite, 'build', '--logLevel', 'error', '--outDir', DIST, '--emptyOutDir'], { cwd: ROOT, encoding: 'utf8' });
  if (status !== 0) throw new Error(`the page does not build: ${stderr}`);
}

function longLab(): { data: Lab; steps: number } {
  const data: Lab = { ...labFrom(lineLab(10, 700)), id: SCENARIO, title: 'A long run' };
  const { steps } = runLab(data).trace;
  if (steps.length < 100_000) throw new Error(`the lab has only ${steps.length} steps`);
  return { data, steps: steps.length };
}

type Move = (i: number) => Promise<void>;
/** Found once: to look for it by its role is work of the page's thread, too. */
type Slider = ElementHandle<HTMLInputElement>;

/** In the page: until a frame has been made. */
const frame = (): Promise<void> => new Promise((resolve) => {
  requestAnimationFrame(() => setTimeout(resolve, 0));
});

async function stepping(page: Page, session: CDPSession, slider: Slider, stops: number, detail: string): Promise<Bar> {
  await scrub(slider, stops >> 1);
  await page.locator('[role=region][tabindex="-1"]').focus();
  const move: Move = (i) => page.keyboard.press(i % 3 === 2 ? 'ArrowLeft' : 'ArrowRight');
  return bar('a step in the page', await workOfMoves(page, session, move), detail);
}

async function scrubbing(page: Page, session: CDPSession, slider: Slider, stops: number, detail: string): Promise<Bar> {
  let at = 1;
  const move: Move = () => {
    at = (at * 48_271) % 0x7fff_ffff;
    return scrub(slider, at % stops);
  };
  return bar('scrubbing to any place in the page', await workOfMoves(page, session, move), detail);
}

/** Moves the slider as a pointer does. */
function scrub(handle: Slider, place: number): Promise<void> {
  return handle.evaluate((slider, value) => {
    // React keeps a setter of its own on the element, which would take the value for known.
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')!.set!.call(slider, String(value));
    slider.dispatchEvent(new Event('input', { bubbles: true }));
  }, place);
}

function bar(what: string, times: readonly number[], detail: string): Bar {
  return {
    group: 'page', what, against: '', value: median(times), unit: 'ms', must: 16, aim: 8,
    detail: `${detail}; script, style, layout and paint of one move; 95 of 100 under ${short(quantile(times, 0.95))} ms`,
  };
}

/** Milliseconds that the page's main thread works for each move: all its tasks, from the input to the frame after the next. */
async function workOfMoves(page: Page, session: CDPSession, move: Move): Promise<number[]> {
  const work = async (): Promise<number> => {
    const { metrics } = await session.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'TaskDuration')!.value * 1000;
  };
  const settled = async (): Promise<void> => {
    for (let i = 0; i < 2; i++) await page.evaluate(frame);
  };
  const position = (): Promise<string> => page.locator('.position-count').innerText();
  const times: number[] = [];
  for (let i = -20; i < MOVES; i++) {
    await settled();
    const from = await position();
    const before = await work();
    await move(i);
    await settled();
    const took = (await work()) - before;
    if ((await position()) === from) throw new Error('the page did not move');
    if (i >= 0) times.push(took);
  }
  return times;
}
