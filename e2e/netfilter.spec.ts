import type { Page } from '@playwright/test';
import { expandWalk, rowText, type Step, type Trace } from '../src/core/index.ts';
import { exchangeView } from '../src/store/exchange-view.ts';
import { rewritesOf } from '../src/store/rewrites.ts';
import { expect, expectAccessible, open, test } from './fixtures.ts';
import { runOf } from './runs.ts';

function find<K extends Step['kind']>(trace: Trace, kind: K, fits: (step: Extract<Step, { kind: K }>) => boolean = () => true, from = 0): number {
  return trace.steps.findIndex((step) => step.seq >= from && step.kind === kind && fits(step as Extract<Step, { kind: K }>));
}

async function at(page: Page, id: string, seq: number, panel: string, more = ''): Promise<void> {
  await open(page, `?scenario=${id}&step=${seq - runOf(id).first}${more}`);
  await page.getByRole('tab', { name: panel, exact: true }).click();
}

test.beforeEach(async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
});

test.describe('the stack', () => {
  const id = 'a-tour-of-the-hooks';

  test('lights the hooks, one after the other, on the map and in the panel', async ({ page }) => {
    const { trace } = runOf(id);
    const seq = find(trace, 'nf.table', (step) => step.hook === 'FORWARD' && step.table === 'filter');
    await at(page, id, seq, 'Stack');
    const hook = (name: string) => page.locator(`.stack-cell[data-hook="${name}"]`);
    await expect(hook('PREROUTING')).toHaveAttribute('data-lit', 'passed');
    await expect(hook('FORWARD')).toHaveAttribute('data-lit', 'now');
    await expect(hook('INPUT')).toHaveAttribute('data-lit', '');
    await expect(page.locator('[data-stage="FORWARD/filter"]')).toHaveAttribute('data-lit', 'now');
    await expect(page.locator('.stack-picture .deciding')).toContainText('out of eth1');
    await expect(page.locator('.hook-map g.now')).toHaveText('FORWARD');
    await expect(page.locator('.hook-map g.passed')).toHaveText(['PREROUTING']);
    await page.locator('[data-stage="PREROUTING/conntrack"]').getByRole('button').click();
    await expect(hook('PREROUTING')).toHaveAttribute('data-lit', 'now');
    await expect(hook('FORWARD')).toHaveAttribute('data-lit', '');
    await expectAccessible(page);
  });

  test('has no hooks on the map of a phone, and has them in the panel', async ({ page }) => {
    await page.setViewportSize({ width: 390, height: 844 });
    const seq = find(runOf(id).trace, 'nf.table');
    await page.goto(`./?scenario=${id}&step=${seq - runOf(id).first}`);
    await page.getByRole('button', { name: 'Map' }).click();
    await expect(page.locator('.map-stack').first()).toBeVisible();
    await expect(page.locator('.hook-map')).toHaveCount(0);
    await page.getByRole('button', { name: 'Tables' }).click();
    await page.getByRole('tab', { name: 'Stack' }).click();
    await expect(page.locator('.stack-cell.now')).toBeInViewport();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  });
});

test('the rules are walked one by one, each with why it did not match', async ({ page }) => {
  const id = 'a-stateful-firewall';
  const { trace } = runOf(id);
  const seq = trace.steps.findIndex((step) => step.kind === 'nf.table' && expandWalk(step, trace).length > 1 && expandWalk(step, trace).some(({ matched }) => matched));
  const step = trace.steps[seq]!;
  const rules = step.kind === 'nf.table' ? expandWalk(step, trace) : [];
  await at(page, id, seq, 'Stack', '&granularity=rules');
  const shown = page.locator('.walk-rule');
  for (const [index, rule] of rules.entries()) {
    if (index > 0) await page.getByRole('button', { name: 'Next rule' }).click();
    await expect(shown).toHaveAttribute('data-rule', String(index));
    await expect(shown).toContainText(rule.matched ? 'It matches.' : rule.why);
  }
  const list = page.getByRole('listbox', { name: /^Rules in the order/ });
  await expect(list.getByRole('option')).toHaveCount(rules.length);
  await list.focus();
  await page.keyboard.press('Home');
  await expect(shown).toHaveAttribute('data-rule', '0');
  await page.keyboard.press('ArrowDown');
  await expect(shown).toHaveAttribute('data-rule', '1');
  await expectAccessible(page);
  await page.keyboard.press('Home');
  const before = await page.locator('.position-count').innerText();
  await page.locator('.workbench').press('ArrowRight');
  await expect(shown).toHaveAttribute('data-rule', '1');
  await expect(page.locator('.position-what')).toContainText(`rule 2 of ${rules.length}`);
  await expect(page.locator('.position-count')).toHaveText(before);
});

