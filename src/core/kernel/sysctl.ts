import { DEV_CONF_NAMES, type DevConf, type DevConfName } from './dev-conf.ts';
import { KernelError } from './errno.ts';
import { NEIGH_SYSCTLS, randomReachTime, showNeighParm, type NeighParmName, type NeighParms } from './neigh-parms.ts';
import type { NetNamespace } from './net-namespace.ts';
import { INT_MAX, INT_MIN, type IntSysctlName, type PairSysctlName, type SysctlDirectory } from './sysctl-values.ts';

export type { IntSysctlName, SysctlDirectory } from './sysctl-values.ts';

/** The value of a setting of one integer. `name` is written out where it is asked, so this costs a field access. */
export function sysctlInt(ns: NetNamespace, name: IntSysctlName): number {
  return ns.sysctl.integers[name];
}

/** Both values of a setting of two integers. */
export function sysctlPair(ns: NetNamespace, name: PairSysctlName): readonly [number, number] {
  return ns.sysctl.pairs[name];
}

/**
 * Reads a file of /proc/sys; `path` below it (`net/ipv4/ip_forward`), the text without its newline. Throws ENOENT, EISDIR,
 * EACCES (a file that can only be written).
 */
export function readSysctl(ns: NetNamespace, path: string): string {
  const { directory, name } = locate(ns, path);
  return directory.read(name);
}

/** Writes a file of /proc/sys. Throws ENOENT, EISDIR, EINVAL for a value that it does not take, EACCES. */
export function writeSysctl(ns: NetNamespace, path: string, text: string): void {
  const { directory, name } = locate(ns, path);
  directory.write(name, text);
  ns.fib.invalidate();
}

/** Whether the file's mode lets it be written. */
export function sysctlWritable(ns: NetNamespace, path: string): boolean {
  const { directory, name } = locate(ns, path);
  return directory.writable?.(name) ?? true;
}

/** What a path below /proc/sys is. */
export function statSysctl(ns: NetNamespace, path: string): 'file' | 'directory' | null {
  const at = path.lastIndexOf('/');
  const parent = findDirectory(ns, path.slice(0, Math.max(at, 0)));
  if (parent?.names().includes(path.slice(at + 1))) return 'file';
  return subdirectories(ns, path).length > 0 || findDirectory(ns, path) ? 'directory' : null;
}

/** Names in a directory below /proc/sys, sorted; `` for /proc/sys itself. Throws ENOENT, ENOTDIR. */
export function listSysctl(ns: NetNamespace, path: string): string[] {
  const kind = statSysctl(ns, path);
  if (kind === null) throw new KernelError('ENOENT');
  if (kind === 'file') throw new KernelError('ENOTDIR');
  return [...subdirectories(ns, path), ...(findDirectory(ns, path)?.names() ?? [])].sort();
}

/** Every readable file, as `sysctl -a` lists them: in the order of the directories' names, without the deprecated ones. */
export function listAllSysctls(ns: NetNamespace): { readonly path: string; readonly value: string }[] {
  const found: { path: string; value: string }[] = [];
  const walk = (path: string): void => {
    for (const name of listSysctl(ns, path)) {
      const child = path === '' ? name : `${path}/${name}`;
      if (statSysctl(ns, child) === 'directory') walk(child);
      else if (child !== 'net/ipv4/route/flush' && !NEIGH_SYSCTLS[name]?.deprecated) found.push({ path: child, value: readSysctl(ns, child) });
    }
  };
  walk('');
  return found;
}

/** The name that sysctl(8) and the trace use: dots for slashes, and slashes for the dots of a device's name. */
export function dottedSysctl(path: string): string {
  return path.replace(/[./]/g, (mark) => (mark === '/' ? '.' : '/'));
}

function locate(ns: NetNamespace, path: string): { directory: SysctlDirectory; name: string } {
  const kind = statSysctl(ns, path);
  if (kind === null) throw new KernelError('ENOENT');
  if (kind === 'directory') throw new KernelError('EISDIR');
  const at = path.lastIndexOf('/');
  return { directory: findDirectory(ns, path.slice(0, at))!, name: path.slice(at + 1) };
}

/** Directories that stand in a directory. */
function subdirectories(ns: NetNamespace, path: string): string[] {
  const prefix = path === '' ? '' : `${path}/`;
  const names = new Set<string>();
  for (const directory of directories(ns)) {
    if (directory.startsWith(prefix) && directory !== path) names.add(directory.slice(prefix.length).split('/')[0]!);
  }
  return [...names];
}

