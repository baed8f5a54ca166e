import { type Cidr, cidrContains } from '../../cluster/cidr.ts';
import { listAddrs } from '../../kernel/netlink/addr.ts';
import { getLink } from '../../kernel/netlink/link.ts';
import type { LinkRow } from '../../kernel/rows.ts';
import type { Process } from '../../shell/process.ts';
import type { Random } from '../../sim/random.ts';
import { formatIpv4, formatMac, type Mac } from '../../wire/address.ts';
import { type AgentResult, type AgentRunning, agentRun } from '../agent.ts';
import { RegisterError } from './backend.ts';
import type { VxlanConfig } from './config.ts';
import type { ExternalInterface } from './external-interface.ts';
import { klog } from './log.ts';

const ENCAP_OVERHEAD = 50;
const VNI_LIMIT = 0x100_0000;
const IFNAMSIZ = 16;
const KERNEL_PORT = 8472;

/** A device as flanneld wants it. */
export interface WantedDevice {
  readonly name: string;
  readonly vni: number;
  /** As configured: the kernel gets its low 16 bits, and none that is not positive. */
  readonly port: number;
  /** Not positive: the kernel chooses. */
  readonly mtu: number;
  /** Null: the kernel chooses. */
  readonly mac: Mac | null;
  readonly learning: boolean;
  readonly l3miss: boolean;
  readonly iface: ExternalInterface;
}

/** What fits through the tunnel; nonsense in the configuration is passed on. */
export function deviceMtu({ mtu }: VxlanConfig, { link }: ExternalInterface): number {
  return (mtu ?? link.mtu) - ENCAP_OVERHEAD;
}

export function wantedDevice(config: VxlanConfig, iface: ExternalInterface, mac: Mac | null, l3miss: boolean): WantedDevice {
  const mtu = deviceMtu(config, iface);
  return { name: `flannel.${config.vni}`, vni: config.vni, port: config.port, mtu, mac, learning: config.learning, l3miss, iface };
}

/** mac.NewHardwareAddr: random, but locally administered and no group. */
export function newHardwareAddr(random: Random): Mac {
  const bytes = Array.from({ length: 6 }, () => random.below(256));
  bytes[0] = (bytes[0]! & 0xfe) | 0x02;
  return bytes.reduce((mac, byte) => mac * 256 + byte, 0);
}

/** ensureLink: the device, made if there is none, made anew if it is there and is another. Throws RegisterError. */
export function* ensureLink(process: Process, wanted: WantedDevice): AgentRunning<LinkRow> {
  const { name, vni } = wanted;
  // The kernel's answer to a VNI of more than 24 bits, and to a name that is too long.
  if (vni < 0 || vni >= VNI_LIMIT || name.length >= IFNAMSIZ) throw new RegisterError('numerical result out of range');
  const existing = getLink(process.ns, name);
  if (existing) {
    const incompatible = incompatibility(existing, wanted);
    if (incompatible === null) return existing;
    klog(process, 'W', 'device.go', `"${name}" already exists with incompatible configuration: ${incompatible}; recreating device`);
    const deleted = yield* agentRun(process, 'flanneld', ['ip', 'link', 'del', name], `there is a ${name} already, and it is another one: ${incompatible}`);
    if (deleted.exit !== 0) throw new RegisterError(`failed to delete interface: ${errorOf(deleted)}`);
  }
  const added = yield* agentRun(process, 'flanneld', addCommand(wanted), 'the VTEP of this node; nobody is learned on it, flanneld itself tells it where the others are');
  if (added.exit !== 0) throw new RegisterError(existing ? `failed to create vxlan interface: ${errorOf(added)}` : errorOf(added));
  const link = getLink(process.ns, name);
  if (!link) throw new RegisterError("can't locate created vxlan device");
  return link;
}

function addCommand({ name, vni, port, mtu, mac, learning, l3miss, iface }: WantedDevice): string[] {
  return [
    'ip', 'link', 'add', name, ...(mtu > 0 ? ['mtu', String(mtu)] : []), 'txqueuelen', '0', ...(mac === null ? [] : ['address', formatMac(mac)]), 'type', 'vxlan', 'id', String(vni),
    'local', formatIpv4(iface.ifaceAddr), 'dev', iface.link.name, 'dstport', String((port > 0 ? port & 0xffff : 0) || KERNEL_PORT), learning ? 'learning' : 'nolearning', ...(l3miss ? ['l3miss'] : []),
  ];
}

/** vxlanLinksIncompat. */
function incompatibility(existing: LinkRow, { vni, port, iface }: WantedDevice): string | null {
  const { vxlan } = existing;
  if (!vxlan) return `link type: vxlan vs ${existing.kind}`;
  if (vxlan.vni !== vni) return `vni: ${vni} vs ${vxlan.vni}`;
  if (vxlan.link !== 0 && vxlan.link !== iface.link.ifindex) return `vtep (external) interface: ${iface.link.ifindex} vs ${vxlan.link}`;
  if (vxlan.local !== null && vxlan.local !== iface.ifaceAddr) return `vtep (external) IP: ${formatIpv4(iface.ifaceAddr)} vs ${formatIpv4(vxlan.local)}`;
  if (vxlan.l2miss) return 'l2miss: false vs true';
  if (port > 0 && vxlan.dstport !== port) return `port: ${port} vs ${vxlan.dstport}`;
  return null;
}

/** dev.Configure: one address of the network on it, and up. Throws RegisterError. */
export function* configureLink(process: Process, { name, ifindex }: LinkRow, address: Cidr, network: Cidr, why: string): AgentRunning<void> {
  const { ip, prefixLength } = address;
  let there = false;
  for (const row of listAddrs(process.ns).filter((addr) => addr.ifindex === ifindex)) {
    if (row.local === ip && row.prefixLength === prefixLength) there = true;
    else if (cidrContains(network, row.local)) {
      const text = `${formatIpv4(row.local)}/${row.prefixLength}`;
      const removed = yield* agentRun(process, 'flanneld', ['ip', 'addr', 'del', text, 'dev', name], 'an address of an earlier lease');
      if (removed.exit !== 0) throw new RegisterError(`failed to configure interface ${name}: failed to ensure address of interface ${name}: failed to remove IP address ${text} from ${name}: ${errorOf(removed)}`);
      klog(process, 'I', 'iface.go', `removed IP address ${text} from ${name}`);
    }
  }
  const text = `${formatIpv4(ip)}/${prefixLength}`;
  if (!there) {
    const added = yield* agentRun(process, 'flanneld', ['ip', 'addr', 'add', text, 'dev', name], why);
    if (added.exit !== 0) throw new RegisterError(`failed to configure interface ${name}: failed to ensure address of interface ${name}: failed to add IP address ${text} to ${name}: ${errorOf(added)}`);
  }
  const up = yield* agentRun(process, 'flanneld', ['ip', 'link', 'set', name, 'up'], 'the VTEP begins its work');
  if (up.exit !== 0) throw new RegisterError(`failed to configure interface ${name}: failed to set interface ${name} to UP state: ${errorOf(up)}`);
}

/** The kernel's word for what went wrong, as Go spells an errno. */
export function errorOf({ stderr }: AgentResult): string {
  if (stderr.startsWith('Cannot find device')) return 'no such device';
  // A sentence of the kernel's stands in ip(8)'s text in the place of EINVAL.
  if (/^Error: mtu /i.test(stderr)) return 'invalid argument';
  const answer = /RTNETLINK answers: (.*)/.exec(stderr)?.[1] ?? stderr.trim().split('\n').at(-1) ?? '';
  return answer.toLowerCase();
}

