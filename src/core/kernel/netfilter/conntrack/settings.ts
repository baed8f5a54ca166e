import { SECOND, type SimTime } from '../../../sim/time.ts';
import { KernelError } from '../../errno.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import { parseIntegers, type SysctlDirectory } from '../../sysctl.ts';
import { INT_MAX, INT_MIN } from '../../sysctl-values.ts';
import type { TcpConntrackState } from '../../../trace/step.ts';

/** Settings below net.netfilter, as numbers. `max` and `buckets` are the machine's: only its first namespace has them to write. */
export interface CtSettings {
  acct: number;
  checksum: number;
  /** 0 no events, 1 always, 2 for connections that begin while somebody listens. */
  events: number;
  logInvalid: number;
  timestamp: number;
  tcpBeLiberal: number;
  tcpIgnoreInvalidRst: number;
  tcpLoose: number;
  tcpMaxRetrans: number;
  max: number;
  buckets: number;
  expectMax: number;
  logAllNetns: number;
  hooksLwtunnel: number;
  /** Seconds, by what the file is called without `nf_conntrack_`. */
  readonly timeouts: Record<TimeoutName, number>;
  /** Settings of what is not simulated (SCTP, IPv6): they can be read and written. */
  readonly others: Record<string, number>;
}

export type TimeoutName =
  | 'generic_timeout' | 'gre_timeout' | 'gre_timeout_stream' | 'icmp_timeout' | 'udp_timeout' | 'udp_timeout_stream'
  | `tcp_timeout_${'syn_sent' | 'syn_recv' | 'established' | 'fin_wait' | 'close_wait' | 'last_ack' | 'time_wait' | 'close' | 'max_retrans' | 'unacknowledged'}`;

const TIMEOUTS: Readonly<Record<TimeoutName, number>> = {
  generic_timeout: 600, gre_timeout: 30, gre_timeout_stream: 180, icmp_timeout: 30, tcp_timeout_close: 10, tcp_timeout_close_wait: 60, tcp_timeout_established: 432000, tcp_timeout_fin_wait: 120,
  tcp_timeout_last_ack: 30, tcp_timeout_max_retrans: 300, tcp_timeout_syn_recv: 60, tcp_timeout_syn_sent: 120, tcp_timeout_time_wait: 120,
  tcp_timeout_unacknowledged: 300, udp_timeout: 30, udp_timeout_stream: 120,
};

const OTHERS: Readonly<Record<string, number>> = {
  frag6_high_thresh: 4194304, frag6_low_thresh: 3145728, frag6_timeout: 60, icmpv6_timeout: 30,
  sctp_timeout_closed: 10, sctp_timeout_cookie_echoed: 3, sctp_timeout_cookie_wait: 3, sctp_timeout_established: 210, sctp_timeout_heartbeat_sent: 30,
  sctp_timeout_shutdown_ack_sent: 3, sctp_timeout_shutdown_recd: 3, sctp_timeout_shutdown_sent: 3,
};

export function initialCtSettings(): CtSettings {
  return {
    acct: 0, checksum: 1, events: 2, logInvalid: 0, timestamp: 0, tcpBeLiberal: 0, tcpIgnoreInvalidRst: 0, tcpLoose: 1, tcpMaxRetrans: 3, max: 262144, buckets: 262144,
    expectMax: 4096, logAllNetns: 0, hooksLwtunnel: 0, timeouts: { ...TIMEOUTS }, others: { ...OTHERS },
  };
}

const TCP_TIMEOUTS: Readonly<Record<TcpConntrackState, TimeoutName>> = {
  NONE: 'tcp_timeout_syn_sent', SYN_SENT: 'tcp_timeout_syn_sent', SYN_RECV: 'tcp_timeout_syn_recv', ESTABLISHED: 'tcp_timeout_established',
  FIN_WAIT: 'tcp_timeout_fin_wait', CLOSE_WAIT: 'tcp_timeout_close_wait', LAST_ACK: 'tcp_timeout_last_ack', TIME_WAIT: 'tcp_timeout_time_wait',
  CLOSE: 'tcp_timeout_close', SYN_SENT2: 'tcp_timeout_syn_sent',
};

export function ctTimeout(ns: NetNamespace, name: TimeoutName): SimTime {
  return ns.nf.ct.settings.timeouts[name] * SECOND;
}

export function tcpStateTimeout(ns: NetNamespace, state: TcpConntrackState): SimTime {
  return ctTimeout(ns, TCP_TIMEOUTS[state]);
}