function directories(ns: NetNamespace): string[] {
  const devices = [...ns.devicesByName.keys()];
  const paths = ['net/core', 'net/ipv4', 'net/ipv4/route'];
  for (const name of ['all', 'default', ...devices]) paths.push(`net/ipv4/conf/${name}`, `net/ipv6/conf/${name}`);
  for (const name of neighDirectories(ns)) paths.push(`net/ipv4/neigh/${name}`);
  if (ns.machine.options.brNetfilter) paths.push('net/bridge');
  return [...paths, ...ns.sysctl.directories.keys()];
}

/** Only the first namespace of a computer has neigh/default. */
function neighDirectories(ns: NetNamespace): string[] {
  return [...(ns.name === '' ? ['default'] : []), ...ns.devicesByName.keys()];
}

function findDirectory(ns: NetNamespace, path: string): SysctlDirectory | null {
  const own = ns.sysctl.directories.get(path);
  if (own) return own;
  const match = /^net\/(ipv[46])\/(conf|neigh)\/([^/]+)$/.exec(path);
  if (match) {
    const [, family, kind, name] = match as unknown as [string, string, string, string];
    if (family === 'ipv6') return kind === 'conf' ? ipv6Directory(ns, path, name) : null;
    return kind === 'conf' ? confDirectory(ns, path, name) : neighDirectory(ns, path, name);
  }
  if (path === 'net/core' || path === 'net/ipv4' || path === 'net/ipv4/route') return plainDirectory(ns, path);
  return path === 'net/bridge' && ns.machine.options.brNetfilter ? plainDirectory(ns, path) : null;
}

function note(ns: NetNamespace, path: string, value: string | number): void {
  const name = dottedSysctl(path);
  ns.tables.sysctl.put(name, { name, value: String(value) });
}

/** Reads integers as proc_dointvec does: decimal, 0x and leading-0 octal, separated by white space; what follows the last wanted one is ignored. */
export function parseIntegers(text: string, count: number, min: number, max: number): number[] {
  const words = text.trim().split(/\s+/).filter((word) => word !== '').slice(0, count);
  if (words.length === 0) throw new KernelError('EINVAL');
  return words.map((word) => {
    const match = /^(-?)(0[xX][0-9a-fA-F]+|\d+)$/.exec(word);
    if (!match) throw new KernelError('EINVAL');
    const digits = match[2]!;
    if (/^0\d/.test(digits) && /[89]/.test(digits)) throw new KernelError('EINVAL');
    const size = /^0[xX]/.test(digits) ? Number(digits) : Number.parseInt(digits, digits.startsWith('0') ? 8 : 10);
    const value = match[1] === '-' ? -size : size;
    if (value < min || value > max) throw new KernelError('EINVAL');
    return value === 0 ? 0 : value;
  });
}

const PAIRS: readonly PairSysctlName[] = ['net.ipv4.ip_local_port_range', 'net.ipv4.ping_group_range'];
const RESERVED_PORTS = 'net.ipv4.ip_local_reserved_ports';
const FLUSH = 'net.ipv4.route.flush';

/** Files of integers: net/core, net/ipv4, net/ipv4/route, net/bridge. */
function plainDirectory(ns: NetNamespace, path: string): SysctlDirectory {
  const prefix = `${path.replaceAll('/', '.')}.`;
  const state = ns.sysctl;
  const names = (): string[] => [...Object.keys(state.specs), ...PAIRS, RESERVED_PORTS, FLUSH]
    .filter((name) => name.startsWith(prefix) && !name.slice(prefix.length).includes('.'))
    .map((name) => name.slice(prefix.length));
  return {
    names,
    read: (file) => {
      const name = prefix + file;
      if (name === FLUSH) throw new KernelError('EACCES');
      if (name === RESERVED_PORTS) return state.reservedPorts;
      const pair = state.pairs[name as PairSysctlName];
      return pair ? pair.join('\t') : String(state.integers[name as IntSysctlName]);
    },
    write: (file, text) => {
      const name = prefix + file;
      if (name === FLUSH) ns.fib.flushCache(ns);
      else if (name === RESERVED_PORTS) note(ns, `${path}/${file}`, state.reservedPorts = parseReservedPorts(text));
      else if (name in state.pairs) writePair(ns, path, file, name as PairSysctlName, text);
      else writeInteger(ns, `${path}/${file}`, name as IntSysctlName, text);
    },
  };
}

function writeInteger(ns: NetNamespace, path: string, name: IntSysctlName, text: string): void {
  const { min, max } = boundsOf(ns, name);
  const [value] = parseIntegers(text, 1, min, max);
  if (name === 'net.ipv4.ip_forward') {
    setAllForwarding(ns, value!);
    return;
  }
  ns.sysctl.integers[name] = value!;
  note(ns, path, value!);
}

