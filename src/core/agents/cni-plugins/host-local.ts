import type { Process } from '../../shell/process.ts';
import { formatIpv4, type Ipv4 } from '../../wire/address.ts';
import type { AgentRunning } from '../agent.ts';
import { formatCidr } from './cidr.ts';
import { CniError, fail, withPath } from './cni-error.ts';
import { formatRangeSet, inRange, loadHostLocalConfig, type Range, type RangeSet } from './host-local-config.ts';
import { openStore, type Store } from './host-local-store.ts';
import { printResult, type ResultDns, type ResultIp } from './result.ts';
import { type CmdArgs, pluginMain } from './skel.ts';

interface Owner {
  readonly containerId: string;
  readonly ifName: string;
}

/** The addresses of a set in the order in which they are tried: from the one after the last that was given out, once around (RangeIter). */
function* candidates(set: RangeSet, last: Ipv4 | null): Generator<{ readonly ip: Ipv4; readonly range: Range }> {
  let index = last === null ? -1 : set.findIndex((range) => inRange(range, last));
  let ip = last ?? 0;
  let began: Ipv4 | null = null;
  for (;;) {
    if (index < 0) {
      index = 0;
      ip = set[0]!.start;
    } else if (ip === set[index]!.end) {
      index = (index + 1) % set.length;
      ip = set[index]!.start;
    } else ip++;
    if (began === null) began = ip;
    else if (ip === began) return;
    if (ip !== set[index]!.gateway) yield { ip, range: set[index]! };
  }
}

/** One address of a set (IPAllocator.Get). */
function allocate(store: Store, set: RangeSet, index: number, { containerId, ifName }: Owner, requested: Ipv4 | undefined): ResultIp {
  const given = (ip: Ipv4, { subnet, gateway }: Range): ResultIp => ({ interface: null, address: formatCidr({ ip, length: subnet.length }), gateway: formatIpv4(gateway) });
  if (requested !== undefined) {
    const range = set.find((one) => inRange(one, requested))!;
    if (requested === range.gateway) fail(`requested ip ${formatIpv4(requested)} is subnet's gateway`);
    if (!store.reserve(requested, containerId, ifName, index)) fail(`requested IP address ${formatIpv4(requested)} is not available in range set ${formatRangeSet(set)}`);
    return given(requested, range);
  }
  const before = store.of(containerId, ifName).find((ip) => set.some((range) => inRange(range, ip)));
  if (before !== undefined) fail(`${formatIpv4(before)} has been allocated to ${containerId}, duplicate allocation is not allowed`);
  for (const { ip, range } of candidates(set, store.lastReserved(index))) if (store.reserve(ip, containerId, ifName, index)) return given(ip, range);
  return fail(`no IP addresses available in range set: ${formatRangeSet(set)}`);
}

function* add(args: CmdArgs): AgentRunning<string> {
  const config = loadHostLocalConfig(args);
  const dns = config.resolvConf === '' ? {} : readResolvConf(args.process, config.resolvConf);
  const store = openStore(args.process, config.dataDir, config.name);
  const wanted = [...config.requested];
  const ips: ResultIp[] = [];
  config.sets.forEach((set, index) => {
    const at = wanted.findIndex((ip) => set.some((range) => inRange(range, ip)));
    const [requested] = at < 0 ? [] : wanted.splice(at, 1);
    try {
      ips.push(allocate(store, set, index, args, requested));
    } catch (error) {
      if (!(error instanceof CniError)) throw error;
      if (ips.length > 0) store.release(args.containerId, args.ifName);
      fail(`failed to allocate for range ${index}: ${error.message}`);
    }
  });
  if (wanted.length > 0) {
    store.release(args.containerId, args.ifName);
    fail(`failed to allocate all requested IPs: ${wanted.map(formatIpv4).join(' ')}`);
  }
  return printResult({ interfaces: [], ips, routes: config.routes, dns }, args.version);
}

/** Lines of resolv.conf(5) as the result has them. */
function readResolvConf(process: Process, path: string): ResultDns {
  const text = withPath('open', path, () => process.fs.read(path));
  const lines = text.split('\n').map((line) => line.trim()).filter((line) => !/^([#;]|$)/.test(line)).map((line) => line.split(/\s+/)).filter((words) => words.length > 1);
  const all = (key: string): string[] => lines.filter((words) => words[0] === key).flatMap((words) => words.slice(1));
  const servers = lines.filter((words) => words[0] === 'nameserver').map((words) => words[1]!);
  const domain = lines.filter((words) => words[0] === 'domain').at(-1)?.[1];
  const lists = Object.fromEntries(Object.entries({ search: all('search'), options: all('options') }).filter(([, list]) => list.length > 0));
  return { ...(servers.length > 0 ? { nameservers: servers } : {}), ...(domain === undefined ? {} : { domain }), ...lists };
}

function* del(args: CmdArgs): AgentRunning<string> {
  const config = loadHostLocalConfig(args);
  openStore(args.process, config.dataDir, config.name).release(args.containerId, args.ifName);
  return '';
}

function* check(args: CmdArgs): AgentRunning<string> {
  const config = loadHostLocalConfig(args);
  if (openStore(args.process, config.dataDir, config.name).of(args.containerId, args.ifName).length === 0) fail(`host-local: Failed to find address added by container ${args.containerId}`);
  return '';
}

/** The IPAM plugin host-local (containernetworking/plugins, plugins/ipam/host-local): addresses of a range, kept in files of this node. */
export const hostLocal = pluginMain('host-local', { add, del, check });
