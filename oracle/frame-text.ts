import type { MacNames } from './names.ts';

/** What the frames of one place have shown so far; the names of what is random are given in order of appearance in a step. */
export interface FrameMemory {
  readonly names: MacNames;
  /** Ports that are compared as they are. */
  readonly isNamedPort: (port: number) => boolean;
  readonly ids: Map<string, string>;
  /** Initial sequence numbers by direction of a connection. */
  readonly sequences: Map<string, number>;
}

export function newMemory(names: MacNames, isNamedPort: (port: number) => boolean): FrameMemory {
  return { names, isNamedPort, ids: new Map(), sequences: new Map() };
}

/** UDP ports that VXLAN is known to be at. */
export const VXLAN_PORTS = new Set([4789, 8472]);
const ETHERTYPES: Readonly<Record<number, string>> = { 0x0800: 'ip', 0x0806: 'arp', 0x86dd: 'ip6', 0x8100: 'vlan' };

/**
 * One line for a frame, with everything in it but what legitimate.ts lists. It is decoded here, from the bytes, and not by the
 * simulator's own decoder: a mistake there must not hide itself.
 */
export function frameText(bytes: Uint8Array, memory: FrameMemory): string {
  if (bytes.length < 14) return `short frame ${hexOf(bytes)}`;
  const view = new Reader(bytes);
  const destination = memory.names(view.mac());
  const source = memory.names(view.mac());
  return `${source} > ${destination} ${payloadText(view, memory)}`;
}

function payloadText(view: Reader, memory: FrameMemory): string {
  const type = view.number(2);
  switch (ETHERTYPES[type]) {
    case 'vlan': return `vlan ${view.number(2)} ${payloadText(view, memory)}`;
    case 'arp': return arpText(view, memory);
    case 'ip': return ipText(view, memory);
    default: return `ethertype 0x${type.toString(16).padStart(4, '0')} ${hexOf(view.rest())}`;
  }
}

function arpText(view: Reader, { names }: FrameMemory): string {
  const kind = [view.number(2), view.number(2), view.number(1), view.number(1)].join('/');
  const operation = view.number(2);
  const [sha, spa, tha, tpa] = [names(view.mac()), view.ip(), names(view.mac()), view.ip()];
  const padding = view.rest();
  const op = operation === 1 ? 'request' : operation === 2 ? 'reply' : `op ${operation}`;
  return `arp${kind === '1/2048/6/4' ? '' : ` ${kind}`} ${op} sha ${sha} spa ${spa} tha ${tha} tpa ${tpa}${padding.length > 0 ? ` padding ${hexOf(padding)}` : ''}`;
}

const PROTOCOL_TEXTS: Readonly<Record<number, (view: Reader, memory: FrameMemory, hosts: Hosts) => string>> = {
  1: icmpText, 4: (view, memory) => `ipip [${ipText(view, memory)}]`, 6: tcpText, 17: udpText,
};

interface Hosts {
  readonly src: string;
  readonly dst: string;
}

/** An IP packet, or as much of one as an ICMP error quotes. */
function ipText(view: Reader, memory: FrameMemory): string {
  const first = view.number(1);
  const headerLength = (first & 15) * 4;
  const tos = view.number(1);
  const length = view.number(2);
  const id = view.number(2);
  const fragment = view.number(2);
  const ttl = view.number(1);
  const protocol = view.number(1);
  view.number(2);
  const [src, dst] = [view.ip(), view.ip()];
  const options = view.take(headerLength - 20);
  const offset = (fragment & 0x1fff) * 8;
  const more = (fragment & 0x2000) !== 0;
  const pieces = [
    `ip ${src} > ${dst} ttl ${ttl} len ${length}`, first >> 4 === 4 ? '' : `version ${first >> 4}`, tos === 0 ? '' : `tos 0x${tos.toString(16)}`,
    (fragment & 0x4000) === 0 ? '' : 'df', more || offset > 0 ? `fragment ${idName(memory, 'f', `${src} ${dst} ${id}`)} off ${offset}${more ? ' mf' : ''}` : '',
    options.length > 0 ? `options ${hexOf(withoutTimes(options))}` : '',
  ];
  const body = view.until(length - headerLength);
  const text = offset > 0 ? undefined : PROTOCOL_TEXTS[protocol];
  const behind = view.rest();
  return [...pieces, text ? text(body, memory, { src, dst }) : `proto ${protocol} data ${hexOf(body.rest())}`, behind.length > 0 ? `behind ${hexOf(behind)}` : '']
    .filter((piece) => piece !== '').join(' ');
}