/** The two limits of the memory for fragments keep their order (ip4_frags_ns_ctl_register). */
function boundsOf({ sysctl: { specs, integers } }: NetNamespace, name: IntSysctlName): { min: number; max: number } {
  const { min, max } = specs[name]!;
  if (name === 'net.ipv4.ipfrag_high_thresh') return { min: integers['net.ipv4.ipfrag_low_thresh'], max };
  return name === 'net.ipv4.ipfrag_low_thresh' ? { min, max: integers['net.ipv4.ipfrag_high_thresh'] } : { min, max };
}

function writePair(ns: NetNamespace, path: string, file: string, name: PairSysctlName, text: string): void {
  const ports = name === 'net.ipv4.ip_local_port_range';
  const written = parseIntegers(text, 2, ports ? 1 : 0, ports ? 65535 : INT_MAX);
  const pair = ns.sysctl.pairs[name];
  const next: [number, number] = [written[0]!, written[1] ?? pair[1]];
  if (next[1] < next[0]) {
    if (ports) throw new KernelError('EINVAL');
    next[0] = 1;
    next[1] = 0;
  }
  ns.sysctl.pairs[name] = next;
  note(ns, `${path}/${file}`, next.join('\t'));
}

/** `8080,9000-9010`; an empty text clears the list (proc_do_large_bitmap). */
function parseReservedPorts(text: string): string {
  const ports = text.trim();
  for (const range of ports === '' ? [] : ports.split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(range);
    if (!match || Number(match[1]) > 65535 || Number(match[2] ?? match[1]) > 65535 || Number(match[2] ?? match[1]) < Number(match[1])) {
      throw new KernelError('EINVAL');
    }
  }
  return ports;
}

function devConfOf(ns: NetNamespace, name: string): DevConf | null {
  if (name === 'all') return ns.sysctl.all;
  if (name === 'default') return ns.sysctl.default;
  const dev = ns.devicesByName.get(name);
  return (dev && ns.fib.inDevices.get(dev.ifindex)?.conf) ?? null;
}

/** net/ipv4/conf/NAME (devinet_conf_proc, devinet_sysctl_forward). */
function confDirectory(ns: NetNamespace, path: string, name: string): SysctlDirectory | null {
  const conf = devConfOf(ns, name);
  if (!conf) return null;
  return {
    names: () => DEV_CONF_NAMES,
    read: (file) => String(conf.values[file as DevConfName]),
    write: (file, text) => {
      const key = file as DevConfName;
      if (key === 'mc_forwarding') throw new KernelError('EINVAL');
      const value = parseIntegers(text, 1, INT_MIN, INT_MAX)[0]!;
      if (key === 'forwarding' && name === 'all') {
        setAllForwarding(ns, value);
        return;
      }
      const before = conf.values[key];
      conf.values[key] = value;
      conf.chosen.add(key);
      note(ns, `${path}/${file}`, value);
      if (before !== value && ANNOUNCED.has(key)) announce(ns, name, key, value);
      if (name === 'default' && key !== 'forwarding') copyDefault(ns, key, value);
    },
  };
}

/** Settings whose changes are told to who listens (devinet_conf_proc, devinet_sysctl_forward). */
const ANNOUNCED: ReadonlySet<DevConfName> = new Set<DevConfName>(['forwarding', 'rp_filter', 'proxy_arp', 'ignore_routes_with_linkdown']);

function announce(ns: NetNamespace, of: string, name: DevConfName, value: number): void {
  const ifindex = of === 'all' || of === 'default' ? null : ns.devicesByName.get(of)!.ifindex;
  for (const hear of [...ns.sysctl.announced]) hear(of, ifindex, name, value);
}

/** What is written to `default` reaches every device for which nobody has chosen a value (devinet_copy_dflt_conf). */
function copyDefault(ns: NetNamespace, key: DevConfName, value: number): void {
  for (const { dev, conf } of ns.fib.inDevices.values()) {
    if (conf.chosen.has(key) || conf.values[key] === value) continue;
    conf.values[key] = value;
    note(ns, `net/ipv4/conf/${dev.name}/${key}`, value);
  }
}

/** Writing ip_forward, or conf/all/forwarding, turns forwarding on or off everywhere (inet_forward_change). */
function setAllForwarding(ns: NetNamespace, value: number): void {
  const { all, integers } = ns.sysctl;
  const before = integers['net.ipv4.ip_forward'];
  integers['net.ipv4.ip_forward'] = all.values.forwarding = value;
  note(ns, 'net/ipv4/ip_forward', value);
  note(ns, 'net/ipv4/conf/all/forwarding', value);
  if (before === value) return;
  all.values.accept_redirects = value === 0 ? 1 : 0;
  note(ns, 'net/ipv4/conf/all/accept_redirects', all.values.accept_redirects);
  ns.sysctl.default.values.forwarding = value;
  note(ns, 'net/ipv4/conf/default/forwarding', value);
  announce(ns, 'all', 'forwarding', value);
  announce(ns, 'default', 'forwarding', value);
  for (const { dev, conf } of ns.fib.inDevices.values()) {
    conf.values.forwarding = value;
    note(ns, `net/ipv4/conf/${dev.name}/forwarding`, value);
    announce(ns, dev.name, 'forwarding', value);
  }
}

