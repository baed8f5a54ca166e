import { KEYS, keyLabels } from '../src/store/keys.ts';
import { expect, open, position, test } from './fixtures.ts';

const SCENARIO = 'two-pods-one-bridge';

test.beforeEach(async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
});

test('steps forward and back, and the address follows', async ({ page }) => {
  await open(page, `?scenario=${SCENARIO}`);
  const begin = await position(page);
  await page.getByRole('button', { name: 'Next step' }).click();
  await page.getByRole('button', { name: 'Next step' }).click();
  expect((await position(page)).at).toBe(begin.at + 2);
  await page.getByRole('button', { name: 'Previous step' }).click();
  expect((await position(page)).at).toBe(begin.at + 1);
  await expect(page).toHaveURL(/step=\d+/);
});

test('a copied link opens the same moment', async ({ page, context }) => {
  await open(page, `?scenario=${SCENARIO}`);
  await page.locator('.workbench').press('6');
  await expect(page).toHaveURL(/step=\d+/);
  const here = await page.locator('.position').innerText();
  const map = await page.locator('.map-packet').evaluateAll((packets) => packets.map((packet) => (packet as HTMLElement).dataset.where));
  const other = await context.newPage();
  await open(other, new URL(page.url()).search);
  await expect(other.locator('.position')).toHaveText(here.replace(/\n/g, ''), { useInnerText: false });
  expect(await other.locator('.map-packet').evaluateAll((packets) => packets.map((packet) => (packet as HTMLElement).dataset.where))).toEqual(map);
});

test('plays to the next beat and stops there', async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'no-preference' });
  await open(page, `?scenario=${SCENARIO}`);
  const before = await page.locator('.story-beats > li[aria-current]').getAttribute('data-beat');
  for (let i = 0; i < 5; i++) await page.locator('.workbench').press('>');
  await page.getByRole('button', { name: 'Play to the next moment' }).click();
  await expect(page.locator('.story-beats > li[aria-current]')).toHaveAttribute('data-beat', String(Number(before) + 1));
  await expect(page.getByRole('button', { name: 'Play to the next moment' })).toBeVisible();
});

test('scrubbing moves the picture and simulates nothing', async ({ page }) => {
  await open(page, `?scenario=${SCENARIO}`);
  const workers = page.workers().length;
  const scrubber = page.getByRole('slider', { name: 'Place in the journey' });
  const { count } = await position(page);
  await scrubber.fill(String(Math.floor(count / 2)));
  expect((await position(page)).at).toBe(Math.floor(count / 2) + 1);
  await expect(scrubber).toHaveAttribute('aria-valuetext', /^Step \d+ of \d+: /);
  expect(page.workers().length).toBe(workers);
});

test('granularity keeps the moment', async ({ page }) => {
  await open(page, `?scenario=${SCENARIO}`);
  const { count: stack } = await position(page);
  await page.getByRole('button', { name: 'Wire' }).click();
  const { count: wire } = await position(page);
  await page.getByRole('button', { name: 'Rules' }).click();
  const { count: rules } = await position(page);
  expect(wire).toBeLessThan(stack);
  expect(stack).toBeLessThan(rules);
});

test('every key of the table does what the help says', async ({ page }) => {
  await open(page, `?scenario=${SCENARIO}`);
  const player = page.locator('.workbench');
  await player.press('?');
  const help = page.getByRole('dialog', { name: 'Keys' });
  for (const binding of KEYS) for (const label of keyLabels(binding)) await expect(help.getByText(label, { exact: true }).first()).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(help).toBeHidden();
  const at = async () => (await position(page)).at;
  await player.press('ArrowRight');
  expect(await at()).toBe(2);
  await player.press('ArrowLeft');
  expect(await at()).toBe(1);
  await player.press('End');
  expect(await at()).toBe((await position(page)).count);
  await player.press('Home');
  expect(await at()).toBe(1);
  await player.press(']');
  expect(await at()).toBeGreaterThan(1);
  await player.press('[');
  expect(await at()).toBe(1);
  await player.press('Control+ArrowDown');
  expect(await at()).toBeGreaterThan(1);
  await player.press('t');
  await expect(page.getByRole('region', { name: 'The journey as text' })).toBeVisible();
  await player.press('t');
  await player.press('g');
  await page.getByRole('spinbutton').fill('3');
  await page.getByRole('button', { name: 'Go', exact: true }).click();
  expect(await at()).toBe(3);
  await player.press('/');
  await expect(page.getByPlaceholder('Search the journey')).toBeFocused();
});

