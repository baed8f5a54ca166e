import type { Locator, Page } from '@playwright/test';
import { type Step, type StepOf } from '../src/core/index.ts';
import { agentLog } from '../src/store/agents.ts';
import { budgetOf } from '../src/store/budget.ts';
import type { Run } from '../src/store/player.ts';
import { sceneAt } from '../src/store/scene.ts';
import { carriersOf, tunnelsAt, type Carrier } from '../src/store/tunnels.ts';
import { expect, expectAccessible, labs, open, test } from './fixtures.ts';
import { runOf } from './runs.ts';

/** The first scenario of the chapter on overlays in which this happens. */
function scenarioWith(fits: (run: Run) => boolean): Run {
  for (const lab of labs()) if (lab.chapter === '04-overlays' && fits(runOf(lab.id))) return runOf(lab.id);
  throw new Error('no scenario of the chapter has it');
}

function find<K extends Step['kind']>({ trace, first }: Run, kind: K, fits: (step: StepOf<K>) => boolean = () => true, from = first): number {
  return trace.steps.findIndex((step) => step.seq >= from && step.kind === kind && fits(step as StepOf<K>));
}

/** A tunnel's packet on a cable: wrapped at `encap`, on its way at `xmit`, unwrapped at `decap`. */
function tunnelled(run: Run): { encap: number; xmit: number; decap: number } | null {
  const encap = find(run, 'tunnel.encap', (step) => step.copies === 1 && step.inner.some(({ kind }) => kind === 'icmp'));
  if (encap < 0) return null;
  const skb = run.trace.steps[encap]!.skb;
  const xmit = find(run, 'dev.xmit', (step) => step.skb === skb && step.peer !== null, encap);
  const decap = find(run, 'tunnel.decap', () => true, xmit);
  return xmit < 0 || decap < 0 ? null : { encap, xmit, decap };
}

const crossing = (): { run: Run; id: string; at: { encap: number; xmit: number; decap: number } } => {
  const run = scenarioWith((one) => tunnelled(one) !== null);
  return { run, id: run.lab.id, at: tunnelled(run)! };
};

async function at(page: Page, run: Run, seq: number, more = ''): Promise<void> {
  await open(page, `?scenario=${run.lab.id}&step=${seq - run.first}${more}`);
}

function strip(page: Page) {
  return page.locator('.map-packet [data-strip]').first();
}

/** The first step at which somebody is told or asked something on the ladder while frames stand beside it. */
function spoken(): { run: Run; seq: number } {
  const run = scenarioWith((one) => agentLog(one).some((line) => line.kind === 'netlink.notify' && line.seq > one.first));
  return { run, seq: agentLog(run).find((line) => line.kind === 'netlink.notify' && line.seq > run.first)!.seq };
}

async function boxOf(locator: Locator): Promise<{ left: number; top: number; right: number; bottom: number }> {
  const { x, y, width, height } = (await locator.boundingBox())!;
  return { left: x, top: y, right: x + width, bottom: y + height };
}

test.beforeEach(async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
});

