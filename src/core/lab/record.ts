/**
 * The record of a run, version 1. The simulator writes it (`hopscope run FILE --record`), the oracle writes the same of the real kernel,
 * and the two are compared. All times are integer nanoseconds on the lab's clock, which starts with the setups.
 *
 * A step begins when its command starts. It ends when the command has ended, its `settle` has passed, and no frame was seen anywhere
 * for RECORD_QUIET_SECONDS (at most RECORD_QUIET_LIMIT_SECONDS are waited for that), and changes of carrier have had their consequences
 * (the kernel takes up to a second for those). Then the tables are read. A frame belongs to the
 * last step that has begun when it is seen; the tables of a step are those at its end.
 */
export interface LabRecord {
  readonly version: 1;
  /** The lab's id. */
  readonly lab: string;
  /** MAC, lower case with colons -> the place that has it. A bridge that borrows the MAC of a port is not listed; the port is. */
  readonly devices: Readonly<Record<string, string>>;
  readonly steps: readonly RecordStep[];
}

export interface RecordStep {
  /** 1, 2, ... */
  readonly i: number;
  /** The machine; empty in a step that only waits. */
  readonly on: string;
  readonly run: string;
  /** 124 after the step's timeout, 128 + N after signal N. */
  readonly exit: number;
  /** What was printed until the step ended, background processes included. */
  readonly stdout: string;
  readonly stderr: string;
  readonly startNs: number;
  /** When the command ended (not the settling after it). */
  readonly endNs: number;
  /** When the tables had been read. */
  readonly tablesNs?: number;
  readonly frames: readonly RecordFrame[];
  /** In a lab with `trace`: the rules that packets met in iptables' tables, by namespace, in order of the packets' coming. */
  readonly walks?: Readonly<Record<string, readonly RecordWalk[]>>;
  /** By namespace: `node1`, `node1/ns1`. Every namespace, also where nothing changed. */
  readonly tables: Readonly<Record<string, NamespaceTables>>;
}

export interface RecordFrame {
  /** 1, 2, ... within the step, over all places. */
  readonly n: number;
  readonly ns: number;
  /** `node1:eth0`, `node1/ns1:veth11`. */
  readonly place: string;
  /** As seen from the device. */
  readonly dir: 'in' | 'out';
  /** The whole frame from its destination MAC on, lower case, without FCS. */
  readonly hex: string;
}

/** One packet on its way through a namespace. */
export interface RecordWalk {
  /** The IP header and at most 20 bytes of what follows, as hex, as it was when it came. */
  readonly packet: string;
  /** `filter INPUT 2 JUMP FOO`, `filter INPUT policy ACCEPT`: each rule that matched, by its place in the chain, and its verdict. */
  readonly walk: readonly string[];
}

/** The text that each command of TABLE_COMMANDS prints in the namespace. */
export type NamespaceTables = Readonly<Record<RecordTableName, string>>;

/** Tables whose command prints JSON. */
export const JSON_TABLES = ['link', 'addr', 'route', 'rule', 'neigh', 'proxy', 'fdb'] as const;

/** Tables of lines. `counters` is in the record as `counterLines` makes it of the text. */
export const TEXT_TABLES = ['iptables', 'conntrack', 'ss', 'ipset', 'counters'] as const;

export type JsonTableName = (typeof JSON_TABLES)[number];
export type TextTableName = (typeof TEXT_TABLES)[number];
export type RecordTableName = JsonTableName | TextTableName;

export const TABLE_COMMANDS: Readonly<Record<RecordTableName, string>> = {
  link: 'ip -j -d link show',
  addr: 'ip -j addr show',
  route: 'ip -j route show table all',
  rule: 'ip -j rule show',
  neigh: 'ip -j neigh show nud all',
  proxy: 'ip -j neigh show proxy',
  fdb: 'bridge -j fdb show',
  iptables: 'iptables-save -c',
  conntrack: 'conntrack -L',
  ss: 'ss -H -tuan',
  ipset: 'ipset save',
  counters: 'cat /proc/net/snmp /proc/net/netstat',
};

export const TABLE_NAMES: readonly RecordTableName[] = [...JSON_TABLES, ...TEXT_TABLES];

/** A step has ended when no frame was seen for this long ... */
export const RECORD_QUIET_SECONDS = 0.3;

/** ... or when it has been waited for this long. */
export const RECORD_QUIET_LIMIT_SECONDS = 3;

/** Changes of carrier are waited for at most this long. */
export const RECORD_LINKS_LIMIT_SECONDS = 1.2;

/** Does this operational state mean that there is a carrier? A bridge is UNKNOWN only until that of its first port was told; others may be so for ever. */
export function tellsCarrier(operstate: string, isBridge: boolean): boolean {
  return operstate === 'UP' || operstate === 'DORMANT' || (operstate === 'UNKNOWN' && !isBridge);
}

/** Reading the tables after a step takes at least this long: the next one begins no earlier. */
export const RECORD_TABLES_SECONDS = 0.2;

/** What the real kernel did: the same record, and what is known only there. */
export interface KernelRecording extends LabRecord {
  /** `uname -r`. */
  readonly kernel: string;
  readonly setup: SetupRecord;
  /** Expectations of the lab that the kernel did not meet. */
  readonly unmet: readonly UnmetExpectation[];
}

export interface SetupRecord {
  readonly runs: readonly SetupRun[];
  readonly frames: readonly RecordFrame[];
  readonly tables: Readonly<Record<string, NamespaceTables>>;
}

export interface SetupRun {
  readonly on: string;
  readonly run: string;
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly startNs: number;
  readonly endNs: number;
}

export interface UnmetExpectation {
  /** Index of the step. */
  readonly i: number;
  readonly expected: string;
  readonly got: string;
}
