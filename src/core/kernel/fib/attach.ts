import { newDevConf } from '../dev-conf.ts';
import { KernelError } from '../errno.ts';
import type { NetDevice } from '../net-device.ts';
import type { NetDeviceEvent, NetNamespace } from '../net-namespace.ts';
import type { RuleRow } from '../rows.ts';
import { forgetDeviceSysctls, renameDeviceSysctls } from '../sysctl.ts';
import { fibAddIfaddr, inetInsertIfa } from './addresses.ts';
import type { InDevice } from './fib-state.ts';
import { addrKey, chooseAllSettings, inDeviceOf } from './in-device.ts';
import { makeRule } from './rules.ts';
import { RT_TABLE_DEFAULT, RT_TABLE_LOCAL, RT_TABLE_MAIN } from './scope.ts';
import { fibDisableIp, fibSyncDownDev, fibSyncUp } from './sync.ts';

const LOOPBACK_ADDRESS = 0x7f00_0001;

/** A rule that selects everything and looks into one table. */
function plainRule(priority: number, table: number): RuleRow {
  return {
    priority, not: false, src: 0, srcLength: 0, dst: 0, dstLength: 0, iif: null, oif: null, tos: 0, fwmark: 0, fwmask: 0, ipproto: 0,
    sport: null, dport: null, suppressPrefixLength: null, table, action: 'lookup', goto: 0, protocol: 'kernel',
  };
}

/** Routing of a new namespace: its three rules, and how it follows the devices (ip_fib_net_init, devinet_init_net). */
export function attachFib(ns: NetNamespace): void {
  for (const row of [plainRule(0, RT_TABLE_LOCAL), plainRule(32766, RT_TABLE_MAIN), plainRule(32767, RT_TABLE_DEFAULT)]) {
    const key = `${row.priority}/0`;
    ns.fib.rules.push(makeRule(row, key));
    ns.tables.rule.put(key, row);
  }
  const names = new Map<number, string>();
  ns.notifiers.add((event, dev) => {
    followNames(ns, names, event, dev);
    inetdevEvent(ns, event, dev);
  });
}

/** A device's settings are listed under its name. */
function followNames(ns: NetNamespace, names: Map<number, string>, event: NetDeviceEvent, dev: NetDevice): void {
  const before = names.get(dev.ifindex);
  if (event === 'changename' && before !== undefined) {
    renameDeviceSysctls(ns, before, dev.name);
    relabel(ns, dev);
  }
  if (event === 'register' || event === 'changename') names.set(dev.ifindex, dev.name);
  if (event === 'unregister') names.delete(dev.ifindex);
}

/** IFNAMSIZ, without the NUL at the end. */
const LABEL_MAX = 15;

/** Labels follow the name of the device: the first is the name, the others keep their alias or get a number (inetdev_changename). */
function relabel(ns: NetNamespace, dev: NetDevice): void {
  const inDev = inDeviceOf(ns, dev);
  if (!inDev) return;
  inDev.addresses = inDev.addresses.map((ifa, i) => {
    const colon = ifa.label.indexOf(':');
    const alias = i === 0 ? '' : colon < 0 ? `:${i + 1}` : ifa.label.slice(colon);
    const row = { ...ifa, label: dev.name.slice(0, LABEL_MAX - alias.length) + alias };
    const rows = ns.fib.local.get(ifa.local)!;
    rows[rows.indexOf(ifa)] = row;
    ns.tables.addr.put(addrKey(row), row);
    return row;
  });
}

/** inetdev_event and fib_netdev_event, in the order in which Linux calls them. */
function inetdevEvent(ns: NetNamespace, event: NetDeviceEvent, dev: NetDevice): void {
  if (event === 'register') {
    // inetdev_init
    ns.fib.inDevices.set(dev.ifindex, { dev, conf: newDevConf(ns.sysctl.default, dev.kind === 'loopback'), addresses: [], lifetimes: new Map() });
    return;
  }
  const inDev = inDeviceOf(ns, dev);
  if (!inDev) return;
  switch (event) {
    case 'up':
      if (dev.kind === 'loopback') addLoopbackAddress(ns, inDev);
      for (const ifa of inDev.addresses) fibAddIfaddr(ns, inDev, ifa);
      fibSyncUp(ns, dev, 'dead');
      break;
    case 'down':
      fibDisableIp(ns, dev, 'down', false);
      break;
    case 'carrier':
      if (dev.carrier) fibSyncUp(ns, dev, 'linkdown');
      else fibSyncDownDev(ns, dev, 'carrier', false);
      break;
    case 'unregister':
      inetdevDestroy(ns, dev);
      break;
    default:
  }
  ns.fib.invalidate();
}

/** 127.0.0.1/8 comes whenever `lo` goes up, if it is not there and nothing stands in its way. */
function addLoopbackAddress(ns: NetNamespace, inDev: InDevice): void {
  const { ifindex, name } = inDev.dev;
  chooseAllSettings(ns, inDev);
  try {
    inetInsertIfa(ns, inDev, {
      ifindex, local: LOOPBACK_ADDRESS, prefixLength: 8, address: LOOPBACK_ADDRESS, broadcast: null, scope: 'host', label: name,
      secondary: false, noprefixroute: false, validLifetime: null, preferredLifetime: null,
    });
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
  }
}

/** The device leaves: its addresses, its routes, its settings go (inetdev_destroy). */
function inetdevDestroy(ns: NetNamespace, dev: NetDevice): void {
  const inDev = inDeviceOf(ns, dev)!;
  const addresses = inDev.addresses;
  inDev.addresses = [];
  for (const ifa of addresses) {
    const rest = ns.fib.local.get(ifa.local)!.filter((row) => row !== ifa);
    if (rest.length > 0) ns.fib.local.set(ifa.local, rest);
    else ns.fib.local.delete(ifa.local);
    ns.tables.addr.delete(addrKey(ifa));
  }
  for (const { timer } of inDev.lifetimes.values()) ns.queue.cancel(timer);
  fibDisableIp(ns, dev, 'unregister', true);
  ns.fib.inDevices.delete(dev.ifindex);
  forgetDeviceSysctls(ns, dev.name);
}