const IPOPT_TIMESTAMP = 68;
const IPOPT_NOOP = 1;

/** The options with every time that somebody has written into a timestamp option as ffffffff. */
function withoutTimes(options: Uint8Array): Uint8Array {
  const shown = options.slice();
  const lengthAt = (at: number): number => (shown[at] === IPOPT_NOOP ? 1 : Math.max(2, shown[at + 1] ?? 2));
  for (let at = 0; at < shown.length && shown[at] !== 0; at += lengthAt(at)) {
    if (shown[at] !== IPOPT_TIMESTAMP) continue;
    const [, length = 0, pointer = 0, flags = 0] = shown.subarray(at);
    const address = (flags & 15) === 0 ? 0 : 4;
    for (let entry = 4; entry + address + 4 < Math.min(pointer, length + 1); entry += address + 4) shown.fill(255, at + entry + address, at + entry + address + 4);
  }
  return shown;
}

function icmpText(view: Reader, memory: FrameMemory, { src, dst }: Hosts): string {
  const [type, code] = [view.number(1), view.number(1)];
  view.number(2);
  if (type === 8 || type === 0) {
    // ping's id is its pid, and two computers may have the same: who asks whom belongs to it.
    const id = idName(memory, 'id', `${type === 8 ? `${src} ${dst}` : `${dst} ${src}`} ${view.number(2)}`);
    const seq = view.number(2);
    return `icmp echo ${type === 8 ? 'request' : 'reply'}${code === 0 ? '' : ` code ${code}`} ${id} seq ${seq} ${echoData(view.rest())}`;
  }
  const head = `icmp type ${type} code ${code}`;
  if (type === 5) return `${head} gw ${view.ip()} quotes [${ipText(view, memory)}]`;
  if (type !== 3 && type !== 11 && type !== 12) return `${head} data ${hexOf(view.rest())}`;
  const [unused, low] = [view.number(2), view.number(2)];
  return `${head}${unused === 0 ? '' : ` word ${unused}`}${low === 0 ? '' : ` mtu ${low}`} quotes [${ipText(view, memory)}]`;
}

/** The pattern of ping (each byte its own offset) after the time stamp has a short name. */
function echoData(data: Uint8Array): string {
  const rest = data.subarray(16);
  if (data.length < 16) return `data ${hexOf(data)}`;
  const pattern = rest.every((byte, index) => byte === ((index + 16) & 255));
  return `data ${data.length}${pattern ? '' : ` ${hexOf(rest)}`}`;
}

function udpText(view: Reader, memory: FrameMemory): string {
  const [sport, dport] = [view.number(2), view.number(2)];
  const length = view.number(2);
  view.number(2);
  if (VXLAN_PORTS.has(dport)) {
    const flags = view.number(4);
    const vni = view.number(4) >>> 8;
    const rest = view.rest();
    return `vxlan ${dport} len ${length} flags 0x${flags.toString(16)} vni ${vni} [${frameText(rest, memory)}]`;
  }
  return `udp ${portName(memory, sport)} > ${portName(memory, dport)} len ${length} data ${dataText(withoutProbeTime(view.rest(), dport))}`;
}

