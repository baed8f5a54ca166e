import type { LabRecord, RecordFrame } from '../src/core/index.ts';
import { bytesOf, frameText, newMemory, VXLAN_PORTS, type FrameMemory } from './frame-text.ts';
import { macNames } from './names.ts';

/** For each step: place -> its frames in order, as lines. */
export function frameLines(record: LabRecord, isNamedPort: (port: number) => boolean): Map<string, string[]>[] {
  const names = macNames(record);
  const memories = new Map<string, FrameMemory>();
  const probes = new Map<string, Map<string, number>>();
  return record.steps.map(({ frames }) => {
    const lines = new Map<string, string[]>();
    // Equal pids on two machines are equal ICMP ids: what a number stood for in an earlier step says nothing about this one.
    for (const { ids } of memories.values()) ids.clear();
    for (const frame of [...frames].sort((a, b) => a.n - b.n)) {
      if (belongsToProbe(frame, entry(probes, frame.place, () => new Map<string, number>()))) continue;
      const memory = entry(memories, frame.place, () => newMemory(names, isNamedPort));
      entry(lines, frame.place, (): string[] => []).push(`${frame.dir.padEnd(3)} ${frameText(bytesOf(frame.hex), memory)}`);
    }
    return lines;
  });
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

const ARP = '0806';

/** The frame that a VXLAN packet carries, or the frame itself. */
function carried(hex: string): string {
  const headers = 14 + (parseInt(hex.slice(28, 30), 16) & 15) * 4;
  const isWholeUdp = hex.slice(24, 28) === '0800' && hex.slice(46, 48) === '11' && (parseInt(hex.slice(40, 44), 16) & 0x3fff) === 0;
  const port = isWholeUdp ? parseInt(hex.slice((headers + 2) * 2, (headers + 4) * 2), 16) : 0;
  return VXLAN_PORTS.has(port) ? carried(hex.slice((headers + 16) * 2)) : hex;
}

/** A unicast ARP request of the kernel (its target MAC is 0, that of arping is not), or the answer to one; also in a tunnel. */
function belongsToProbe(frame: RecordFrame, open: Map<string, number>): boolean {
  const hex = carried(frame.hex);
  if (hex.slice(24, 28) !== ARP) return false;
  const [operation, spa, tha, tpa] = [hex.slice(40, 44), hex.slice(56, 64), hex.slice(64, 76), hex.slice(76, 84)];
  const unicast = (parseInt(hex.slice(0, 2), 16) & 1) === 0;
  if (operation === '0001' && unicast && /^0+$/.test(tha)) {
    open.set(`${tpa}${spa}`, (open.get(`${tpa}${spa}`) ?? 0) + 1);
    return true;
  }
  const waiting = operation === '0002' ? open.get(`${spa}${tpa}`) ?? 0 : 0;
  if (waiting === 0) return false;
  open.set(`${spa}${tpa}`, waiting - 1);
  return true;
}
