import type { Ipv4 } from '../wire/address.ts';
import { readU32, writeU32 } from '../wire/bytes.ts';
import type { RouteType } from './types.ts';

/** Length of the IP header before its options, bytes. */
export const IPV4_HLEN = 20;

/** The copy bit of an option's type: it goes into every fragment. */
export const IPOPT_COPY = 0x80;
export const IPOPT_END = 0;
export const IPOPT_NOOP = 1;
export const IPOPT_RR = 7;
export const IPOPT_TIMESTAMP = 68;
export const IPOPT_LSRR = 131;
export const IPOPT_SSRR = 137;
export const IPOPT_RA = 148;

/** What was found in the options (struct ip_options). Positions count from the begin of the options; -1 for none. */
export interface OptionControl {
  readonly rr: number;
  readonly ts: number;
  readonly srr: number;
  readonly strict: boolean;
  readonly routerAlert: boolean;
  /** This host's place in the record route is reserved, and its address in it is still to be chosen. */
  readonly rrNeedAddr: boolean;
  readonly tsNeedAddr: boolean;
  readonly tsNeedTime: boolean;
  /** The next stop of a source route that has come to a stop here (srr_is_hit, nexthop). */
  readonly hit: Ipv4 | null;
  /** For sending: the first stop of the source route, taken out of the list. */
  readonly firstHop: Ipv4 | null;
}

/** Who compiles: a host that received the packet and writes into it, or one that prepares to send (`received` null). */
export interface CompileContext {
  readonly addrType: (address: Ipv4) => RouteType;
  readonly received: { readonly address: () => Ipv4; readonly now: number } | null;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };
interface Compiling {
  readonly bytes: Uint8Array;
  readonly context: CompileContext;
  readonly control: Writable<OptionControl>;
  changed: boolean;
}

/**
 * Checks the options, and writes into `bytes` what this host has to add to a packet that it received (__ip_options_compile).
 * `error` is the position of the byte that is wrong; null when all is well.
 */
export function compileOptions(bytes: Uint8Array, context: CompileContext): { control: OptionControl; error: number | null; changed: boolean } {
  const state: Compiling = {
    bytes, context, changed: false,
    control: {
      rr: -1, ts: -1, srr: -1, strict: false, routerAlert: false, rrNeedAddr: false, tsNeedAddr: false, tsNeedTime: false, hit: null, firstHop: null,
    },
  };
  for (let at = 0; at < bytes.length; ) {
    const type = bytes[at]!;
    if (type === IPOPT_END) {
      clearRest(state, at + 1);
      break;
    }
    if (type === IPOPT_NOOP) {
      at++;
      continue;
    }
    const length = bytes[at + 1] ?? 0;
    const error = length < 2 || at + length > bytes.length ? at : compileOption(state, at, length);
    if (error !== null) return { control: state.control, error, changed: state.changed };
    at += length;
  }
  return { control: state.control, error: null, changed: state.changed };
}

/** What stands after the end of the list is made zero. */
function clearRest(state: Compiling, from: number): void {
  for (let i = from; i < state.bytes.length; i++) {
    if (state.bytes[i] !== 0) state.changed = true;
    state.bytes[i] = 0;
  }
}

function compileOption(state: Compiling, at: number, length: number): number | null {
  switch (state.bytes[at]) {
    case IPOPT_LSRR:
    case IPOPT_SSRR: return compileSourceRoute(state, at, length);
    case IPOPT_RR: return compileRecordRoute(state, at, length);
    case IPOPT_TIMESTAMP: return compileTimestamp(state, at, length);
    case IPOPT_RA:
      if (length < 4) return at + 1;
      if (state.bytes[at + 2] === 0 && state.bytes[at + 3] === 0) state.control.routerAlert = true;
      return null;
    default: return null;
  }
}

function compileSourceRoute(state: Compiling, at: number, length: number): number | null {
  const { bytes, control } = state;
  if (length < 3) return at + 1;
  if (bytes[at + 2]! < 4) return at + 2;
  if (control.srr >= 0) return at;
  if (state.context.received === null) {
    if (bytes[at + 2] !== 4 || length < 7 || ((length - 3) & 3) !== 0) return at + 1;
    control.firstHop = readU32(bytes, at + 3);
    bytes.copyWithin(at + 3, at + 7, at + length);
  }
  control.strict = bytes[at] === IPOPT_SSRR;
  control.srr = at;
  return null;
}

function compileRecordRoute(state: Compiling, at: number, length: number): number | null {
  const { bytes, control } = state;
  if (control.rr >= 0) return at;
  if (length < 3) return at + 1;
  const pointer = bytes[at + 2]!;
  if (pointer < 4) return at + 2;
  control.rr = at;
  if (pointer > length) return null;
  if (pointer + 3 > length) return at + 2;
  if (state.context.received !== null) {
    writeU32(bytes, at + pointer - 1, state.context.received.address());
    state.changed = true;
  }
  bytes[at + 2] = pointer + 4;
  control.rrNeedAddr = true;
  return null;
}

function compileTimestamp(state: Compiling, at: number, length: number): number | null {
  const { bytes, control } = state;
  if (control.ts >= 0) return at;
  if (length < 4) return at + 1;
  const pointer = bytes[at + 2]!;
  if (pointer < 5) return at + 2;
  control.ts = at;
  const kind = bytes[at + 3]! & 15;
  if (pointer <= length) return addTimestamp(state, at, length, kind);
  if (kind === 3) return null;
  const overflow = bytes[at + 3]! >> 4;
  if (overflow === 15) return at + 3;
  if (state.context.received !== null) {
    bytes[at + 3] = kind | ((overflow + 1) << 4);
    state.changed = true;
  }
  return null;
}

/** `kind`: 0 times only, 1 addresses and times, 3 only the hosts listed. */
function addTimestamp(state: Compiling, at: number, length: number, kind: number): number | null {
  const { bytes, control, context } = state;
  const pointer = bytes[at + 2]!;
  if (pointer + 3 > length) return at + 2;
  if (kind !== 0 && kind !== 1 && kind !== 3) return null;
  if (kind !== 0 && pointer + 7 > length) return at + 2;
  if (kind === 3 && context.addrType(readU32(bytes, at + pointer - 1)) === 'unicast') return null;
  const timeAt = at + pointer + (kind === 0 ? -1 : 3);
  if (context.received !== null) {
    if (kind === 1) writeU32(bytes, at + pointer - 1, context.received.address());
    writeU32(bytes, timeAt, context.received.now);
    state.changed = true;
  }
  control.tsNeedTime = true;
  if (kind === 1) control.tsNeedAddr = true;
  bytes[at + 2] = pointer + (kind === 0 ? 4 : 8);
  return null;
}
