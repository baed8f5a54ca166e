import { KernelError, strerror } from '../../kernel/errno.ts';
import type { McDevice } from '../../kernel/sockets/multicast.ts';
import type { InetSocket } from '../../kernel/sockets/socket.ts';
import type { Process } from '../../shell/process.ts';
import { littleEndian, type Ipv4 } from '../../wire/address.ts';
import { resolveHost } from '../lib/resolve.ts';
import { SocatError } from './options.ts';

/** Of linux/in.h, as socat's messages name the options. */
const IP_MULTICAST_IF = 32;
const IP_ADD_MEMBERSHIP = 35;

type MulticastSocket = Pick<InetSocket, 'options' | 'addMembership' | 'setMulticastIf'>;

/** Sets the options for multicast of an address; each membership is on a line of `ip-add-membership`. Throws SocatError in socat's words. */
export function setMulticastOptions(process: Process, socket: MulticastSocket, options: ReadonlyMap<string, string>): void {
  const { options: set } = socket;
  const ttl = options.get('ip-multicast-ttl');
  if (ttl !== undefined) set.multicastTtl = byteOf('ip-multicast-ttl', ttl);
  const loop = options.get('ip-multicast-loop');
  if (loop !== undefined) set.multicastLoop = loop === '' || byteOf('ip-multicast-loop', loop) !== 0;
  const from = options.get('ip-multicast-if');
  if (from !== undefined) {
    const address = addressOf(process, from);
    attempt(`setsockopt(5, 0, ${IP_MULTICAST_IF}, {${hex(address, 0)}}, 4)`, () => socket.setMulticastIf({ address }));
  }
  for (const membership of options.get('ip-add-membership')?.split('\n') ?? []) join(process, socket, membership);
}

function byteOf(name: string, text: string): number {
  const value = Number(text);
  if (text === '' || Number.isNaN(value)) throw new SocatError(`parseopts(): missing numerical value of option "${name}=${text}"`);
  if (value > 255) throw new SocatError(`parseopts(): option "${name}=${text}": byte value exceeds limit (${value} vs. 255), using max`);
  return value;
}

function addressOf(process: Process, host: string): Ipv4 {
  const found = resolveHost(process, host, true);
  if (typeof found === 'string') throw new SocatError(`getaddrinfo("${host}", "NULL", {1,2,2,0}, {}): ${found}`);
  return found.ip;
}

/** As socat prints the words of a structure: in the byte order of the host. */
function hex(address: Ipv4, width: number): string {
  return `0x${littleEndian(address).toString(16).padStart(width, '0')}`;
}

/** `GROUP:DEVICE`, `GROUP:ADDRESS` or `GROUP:ADDRESS:DEVICE`; a device by its name or its ifindex. */
function join(process: Process, socket: MulticastSocket, text: string): void {
  const [groupText = '', where, device] = text.split(':');
  if (where === undefined) throw new SocatError(`syntax in option ${text}: missing ':'`);
  const group = addressOf(process, groupText);
  const index = ifindexOf(process, device ?? where);
  if (device !== undefined && index === null) throw new SocatError(`cannot resolve interface "${device}"`);
  const address = device !== undefined || index === null ? addressOf(process, where) : 0;
  const at: McDevice = { ifindex: index ?? 0, address };
  const call = `setsockopt(5, 0, ${IP_ADD_MEMBERSHIP}, {${hex(group, 8)},${hex(address, 8)},${index ?? 0}}, 12)`;
  attempt(call, () => socket.addMembership(group, at));
}

function ifindexOf({ ns }: Process, word: string): number | null {
  return /^\d+$/.test(word) ? Number(word) : (ns.devicesByName.get(word)?.ifindex ?? null);
}

function attempt(call: string, run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    throw new SocatError(`${call}: ${strerror(error.errno)}`);
  }
}