test.describe('the tunnel', () => {
  test('is a tube between the ends that know each other, lit while a packet is in it', async ({ page }) => {
    const { run, at: { xmit } } = crossing();
    await at(page, run, xmit);
    const tunnels = tunnelsAt(run.trace.stateAt(xmit), run.topology);
    expect(tunnels.length).toBeGreaterThan(0);
    await expect(page.locator('.map-vtep').first()).toContainText(/vni|ipip|gre/);
    const [carrier] = carriersOf(run.scenes.tunnels, run.trace.steps[xmit]!.skb, xmit) as [Carrier];
    const lit = page.locator('.map-tube.lit');
    await expect(lit.first()).toBeAttached();
    expect([`${carrier.from}~${carrier.to}`, `${carrier.to}~${carrier.from}`]).toContain(await lit.first().getAttribute('data-tube'));
  });

  test('lets the packet grow where it is wrapped and shrink where it is unwrapped', async ({ page }) => {
    const { run, at: { encap, xmit, decap } } = crossing();
    await at(page, run, encap);
    await expect(strip(page)).toHaveAttribute('data-strip', /^IP UDP VXLAN ETH IP ICMP$/);
    await expect(strip(page).locator('.strip-inner')).toHaveText('ETHIPICMP');
    await at(page, run, xmit);
    await expect(strip(page)).toHaveAttribute('data-strip', 'ETH IP UDP VXLAN ETH IP ICMP');
    await at(page, run, decap);
    await expect(strip(page)).toHaveAttribute('data-strip', 'ETH IP ICMP');
    await expect(page.locator('.layer.carried')).toHaveCount(0);
  });

  test('shows what is inside as carried in the headers’ tree, and no address as rewritten', async ({ page }) => {
    const { run, at: { xmit } } = crossing();
    await at(page, run, xmit);
    await expect(page.locator('.layer.carried').first()).toContainText('Ethernet');
    await expect(page.locator('.layer:not(.carried) s')).toHaveCount(0);
  });

  test('lights the entry that leads to the other end, with where it leads', async ({ page }) => {
    const run = scenarioWith((one) => tunnelled(one) !== null && find(one, 'tunnel.encap', (step) => step.by === 'entry' && step.reads.some(({ table }) => table.endsWith('#fdb'))) >= 0);
    const seq = find(run, 'tunnel.encap', (step) => step.by === 'entry' && step.reads.some(({ table }) => table.endsWith('#fdb')));
    await at(page, run, seq, '&panel=tables');
    const key = run.trace.steps[seq]!.reads.find(({ table }) => table.endsWith('#fdb'))!.key;
    await page.getByRole('combobox', { name: 'Table' }).selectOption('fdb');
    const row = page.locator(`.tables tr[data-key="${key}"]`);
    await expect(row).toHaveClass(/hit/);
    await expect(page.getByRole('columnheader', { name: 'dst' })).toBeVisible();
    await row.getByRole('button').click();
    await expect(page.getByRole('region', { name: 'Steps of this row' }).getByRole('button').first()).toBeVisible();
  });
});

test.describe('overlay and underlay', () => {
  test('are chosen by buttons and by a key, and stand in the address', async ({ page }) => {
    const { run, at: { xmit } } = crossing();
    await at(page, run, xmit);
    const choice = page.getByRole('toolbar', { name: 'Network to see' });
    await expect(choice.getByRole('button', { name: 'Both' })).toHaveAttribute('aria-pressed', 'true');
    const cable = sceneAt(run.scenes, xmit).packets[0]!.where;
    const where = page.locator('.map-packet').first();
    await expect(where).toHaveAttribute('data-where', cable.kind === 'link' ? `${cable.from}~${cable.to}` : cable.id);
    await expect(page.locator('[data-announcer]')).toHaveText(/^Step /);
    await page.locator('.workbench').press('v');
    await expect(page).toHaveURL(/view=overlay/);
    const [carrier] = carriersOf(run.scenes.tunnels, run.trace.steps[xmit]!.skb, xmit) as [Carrier];
    await expect(where).toHaveAttribute('data-where', `${carrier.from}~${carrier.to}`);
    await expect(strip(page)).toHaveAttribute('data-strip', 'ETH IP ICMP');
    await expect(page.locator('[data-announcer]')).toHaveText('Overlay: The network that the tunnels make: what is inside the packets');
    await choice.getByRole('button', { name: 'Overlay' }).focus();
    await page.keyboard.press('ArrowRight');
    await expect(choice.getByRole('button', { name: 'Underlay' })).toBeFocused();
    await page.keyboard.press('Enter');
    await expect(page).toHaveURL(/view=underlay/);
    await expect(page.locator('.strip-closed')).toBeVisible();
    await page.locator('.workbench').press('v');
    await expect(page).not.toHaveURL(/view=/);
  });

  test('a link opens the view, in the workbench and in the frame', async ({ page }) => {
    const { run, id, at: { xmit } } = crossing();
    for (const address of [`./?scenario=${id}&step=${xmit - run.first}&view=overlay`, `./embed/?scenario=${id}&step=${xmit - run.first}&view=overlay`]) {
      await page.goto(address);
      await expect(page.getByRole('button', { name: 'Overlay' })).toHaveAttribute('aria-pressed', 'true');
      await expect(page.locator('.map')).toHaveAttribute('data-view', 'overlay');
    }
    await page.locator('.embed-player').press('v');
    await expect(page.getByRole('button', { name: 'Underlay' })).toHaveAttribute('aria-pressed', 'true');
  });

  test('is on the phone’s map', async ({ page }) => {
    const { run, id, at: { xmit } } = crossing();
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto(`./?scenario=${id}&step=${xmit - run.first}`);
    await page.getByRole('button', { name: 'Map' }).click();
    await page.getByRole('button', { name: 'Overlay' }).click();
    await expect(page.locator('.map')).toHaveAttribute('data-view', 'overlay');
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  });

  test('is not there where there are no tunnels, and its key does nothing', async ({ page }) => {
    await open(page, '?scenario=two-pods-one-bridge&view=overlay&step=3');
    await expect(page.locator('.map')).toHaveAttribute('data-view', 'both');
    await expect(page.getByRole('toolbar', { name: 'Network to see' })).toHaveCount(0);
    await open(page, '?scenario=two-pods-one-bridge&step=3');
    await page.locator('.workbench').press('v');
    await page.locator('.workbench').press('ArrowRight');
    await expect(page).toHaveURL(/step=4/);
    await expect(page).not.toHaveURL(/view=/);
  });
});

