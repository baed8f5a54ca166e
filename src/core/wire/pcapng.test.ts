import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex } from './bytes.ts';
import * as golden from './golden-frames.ts';
import { readPcapng, writePcapng, type Capture } from './pcapng.ts';

const frames = Object.values(golden).map((hex) => fromHex(hex)!);

const capture: fc.Arbitrary<Capture> = fc.integer({ min: 1, max: 4 }).chain((n) => fc.record({
  interfaces: fc.array(fc.record({ name: fc.string({ maxLength: 20, unit: 'grapheme' }) }), { minLength: n, maxLength: n }),
  packets: fc.array(fc.record({
    interface: fc.nat(n - 1), ns: fc.maxSafeNat(), bytes: fc.uint8Array({ maxLength: 100 }).map((bytes) => new Uint8Array(bytes)),
    direction: fc.constantFrom('in' as const, 'out' as const), comment: fc.string({ maxLength: 30, unit: 'grapheme' }),
  }, { requiredKeys: ['interface', 'ns', 'bytes'] })),
}));

describe('pcapng', () => {
  it('reads what it wrote', () => {
    fc.assert(fc.property(capture, (written) => { expect(readPcapng(writePcapng(written))).toEqual(written); }));
  });

  it('keeps at most the snap length', () => {
    const read = readPcapng(writePcapng({ interfaces: [{ name: 'eth0', snaplen: 20 }], packets: [{ interface: 0, ns: 0, bytes: frames[2]! }] }));
    expect(read.packets[0]?.bytes).toEqual(frames[2]!.slice(0, 20));
  });

  it('refuses a packet of an interface that is not there', () => {
    expect(() => writePcapng({ interfaces: [], packets: [{ interface: 0, ns: 0, bytes: frames[0]! }] })).toThrow(/interface 0/);
  });

  it.each([
    ['not pcapng', new Uint8Array(40), /section header/],
    ['cut off', writePcapng({ interfaces: [{ name: 'x' }], packets: [] }).slice(0, -4), /wrong length/],
  ])('a file that is %s says so', (_, bytes, message) => {
    expect(() => readPcapng(bytes)).toThrow(message);
  });
});

// Wireshark's own reader is the judge where it is installed.
describe.runIf(spawnSync('tshark', ['--version']).status === 0)('tshark', () => {
  it('reads every frame, without malformed packets or bad checksums', () => {
    const folder = mkdtempSync(join(tmpdir(), 'pcapng-'));
    try {
      const file = join(folder, 'all.pcapng');
      const packets = frames.map((bytes, i) => ({ interface: i % 2, ns: 1_000_000_007 * i, bytes, direction: i % 2 ? ('in' as const) : ('out' as const), comment: `frame ${i}` }));
      writeFileSync(file, writePcapng({ interfaces: [{ name: 'node1:eth0' }, { name: 'node1/ns1:veth11' }], packets }));
      const fields = ['frame.interface_name', 'frame.time_epoch', 'frame.packet_flags_direction', 'frame.comment', 'frame.len'];
      const all = spawnSync('tshark', ['-r', file, '-T', 'fields', ...fields.flatMap((field) => ['-e', field])], { encoding: 'utf8' });
      const lines = all.stdout.trimEnd().split('\n').map((line) => line.split('\t'));
      expect(lines).toHaveLength(frames.length);
      expect(lines[3]).toEqual(['node1/ns1:veth11', '3.000000021', '0x00000001', 'frame 3', String(frames[3]!.length)]);
      const wrong = '_ws.malformed || ip.checksum.status == 0 || udp.checksum.status == 0 || icmp.checksum.status == 0';
      const bad = spawnSync('tshark', ['-r', file, '-o', 'ip.check_checksum:TRUE', '-o', 'udp.check_checksum:TRUE', '-Y', wrong], { encoding: 'utf8' });
      expect(bad.stderr.replace(/^Running as user.*\n/, '')).toBe('');
      expect(bad.stdout).toBe('');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
