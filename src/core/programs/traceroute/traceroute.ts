import type { Process, Running, Wait, Wake } from '../../shell/process.ts';
import { MICROSECOND, SECOND } from '../../sim/time.ts';
import { formatIpv4, type Ipv4 } from '../../wire/address.ts';
import { reverseName } from '../lib/resolve.ts';
import { icmpMethod, type Method, udpMethod } from './methods.ts';
import { exitCode } from '../lib/exit.ts';
import { parseTraceroute, type TracerouteOptions } from './options.ts';
import { checkExpired, newProbe, type Probe } from './probe.ts';

const DEFAULT_LENGTH = 60;
/** IP header, and UDP's or ICMP's. */
const MIN_LENGTH = 28;
/** Added to a round trip before it is multiplied into a time to wait. */
const PRECISION = SECOND / 1000;
/** What a system call takes. Over a few links the answer is there before the next probe goes out, as on Linux, where virtual links take no time. */
const SEND_TIME = 100 * MICROSECOND;

/** traceroute(8), the modern one for Linux, 2.1: UDP and ICMP over IPv4. */
export function* traceroute(process: Process): Running {
  let method: Method | null = null;
  try {
    const options = parseTraceroute(process);
    const length = Math.max(MIN_LENGTH, options.packetLength ?? DEFAULT_LENGTH);
    method = options.method === 'icmp' ? icmpMethod(process, options, length) : udpMethod(process, options, length);
    method.open();
    process.stdout.write(`traceroute to ${options.host} (${formatIpv4(options.target)}), ${options.maxHops} hops max, ${length} byte packets`);
    yield* trace(process, options, method);
    process.stdout.write('\n');
    return 0;
  } catch (error) {
    return exitCode(process, error);
  } finally {
    method?.close();
  }
}

/** Sends probes ahead, up to the limit, and prints their answers in order until the end is reached (do_it). */
function* trace(process: Process, options: TracerouteOptions, method: Method): Generator<Wait, void, Wake> {
  const perHop = options.queries;
  const probes = Array.from({ length: options.maxHops * perHop }, newProbe);
  let start = (options.firstHop - 1) * perHop;
  let end = probes.length;
  let lastSent: number | null = null;
  while (start < end) {
    let pending = 0;
    let wakeAt: number | null = null;
    for (let n = start; n < end; n++) {
      const probe = probes[n]!;
      if (n === start && !probe.done && probe.sentAt !== null) {
        const expires = probe.sentAt + timeout(probes, n, options);
        if (expires > process.now) wakeAt = expires;
        else {
          method.expire(probe);
          checkExpired(probes, n, perHop);
        }
      }
      if (probe.done) {
        if (n === start) print(process, options, probes, start++);
        if (probe.final) end = (Math.floor(n / perHop) + 1) * perHop;
        continue;
      }
      if (probe.sentAt === null) {
        const next = lastSent === null || options.sendWait === 0 ? 0 : lastSent + Math.round(options.sendWait * SECOND);
        if (next > process.now) {
          wakeAt = next;
          break;
        }
        process.work();
        method.send(probe, Math.floor(n / perHop) + 1);
        lastSent = process.now;
        yield { queues: [], deadline: process.now + SEND_TIME };
      }
      wakeAt ??= probe.sentAt! + timeout(probes, n, options);
      if (++pending >= Math.max(1, options.simultaneous)) break;
    }
    if (wakeAt !== null && !method.receive()) {
      yield { queues: method.queues(), deadline: Math.max(wakeAt, process.now) };
      method.receive();
    }
  }
}

/** How long an answer is waited for: not much longer than another of the same hop, or of a later one, took. */
function timeout(probes: readonly Probe[], index: number, options: TracerouteOptions): number {
  const longest = options.wait * SECOND;
  const scaled = (probe: Probe | undefined, factor: number): number => Math.min(longest, (probe!.receivedAt! - probe!.sentAt! + PRECISION) * factor);
  const answered = (probe: Probe): boolean => probe.done && probe.receivedAt !== null && probe.receivedAt > probe.sentAt!;
  if (options.hereFactor > 0) {
    const first = index - (index % options.queries);
    const same = probes.slice(first, first + options.queries).find(answered);
    if (same) return scaled(same, options.hereFactor);
  }
  if (options.nearFactor > 0) {
    for (let i = index + 1; i < probes.length && probes[i]!.sentAt !== null; i++) {
      if (answered(probes[i]!)) return scaled(probes[i], options.nearFactor);
    }
  }
  return longest;
}

function nameOf(process: Process, options: TracerouteOptions, ip: Ipv4): string {
  const text = formatIpv4(ip);
  return options.numeric ? text : `${reverseName(process, ip) ?? text} (${text})`;
}

function print(process: Process, options: TracerouteOptions, probes: readonly Probe[], index: number): void {
  const probe = probes[index]!;
  const place = index % options.queries;
  let text = place === 0 ? `\n${String(index / options.queries + 1).padStart(2)} ` : '';
  if (probe.from === null) {
    text += ' *';
  } else {
    const before = probes.slice(index - place, index).findLast((one) => one.from !== null);
    if (before?.from !== probe.from) text += ` ${nameOf(process, options, probe.from)}`;
  }
  if (probe.receivedAt !== null) text += `  ${((probe.receivedAt - probe.sentAt!) / 1_000_000).toFixed(3)} ms`;
  if (probe.error !== '') text += ` ${probe.error}`;
  process.stdout.write(text);
}
