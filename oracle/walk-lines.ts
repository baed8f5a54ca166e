import type { RecordWalk } from '../src/core/index.ts';
import { bytesOf } from './frame-text.ts';
import type { IsNamedPort } from './text-table-lines.ts';

const PROTOCOLS: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp' };

/** The packets of a namespace in a step, each with the rules that it met; ports that are drawn at random are named as they appear. */
export function walkLines(walks: readonly RecordWalk[], isNamedPort: IsNamedPort): string[] {
  const names = new Map<number, string>();
  const portName = (port: number): string => {
    if (isNamedPort(port)) return String(port);
    const name = names.get(port) ?? `e${names.size + 1}`;
    names.set(port, name);
    return name;
  };
  return walks.flatMap(({ packet, walk }) => [packetLine(bytesOf(packet), portName), ...walk.map((line) => `  ${line}`)]);
}

/** Who sends what to whom: what rules may have rewritten before the first report is not in it. */
function packetLine(bytes: Uint8Array, portName: (port: number) => string): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const protocol = bytes[9] ?? 0;
  const start = ((bytes[0] ?? 0) & 15) * 4;
  const ends = `${bytes.subarray(12, 16).join('.')} > ${bytes.subarray(16, 20).join('.')} ${PROTOCOLS[protocol] ?? `proto ${protocol}`}`;
  if ((view.getUint16(6) & 0x1fff) !== 0) return `${ends} fragment`;
  if (bytes.length < start + 8 || !(protocol in PROTOCOLS)) return ends;
  if (protocol === 1) return `${ends} type ${bytes[start]} code ${bytes[start + 1]}`;
  const flags = protocol === 6 ? ` flags ${(bytes[start + 13] ?? 0).toString(2).padStart(6, '0')}` : '';
  return `${ends} ${portName(view.getUint16(start))} > ${portName(view.getUint16(start + 2))}${flags}`;
}