/** Ports of tracepath's probes, one after the other; their data begins with the TTL, and the time in bytes 8 to 24. */
const TRACEPATH_PORTS = [44_444, 44_507] as const;

function withoutProbeTime(data: Uint8Array, dport: number): Uint8Array {
  if (dport < TRACEPATH_PORTS[0] || dport > TRACEPATH_PORTS[1] || data.length < 24 || data[0] === 0 || data[0]! > 32) return data;
  return Uint8Array.from(data, (byte, i) => (i >= 8 && i < 24 ? 0 : byte));
}

const FLAGS = ['F', 'S', 'R', 'P', 'A', 'U', 'E', 'C'];
/** A sequence number this far from the connection's is none of it, and as random as the connection's own. */
const FAR = 1 << 20;

function tcpText(view: Reader, memory: FrameMemory, { src, dst }: Hosts): string {
  const [sport, dport, seq, ack] = [view.number(2), view.number(2), view.number(4), view.number(4)];
  const flagBits = view.number(2);
  view.number(6);
  const options = view.take(((flagBits >> 12) & 15) * 4 - 20);
  const flags = FLAGS.filter((_, bit) => (flagBits >> bit) & 1).join('');
  const [from, to] = [`${src}:${sport}`, `${dst}:${dport}`];
  const relative = (key: string, value: number, restart: boolean): string => {
    if (restart || !memory.sequences.has(key)) memory.sequences.set(key, value);
    const distance = (value - memory.sequences.get(key)!) >>> 0;
    return distance > FAR && distance < 0x1_0000_0000 - FAR ? 'far' : String(distance);
  };
  const seqText = relative(`${from} ${to}`, seq, flags.includes('S'));
  const ackText = flags.includes('A') ? ` ack ${relative(`${to} ${from}`, ack, false)}` : '';
  const data = view.rest();
  return `tcp ${portName(memory, sport)} > ${portName(memory, dport)} ${flags} seq ${seqText}${ackText}${mssText(options)} data ${dataText(data)}`;
}

function mssText(options: Uint8Array): string {
  for (let at = 0; at < options.length && options[at] !== 0;) {
    if (options[at] === 1) {
      at++;
      continue;
    }
    if (options[at] === 2) return ` mss ${(options[at + 2]! << 8) | options[at + 3]!}`;
    at += Math.max(2, options[at + 1] ?? 2);
  }
  return '';
}

function dataText(data: Uint8Array): string {
  const text = String.fromCharCode(...data.subarray(0, 2000));
  return /^[\x20-\x7e\n]+$/.test(text) ? `${data.length} ${JSON.stringify(text)}` : `${data.length} ${hexOf(data)}`;
}

function portName(memory: FrameMemory, port: number): string {
  return memory.isNamedPort(port) ? String(port) : idName(memory, 'e', String(port));
}

function idName({ ids }: FrameMemory, prefix: string, key: string): string {
  const known = ids.get(prefix + key);
  if (known !== undefined) return known;
  const name = `${prefix}${[...ids.keys()].filter((other) => other.startsWith(prefix)).length + 1}`;
  ids.set(prefix + key, name);
  return name;
}

export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16));
}

/** Reads on; past the end there is nothing (an ICMP error may quote half a header): numbers are 0 then. */
class Reader {
  #at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  number(length: number): number {
    let value = 0;
    for (const byte of this.take(length)) value = value * 256 + byte;
    return value;
  }

  take(length: number): Uint8Array {
    const part = this.#bytes.subarray(this.#at, this.#at + Math.max(0, length));
    this.#at += part.length;
    return part;
  }

  until(length: number): Reader {
    return new Reader(this.take(length));
  }

  rest(): Uint8Array {
    return this.take(this.#bytes.length);
  }

  mac(): string {
    return Array.from(this.take(6), (byte) => byte.toString(16).padStart(2, '0')).join(':');
  }

  ip(): string {
    return this.take(4).join('.');
  }
}