test.describe('the map', () => {
  test('of two bridges with a tunnel each is whole on a desk', async ({ page }) => {
    await open(page, '?scenario=two-tenants&step=110');
    const frame = await boxOf(page.locator('.map'));
    const boxes = page.locator('.map :is(.map-machine, .map-nic, .map-namespace)');
    expect(await boxes.count()).toBeGreaterThanOrEqual(10);
    for (const one of await boxes.all()) {
      const box = await boxOf(one);
      expect(box.left).toBeGreaterThanOrEqual(frame.left);
      expect(box.right).toBeLessThanOrEqual(frame.right);
      expect(box.top).toBeGreaterThanOrEqual(frame.top);
      expect(box.bottom).toBeLessThanOrEqual(frame.bottom);
    }
  });

  test('says in its tree who sends to whom at this moment', async ({ page }) => {
    const { run, at: { xmit } } = crossing();
    await at(page, run, xmit);
    const [tunnel] = tunnelsAt(run.trace.stateAt(xmit), run.topology);
    const { a, b, forth } = tunnel!;
    const [from, to] = forth ? [a, b] : [b, a];
    await expect(page.getByRole('treeitem', { name: new RegExp(`${from.split(':')[1]}.*one network with .*sends to .*${to}`) }).first()).toBeAttached();
  });

  test('says of a network card in a namespace where it is', async ({ page }) => {
    await open(page, '?scenario=two-vteps-one-address');
    await expect(page.locator('.map-nic[data-place="virtualbox:eth0"]')).toContainText('in nat0');
  });
});

test.describe('the ladder', () => {
  test('has its words on a line of their own, where they cover no arrow', async ({ page }) => {
    const { run, seq } = spoken();
    await at(page, run, seq);
    const words = await boxOf(page.locator('.ladder-words').first());
    const marks = page.locator('.ladder-mark');
    expect(await marks.count()).toBeGreaterThan(3);
    for (const one of await marks.all()) expect((await boxOf(one)).top).toBeGreaterThanOrEqual(words.bottom - 1);
  });

  test('names each lane differently, and shows those of the step', async ({ page }) => {
    const { run, at: { xmit } } = crossing();
    await at(page, run, xmit);
    await expect(page.locator('.ladder-names span').nth(3)).toBeAttached();
    const names = await page.locator('.ladder-names span').allTextContents();
    expect(new Set(names).size).toBe(names.length);
    const frame = await boxOf(page.locator('.ladder'));
    const now = page.locator('.ladder-mark:not(.future)').last();
    expect((await boxOf(now)).bottom).toBeLessThanOrEqual(frame.bottom + 1);
  });
});

