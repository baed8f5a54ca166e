import { KernelError } from '../../kernel/errno.ts';
import type { NetDevice } from '../../kernel/net-device.ts';
import { listAddrs } from '../../kernel/netlink/addr.ts';
import type { PacketSocket } from '../../kernel/sockets/packet-socket.ts';
import type { Process, Running, Wait, Wake } from '../../shell/process.ts';
import { MILLISECOND } from '../../sim/time.ts';
import { type Ipv4, netmask } from '../../wire/address.ts';
import { reverseName, resolveHost } from '../lib/resolve.ts';
import { serviceName, servicePort } from '../lib/services.ts';
import { compileFilter } from './filter/compile.ts';
import { FilterError } from './filter/lexer.ts';
import { type Captured, capture, findDevice, linkTypeOf, openCapture } from './live.ts';
import { exitCode } from '../lib/exit.ts';
import { fail, parseTcpdump, type TcpdumpOptions } from './options.ts';
import { type BufferedOutput, bufferedOutput } from './output.ts';
import { pcapHeader, pcapRecord, readPcap, toBytes, toText } from './pcap-file.ts';
import { type LinkType, printFrame } from './print/frame.ts';
import type { PrintOptions } from './print/printer.ts';
import { protocolNumber } from './print/protocols.ts';
import { timeStamps } from './time-stamp.ts';

/**
 * How often the kernel hands over what was captured (the block timeout of TPACKET_V3): with -l or on a terminal ten times a second.
 * What was not handed over when a signal comes is lost, as on Linux.
 */
const PERIOD = 1000 * MILLISECOND;
const SHORT_PERIOD = 100 * MILLISECOND;

const LINK_NAMES: Readonly<Record<LinkType, string>> = { EN10MB: 'EN10MB (Ethernet)', LINUX_SLL2: 'LINUX_SLL2 (Linux cooked v2)', RAW: 'RAW (Raw IP)', LINUX_SLL: 'LINUX_SLL (Linux cooked v1)' };

/** One run. */
interface Session {
  readonly process: Process;
  readonly options: TcpdumpOptions;
  readonly linkType: LinkType;
  readonly accepts: (frame: Captured) => boolean;
  /** Prints, writes or counts a frame. */
  readonly take: (frame: Captured) => void;
  readonly output: BufferedOutput;
  captured: number;
  received: number;
}

/** tcpdump(8) 4.99 over what an AF_PACKET socket sees, or over a capture file. */
export function* tcpdump(process: Process): Running {
  try {
    const options = parseTcpdump(process);
    return options.readFile === null ? yield* live(process, options) : fromFile(process, options, options.readFile);
  } catch (error) {
    return exitCode(process, error);
  }
}

function absolute(process: Process, path: string): string {
  return path.startsWith('/') ? path : `${process.cwd === '/' ? '' : process.cwd}/${path}`;
}

function newSession(process: Process, options: TcpdumpOptions, linkType: LinkType, snaplen: number, mask: Ipv4 | null): Session {
  const expression = options.filterFile === null ? options.expression : readText(process, options.filterFile, `can't open ${options.filterFile}`);
  const accepts = compile(process, expression, linkType, mask, options.readFile === null);
  const unbuffered = options.lineBuffered || process.stdout.isTerminal;
  const printing = options.writeFile === null || options.print;
  const stdout = bufferedOutput((text) => void process.stdout.write(text), unbuffered);
  const file = options.writeFile === null ? null : openFile(process, options, options.writeFile);
  file?.write(toText(pcapHeader(linkType, snaplen)));
  const line = linePrinter(process, options, linkType);
  return {
    process, options, linkType, accepts, captured: 0, received: 0,
    take: (frame) => {
      file?.write(toText(pcapRecord(frame)));
      if (printing && !options.onlyCount) stdout.write(line(frame));
    },
    output: {
      write: (text) => stdout.write(text),
      flush: () => {
        stdout.flush();
        file?.flush();
      },
    },
  };
}