/** One file: how it is read and written. `write` null: nobody may. */
interface File {
  readonly read: () => number;
  readonly write: ((value: number) => void) | null;
  readonly min: number;
  readonly max: number;
}

type Plain = Exclude<keyof CtSettings, 'timeouts' | 'others'>;
type Spec = readonly [field: Plain, min: number, max: number];

/** Files that are one field of the namespace's settings. */
const PLAIN: Readonly<Record<string, Spec>> = {
  nf_conntrack_acct: ['acct', 0, 1], nf_conntrack_checksum: ['checksum', 0, 1], nf_conntrack_events: ['events', 0, 2], nf_conntrack_log_invalid: ['logInvalid', 0, 255],
  nf_conntrack_tcp_be_liberal: ['tcpBeLiberal', 0, 1], nf_conntrack_tcp_ignore_invalid_rst: ['tcpIgnoreInvalidRst', 0, 1], nf_conntrack_tcp_loose: ['tcpLoose', 0, 1],
  nf_conntrack_tcp_max_retrans: ['tcpMaxRetrans', 0, 255], nf_conntrack_timestamp: ['timestamp', 0, 1], nf_hooks_lwtunnel: ['hooksLwtunnel', 0, 1],
};
/** Files that all namespaces of a machine share, and only the first can write. */
const SHARED: Readonly<Record<string, Spec>> = {
  nf_conntrack_max: ['max', 0, INT_MAX], nf_conntrack_buckets: ['buckets', 1, INT_MAX], nf_conntrack_expect_max: ['expectMax', 1, INT_MAX],
};

function fieldFile(settings: CtSettings, [field, min, max]: Spec, writable: boolean): File {
  return { read: () => settings[field], write: writable ? (value) => { settings[field] = value; } : null, min, max };
}

function filesOf(ns: NetNamespace): ReadonlyMap<string, File> {
  const { ct } = ns.nf;
  const root = ns.machine.root === undefined || ns.machine.root === ns;
  const shared = root ? ct.settings : ns.machine.root.nf.ct.settings;
  const files = new Map<string, File>();
  for (const [name, spec] of Object.entries(PLAIN)) files.set(name, fieldFile(ct.settings, spec, true));
  for (const [name, spec] of Object.entries(SHARED)) files.set(name, fieldFile(shared, spec, root));
  if (root) files.set('nf_log_all_netns', fieldFile(ct.settings, ['logAllNetns', INT_MIN, INT_MAX], true));
  files.set('nf_conntrack_count', { read: () => ct.count, write: null, min: 0, max: 0 });
  for (const table of [ct.settings.timeouts as Record<string, number>, ct.settings.others]) {
    for (const name of Object.keys(table)) files.set(`nf_conntrack_${name}`, { read: () => table[name]!, write: (value) => { table[name] = value; }, min: INT_MIN, max: INT_MAX });
  }
  return files;
}

/** proc_dointvec_jiffies: seconds, which must fit into an integer as ticks; the rest are plain integers. */
function limits(name: string, { min, max }: File): { min: number; max: number } {
  return /timeout/.test(name) ? { min: -0x0200_0000, max: 0x01ff_ffff * 4 } : { min, max };
}

/** /proc/sys/net/netfilter (nf_conntrack_standalone.c). */
export function ctSysctlDirectory(ns: NetNamespace): SysctlDirectory {
  const files = filesOf(ns);
  return {
    names: () => [...files.keys()],
    read: (name) => String(files.get(name)!.read()),
    writable: (name) => files.get(name)!.write !== null,
    write: (name, text) => {
      const file = files.get(name)!;
      if (file.write === null) throw new KernelError('EACCES');
      const { min, max } = limits(name, file);
      const value = parseIntegers(text, 1, min, max)[0]!;
      file.write(value);
      const key = `net.netfilter.${name}`;
      ns.tables.sysctl.put(key, { name: key, value: String(value) });
    },
  };
}

/** /proc/sys/net: only net.nf_conntrack_max, of the machine's first namespace. */
export function ctMaxDirectory(ns: NetNamespace): SysctlDirectory {
  const file = fieldFile(ns.nf.ct.settings, SHARED.nf_conntrack_max!, true);
  return {
    names: () => ['nf_conntrack_max'],
    read: () => String(file.read()),
    write: (_name, text) => {
      const value = parseIntegers(text, 1, file.min, file.max)[0]!;
      file.write!(value);
      ns.tables.sysctl.put('net.nf_conntrack_max', { name: 'net.nf_conntrack_max', value: String(value) });
    },
  };
}
