import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, expectAccessible, test } from './fixtures.ts';

const SCENARIO = 'two-pods-one-bridge';
let blog: Server;
let origin: string;

/** A blog on another origin: three frames of one scenario, each at another step, the last two sandboxed. */
function page(base: string): string {
  const frame = (step: number, attributes: string, more = ''): string =>
    `<p>Text around it.</p><iframe id="f${step}" title="step ${step}" width="760" height="480" ${attributes} src="${base}embed/?scenario=${SCENARIO}&amp;step=${step}${more}"></iframe>`;
  return `<!doctype html><html lang="en"><title>A blog</title><body style="height:4000px">${frame(4, '')}${frame(12, 'sandbox="allow-scripts allow-popups"')}${frame(30, 'sandbox="allow-scripts allow-popups"', '&amp;theme=dark&amp;panel=tables&amp;granularity=wire')}</body></html>`;
}

test.beforeAll(async ({ baseURL }) => {
  blog = createServer((_request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(page(baseURL!)));
  await new Promise<void>((done) => blog.listen(0, '127.0.0.1', done));
  origin = `http://localhost:${(blog.address() as AddressInfo).port}/`;
});
test.afterAll(() => void blog.close());

test('three embeds on a page of a foreign origin, each at its own step', async ({ page: tab, baseURL }) => {
  await tab.goto(origin);
  expect(new URL(baseURL!).origin).not.toBe(new URL(tab.url()).origin);
  const seen: string[] = [];
  for (const step of [4, 12, 30]) {
    const frame = tab.frameLocator(`#f${step}`);
    await expect(frame.getByRole('button', { name: 'Next step' })).toBeVisible();
    await expect(frame.locator('.map-namespace').first()).toBeVisible();
    seen.push(await frame.locator('.embed-count').innerText());
  }
  expect(new Set(seen).size).toBe(3);
  const second = tab.frameLocator('#f12');
  const before = await second.locator('.embed-count').innerText();
  await second.getByRole('button', { name: 'Next step' }).click();
  await expect(second.locator('.embed-count')).not.toHaveText(before);
  expect(await tab.frameLocator('#f4').locator('.embed-count').innerText()).toBe(seen[0]);
});

test('a frame plays nothing by itself and leaves the wheel to the page', async ({ page: tab }) => {
  await tab.goto(origin);
  const frame = tab.frameLocator('#f4');
  await expect(frame.getByRole('button', { name: 'Next step' })).toBeVisible();
  const before = await frame.locator('.embed-count').innerText();
  await tab.locator('#f4').hover();
  await tab.mouse.wheel(0, 400);
  await expect.poll(() => tab.evaluate(() => scrollY)).toBeGreaterThan(100);
  expect(await frame.locator('.embed-count').innerText()).toBe(before);
});

for (const [width, height] of [[760, 480], [390, 600]] as const) {
  test(`fits ${width}×${height}, without an accessibility violation`, async ({ page: tab }) => {
    await tab.setViewportSize({ width, height });
    await tab.emulateMedia({ reducedMotion: 'reduce' });
    await tab.goto(`./embed/?scenario=${SCENARIO}&step=12`);
    await expect(tab.getByRole('button', { name: 'Next step' })).toBeVisible();
    expect(await tab.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight])).toEqual([width, height]);
    await expectAccessible(tab);
  });
}

test('wrong values are told', async ({ page: tab }) => {
  await tab.goto(`./embed/?scenario=${SCENARIO}&controls=some&step=x`);
  await expect(tab.getByRole('alert')).toContainText('“controls” is one of full, min, none, not “some”.');
  await expect(tab.getByRole('alert')).toContainText('“step” is a number, not “x”.');
  await tab.goto('./embed/');
  await expect(tab.getByRole('alert')).toContainText('names no scenario');
});

test('the snippet of “Embed” shows the moment it was copied at', async ({ page: tab }) => {
  await tab.emulateMedia({ reducedMotion: 'reduce' });
  await tab.goto(`./?scenario=${SCENARIO}`);
  await tab.getByRole('button', { name: 'Next step' }).click();
  await tab.getByRole('button', { name: 'Embed', exact: true }).click();
  const snippet = await tab.getByRole('textbox', { name: 'Embed this moment' }).inputValue();
  expect(snippet).toMatch(/^<iframe src="http:\/\/127\.0\.0\.1:\d+\/embed\/\?scenario=two-pods-one-bridge&amp;step=\d+[^"]*"/);
});
