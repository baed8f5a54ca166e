import type { Page } from '@playwright/test';
import { bridgeLab } from '../bench/labs.ts';
import { parseLab } from '../src/core/index.ts';
import { expect, open, test } from './fixtures.ts';

/** Serves a big lab in the place of a scenario's chunk: sixty hosts on a bridge, each pinging its neighbour. */
async function replaceScenario(page: Page, echoes: number): Promise<void> {
  const result = parseLab(bridgeLab(60, echoes), { file: 'bridge.yaml' });
  if (!result.ok) throw new Error('the lab of the test does not parse');
  await page.route('**/assets/two-pods-one-bridge-*.js', (route) => route.fulfill({ contentType: 'text/javascript', body: `export default ${JSON.stringify(result.lab)};` }));
}

test('a big lab shows how far it is, can be cancelled, and tried again', async ({ page }) => {
  await replaceScenario(page, 400);
  await page.goto('./?scenario=two-pods-one-bridge');
  await expect(page.getByRole('progressbar')).toBeVisible();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByRole('alert')).toContainText('Cancelled.');
  await page.getByRole('button', { name: 'Try again' }).click();
  await expect(page.getByRole('progressbar')).toBeVisible();
  await page.getByRole('button', { name: /^Theme/ }).click();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByRole('alert')).toContainText('Cancelled.');
});

test('a journey of a hundred thousand steps is stepped and scrubbed', async ({ page }) => {
  test.setTimeout(240_000);
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await replaceScenario(page, 12);
  await page.goto('./?scenario=two-pods-one-bridge');
  await expect(page.getByRole('toolbar', { name: 'Player' })).toBeVisible({ timeout: 120_000 });
  const count = Number((await page.locator('.position-count').innerText()).match(/\/ (\d+)/)![1]);
  expect(count).toBeGreaterThan(20_000);
  await page.getByRole('button', { name: 'Next step' }).click();
  await expect(page.locator('.position-count')).toContainText(/^2 \//);
  await page.getByRole('slider', { name: 'Place in the journey' }).fill(String(Math.floor(count / 2)));
  await expect(page.locator('.position-count')).toContainText(new RegExp(`^${Math.floor(count / 2) + 1} /`));
  await page.getByRole('tab', { name: 'Tables' }).click();
  await expect(page.locator('.tables tbody tr').first()).toBeVisible();
});

test('a lab that cannot run says why', async ({ page }) => {
  const result = parseLab('id: two-pods-one-bridge\ntitle: t\nmachines:\n  node1:\n    setup: ip link add v0 type wireguard\n', { file: 'two-pods-one-bridge.yaml' });
  if (!result.ok) throw new Error('the lab of the test does not parse');
  await page.route('**/assets/two-pods-one-bridge-*.js', (route) => route.fulfill({ contentType: 'text/javascript', body: `export default ${JSON.stringify(result.lab)};` }));
  await open(page, '?scenario=two-pods-one-bridge');
  await expect(page.getByRole('alert')).toContainText('wireguard');
});
