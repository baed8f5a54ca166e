import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { runLab, serializeTrace } from '../src/core/index.ts';
import { expect, labs, open, test } from './fixtures.ts';

async function exported(page: Page, name: string): Promise<string> {
  await page.getByRole('button', { name: 'Export' }).click();
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name, exact: true }).click()]);
  await page.getByRole('button', { name: 'Close', exact: true }).click();
  return download.path();
}

/** Payload is data: what programs here send to port 53 or 7000 need not be what those ports are known for. */
const CHECKS = [
  '-d', 'udp.port==1-65535,data', '-d', 'tcp.port==1-65535,data', ...['ip', 'udp', 'tcp'].flatMap((protocol) => ['-o', `${protocol}.check_checksum:TRUE`]),
];
const FAULTS = ['_ws.malformed', ...['ip', 'icmp', 'udp', 'tcp'].map((protocol) => `${protocol}.checksum.status == 0`)].join(' || ');

for (const lab of labs()) {
  test(`${lab.id}: the same trace byte for byte in Node and in the browser, and a pcapng without a fault`, async ({ page }) => {
    await open(page, `?scenario=${lab.id}`);
    const inBrowser = readFileSync(await exported(page, 'Trace'), 'utf8');
    expect(inBrowser === serializeTrace(runLab(lab).trace), 'the traces are equal').toBe(true);
    const pcap = await exported(page, 'Packets');
    const faults = execFileSync('tshark', ['-r', pcap, ...CHECKS, '-Y', FAULTS], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    expect(faults).toBe('');
    const frames = execFileSync('tshark', ['-r', pcap], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    const sent = runLab(lab).trace.steps.filter((step) => step.kind === 'dev.xmit' || step.kind === 'dev.rx').length;
    if (sent > 0) expect(frames.trim().split('\n').length).toBeGreaterThan(0);
  });
}
