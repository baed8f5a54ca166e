import type { Program } from '../shell/process.ts';
import { bridge } from './cni-plugins/bridge.ts';
import { cnitool } from './cni-plugins/cnitool.ts';
import { flannelCni } from './cni-plugins/flannel.ts';
import { hostLocal } from './cni-plugins/host-local.ts';
import { loopback } from './cni-plugins/loopback.ts';
import { portmap } from './cni-plugins/portmap.ts';
import { flanneld } from './flanneld/flanneld.ts';
import { flanneld08 } from './flanneld/flanneld-0-8.ts';

/**
 * The agents that a machine has, by name (found along PATH) or by the absolute path where the real ones are installed
 * (`/opt/cni/bin/bridge`). core/lab joins them with the programs.
 */
export const AGENTS: Readonly<Record<string, Program>> = {
  flanneld,
  // Of 2017, beside today's: the way flannel worked with netlink misses.
  '/opt/flannel/v0.8.0/flanneld': flanneld08,
  cnitool,
  '/opt/cni/bin/bridge': bridge,
  '/opt/cni/bin/flannel': flannelCni,
  '/opt/cni/bin/host-local': hostLocal,
  '/opt/cni/bin/loopback': loopback,
  '/opt/cni/bin/portmap': portmap,
};
