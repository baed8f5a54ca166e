import type { Ipv4 } from '../wire/address.ts';
import type { NetDevice } from './net-device.ts';

/** A socket of this host, or the kernel, wants packets for a group that come in at a device (ip_mc_join_group). Counted: leave as often. */
export function ipMcJoinGroup(_dev: NetDevice, _group: Ipv4): void {}

/** ip_mc_leave_group */
export function ipMcLeaveGroup(_dev: NetDevice, _group: Ipv4): void {}
