import { strerror } from '../../kernel/errno.ts';
import { listFdb } from '../../kernel/netlink/fdb.ts';
import { listLinks } from '../../kernel/netlink/link.ts';
import type { BridgeOptions, LinkRow } from '../../kernel/rows.ts';
import type { Process } from '../../shell/process.ts';
import { SECOND } from '../../sim/time.ts';
import { formatMac } from '../../wire/address.ts';
import { bridgeIdMac } from '../iproute2/link-details.ts';

/** IFNAMSIZ: a longer name is cut. */
export function cut(name: string): string {
  return name.slice(0, 15);
}

export function linkOf(process: Process, name: string): LinkRow | null {
  return listLinks(process.ns).find((row) => row.name === cut(name)) ?? null;
}

/** `8000.020000000001`, as /sys/class/net/X/bridge/bridge_id has it. */
function bridgeId(process: Process, bridge: LinkRow): string {
  const priority = bridge.bridge!.priority.toString(16).padStart(4, '0');
  return `${priority}.${formatMac(bridgeIdMac(process.ns, bridge)).replaceAll(':', '')}`;
}

function portsOf(process: Process, bridge: LinkRow): LinkRow[] {
  return listLinks(process.ns).filter((row) => row.master === bridge.ifindex && row.port);
}

/** `brctl show [BRIDGE ...]` */
export function showBridges(process: Process, names: readonly string[]): string | null {
  const byName = (rows: readonly LinkRow[]): LinkRow[] => [...rows].sort((x, y) => (x.name < y.name ? -1 : 1));
  const found = names.length > 0
    ? names.map((name) => [name, linkOf(process, name)] as const)
    : byName(listLinks(process.ns).filter((row) => row.kind === 'bridge')).map((row) => [row.name, row] as const);
  let headed = false;
  for (const [name, bridge] of found) {
    if (!bridge) return `bridge ${name} does not exist!\n`;
    if (!bridge.bridge) return `device ${name} is not a bridge!\n`;
    if (!headed) process.stdout.write('bridge name\tbridge id\t\tSTP enabled\tinterfaces\n');
    headed = true;
    const ports = byName(portsOf(process, bridge)).map((port) => port.name);
    const list = ports.length === 0 ? '\n' : ports.map((port, i) => `${i === 0 ? '' : '\t\t\t\t\t\t\t'}${port}\n`).join('');
    process.stdout.write(`${bridge.name}\t\t${bridgeId(process, bridge)}\t${bridge.bridge.stp ? 'yes' : 'no'}\t\t${list}`);
  }
  return null;
}

/** Seconds as brctl prints them: `   0.00`, at least four before the point. */
function seconds(value: number): string {
  return value.toFixed(2).padStart(7);
}

/** `brctl showmacs BRIDGE`: by MAC. */
export function showMacs(process: Process, [name = '']: readonly string[]): string | null {
  const bridge = linkOf(process, name);
  if (!bridge) return `read of forward table failed: ${strerror('ENODEV')}\n`;
  if (!bridge.bridge) return `read of forward table failed: ${strerror('EOPNOTSUPP')}\n`;
  const numbers = new Map(portsOf(process, bridge).map((port) => [port.ifindex, port.port!.no]));
  const rows = listFdb(process.ns).filter((row) => row.bridge === bridge.ifindex && row.ifindex !== bridge.ifindex).sort((x, y) => x.mac - y.mac);
  let text = 'port no\tmac addr\t\tis local?\tageing timer\n';
  for (const row of rows) {
    const age = row.state === 'learned' ? Math.max(0, process.now - row.updated) / SECOND : 0;
    text += `${String(numbers.get(row.ifindex) ?? 0).padStart(3)}\t${formatMac(row.mac)}\t${row.state === 'permanent' ? 'yes' : 'no'}\t\t${seconds(age)}\n`;
  }
  process.stdout.write(text);
  return null;
}

/** `brctl showstp BRIDGE`. The timers stand still, as in `ip -d link`. */
export function showStp(process: Process, [name = '']: readonly string[]): string | null {
  const bridge = linkOf(process, name);
  if (!bridge?.bridge) return bridge ? `${name}: can't get info ${strerror('EOPNOTSUPP')}\n` : `bridge ${name} does not exist!\n`;
  const id = bridgeId(process, bridge);
  let text = `${name}\n${bridgeText(id, bridge.bridge)}`;
  for (const port of portsOf(process, bridge).sort((x, y) => x.port!.no - y.port!.no)) text += portText(id, port);
  process.stdout.write(text);
  return null;
}

function bridgeText(id: string, options: BridgeOptions): string {
  const time = (ticks: number): string => seconds(ticks / 100);
  return ` bridge id\t\t${id}\n designated root\t${id}\n root port\t\t${'0'.padStart(4)}\t\t\tpath cost\t\t${'0'.padStart(4)}\n`
    + ` max age\t\t${time(options.maxAge)}\t\t\tbridge max age\t\t${time(options.maxAge)}\n`
    + ` hello time\t\t${time(options.helloTime)}\t\t\tbridge hello time\t${time(options.helloTime)}\n`
    + ` forward delay\t\t${time(options.forwardDelay)}\t\t\tbridge forward delay\t${time(options.forwardDelay)}\n`
    + ` ageing time\t\t${time(options.ageingTime)}\n hello timer\t\t${time(0)}\t\t\ttcn timer\t\t${time(0)}\n`
    + ` topology change timer\t${time(0)}\t\t\tgc timer\t\t${time(0)}\n flags\t\t\t\n\n\n`;
}

function portText(id: string, row: LinkRow): string {
  const port = row.port!;
  const portId = (port.priority * 1024 + port.no).toString(16).padStart(4, '0');
  return `${row.name} (${port.no})\n port id\t\t${portId}\t\t\tstate\t\t${port.state.padStart(15)}\n`
    + ` designated root\t${id}\tpath cost\t\t${String(port.cost).padStart(4)}\n`
    + ` designated bridge\t${id}\tmessage age timer\t${seconds(0)}\n`
    + ` designated port\t${portId}\t\t\tforward delay timer\t${seconds(0)}\n`
    + ` designated cost\t${'0'.padStart(4)}\t\t\thold timer\t\t${seconds(0)}\n flags\t\t\t${port.hairpin ? '\n hairpin mode\t\t   1' : ''}\n\n`;
}
