import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { servicePort, serviceName } from '../lib/services.ts';
import { compileFilter } from './filter/compile.ts';
import { FilterError } from './filter/lexer.ts';
import { pcapHeader, pcapRecord } from './pcap-file.ts';
import { printFrame } from './print/frame.ts';
import { protocolNumber } from './print/protocols.ts';
import { igmpFrames, testFrames } from './test-frames.ts';

/* Our printer and our filter beside the real tcpdump, where it is installed. */
const version = spawnSync('tcpdump', ['--version'], { encoding: 'utf8' });
const installed = /tcpdump version 4\.99/.test(`${version.stdout}${version.stderr}`);

const folder = mkdtempSync(join(tmpdir(), 'tcpdump-'));
afterAll(() => rmSync(folder, { recursive: true }));

function save(name: string, frames: readonly Uint8Array[]): string {
  const path = join(folder, name);
  writeFileSync(path, Buffer.concat([pcapHeader('EN10MB', 262_144), ...frames.map((bytes, i) => pcapRecord({ at: i * 1e9, bytes, length: bytes.length }))]));
  return path;
}

/** The text of each packet, cut at the numbers that -# gives. */
function byNumber(text: string): string[] {
  const starts: number[] = [];
  for (const match of text.matchAll(/^ *(\d+) {2}/gm)) if (Number(match[1]) === starts.length + 1) starts.push(match.index);
  return starts.map((start, i) => text.slice(start, starts[i + 1]).replace(/^ *\d+ {2}/, ''));
}

/** Prints the frames with both; gives where they differ. */
function compare(flags: string, frames: readonly Uint8Array[], path: string): object[] {
  const { stdout } = spawnSync('tcpdump', [flags, '-#', '-r', path], { encoding: 'latin1', maxBuffer: 1e9 });
  const count = (letter: string): number => flags.split(letter).length - 1;
  const options = {
    link: flags.includes('e'), verbose: count('v'), numeric: flags.includes('n'), quiet: flags.includes('q'), hex: count('x'), hexAscii: count('X'), ascii: count('A'),
    absolute: flags.includes('S'), checksums: !flags.includes('K'), conversations: new Map(), hostName: (ip: number) => (ip === LOCALHOST ? 'localhost' : null), serviceName,
  };
  const real = byNumber(stdout);
  expect(real).toHaveLength(frames.length);
  const ours = frames.map((bytes) => `${printFrame(options, { linkType: 'EN10MB', bytes, length: bytes.length, interfaceName: null })}\n`);
  return frames.flatMap((bytes, i) => (real[i] === ours[i] ? [] : [{ hex: Buffer.from(bytes).toString('hex'), real: real[i], ours: ours[i] }]));
}

const LOCALHOST = 0x7f000001;

describe.runIf(installed)('the printer', () => {
  const frames = testFrames(600, true);
  const path = save('print.pcap', frames);
  it.each(['-nt', '-nte', '-ntv', '-ntve', '-ntvv', '-ntq', '-ntqe', '-ntx', '-ntxx', '-ntX', '-ntXX', '-ntA', '-ntAA', '-ntKv', '-ntS', '-ntSvv'])('tcpdump %s', (flags) => {
    expect(compare(flags, frames, path)).toEqual([]);
  });

  const igmp = igmpFrames(200);
  const igmpPath = save('igmp.pcap', igmp);
  it.each(['-nt', '-ntv', '-ntvv', '-ntq'])('tcpdump %s of IGMP', (flags) => expect(compare(flags, igmp, igmpPath)).toEqual([]));

  // With names: of the one address that every computer's /etc/hosts knows, so that no name server is asked.
  const local = testFrames(200, false, [LOCALHOST]);
  const localPath = save('names.pcap', local);
  it.each(['-t', '-te', '-tv', '-tvve'])('tcpdump %s', (flags) => expect(compare(flags, local, localPath)).toEqual([]));
});

