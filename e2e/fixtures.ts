import { readFileSync } from 'node:fs';
import AxeBuilder from '@axe-core/playwright';
import { expect, test as base, type Page } from '@playwright/test';
import { parseLab, type Lab } from '../src/core/index.ts';
import { scenarioFiles } from '../scripts/vite-scenarios.ts';

/** Every test fails when the page logs an error or throws. */
export const test = base.extend<{ quiet: void }>({
  quiet: [
    async ({ page }, use) => {
      const problems: string[] = [];
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
      });
      page.on('pageerror', (error) => problems.push(String(error)));
      await use();
      expect(problems, 'console of the page').toEqual([]);
    },
    { auto: true },
  ],
});
export { expect };

export function labs(): Lab[] {
  return scenarioFiles(process.cwd()).map((file) => {
    const result = parseLab(readFileSync(file, 'utf8'), { file });
    if (!result.ok) throw new Error(`${file} does not parse`);
    return result.lab;
  });
}

/** Opens a scenario and waits until it can be played. */
export async function open(page: Page, query: string): Promise<void> {
  await page.goto(`./${query}`);
  await expect(page.getByRole('toolbar', { name: 'Player' })).toBeVisible();
}

/** No violation of WCAG 2.2 A and AA, nor of axe's best practices. */
export async function expectAccessible(page: Page): Promise<void> {
  await expectNone(new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']));
}

/** The same in the light theme and, for the rules that look at colours, in the dark one; the page follows the system's theme. */
export async function expectAccessibleInBothThemes(page: Page): Promise<void> {
  await expectAccessible(page);
  await page.emulateMedia({ colorScheme: 'dark' });
  await expect(page.locator('html')).toHaveCSS('color-scheme', 'dark');
  await expectNone(new AxeBuilder({ page }).withRules(['color-contrast', 'link-in-text-block']));
  await page.emulateMedia({ colorScheme: 'light' });
}

async function expectNone(axe: AxeBuilder): Promise<void> {
  const { violations } = await axe.analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(' ')).join(', ')}`)).toEqual([]);
}

/** The current step as the page tells it. */
export async function position(page: Page): Promise<{ at: number; count: number }> {
  const text = await page.locator('.position-count').innerText();
  const match = /^(\d+) \/ (\d+)/.exec(text)!;
  return { at: Number(match[1]), count: Number(match[2]) };
}