function compile(process: Process, expression: string, linkType: LinkType, mask: Ipv4 | null, isLive: boolean): (frame: Captured) => boolean {
  try {
    return compileFilter(expression, linkType, {
      resolveHost: (name) => {
        const host = resolveHost(process, name);
        return typeof host === 'string' ? null : host.ip;
      },
      service: servicePort, ipProtocol: protocolNumber, netmask: mask, live: isLive,
    });
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    return fail(error.message);
  }
}

function linePrinter(process: Process, options: TcpdumpOptions, linkType: LinkType): (frame: Captured) => string {
  const stamp = timeStamps(options.time);
  const printing: PrintOptions = {
    link: options.link, verbose: options.verbose, numeric: options.numeric > 0, quiet: options.quiet, hex: options.hex, hexAscii: options.hexAscii,
    ascii: options.ascii, absolute: options.absolute, conversations: new Map(), checksums: options.checksums, hostName: (ip) => reverseName(process, ip), serviceName,
  };
  let number = 0;
  return (frame) => {
    number++;
    const prefix = options.number ? `${String(number).padStart(5)}  ` : '';
    return `${prefix}${stamp(frame.at)}${printFrame(printing, { linkType, bytes: frame.bytes, length: frame.length, interfaceName: frame.interfaceName })}\n`;
  };
}

function readText(process: Process, path: string, what: string): string {
  try {
    return process.fs.read(absolute(process, path));
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return fail(`${what}: ${error.message}`);
  }
}

function openFile(process: Process, options: TcpdumpOptions, path: string): BufferedOutput {
  if (path === '-') return bufferedOutput((text) => void process.stdout.write(text), options.packetBuffered);
  const target = absolute(process, path);
  try {
    process.fs.write(target, '', 'truncate');
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    fail(`${path}: ${error.message}`);
  }
  return bufferedOutput((text) => process.fs.write(target, text, 'append'), options.packetBuffered);
}

function fromFile(process: Process, options: TcpdumpOptions, path: string): number {
  const text = readText(process, path, path);
  let file;
  try {
    file = readPcap(toBytes(text));
  } catch (error) {
    return fail((error as Error).message);
  }
  process.stderr.write(`reading from file ${path}, link-type ${LINK_NAMES[file.linkType]}, snapshot length ${file.snaplen}\n`);
  if (file.linkType === 'LINUX_SLL2') process.stderr.write('Warning: interface names might be incorrect\n');
  const session = newSession(process, options, file.linkType, file.snaplen, 0);
  for (const record of file.records) {
    const frame: Captured = { ...record, direction: null, interfaceName: file.linkType === 'LINUX_SLL2' ? nameInCooked(process, record.bytes) : null };
    if (!session.accepts(frame)) continue;
    session.captured++;
    session.take(frame);
    if (session.captured === options.count) break;
  }
  if (options.onlyCount) session.output.write(`${session.captured} packet${session.captured === 1 ? '' : 's'}\n`);
  session.output.flush();
  return 0;
}

/** The name that the index in a cooked header has now. */
function nameInCooked(process: Process, bytes: Uint8Array): string | null {
  if (bytes.length < 8) return null;
  return process.ns.devices.get(new DataView(bytes.buffer, bytes.byteOffset).getUint32(4))?.name ?? null;
}

function* live(process: Process, options: TcpdumpOptions): Running {
  const dev = findDevice(process, options.device);
  const linkType = linkTypeOf(dev);
  const socket = openCapture(process, dev, options.promiscuous);
  try {
    if (options.listLinkTypes) return listLinkTypes(process, dev);
    if (dev === null) process.stderr.write('tcpdump: data link type LINUX_SLL2\n');
    const session = newSession(process, options, linkType, options.snaplen, maskOf(process, dev));
    const listening = `listening on ${dev?.name ?? 'any'}, link-type ${LINK_NAMES[linkType]}, snapshot length ${options.snaplen} bytes\n`;
    const terse = options.verbose === 0 && options.writeFile === null;
    process.stderr.write(terse ? `tcpdump: verbose output suppressed, use -v[v]... for full protocol decode\n${listening}` : `tcpdump: ${listening}`);
    return yield* captureLoop(session, socket);
  } finally {
    socket.close();
  }
}

