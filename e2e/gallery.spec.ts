import { expect, expectAccessible, labs, test } from './fixtures.ts';

test('lists every scenario by chapter, and opens one', async ({ page }) => {
  await page.goto('./');
  const all = labs();
  await expect(page.locator('.card')).toHaveCount(all.length);
  for (const lab of all) await expect(page.getByRole('link', { name: lab.title })).toBeVisible();
  await expectAccessible(page);
  await page.getByPlaceholder('Search scenarios').fill('router');
  await expect(page.getByRole('link', { name: 'Two subnets and a router' })).toBeVisible();
  await page.getByRole('link', { name: 'Two subnets and a router' }).click();
  await expect(page.getByRole('toolbar', { name: 'Player' })).toBeVisible();
});

test('the theme follows the system, or the reader', async ({ page }) => {
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.goto('./');
  const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
  expect(await theme()).toBe('dark');
  await page.getByRole('button', { name: /^Theme/ }).click();
  expect(await theme()).toBe('light');
  await page.reload();
  expect(await theme()).toBe('light');
});

for (const [name, width, height] of [['wide', 1440, 900], ['small', 900, 700], ['phone', 390, 844], ['narrow', 320, 640]] as const) {
  test(`nothing is wider than the page: ${name}`, async ({ page }) => {
    await page.setViewportSize({ width, height });
    for (const address of ['./', './?scenario=two-pods-one-bridge']) {
      await page.goto(address);
      if (address !== './') await expect(page.getByRole('button', { name: 'Next step' }).locator('visible=true').first()).toBeVisible();
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    }
  });
}
