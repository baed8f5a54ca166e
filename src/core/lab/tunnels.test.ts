import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { explain } from '../trace/explain.ts';
import { checksumErrors, malformed } from '../wire/codec.ts';
import { LINKTYPE_RAW, readPcapng } from '../wire/pcapng.ts';
import { parseLab } from './parse.ts';
import { pcapngOf } from './frames.ts';
import { runLab } from './run.ts';

/** Two routers with a tunnel between them, a host behind each: what each mode needs is in `left` and `right`. */
function lab(mode: string, keys: string): string {
  const end = (own: string, other: string, net: string, far: string): string => `
      ip addr add ${own}/24 dev eth0; ip link set eth0 up
      ip addr add ${net}.254/24 dev eth1; ip link set eth1 up
      sysctl -qw net.ipv4.ip_forward=1
      ip tunnel add tun1 mode ${mode} local ${own} remote ${other} ${keys}
      ip link set tun1 up
      ip route add ${far}.0/24 dev tun1`;
  const host = (net: string): string => `
      ip addr add ${net}.1/24 dev eth0; ip link set eth0 up
      ip route add default via ${net}.254`;
  return `
id: tunnels
title: A tunnel
chapter: 04-overlays
summary: Two networks joined by a tunnel.
machines:
  left: { setup: ${JSON.stringify(end('172.16.0.1', '172.16.0.2', '10.0.1', '10.0.2'))} }
  right: { setup: ${JSON.stringify(end('172.16.0.2', '172.16.0.1', '10.0.2', '10.0.1'))} }
  a: { setup: ${JSON.stringify(host('10.0.1'))} }
  b: { setup: ${JSON.stringify(host('10.0.2'))} }
links:
  - [left:eth0, right:eth0]
  - [left:eth1, a:eth0]
  - [right:eth1, b:eth0]
steps:
  - { on: a, run: ping -c 1 -W 1 10.0.2.1, expect: { exit: 0 } }
  - { on: a, run: ping -c 1 -W 1 -s 3000 10.0.2.1, expect: { exit: 0 } }
  - { on: a, run: ping -c 1 -W 1 -M do -s 1472 10.0.2.1, expect: { exit: 1 } }
  - { on: b, run: "nc -l -p 80 -w 3 & sleep 0.1", expect: { exit: 0 } }
  - { on: a, run: "echo hello | nc -w 1 -q 0 10.0.2.1 80", expect: { exit: 0 } }
`;
}

const MODES = [['ipip', ''], ['gre', ''], ['gre', 'key 42 csum seq']] as const;

describe.each(MODES)('a lab with a tunnel of mode %s %s', (mode, keys) => {
  const parsed = parseLab(lab(mode, keys));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed));
  const result = runLab(parsed.lab);

  it('does what it should', () => {
    expect(result.problems).toEqual([]);
  });

  it('can be told in words at every step', () => {
    for (const step of result.trace.steps) {
      const { title, text } = explain(step, result.trace);
      expect(title).not.toBe('');
      expect(title + text).not.toMatch(/undefined|NaN|\[object/);
    }
  });

  it('gives captures of the tunnel device without a link header, and not a malformed packet', () => {
    const { interfaces, packets } = readPcapng(pcapngOf(result.trace));
    expect(interfaces.filter(({ name }) => name.endsWith(':tun1')).map(({ linkType }) => linkType)).toEqual([LINKTYPE_RAW, LINKTYPE_RAW]);
    for (const packet of packets) {
      const from = interfaces[packet.interface]!.linkType === LINKTYPE_RAW ? 'ipv4' : 'eth';
      expect([...malformed(packet.bytes, from), ...checksumErrors(packet.bytes, from)]).toEqual([]);
    }
  });

  // Wireshark's own reader is the judge where it is installed.
  it.runIf(spawnSync('tshark', ['--version']).status === 0)('tshark has nothing to complain of', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tunnels-'));
    try {
      const file = join(folder, 'all.pcapng');
      writeFileSync(file, pcapngOf(result.trace));
      const wrong = '_ws.malformed || _ws.expert.severity >= 0x00800000 || ip.checksum.status == 0 || udp.checksum.status == 0 || tcp.checksum.status == 0 || icmp.checksum.status == 0 || gre.checksum.status == 0';
      const checks = ['ip', 'udp', 'tcp'].flatMap((protocol) => ['-o', `${protocol}.check_checksum:TRUE`]);
      const bad = spawnSync('tshark', ['-r', file, ...checks, '-Y', wrong], { encoding: 'utf8' });
      expect(bad.stderr.replace(/^Running as user.*\n/, '')).toBe('');
      expect(bad.stdout).toBe('');
      const inner = spawnSync('tshark', ['-r', file, '-Y', `ip.proto == ${mode === 'ipip' ? 4 : 47} && icmp`, '-T', 'fields', '-e', 'frame.protocols'], { encoding: 'utf8' });
      expect(inner.stdout.split('\n')).toContain(mode === 'ipip' ? 'eth:ethertype:ip:ip:icmp:data' : 'eth:ethertype:ip:gre:ip:icmp:data');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