function listLinkTypes(process: Process, dev: NetDevice | null): number {
  const own = linkTypeOf(dev);
  const types = dev === null ? [LINK_NAMES.LINUX_SLL, LINK_NAMES.LINUX_SLL2] : own === 'EN10MB' ? [LINK_NAMES.EN10MB, 'DOCSIS (DOCSIS) (printing not supported)'] : [LINK_NAMES[own]];
  process.stderr.write(`Data link types for ${dev?.name ?? 'any'} (use option -y to set):\n${types.map((type) => `  ${type}\n`).join('')}`);
  return 0;
}

/** The netmask of the first address, for `ip broadcast`; zero when there is none. */
function maskOf(process: Process, dev: NetDevice | null): Ipv4 {
  if (dev === null) return 0;
  const row = listAddrs(process.ns).find((one) => one.ifindex === dev.ifindex);
  return row ? netmask(row.prefixLength) : 0;
}

function* captureLoop(session: Session, socket: PacketSocket): Generator<Wait, number, Wake> {
  const { process, options } = session;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.handle(signal);
  const start = process.now;
  const period = process.stdout.isTerminal || options.lineBuffered ? SHORT_PERIOD : PERIOD;
  const pending: Captured[] = [];
  for (;;) {
    drain(session, socket, pending);
    if (options.immediate && deliver(session, pending)) return finish(session, '');
    const wake = yield { queues: [socket.readable], deadline: pending.length === 0 ? null : nextTick(process.now, start, period) };
    process.work();
    drain(session, socket, pending);
    if (wake === 'signal' && process.takeSignal() !== null) return finish(session, '\n');
    if (wake === 'timeout' && deliver(session, pending)) return finish(session, '');
    if (socket.takeError() !== null && !isThere(process, socket.device)) {
      deliver(session, pending);
      process.stderr.write('tcpdump: pcap_loop: The interface disappeared\n');
      finish(session, '');
      return 1;
    }
  }
}

/** False once the device is deleted or in another namespace. One that is only down may come up again: libpcap goes on listening. */
function isThere(process: Process, dev: NetDevice | null): boolean {
  return dev !== null && process.ns.devices.get(dev.ifindex) === dev;
}

/** Takes what the socket has seen and the filter lets through. */
function drain(session: Session, socket: PacketSocket, pending: Captured[]): void {
  const { direction, snaplen } = session.options;
  for (let frame = socket.receive(); frame !== null; frame = socket.receive()) {
    const captured = capture(frame, session.linkType, snaplen);
    if (!session.accepts(captured)) continue;
    session.received++;
    if (direction === 'inout' || frame.direction === direction) pending.push(captured);
  }
}

/** The next moment, after now, at which the kernel hands a block over. */
function nextTick(now: number, start: number, period: number): number {
  return start + (Math.floor((now - start) / period) + 1) * period;
}

/** Takes what was handed over; true when -c is reached. */
function deliver(session: Session, pending: Captured[]): boolean {
  for (let frame = pending.shift(); frame !== undefined; frame = pending.shift()) {
    session.captured++;
    session.take(frame);
    if (session.captured === session.options.count) return true;
  }
  return false;
}

function finish(session: Session, newline: string): number {
  const { process, options, captured, received } = session;
  const plural = (n: number): string => `${n} packet${n === 1 ? '' : 's'}`;
  // An interrupted line on a terminal would have no end.
  if (options.writeFile === null || options.print) session.output.write(newline);
  process.stderr.write(`${plural(captured)} captured\n${plural(received)} received by filter\n0 packets dropped by kernel\n`);
  session.output.flush();
  return 0;
}