test('a frame that goes into a switch is said to arrive there', async ({ page }) => {
  const run = runOf('flannel-three-ways-out-of-a-pod');
  const [lan] = run.topology.switches;
  const seq = find(run, 'dev.xmit', (step) => step.peer?.startsWith(`${lan!.name}:`) === true);
  await page.goto(`./embed/?scenario=${run.lab.id}&step=${seq - run.first}`);
  await expect(page.getByText(`It arrives at the switch ${lan!.name}.`)).toBeVisible();
});

test('the budget counts a packet that comes back out of the tunnel unwrapped as it is, and says what counts', async ({ page }) => {
  const run = runOf('two-vteps-one-address');
  const loop = find(run, 'route.lookup', (step) => step.device === 'flannel.1');
  await at(page, run, loop);
  await expect(page.locator('.budget li[data-device="node1:flannel.1"]')).toContainText('84 of 1450');
  await expect(page.locator('.budget em')).toHaveCount(0);
  await expect(page.locator('.budget-note')).toHaveText(/^Nothing is wrapped on this way\. What counts is the part behind a frame’s own Ethernet header/);
});

test('the budget counts the packet against each MTU on its way', async ({ page }) => {
  const { run, at: { xmit } } = crossing();
  await at(page, run, xmit);
  const lines = budgetOf(run, xmit, run.trace.stateAt(xmit));
  const shown = page.locator('.budget li');
  await expect(shown).toHaveCount(lines.length);
  const wrapped = lines.findIndex(({ parts }) => parts.length > 1);
  const { parts, total, mtu } = lines[wrapped]!;
  expect(total - parts[0]!.bytes).toBe(50);
  await expect(shown.nth(wrapped)).toContainText(`${parts[0]!.bytes} + 50 = ${total} of ${mtu}`);
  await expect(shown.nth(wrapped).getByRole('meter')).toHaveAttribute('aria-valuetext', `${total} of ${mtu} bytes: ${parts[0]!.bytes} inside + 14 Ethernet + 8 VXLAN + 8 UDP + 20 IPv4`);
  await shown.nth(wrapped).getByRole('button').focus();
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(new RegExp(`step=${lines[wrapped]!.seq - run.first}(&|$)`));
  await expect(page.locator('.budget-legend')).toHaveText(`${parts[0]!.bytes} inside + 14 Ethernet + 8 VXLAN + 8 UDP + 20 IPv4`);
});

test('what agents did stands in a log, and each line leads to its step', async ({ page }) => {
  const run = scenarioWith((one) => agentLog(one).some((line) => line.kind === 'agent' && line.run !== null && line.seq > one.first));
  const log = agentLog(run);
  await open(page, `?scenario=${run.lab.id}`);
  await page.getByRole('tab', { name: 'Agents' }).click();
  const lines = page.getByRole('list', { name: 'What the agents did' }).getByRole('listitem');
  await expect(lines).toHaveCount(log.length);
  const index = log.findIndex((line) => line.kind === 'agent' && line.run !== null && line.seq > run.first);
  const line = log[index]!;
  if (line.kind !== 'agent') throw new Error('not an agent');
  await expect(lines.nth(index)).toContainText(line.run!);
  await lines.nth(index).getByRole('button').click();
  await expect(page).toHaveURL(new RegExp(`step=${line.seq - run.first}(&|$)`));
  await expect(lines.nth(index)).toHaveAttribute('aria-current', 'step');
  await expect(page.locator('.ladder-words')).toContainText(line.run!.slice(0, 20));
  await expectAccessible(page);
});

test('has no accessibility violation in any view, in light and dark', async ({ page }) => {
  const { run, at: { xmit } } = crossing();
  for (const theme of ['light', 'dark']) {
    for (const view of ['both', 'overlay', 'underlay']) {
      await at(page, run, xmit, `&theme=${theme}&view=${view}`);
      await expectAccessible(page);
    }
  }
  await page.goto(`./embed/?scenario=${run.lab.id}&step=${xmit - run.first}`);
  await expect(page.getByRole('button', { name: 'Next step' })).toBeVisible();
  await expectAccessible(page);
});
