import type { Page } from '@playwright/test';
import { expect, expectAccessible, labs, open, test } from './fixtures.ts';

/** Every scenario, from its first beat to its last: its words, the lit rows, the packet's place. */
for (const lab of labs()) {
  test.describe(lab.id, () => {
    const beats = lab.steps.flatMap((step) => step.beats);

    test('is walked from the first beat to the last', async ({ page }) => {
      await page.emulateMedia({ reducedMotion: 'reduce' });
      await open(page, `?scenario=${lab.id}`);
      await expect(page.getByRole('heading', { level: 1 })).toHaveText(lab.title);
      for (const [number, beat] of beats.entries()) {
        if (number > 0) await page.getByRole('button', { name: 'Next moment of the story' }).click();
        const item = page.locator(`.story-beats > li[data-beat="${number}"]`);
        await expect(item, `beat ${number + 1}`).toHaveAttribute('aria-current', 'step');
        await expect(item).toContainText(firstWords(beat.say));
        if (beat.ask) {
          const question = item.locator('fieldset');
          await question.getByRole('radio').nth(beat.ask.answer).check();
          await expect(question.locator('.ask-why')).toContainText('Yes.');
          await expect(question.locator('label.right')).toHaveCount(1);
        }
        if (typeof beat.at === 'object') await expectPacketInView(page);
        if (beat.show && beat.show !== 'output' && beat.show !== 'packet') await expect(page.locator('.tables-scroll, .state-panel').first()).toBeVisible();
      }
      await expect(page.locator('.story-beats > li[aria-current]')).toHaveAttribute('data-beat', String(beats.length - 1));
    });

    test('has no accessibility violation at its start, its middle and its end, in light and dark', async ({ page }) => {
      await page.emulateMedia({ reducedMotion: 'reduce' });
      for (const theme of ['light', 'dark']) {
        await open(page, `?scenario=${lab.id}&theme=${theme}`);
        await expectAccessible(page);
        await page.keyboard.press('5');
        await page.locator('.workbench').press('5');
        await expectAccessible(page);
        await page.locator('.workbench').press('End');
        await expectAccessible(page);
      }
    });
  });
}

function firstWords(markdown: string): string {
  return markdown.replace(/[*`]/g, '').replace(/\[([^\]]+)\]\([^)]*\)/g, '$1').trim().split(/\n\s*\n/)[0]!.replace(/\s+/g, ' ').slice(0, 60);
}

/** A packet that the map shows lies within the map. */
async function expectPacketInView(page: Page): Promise<void> {
  const packets = page.locator('.map-packet');
  if ((await packets.count()) === 0) return;
  const map = (await page.locator('.map').boundingBox())!;
  const box = (await packets.first().boundingBox())!;
  expect(box.x + box.width / 2).toBeGreaterThan(map.x);
  expect(box.x + box.width / 2).toBeLessThan(map.x + map.width);
  expect(box.y + box.height / 2).toBeGreaterThan(map.y);
  expect(box.y + box.height / 2).toBeLessThan(map.y + map.height);
}
