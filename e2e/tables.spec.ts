import { runLab } from '../src/core/index.ts';
import { tableView, type TableId } from '../src/store/table-view.ts';
import { stopsOf } from '../src/store/timeline.ts';
import { expect, labs, open, test } from './fixtures.ts';

const WATCHED: readonly (readonly [string, TableId])[] = [['node1', 'fdb'], ['node1/ns1', 'neigh'], ['node1/ns2', 'neigh'], ['node1/ns1', 'route']];

for (const id of ['two-pods-one-bridge', 'the-article-as-written']) {
  test(`${id}: every table is right at every step, forward and backward`, async ({ page }) => {
    test.setTimeout(240_000);
    await page.emulateMedia({ reducedMotion: 'reduce' });
    const lab = labs().find((one) => one.id === id)!;
    const { trace, beats } = runLab(lab);
    const stops = stopsOf(trace, 'wire', beats.map(({ beat, step, seq }, number) => ({ seq, labStep: step, say: beat.say, ask: beat.ask, show: beat.show, number })));
    await open(page, `?scenario=${id}&granularity=wire&panel=tables`);
    for (const [place, table] of WATCHED) {
      await page.locator('.workbench').press('Home');
      await page.getByRole('tab', { name: 'Tables' }).click();
      await page.getByRole('combobox', { name: /^Namespace/ }).selectOption(place);
      await page.getByRole('combobox', { name: /^Table/ }).selectOption(table);
      const path = [...stops.keys(), ...[...stops.keys()].reverse().slice(1)];
      for (const [move, index] of path.entries()) {
        if (move > 0) await page.locator('.workbench').press(index > path[move - 1]! ? 'ArrowRight' : 'ArrowLeft');
        await page.getByRole('tab', { name: 'Tables' }).click();
        const shown = await page.locator('.tables tbody tr:not(.gone)').evaluateAll((rows) => rows.map((row) => [(row as HTMLElement).dataset.key, (row as HTMLTableRowElement).cells.length > 3 ? row.lastElementChild!.textContent!.replace(/ \(.*\)/, '') : '']));
        const wanted = tableView(trace.stateAt(stops[index]!), place, table).rows.map((row) => [row.key, row.cells.length > 3 ? row.cells.at(-1)! : '']);
        expect(shown, `${place} ${table} at step ${index + 1}`).toEqual(wanted);
      }
    }
  });
}
