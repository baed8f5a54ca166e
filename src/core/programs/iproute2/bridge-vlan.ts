import { delVlan, listVlans, newVlan, type VlanRequest } from '../../kernel/netlink/vlan.ts';
import type { VlanRow } from '../../kernel/rows.ts';
import { NotSimulated } from '../../shell/process.ts';
import { type Args, atoi, duplicateArgument, Exit, Failure, given, matches } from './args.ts';
import { talk, type Ip } from './ip-context.ts';
import { findLink, linkMap, needLink, type LinkMap } from './links.ts';
import type { Printer } from './printer.ts';
import { bridgeVlanUsage } from './usage-bridge.ts';

/** `bridge vlan ...` */
export function bridgeVlan(ip: Ip, args: Args): number {
  const word = args.word;
  if (!args.more) return show(ip, args);
  args.shift();
  if (matches(word, 'add')) return modify(ip, args, newVlan);
  if (matches(word, 'delete')) return modify(ip, args, delVlan);
  if (matches(word, 'show') || matches(word, 'lst') || matches(word, 'list')) return show(ip, args);
  if (matches(word, 'tunnelshow') || matches(word, 'set') || matches(word, 'global')) throw new NotSimulated(`bridge vlan ${word}`);
  if (matches(word, 'help')) bridgeVlanUsage();
  throw new Exit(255, `Command "${word}" is unknown, try "bridge vlan help".\n`);
}

/** `N` or `N-M`. */
function readVid(word: string): { vid: number; vidEnd?: number } {
  const [first, last] = word.split('-');
  const vid = atoi(first!);
  if (vid >= 4096) throw new Failure(`Invalid VLAN ID "${word}"\n`);
  if (last === undefined) return { vid };
  const vidEnd = atoi(last);
  if (vid >= vidEnd || vidEnd >= 4096) throw new Failure(`Invalid VLAN range "${vid}-${vidEnd}"\n`);
  return { vid, vidEnd };
}

/** `bridge vlan add` and `delete`. Words that they do not know they pass over without a sound, `tagged` among them. */
function modify(ip: Ip, args: Args, request: (ns: Ip['ns'], request: VlanRequest) => void): number {
  let device: string | null = null;
  let range: { vid: number; vidEnd?: number } | null = null;
  const flags: { self?: boolean; master?: boolean; pvid?: boolean; untagged?: boolean } = {};
  for (; args.more; args.shift()) {
    const word = args.word;
    if (word === 'dev') device = args.next();
    else if (word === 'vid') range = readVid(args.next());
    else if (word === 'self' || word === 'master') flags[word] = true;
    else if (matches(word, 'pvid')) flags.pvid = true;
    else if (matches(word, 'untagged')) flags.untagged = true;
    else if (word === 'tunnel_info') throw new NotSimulated('bridge vlan ... tunnel_info');
    else if (matches(word, 'help')) bridgeVlanUsage();
  }
  if (device === null || !range) throw new Failure('Device and VLAN ID are required arguments.\n');
  const link = findLink(ip.ns, device);
  if (!link) throw new Failure(`Cannot find bridge device "${device}"\n`);
  if (flags.pvid && range.vidEnd !== undefined) throw new Failure('pvid cannot be configured for a vlan range\n');
  talk(() => request(ip.ns, given({ ifindex: link.ifindex, ...range, ...flags })));
  return 0;
}

function show(ip: Ip, args: Args): number {
  let device: string | null = null;
  let vid: number | null = null;
  for (; args.more; args.shift()) {
    if (args.word === 'dev') {
      if (device !== null) duplicateArgument('dev', args.next());
      device = args.next();
    } else if (args.word === 'vid') {
      if (vid !== null) duplicateArgument('vid', args.next());
      vid = atoi(args.next());
    } else if (matches(args.word, 'help')) bridgeVlanUsage();
  }
  const only = device === null ? null : needLink(ip.ns, device, 255).ifindex;
  const rows = listVlans(ip.ns).filter((row) => (only === null || row.ifindex === only) && (vid === null || row.vid === vid));
  const p = ip.printer();
  p.begin();
  p.text(`${'port'.padEnd(16)}  vlan-id  \n`);
  printPorts(ip, p, rows, linkMap(ip.ns));
  p.end();
  return 0;
}

function printPorts(ip: Ip, p: Printer, rows: readonly VlanRow[], links: LinkMap): void {
  for (const ifindex of new Set(rows.map((row) => row.ifindex))) {
    p.openObject();
    p.any('ifname', links.name(ifindex), `${links.name(ifindex).padEnd(16)}  `);
    p.openArray('vlans');
    ranges(rows.filter((row) => row.ifindex === ifindex), ip.options.compressVlans).forEach(([row, end], i) => {
      p.openObject();
      p.text(i === 0 ? '' : ' '.repeat(18));
      p.any('vlan', row.vid, `${row.vid}`);
      if (end !== row.vid) p.any('vlanEnd', end, `-${end}`);
      printVlanFlags(p, row);
      p.text('\n');
      p.closeObject();
    });
    p.closeArray();
    p.closeObject();
  }
}

/** Neighbouring VLANs of the same flags as one, with `-compressvlans`. */
function ranges(rows: readonly VlanRow[], compress: boolean): [VlanRow, number][] {
  const list: [VlanRow, number][] = [];
  for (const row of rows) {
    const last = list.at(-1);
    const joins = compress && last && last[1] + 1 === row.vid && !last[0].pvid && !row.pvid && last[0].untagged === row.untagged;
    if (joins) last[1] = row.vid;
    else list.push([row, row.vid]);
  }
  return list;
}

function printVlanFlags(p: Printer, row: VlanRow): void {
  if (!row.pvid && !row.untagged) return;
  p.openArray('flags');
  if (row.pvid) p.any(null, 'PVID', ' PVID');
  if (row.untagged) p.any(null, 'Egress Untagged', ' Egress Untagged');
  p.closeArray();
}