const FILTERS = `icmp; arp; ip; udp; tcp; rarp; ip6; icmp6; vlan; vlan 5; vlan and icmp; icmp or vlan and icmp; (vlan and icmp) or udp; vlan 100 and vlan 200; not vlan
host 10.0.1.1; src host 10.0.1.1; dst host 10.0.1.1; src 10.0.1.1; src 10.0.1.1 or src 10.0.2.1 and icmp; src or dst host 10.0.1.1; src and dst host 10.0.1.1
host 10.0.1.1 or 10.0.2.1; host (10.0.1.1 or 10.0.2.1); host 10.0.1.1 and not 10.0.2.1; host localhost; ip host 10.0.1.1; arp host 10.0.1.1; arp src host 10.0.1.1
net 10.0.0.0/8; net 10; net 10.0; net 10.0.1; src net 10.0.1.0/24; dst net 192.168.1.0 mask 255.255.255.0; net 10.0.1.0/24 or arp; src net 10.0.0.0/8 and dst net 192.168.0.0/16
port 80; udp port 80; tcp port 80; src port 443; portrange 1-100; udp portrange 9000-10000; dst portrange 22-80; port 80 or 443; port (80 or 443); not port 22; port http; port domain
portrange 5; portrange 80-22; port ssh or arp; udp and (port 80 or port 443); host 10.0.1.1 and port 80; dst port 80 or dst port 443
ether host 02:00:00:00:00:01; ether src 02:00:00:00:00:01; ether dst ff:ff:ff:ff:ff:ff; ether host 020000000001; ether host 0200.0000.0001; ether host 02-00-00-00-00-01
ether broadcast; broadcast; multicast; ether multicast; ip multicast; ip broadcast; ether proto 0x806; ether proto \\arp; ip proto 17; ip proto \\udp; proto 1; proto \\icmp; ip proto 253
greater 60; less 60; len > 60; len <= 42; 42 = len; icmp[icmptype] == icmp-echo; icmp[0] = 8; icmp[icmptype] != icmp-echo and icmp[icmptype] != icmp-echoreply
ip[8] < 10; ip[8]<10; ip[6:2] & 0x1fff != 0; (ip[6:2] & 0x1fff) = 0; ip[0] & 0xf != 5; ether[0] & 1 != 0; ether[12:2] = 0x806; arp[6:2] = 1; udp[0:2] = 80; udp[4:2] > 20
icmp[100] = 1; not icmp[100] = 1; icmp[100] = 1 or arp; ip[ip[0]&0xf] = 1; icmp[0]+1 = 9; (icmp[0] = 8); ((icmp)); 1 = 1; 5 > 3 and icmp; ip[12:4] & 0xffffff00 = 0x0a000100
ip[8] * 2 > 300; ip[8] / 2 > 100; ip[8] % 2 = 0; ip[8] ^ 1 = 5; ip[8] >> 4 = 15; ip[8] << 1 > 256; ip[8] = -1; len - 14 > 50; ether[6:4] = 0x02000000; link[0] = 2
not arp; not arp and not icmp; !arp; ! (arp or icmp); arp or icmp and host 10.0.1.1; icmp && !arp || udp; not not icmp; ip and not (icmp or udp); tcp[tcpflags] & (tcp-syn|tcp-fin) != 0
igmp; sctp; ah; esp; pim; vrrp; carp; igrp; ip[1] & 3 = 3; ether[1000] = 1; ip src 10.0.1.1 and ip dst 10.0.2.1; ether src host 02:00:00:00:00:01; ether dst host 02:00:00:00:00:01 and arp
and; icmp and; icmp arp; (); src; port; host; ether; foo; icmp 10.0.1.1; ip 10.0.1.1; 10.0.1.1; host nosuch; host 300.1.1.1; net 300.1; net foo; net 10.0.0.1/8; net 10.0.0.0/33
net 10.0.0.1 mask 255.0.0.0; src 10.0.0.0/8; port 99999; port foo; portrange a-b; ether host 1.2.3.4; ether host foo; host 02:00:00:00:00:01; ether net 10.0.0.0; vlan 4096; vlan foo
icmp[foo] = 1; icmp[0:3] = 1; len; icmp[0]; 1 = 2; tcp host 10.0.1.1; icmp host 10.0.1.1; ip6 host 10.0.1.1; arp port 80; ip proto foo; ip proto icmp; ether proto foo; inbound; gateway foo`;

describe.runIf(installed)('the filter', () => {
  const frames = testFrames(400, false);
  const path = save('filter.pcap', frames);
  const context = { resolveHost: (name: string) => (name === 'localhost' ? 0x7f000001 : null), service: servicePort, ipProtocol: protocolNumber, netmask: 0, live: false };

  /** Indices of the frames let through, which are their times in the file; or the error. */
  function real(expression: string): string {
    const { status, stdout, stderr } = spawnSync('tcpdump', ['-r', path, '-w', '-', expression], { encoding: 'buffer', maxBuffer: 1e9 });
    if (status !== 0) return /^tcpdump: (.*)$/m.exec(stderr.toString())![1]!;
    const times: number[] = [];
    for (let at = 24; at < stdout.length; at += 16 + stdout.readUInt32LE(at + 8)) times.push(stdout.readUInt32LE(at));
    return times.join();
  }
  function ours(expression: string): string {
    try {
      const accepts = compileFilter(expression, 'EN10MB', context);
      return frames.flatMap((bytes, i) => (accepts({ bytes, length: bytes.length, direction: null }) ? [i] : [])).join();
    } catch (error) {
      if (!(error instanceof FilterError)) throw error;
      return error.message;
    }
  }

  it.each(FILTERS.split(/[;\n]\s*/))('%s', (expression) => expect(ours(expression)).toBe(real(expression)));
});
