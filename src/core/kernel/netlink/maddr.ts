import type { Mac } from '../../wire/address.ts';
import { devMcAddGlobal, devMcDelGlobal, isHostDevice } from '../dev-addr-lists.ts';
import { KernelError } from '../errno.ts';
import type { NetDevice } from '../net-device.ts';
import type { NetNamespace } from '../net-namespace.ts';
import { rtnl } from './rtnl.ts';

function deviceFor(ns: NetNamespace, name: string): NetDevice {
  const dev = ns.devicesByName.get(name);
  if (!dev) throw new KernelError('ENODEV');
  // The devices without Ethernet have no ndo_set_rx_mode.
  if (!isHostDevice(dev)) throw new KernelError('EINVAL');
  return dev;
}

/** SIOCADDMULTI: ENODEV, EINVAL. Done twice, it is done once. */
export function addMulti(ns: NetNamespace, name: string, mac: Mac): void {
  rtnl(ns, 'SIOCADDMULTI', 'dev_ifsioc', name, () => devMcAddGlobal(deviceFor(ns, name), mac));
}

/** SIOCDELMULTI: ENODEV, EINVAL, ENOENT when no user has added it. */
export function delMulti(ns: NetNamespace, name: string, mac: Mac): void {
  rtnl(ns, 'SIOCDELMULTI', 'dev_ifsioc', name, () => {
    if (!devMcDelGlobal(deviceFor(ns, name), mac)) throw new KernelError('ENOENT');
  });
}
