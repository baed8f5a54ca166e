import type { NetDevice } from './net-device.ts';
import type { NetNamespace } from './net-namespace.ts';

/**
 * How the value of `conf/all` and the device's own go together: the device's alone, either, both, or the larger one
 * (IN_DEV_CONF_GET, IN_DEV_ORCONF, IN_DEV_ANDCONF, IN_DEV_MAXCONF of linux/inetdevice.h).
 */
type Together = 'own' | 'or' | 'and' | 'max';

/** net.ipv4.conf.*: the default of a new device, and how `all` joins in. */
const DEV_CONF = {
  accept_local: [0, 'or'],
  accept_redirects: [1, 'and'],
  accept_source_route: [1, 'and'],
  arp_accept: [0, 'max'],
  arp_announce: [0, 'max'],
  arp_evict_nocarrier: [1, 'and'],
  arp_filter: [0, 'or'],
  arp_ignore: [0, 'max'],
  arp_notify: [0, 'max'],
  bc_forwarding: [0, 'and'],
  bootp_relay: [0, 'and'],
  disable_policy: [0, 'own'],
  disable_xfrm: [0, 'own'],
  drop_gratuitous_arp: [0, 'or'],
  drop_unicast_in_l2_multicast: [0, 'or'],
  force_igmp_version: [0, 'max'],
  forwarding: [0, 'own'],
  igmpv2_unsolicited_report_interval: [10000, 'own'],
  igmpv3_unsolicited_report_interval: [1000, 'own'],
  ignore_routes_with_linkdown: [0, 'or'],
  log_martians: [0, 'or'],
  mc_forwarding: [0, 'and'],
  medium_id: [0, 'own'],
  promote_secondaries: [0, 'or'],
  proxy_arp: [0, 'or'],
  proxy_arp_pvlan: [0, 'own'],
  route_localnet: [0, 'or'],
  rp_filter: [0, 'max'],
  secure_redirects: [1, 'or'],
  send_redirects: [1, 'or'],
  shared_media: [1, 'or'],
  src_valid_mark: [0, 'or'],
  tag: [0, 'own'],
} as const satisfies Record<string, readonly [number, Together]>;

export type DevConfName = keyof typeof DEV_CONF;
export const DEV_CONF_NAMES = Object.keys(DEV_CONF) as DevConfName[];

/** The values of one directory of net.ipv4.conf (struct ipv4_devconf). `chosen`: written for this device, so `default` no longer reaches it. */
export interface DevConf {
  readonly values: Record<DevConfName, number>;
  readonly chosen: Set<DevConfName>;
}

const DEFAULTS = Object.fromEntries(DEV_CONF_NAMES.map((name) => [name, DEV_CONF[name][0]])) as Record<DevConfName, number>;

/** net.ipv4.conf.default of a new namespace. */
export function defaultDevConf(): DevConf {
  return { values: { ...DEFAULTS }, chosen: new Set() };
}

/** net.ipv4.conf.all of a new namespace (ipv4_devconf). */
export function allDevConf(): DevConf {
  return { values: { ...DEFAULTS, accept_source_route: 0 }, chosen: new Set() };
}

/** The configuration of a new device; what somebody chose for `default` counts as chosen for it, too (inetdev_init copies all of it). */
export function newDevConf(base: DevConf, loopback: boolean): DevConf {
  const values = { ...base.values };
  if (loopback) values.disable_policy = values.disable_xfrm = 1;
  return { values, chosen: new Set(base.chosen) };
}

/** From its first address on, a device keeps what it has, whatever is written to `default` (ipv4_devconf_setall). */
export function chooseAllConf(conf: DevConf): void {
  for (const name of DEV_CONF_NAMES) conf.chosen.add(name);
}

/** The effective value of net.ipv4.conf.DEV.NAME, with `all` taken into account as Linux does. Zero for a device without IPv4. */
export function inDevConf(ns: NetNamespace, dev: NetDevice, name: DevConfName): number {
  const inDev = ns.fib.inDevices.get(dev.ifindex);
  if (inDev === undefined) return 0;
  const own = inDev.conf.values[name];
  const all = ns.sysctl.all.values[name];
  if (name === 'accept_redirects' && inDev.conf.values.forwarding === 0) return own !== 0 || all !== 0 ? 1 : 0;
  switch (DEV_CONF[name][1]) {
    case 'own': return own;
    case 'or': return own !== 0 || all !== 0 ? 1 : 0;
    case 'and': return own !== 0 && all !== 0 ? 1 : 0;
    case 'max': return own > all ? own : all;
  }
}

/** True when packets that come in through the device may be forwarded (IN_DEV_FORWARD). */
export function inDevForward(ns: NetNamespace, dev: NetDevice): boolean {
  const inDev = ns.fib.inDevices.get(dev.ifindex);
  return inDev !== undefined && inDev.conf.values.forwarding !== 0;
}
