import type { NetDevice } from '../../kernel/net-device.ts';
import { openPacketSocket, type PacketSocket, type ReceivedFrame } from '../../kernel/sockets/packet-socket.ts';
import type { Process } from '../../shell/process.ts';
import type { SimTime } from '../../sim/time.ts';
import { writeMac, writeU16, writeU32 } from '../../wire/bytes.ts';
import { encode } from '../../wire/codec.ts';
import { ETH_P_IP } from '../../wire/packet.ts';
import { fail } from './options.ts';
import type { LinkType } from './print/frame.ts';
import { SLL2_HLEN, SLL_HLEN } from './print/sll2.ts';

/** A frame on its way to the filter and the printer. */
export interface Captured {
  readonly at: SimTime;
  readonly bytes: Uint8Array;
  readonly length: number;
  readonly direction: 'in' | 'out' | null;
  readonly interfaceName: string | null;
}

const PACKET_TYPES = { host: 0, broadcast: 1, multicast: 2, otherhost: 3, outgoing: 4, loopback: 0 } as const;
const ARPHRD_ETHER = 1;
const ARPHRD_TUNNEL = 768;
const ARPHRD_LOOPBACK = 772;
const ARPHRD_IPGRE = 778;
const ETH_HLEN = 14;
const ETH_P_802_2 = 4;

/** The device to listen at; null for `any`. A number is an index in the list of devices. */
export function findDevice(process: Process, name: string | null): NetDevice | null {
  const { ns } = process;
  const order = deviceOrder(process);
  if (name === null) return order[0]?.dev ?? null;
  if (name === 'any') return null;
  const dev = ns.devicesByName.get(name);
  if (dev) return dev;
  if (/^\d+$/.test(name)) {
    const entry = order[Number(name) - 1];
    if (!entry) fail('Invalid adapter index');
    return entry.dev;
  }
  return fail(`${name}: No such device exists\n(No such device exists)`);
}

/** Devices as libpcap lists them: those that are up and running first, loopback behind `any` (null). */
function deviceOrder(process: Process): { dev: NetDevice | null; merit: number }[] {
  const merit = (dev: NetDevice): number => {
    const instance = Number(/\d+$/.exec(dev.name)?.[0] ?? 0);
    return instance + (dev.kind === 'loopback' ? 0x2000_0000 : 0) + (dev.up && dev.carrier ? 0 : 0x8000_0000) + (dev.up ? 0 : 0x4000_0000);
  };
  const devices = [...process.ns.devices.values()].map((dev) => ({ dev: dev as NetDevice | null, merit: merit(dev) }));
  return [...devices, { dev: null, merit: 0x1fff_ffff }].sort((x, y) => x.merit - y.merit);
}

/** Opens the capture; a bridge that is made promiscuous shows what passes it by, too. */
export function openCapture(process: Process, dev: NetDevice | null, promiscuous: boolean): PacketSocket {
  if (dev && !dev.up) fail(`${dev.name}: That device is not up`);
  const socket = openPacketSocket(process.ns, dev, 'all');
  socket.pid = process.pid;
  if (promiscuous) socket.setPromiscuous();
  return socket;
}

/** A frame as libpcap hands it over, with the cooked header for `any`. */
export function capture(received: ReceivedFrame, linkType: LinkType, snaplen: number): Captured {
  const frame = encode(received.packet);
  const bytes = linkType === 'LINUX_SLL2' ? cooked(received, frame) : linkType === 'LINUX_SLL' ? cookedV1(received, frame) : frame;
  return {
    at: received.at, bytes: bytes.length > snaplen ? bytes.slice(0, snaplen) : bytes, length: bytes.length, direction: received.direction,
    interfaceName: received.dev.name,
  };
}

/** What libpcap makes of a device (map_arphrd_to_dlt); null stands for `any`. */
export function linkTypeOf(dev: NetDevice | null): LinkType {
  if (dev === null) return 'LINUX_SLL2';
  return dev.kind === 'ipip' ? 'RAW' : dev.kind === 'gre' ? 'LINUX_SLL' : 'EN10MB';
}

function hardwareType({ kind }: NetDevice): number {
  if (kind === 'loopback') return ARPHRD_LOOPBACK;
  return kind === 'ipip' ? ARPHRD_TUNNEL : kind === 'gre' ? ARPHRD_IPGRE : ARPHRD_ETHER;
}

function cooked(received: ReceivedFrame, frame: Uint8Array): Uint8Array {
  const { dev } = received;
  const first = received.packet[0];
  const ether = first?.kind === 'eth' ? first : null;
  const own = ether === null ? 0 : ETH_HLEN;
  const out = new Uint8Array(SLL2_HLEN + frame.length - own);
  writeU16(out, 0, ether === null ? ETH_P_IP : ether.type > 1500 ? ether.type : ETH_P_802_2);
  writeU32(out, 4, dev.ifindex);
  writeU16(out, 8, hardwareType(dev));
  out[10] = PACKET_TYPES[received.pktType];
  if (ether !== null) {
    out[11] = 6;
    writeMac(out, 12, ether.src);
  }
  out.set(frame.subarray(own), SLL2_HLEN);
  return out;
}

/** The older header; what it is put before has no header of a link itself. */
function cookedV1(received: ReceivedFrame, frame: Uint8Array): Uint8Array {
  const out = new Uint8Array(SLL_HLEN + frame.length);
  writeU16(out, 0, PACKET_TYPES[received.pktType]);
  writeU16(out, 2, hardwareType(received.dev));
  writeU16(out, 14, ETH_P_IP);
  out.set(frame, SLL_HLEN);
  return out;
}