test.describe('causality', () => {
  const id = 'the-home-router';

  test('leads from a rewritten address to the rule and to the connection', async ({ page }) => {
    const run = runOf(id);
    const seq = find(run.trace, 'nat.rewrite', (step) => step.direction === 'original');
    const [nat] = rewritesOf(run, seq);
    await at(page, id, seq, 'Packet');
    await page.getByRole('button', { name: 'Who changed Source Address' }).click();
    const list = page.getByRole('region', { name: 'Rewritten by' });
    await expect(list).toBeFocused();
    await expect(list).toContainText('192.168.1.10');
    await expectAccessible(page);
    await list.locator('[data-cause="rule"]').first().click();
    await expect(page.locator(`.tables tr[data-key="${nat!.rule!.key}"]`)).toHaveClass(/wanted/);
    await page.getByRole('tab', { name: 'Packet' }).click();
    await list.locator('[data-cause="entry"]').first().click();
    await expect(page.locator(`.tables tr[data-key="${nat!.entry!.key}"]`)).toHaveClass(/wanted/);
    await page.getByRole('tab', { name: 'Packet' }).click();
    await list.locator('[data-cause="setup"]').first().click();
    await expect(page.locator('.position-what code')).toHaveText(run.trace.steps[nat!.setup!]!.fn);
  });

  test('leads from a row to every step that read or wrote it', async ({ page }) => {
    const run = runOf(id);
    const seq = find(run.trace, 'nat.setup');
    const step = run.trace.steps[seq]!;
    const rule = step.kind === 'nat.setup' ? step.rule! : null;
    await at(page, id, seq, 'Tables');
    await page.getByRole('combobox', { name: /^Table/ }).selectOption('xtrule');
    await page.locator(`.tables tr[data-key="${rule!.key}"] .row-pick`).click();
    const steps = page.getByRole('region', { name: 'Steps of this row' });
    await expect(steps.getByRole('listitem').filter({ hasText: 'read' }).first()).toBeVisible();
    await expect(steps.locator('[aria-current="step"]')).toHaveCount(1);
    await expectAccessible(page);
    const before = await page.locator('.position-count').innerText();
    await steps.getByRole('listitem').filter({ hasText: 'POSTROUTING' }).first().getByRole('button').click();
    await expect(page.locator('.position-count')).not.toHaveText(before);
    await expect(page.locator(`.tables tr[data-key="${rule!.key}"]`)).toHaveClass(/wanted/);
    expect(rowText(run.trace, rule!, seq)).toContain('SNAT');
  });
});

test.describe('the exchange', () => {
  test('puts request and reply side by side, with the connection between them', async ({ page }) => {
    const id = 'the-home-router';
    const run = runOf(id);
    const seq = find(run.trace, 'nat.rewrite', (step) => step.direction === 'reply');
    const view = exchangeView(run, seq)!;
    await at(page, id, seq, 'Exchange');
    const legs = page.locator('.exchange-rows .exchange-leg');
    await expect(legs).toHaveCount(view.request.legs.length + view.reply!.legs.length);
    await expect(page.locator('.exchange-odd')).toHaveCount(view.odd.length);
    const hinge = page.locator('.hinge');
    await expect(hinge).toContainText(view.hinges[0]!.original);
    await expect(hinge).toContainText(view.hinges[0]!.reply);
    await expect(page.getByRole('button', { name: /^Request from router.*source rewritten/ })).toBeVisible();
    await expectAccessible(page);
    await hinge.getByRole('button', { name: /^connection/ }).click();
    await expect(page.locator('.tables tr.wanted')).toHaveCount(1);
    await page.getByRole('tab', { name: 'Exchange' }).click();
    await page.getByRole('button', { name: /^Request from laptop/ }).click();
    await expect(page.locator('.position-what')).toContainText('laptop');
  });

  test('marks a reply that takes another way and is not translated back', async ({ page }) => {
    const id = 'hairpin-nat';
    const run = runOf(id);
    const seq = run.trace.steps.findIndex((step) => step.seq > run.first && step.kind === 'dev.xmit' && (exchangeView(run, step.seq)?.odd.length ?? 0) > 0);
    expect(seq).toBeGreaterThan(0);
    await at(page, id, seq, 'Exchange');
    await expect(page.locator('.exchange-odd')).toHaveText(exchangeView(run, seq)!.odd.map((line) => new RegExp(line.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))));
    await expectAccessible(page);
  });
});

test('the state machines of a tracked connection and of a socket show the current state', async ({ page }) => {
  const id = 'a-stateful-firewall';
  const { trace, first } = runOf(id);
  for (const seq of [find(trace, 'conntrack.state'), find(trace, 'tcp.state', () => true, first)]) {
    const step = trace.steps[seq]!;
    if (step.kind !== 'conntrack.state' && step.kind !== 'tcp.state') throw new Error('no such step');
    await at(page, id, seq, 'State');
    await expect(page.locator('.statechart .node.now')).toHaveAttribute('data-state', step.to);
    await expect(page.locator('.state-taken')).toContainText(`${step.event} took it from ${step.from} to ${step.to}`);
    await expectAccessible(page);
  }
});

test('bars show what is used up', async ({ page }) => {
  for (const [id, bar] of [['port-exhaustion', /ports \d+–\d+ of/], ['the-conntrack-table-is-full', 'Entries, of nf_conntrack_max']] as const) {
    const run = runOf(id);
    const seq = run.trace.steps.findLastIndex((step) => step.kind === 'conntrack.confirm' && step.outcome === 'confirmed');
    await at(page, id, seq, 'Tables');
    const place = run.trace.steps[seq]!.machine;
    await page.getByRole('combobox', { name: /^Namespace/ }).selectOption(place);
    await page.getByRole('combobox', { name: /^Table/ }).selectOption('conntrack');
    const meter = page.getByRole('meter', { name: bar }).first();
    await expect(meter).toBeVisible();
    expect(Number(await meter.getAttribute('aria-valuenow'))).toBeGreaterThan(0);
    await expectAccessible(page);
  }
});
