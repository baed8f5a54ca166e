import { isMulticastIpv4 } from '../../wire/address.ts';
import { createVxlan, vxlanChange } from '../devices/vxlan/vxlan.ts';
import { devGetValidName } from '../dev-state.ts';
import { KernelError } from '../errno.ts';
import { commitLink, type NetDevice } from '../net-device.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { VxlanOptions } from '../rows.ts';
import type { NewLinkRequest } from './requests.ts';

/** The port that Linux had before IANA gave VXLAN one. */
const VXLAN_PORT = 8472;
const VNI_LIMIT = 0x100_0000;

const DEFAULTS: VxlanOptions = {
  vni: 0, remote: null, local: null, link: 0, dstport: VXLAN_PORT, srcportMin: 0, srcportMax: 0, ttl: 0, ttlInherit: false, tos: 0, df: 'unset', ageing: 300,
  maxAddress: 0, learning: true, proxy: false, rsc: false, l2miss: false, l3miss: false, udpcsum: true,
};

/** vxlan_newlink. EEXIST when the namespace has the VNI already at this port. */
export function newVxlan(ns: NetNamespace, target: NetNamespace, request: NewLinkRequest): NetDevice {
  const { vxlan, mtu } = request;
  if (vxlan === undefined) throw new KernelError('EINVAL', 'Required attributes not provided to perform the operation');
  if (mtu !== undefined && (mtu < 68 || mtu > 65535)) throw new KernelError('EINVAL', 'MTU must be between 68 and 65535');
  if (vxlan.vni !== undefined && vxlan.vni >= VNI_LIMIT) throw new KernelError('ERANGE', 'VXLAN ID must be lower than 16777216');
  // Port 0 asks for the kernel's own, and ageing 0 for its default.
  const config: VxlanOptions = { ...DEFAULTS, ...vxlan, dstport: vxlan.dstport || VXLAN_PORT, ageing: vxlan.ageing || DEFAULTS.ageing };
  validate(ns, config, null);
  const name = devGetValidName(target, request.name ?? 'vxlan%d');
  return createVxlan({ net: ns, ns: target, name, mac: request.mac ?? target.machine.nextMac(), macChosen: request.mac !== undefined, mtu, txqlen: request.txqlen, config });
}

/** vxlan_config_validate */
function validate(net: NetNamespace, config: VxlanOptions, old: NetDevice | null): void {
  if (config.srcportMin > config.srcportMax) throw new KernelError('EINVAL', 'Invalid source port range');
  if (config.local !== null && isMulticastIpv4(config.local)) throw new KernelError('EINVAL', 'Local address cannot be multicast');
  if (config.link !== 0 && !net.devices.has(config.link)) throw new KernelError('ENODEV', 'Invalid local interface, device not found');
  if (config.link === 0 && config.remote !== null && isMulticastIpv4(config.remote)) throw new KernelError('EINVAL', 'Local interface required for multicast remote destination');
  for (const other of net.vxlan.devices) {
    if (other === old) continue;
    const { vni, dstport } = other.vxlan!.config;
    if (vni === config.vni && dstport === config.dstport) throw new KernelError('EEXIST', 'A VXLAN device with the specified VNI already exists');
  }
}

/** What cannot be changed once the device is there, not even to what it is, and what the kernel says to who tries (vxlan_nl2conf). */
const FIXED: readonly { readonly key: keyof VxlanOptions; readonly says: string }[] = [
  { key: 'dstport', says: 'Cannot change port' },
  { key: 'srcportMin', says: 'Cannot change port range' },
  { key: 'srcportMax', says: 'Cannot change port range' },
  { key: 'maxAddress', says: 'Cannot change limit' },
  { key: 'proxy', says: 'vxlan: cannot change PROXY flag' },
  { key: 'rsc', says: 'vxlan: cannot change RSC flag' },
  { key: 'l2miss', says: 'vxlan: cannot change L2MISS flag' },
  { key: 'l3miss', says: 'vxlan: cannot change L3MISS flag' },
  { key: 'ttlInherit', says: 'vxlan: cannot change TTL_INHERIT flag' },
  { key: 'udpcsum', says: 'Cannot change UDP_CSUM flag' },
];

/** RTM_NEWLINK of a VXLAN device that exists (vxlan_changelink). */
export function setVxlanOptions(dev: NetDevice, asked: Partial<VxlanOptions>): void {
  const vx = dev.vxlan;
  if (vx === null) throw new KernelError('EOPNOTSUPP');
  if (asked.vni !== undefined && asked.vni !== vx.config.vni) throw new KernelError('EOPNOTSUPP', 'Cannot change VNI');
  for (const { key, says } of FIXED) if (asked[key] !== undefined) throw new KernelError('EOPNOTSUPP', says);
  const config: VxlanOptions = { ...vx.config, ...asked, ageing: (asked.ageing ?? vx.config.ageing) || DEFAULTS.ageing };
  validate(vx.net, config, dev);
  vxlanChange(vx, config);
  commitLink(dev);
}
