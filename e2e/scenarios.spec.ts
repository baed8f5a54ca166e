import type { Locator, Page } from '@playwright/test';
import { runLab, type Lab } from '../src/core/index.ts';
import * as captions from '../src/store/caption-words.ts';
import { makeRun } from '../src/store/player.ts';
import { sceneAt } from '../src/store/scene.ts';
import { expect, expectAccessibleInBothThemes, labs, open, test } from './fixtures.ts';

/** Every scenario, from its first beat to its last: its words, the lit rows, the packet's place. */
for (const lab of labs()) {
  test.describe(lab.id, () => {
    const beats = lab.steps.flatMap((step) => step.beats);

    test('is walked from the first beat to the last', async ({ page }) => {
      await page.emulateMedia({ reducedMotion: 'reduce' });
      const moments = momentsOf(lab);
      await open(page, `?scenario=${lab.id}`);
      await expect(page.getByRole('heading', { level: 1 })).toHaveText(lab.title);
      for (const [number, beat] of beats.entries()) {
        // A story may begin at a later moment than the journey.
        if (number > 0 || beat !== lab.steps[0]!.beats[0] || beat.at !== 'start') await page.getByRole('button', { name: 'Next moment of the story' }).click();
        const item = page.locator(`.story-beats > li[data-beat="${number}"]`);
        await expect(item, `beat ${number + 1}`).toHaveAttribute('aria-current', 'step');
        await expect(item).toContainText(firstWords(beat.say));
        const { where, rows } = moments[number]!;
        await expectPackets(page, where);
        if (rows && rows.table === beat.show) await expectRows(page, rows.keys);
        if (beat.ask) await answer(item, beat.ask.answer);
      }
      await expect(page.locator('.story-beats > li[aria-current]')).toHaveAttribute('data-beat', String(beats.length - 1));
    });

    test('has no accessibility violation at its start, its middle and its end, in light and dark', async ({ page }) => {
      await page.emulateMedia({ reducedMotion: 'reduce' });
      await open(page, `?scenario=${lab.id}`);
      await expectAccessibleInBothThemes(page);
      await page.locator('.workbench').press('5');
      await expectAccessibleInBothThemes(page);
      await page.locator('.workbench').press('End');
      await expectAccessibleInBothThemes(page);
    });
  });
}

interface Moment {
  /** Where the map shows packets, as its `data-where`. */
  readonly where: readonly string[];
  /** The first table that the step touched, and the keys that must be lit in it. */
  readonly rows: { readonly table: string; readonly keys: readonly string[] } | null;
}

/** What the page must show at each beat, computed here from the same lab. */
function momentsOf(lab: Lab): Moment[] {
  const { trace, beats } = runLab(lab);
  const { scenes } = makeRun(lab, trace, [], captions);
  return beats.map(({ seq }) => {
    const where = sceneAt(scenes, seq).packets.map(({ where: at }) => (at.kind === 'link' ? `${at.from}~${at.to}` : at.id));
    const step = trace.steps[seq]!;
    const touched = [...step.changes, ...step.reads];
    const first = touched[0]?.table;
    const keys = touched.filter((ref) => ref.table === first).map((ref) => ref.key);
    return { where, rows: first ? { table: first.split('#')[1]!, keys } : null };
  });
}

async function expectPackets(page: Page, where: readonly string[]): Promise<void> {
  const packets = page.locator('.map-packet');
  await expect(packets).toHaveCount(where.length);
  expect(await packets.evaluateAll((elements) => elements.map((element) => (element as HTMLElement).dataset.where))).toEqual(where);
  const map = (await page.locator('.map').boundingBox())!;
  for (const packet of await packets.all()) {
    const box = (await packet.boundingBox())!;
    expect(box.x + box.width / 2).toBeGreaterThan(map.x);
    expect(box.x + box.width / 2).toBeLessThan(map.x + map.width);
    expect(box.y + box.height / 2).toBeGreaterThan(map.y);
    expect(box.y + box.height / 2).toBeLessThan(map.y + map.height);
  }
}

/** The rows that the step read or changed are in the open table, and lit. */
async function expectRows(page: Page, keys: readonly string[]): Promise<void> {
  for (const key of new Set(keys)) await expect(page.locator(`.tables tr[data-key="${key}"]`)).toHaveClass(/hit|new|gone/);
}

async function answer(item: Locator, option: number): Promise<void> {
  const question = item.locator('fieldset');
  await question.getByRole('radio').nth(option).check();
  await expect(question.locator('.ask-why')).toContainText('Yes.');
  await expect(question.locator('label.right')).toHaveCount(1);
}

function firstWords(markdown: string): string {
  return markdown.replace(/[*`]/g, '').replace(/\[([^\]]+)\]\([^)]*\)/g, '$1').trim().split(/\n\s*\n/)[0]!.replace(/\s+/g, ' ').slice(0, 60);
}
