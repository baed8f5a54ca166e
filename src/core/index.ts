/*
 * The one door out of core: everything that the page, the command line and the oracle may use. Whoever needs more adds it here, by name.
 */

// Time and the wire.
export { MICROSECOND, MILLISECOND, NANOSECOND, SECOND, type SimTime } from './sim/time.ts';
export { formatIpv4, formatMac, isMulticastMac, MAC_BROADCAST, parseIpv4, parseMac, type Ipv4, type Mac } from './wire/address.ts';
export { fromHex, toHex } from './wire/bytes.ts';
export { checksumErrors, decode, decodeQuoted, encode, frameLength, malformed, type WireFault } from './wire/codec.ts';
export { diffPackets, type FieldChange } from './wire/diff.ts';
export { type FieldSpan } from './wire/field-span.ts';
export { layout } from './wire/layout.ts';
export type {
  ArpHeader, DataHeader, EthernetHeader, Header, HeaderKind, IcmpHeader, Ipv4Header, Packet, UdpHeader, VlanHeader,
} from './wire/packet.ts';
export { summarize } from './wire/summarize.ts';

// The trace and what is computed from it.
export type { Change, RowRef } from './trace/change.ts';
export { connectionAt, connectionsOf, entryOf, lastTranslation, translationOf, type Connection, type Translation } from './trace/connections.ts';
export { DROP_REASONS, type DropReason } from './trace/drop-reason.ts';
export { explain, type Explanation } from './trace/explain.ts';
export { parseTrace, serializeTrace, type TraceParseResult } from './trace/format.ts';
export { historyOf, type History } from './trace/history.ts';
export { exchangesOf, journeysOf, type Exchange, type Hop, type Journey, type Outcome } from './trace/journey.ts';
export { GRANULARITIES, level, shownAt, STEP_KINDS, type Granularity } from './trace/levels.ts';
export { namesOf, type Names } from './trace/names.ts';
export { packetEnds, packetName } from './trace/packet-name.ts';
export type { RecordLevel } from './trace/recorder.ts';
export { changeText, changeTexts, formatRow, rowText } from './trace/row-text.ts';
export { expandRun, expandWalk, walkRuns, type WalkedRule, type WalkedRun } from './trace/walk.ts';
export { rulesWalked } from './trace/walk-length.ts';
export { XT_MISS, XT_MISS_MATCH } from './trace/xt-miss.ts';
export type { XtListedChain, XtMatch, XtOp, XtRule, XtTableName, XtTarget } from './kernel/netfilter/xtables/xt-rule.ts';
export type {
  ConntrackDirection, ConntrackStateStep, Considered, CtStateText, NatRewriteStep, NatSetupStep, NeighStateStep, NewStep, NfTableStep, NudState, RouteType, SkbInfo,
  SkbRelation, Step, StepBase, StepKind, StepOf, TcpConntrackState, TcpState, TcpStateStep,
} from './trace/step.ts';
export { Trace, TRACE_VERSION, type State, type TableState } from './trace/trace.ts';
export { asides, exchangeTitle, transcript, type TranscriptOptions } from './trace/transcript.ts';

// The protocol state machines, for drawing.
export { NEIGHBOUR_ACTIONS, NEIGHBOUR_TABLE, neighbourMachine, type NeighbourState } from './statecharts/neighbour.ts';
export { TCP_ACTIONS, TCP_TABLE, tcpMachine } from './statecharts/tcp.ts';
export { TCP_CONNTRACK_ACTIONS, TCP_CONNTRACK_TABLE, tcpConntrackMachine } from './statecharts/tcp-conntrack.ts';

// The kernel's rows and tables.
export type {
  AddrRow, BridgeOptions, BridgePortOptions, ConntrackRow, ConntrackTuple, DeviceKind, FdbRow, IpSetRow, LinkRow, NeighRow, NextHop, OperState, ProxyNeighRow,
  RouteRow, RuleRow, Scope, SocketRow, SysctlRow, TableName, TableRows, VlanRow, XtChainRow, XtRuleRow,
} from './kernel/rows.ts';

// What the benchmarks of connection tracking need: a frame that comes in, and the count.
export { netifRx } from './kernel/dev.ts';
export type { NetDevice } from './kernel/net-device.ts';
export { countConntrack } from './kernel/netlink/conntrack.ts';
export { newSkb } from './kernel/sk-buff.ts';

// Labs.
export type { ResolvedBeat, StepRange } from './lab/beats.ts';
export { counterLines } from './lab/counter-lines.ts';
export type {
  Beat, BeatPattern, Expectation, Knob, Lab, LabLink, LabMachine, LabStep, Nic, Question,
} from './lab/lab.ts';
export { pcapngByPlace, pcapngOf, type FrameFilter } from './lab/frames.ts';
export { mentionsAgents, type AgentInvocation, type Moment } from './lab/invocations.ts';
export { lintLab, lintScript } from './lab/lint.ts';
export { MAX_FILE_SIZE, parseLab, type Locate, type ParseOptions, type ParseResult } from './lab/parse.ts';
export { formatProblem, type LabProblem, type Path } from './lab/problem.ts';
export {
  JSON_TABLES, RECORD_LINKS_LIMIT_SECONDS, RECORD_QUIET_LIMIT_SECONDS, RECORD_QUIET_SECONDS, RECORD_TABLES_SECONDS, TABLE_COMMANDS, TABLE_NAMES, tellsCarrier, TEXT_TABLES,
  type JsonTableName, type KernelRecording, type LabRecord, type NamespaceTables, type RecordFrame, type RecordStep, type RecordTableName, type RecordWalk, type SetupRecord, type SetupRun,
  type TextTableName, type UnmetExpectation,
} from './lab/record.ts';
export { runLab, runningLab } from './lab/run.ts';
export { placeProblem, type CommandResult, type LabRun, type Progress, type RunOptions, type RunProblem, type StepResult } from './lab/run-types.ts';
export { HOST_ADDRESS, INTERNET_NAMES, ROUTER_ADDRESS, scriptLab } from './lab/small-internet.ts';