/** net/ipv4/neigh/NAME (neigh_sysctl_template), and for `default` the limits of the whole table. */
function neighDirectory(ns: NetNamespace, path: string, name: string): SysctlDirectory | null {
  const { neighbours } = ns;
  const dev = ns.devicesByName.get(name);
  const set = name === 'default' ? (ns.name === '' ? neighbours.default : undefined) : dev && neighbours.devices.get(dev.ifindex)?.settings;
  if (!set) return null;
  const limits = name === 'default' ? neighbours.limits : null;
  type Limit = keyof typeof neighbours.limits;
  const limitNames = limits ? (Object.keys(limits) as Limit[]) : [];
  return {
    names: () => [...Object.keys(NEIGH_SYSCTLS), ...limitNames],
    read: (file) => {
      const sysctl = NEIGH_SYSCTLS[file];
      return String(sysctl ? showNeighParm(set.parms, sysctl) : limits![file as Limit]);
    },
    write: (file, text) => {
      const value = parseIntegers(text, 1, 0, INT_MAX)[0]!;
      const sysctl = NEIGH_SYSCTLS[file];
      if (!sysctl) limits![file as Limit] = value;
      else {
        set.parms[sysctl.parm] = value * sysctl.unit;
        set.chosen.add(sysctl.parm);
        if (name === 'default') copyNeighDefault(ns, sysctl.parm, set.parms[sysctl.parm], file);
        else if (sysctl.parm === 'base_reachable_time') set.reachableTime = randomReachTime(set.parms.base_reachable_time, ns.world.random);
      }
      note(ns, `${path}/${file}`, value);
    },
  };
}

/** neigh_copy_dflt_parms */
function copyNeighDefault(ns: NetNamespace, parm: NeighParmName, value: number, file: string): void {
  for (const { dev, settings } of ns.neighbours.devices.values()) {
    const parms: NeighParms = settings.parms;
    if (settings.chosen.has(parm) || parms[parm] === value) continue;
    parms[parm] = value;
    note(ns, `net/ipv4/neigh/${dev.name}/${file}`, showNeighParm(parms, NEIGH_SYSCTLS[file]!));
  }
}

/** net/ipv6/conf/NAME: what set-ups write to turn IPv6 off. */
function ipv6Directory(ns: NetNamespace, path: string, name: string): SysctlDirectory | null {
  const { ipv6 } = ns.sysctl;
  const shown = name === 'all' || name === 'default' || ns.devicesByName.has(name);
  if (!shown) return null;
  const values = ipv6.get(name) ?? { ...ipv6.get('default')! };
  return {
    names: () => ['disable_ipv6', 'forwarding'],
    read: (file) => String(file === 'forwarding' ? values.forwarding : values.disableIpv6),
    write: (file, text) => {
      const value = parseIntegers(text, 1, INT_MIN, INT_MAX)[0]!;
      if (file === 'forwarding') values.forwarding = value;
      else if (value === 0) throw new KernelError('EOPNOTSUPP', 'IPv6 is not simulated, so it cannot be turned on');
      else values.disableIpv6 = value;
      ipv6.set(name, values);
      note(ns, `${path}/${file}`, value);
    },
  };
}

/** A device has gone: so have its settings. */
export function forgetDeviceSysctls(ns: NetNamespace, name: string): void {
  ns.sysctl.ipv6.delete(name);
  moveDeviceSysctls(ns, name, null);
}

/** A device has another name: its directories have it, too. */
export function renameDeviceSysctls(ns: NetNamespace, from: string, to: string): void {
  const ipv6 = ns.sysctl.ipv6.get(from);
  if (ipv6) {
    ns.sysctl.ipv6.delete(from);
    ns.sysctl.ipv6.set(to, ipv6);
  }
  moveDeviceSysctls(ns, from, to);
}

function moveDeviceSysctls(ns: NetNamespace, from: string, to: string | null): void {
  const { sysctl } = ns.tables;
  for (const directory of ['net/ipv4/conf', 'net/ipv4/neigh', 'net/ipv6/conf']) {
    const prefix = `${dottedSysctl(`${directory}/${from}`)}.`;
    for (const [key, row] of [...sysctl.rows]) {
      if (!key.startsWith(prefix)) continue;
      sysctl.delete(key);
      if (to !== null) note(ns, `${directory}/${to}/${key.slice(prefix.length)}`, row.value);
    }
  }
}