test('one announcement a step', async ({ page }) => {
  await open(page, `?scenario=${SCENARIO}`);
  const announcer = page.locator('[data-announcer]');
  await expect(announcer).toHaveText(/^Step 1: /);
  await page.locator('.workbench').press('ArrowRight');
  await expect(announcer).toHaveText(/^Step 2: /);
});

test('the transcript says what the journey shows', async ({ page }) => {
  await open(page, `?scenario=${SCENARIO}`);
  await page.locator('.workbench').press('t');
  const { count } = await position(page);
  const lines = page.locator('.transcript li');
  await expect(lines).toHaveCount(Math.min(count, 121));
  await lines.nth(4).getByRole('button').click();
  expect((await position(page)).at).toBe(5);
  await expect(lines.nth(4)).toHaveAttribute('aria-current', 'step');
});

test('the map has one tab stop, and the tree tells what is there', async ({ page }) => {
  await open(page, `?scenario=${SCENARIO}`);
  const tree = page.getByRole('tree', { name: 'Machines, namespaces and devices' });
  expect(await tree.locator('[tabindex="0"]').count()).toBe(1);
  expect(await page.locator('.map [tabindex="0"]').count()).toBe(0);
  await tree.locator('[tabindex="0"]').focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await expect(tree.locator(':focus')).toContainText(/bridge|veth|namespace/);
});

test('a field and its bytes light each other up', async ({ page }) => {
  await open(page, `?scenario=${SCENARIO}`);
  await page.locator('.workbench').press(']');
  await page.locator('.workbench').press(']');
  await page.getByRole('tab', { name: 'Packet' }).click();
  const field = page.locator('.packet-tree .field').first();
  await field.click();
  await expect(field).toHaveAttribute('aria-pressed', 'true');
  expect(await page.locator('.hex-byte.lit').count()).toBeGreaterThan(0);
});

test('a wrong address says what is wrong and shows the gallery, or the nearest moment', async ({ page }) => {
  await page.goto('./?scenario=nowhere');
  await expect(page.getByRole('alert')).toContainText('There is no scenario “nowhere”.');
  await open(page, `?scenario=${SCENARIO}&step=999999&theme=pink`);
  await expect(page.getByRole('alert').filter({ hasText: 'theme' })).toBeVisible();
  await expect(page.getByRole('alert').filter({ hasText: 'so step 999999 is its end' })).toBeVisible();
});

test('nothing moves for who asked for it', async ({ page }) => {
  await open(page, `?scenario=${SCENARIO}`);
  await page.locator('.workbench').press('ArrowRight');
  expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
});

test('arrow keys within the tabs change the tab, and leave the journey where it is', async ({ page }) => {
  await open(page, `?scenario=${SCENARIO}`);
  await page.getByRole('tab', { name: 'Packet' }).click();
  const before = await position(page);
  await page.keyboard.press('ArrowRight');
  await expect(page.getByRole('tab', { name: 'Tables' })).toBeFocused();
  expect(await position(page)).toEqual(before);
});

test('a map too small to be read shows the part where the packet is, until it is moved', async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto('./?scenario=a-routing-loop');
  await page.getByRole('button', { name: 'Map' }).click();
  const zoom = async (): Promise<number> => page.locator('.react-flow__viewport').evaluate((element) => new DOMMatrix(getComputedStyle(element).transform).a);
  await expect(page.locator('.map-machine').first()).toBeVisible();
  for (let i = 0; i < 12; i++) {
    await page.locator('.phone-buttons').getByRole('button', { name: 'Next step' }).click();
    expect(await zoom()).toBeGreaterThan(0.6);
    for (const packet of await page.locator('.map-packet').all()) await expect(packet).toBeInViewport();
  }
  await page.getByRole('button', { name: 'Fit the map, or follow the packet' }).click();
  await expect.poll(zoom).toBeLessThan(0.6);
});
