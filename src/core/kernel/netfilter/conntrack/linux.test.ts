import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fromHex } from '../../../wire/bytes.ts';
import { decode } from '../../../wire/codec.ts';
import { conntrackStats, listConntrack } from '../../netlink/conntrack.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import { see, trackingHost } from './testing.ts';

/** A segment from its IP header on, how many packets Linux called INVALID for it, and what /proc/net/nf_conntrack said then: state, seconds, who began, flags. */
type Seen = readonly [hex: string, invalid: number, entry: string | null];

/** Connections of random segments, some of them nonsense, as Linux 6.18 tracked them on a router. */
const CONNECTIONS = JSON.parse(readFileSync(new URL('golden/tcp-segments.json', import.meta.url), 'utf8')) as readonly (readonly Seen[])[];

function entryOf(ns: NetNamespace, wanted: string | null): string | null {
  const [entry] = listConntrack(ns);
  if (!entry) return null;
  const seconds = Math.round((entry.expires - ns.queue.now) / 1e9);
  // The kernel looked at its clock a little later.
  const told = Number(wanted?.split(' ')[1]);
  const shown = seconds - told >= 0 && seconds - told <= 2 ? told : seconds;
  return `${entry.tcpState} ${shown} ${entry.original.dport === 80 ? 'c' : 's'}${entry.seenReply ? '' : ' UNREPLIED'}${entry.assured ? ' ASSURED' : ''}`;
}

describe('TCP connections, against a recording of Linux', () => {
  it.each(CONNECTIONS.map((segments, i) => [i, segments] as const))('number %i', (_i, segments) => {
    const ns = trackingHost('nothing');
    for (const [hex, invalid, wanted] of segments) {
      const before = conntrackStats(ns).invalid;
      see(ns, decode(fromHex(hex)!, 'ipv4'));
      expect([conntrackStats(ns).invalid - before, entryOf(ns, wanted)]).toEqual([invalid, wanted]);
    }
  });
});
