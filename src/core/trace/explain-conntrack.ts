import { formatIpv4 } from '../wire/address.ts';
import { diffPackets } from '../wire/diff.ts';
import { translationOf } from './connections.ts';
import type { Explanation } from './explain.ts';
import { sentence } from './explain-link.ts';
import { namesOf, placeOfStep } from './names.ts';
import { headerOf, packetEnds, packetName } from './packet-name.ts';
import { rowText } from './row-text.ts';
import type { ConntrackConfirmStep, ConntrackInStep, ConntrackStateStep, NatRewriteStep, NatSetupStep } from './step.ts';
import type { Trace } from './trace.ts';

export function explainConntrack(step: ConntrackInStep | ConntrackConfirmStep | ConntrackStateStep | NatSetupStep | NatRewriteStep, trace: Trace): Explanation {
  switch (step.kind) {
    case 'conntrack.in': return explainIn(step, trace);
    case 'conntrack.confirm': return explainConfirm(step, trace);
    case 'conntrack.state': return explainState(step, trace);
    case 'nat.setup': return explainSetup(step, trace);
    case 'nat.rewrite': return explainRewrite(step, trace);
  }
}

function join(...parts: string[]): string {
  return parts.filter((part) => part !== '').join(' ');
}

function entryLine(trace: Trace, step: { readonly entry: string | null } & Parameters<typeof placeOfStep>[0]): string {
  const text = step.entry === null ? null : rowText(trace, { table: `${placeOfStep(step)}#conntrack`, key: step.entry }, step.seq);
  return text === null ? '' : `The entry: ${text}.`;
}

function explainIn(step: ConntrackInStep, trace: Trace): Explanation {
  const host = namesOf(trace).host(placeOfStep(step));
  const packet = packetName(step.packet);
  const why = sentence(step.why);
  switch (step.state) {
    case null:
      return { title: `${host} does not track the ${packet}`, text: why };
    case 'UNTRACKED':
      return { title: `${host} lets the ${packet} go untracked`, text: why };
    case 'INVALID':
      return { title: `${host} calls the ${packet} INVALID: it belongs to no connection that could be`, text: join(why, entryLine(trace, step)) };
    case 'NEW':
      return { title: `${host} sees a new connection: ${packetEnds(step.packet)}`, text: join(step.created ? 'No entry has these addresses and ports, so one is made. It counts only once this packet has got through.' : 'The entry is there, but nobody has answered yet.', why, entryLine(trace, step)) };
    case 'RELATED':
      return { title: `${host} finds the ${packet} RELATED to a connection that it knows`, text: join(why, entryLine(trace, step)) };
    case 'ESTABLISHED':
      return {
        title: `${host} knows this connection: the ${packet} ${step.direction === 'reply' ? 'is an answer in it' : 'belongs to it'}`,
        text: join(step.direction === 'reply' ? 'Its addresses are those that the entry expects of a reply.' : 'Its addresses are those of the first packet.', why, entryLine(trace, step)),
      };
  }
}

function explainConfirm(step: ConntrackConfirmStep, trace: Trace): Explanation {
  const host = namesOf(trace).host(placeOfStep(step));
  if (step.outcome === 'confirmed') {
    return { title: `The connection’s entry in ${host} is confirmed`, text: join('The packet that began it has passed every hook, so the entry goes into the table where replies will find it.', sentence(step.why), entryLine(trace, step)) };
  }
  if (step.outcome === 'clash') return { title: `Another packet was faster: ${host} had an entry for these addresses already`, text: sentence(step.why) };
  return { title: `The connection’s entry in ${host} cannot be kept`, text: sentence(step.why) };
}

const SEGMENTS: Readonly<Record<string, string>> = { SYN: 'A SYN', SYNACK: 'A SYN+ACK', FIN: 'A FIN', ACK: 'An ACK', RST: 'A RST' };

function explainState(step: ConntrackStateStep, trace: Trace): Explanation {
  const host = namesOf(trace).host(placeOfStep(step));
  return {
    title: `${host} follows the TCP connection: ${step.from} → ${step.to}`,
    text: join(`${SEGMENTS[step.event.replace(/^.*_/, '')] ?? step.event} came ${step.direction === 'reply' ? 'from the side that answers' : 'from the side that began'}; connection tracking keeps a TCP state of its own.`, entryLine(trace, step)),
  };
}

const SIDE = { src: 'source', dst: 'destination' } as const;

function explainSetup(step: NatSetupStep, trace: Trace): Explanation {
  const host = namesOf(trace).host(placeOfStep(step));
  const rule = step.rule === null ? null : rowText(trace, step.rule, step.seq);
  const asked = rule === null ? 'No rule asks for a change.' : `The rule that asks for it: ${rule}.`;
  if (step.from === step.to) return { title: `${host} leaves the ${SIDE[step.manip]} ${step.from} as it is`, text: join(asked, sentence(step.why), 'This is decided once, for the whole connection.') };
  return {
    title: `${host} decides: the ${SIDE[step.manip]} ${step.from} becomes ${step.to}`,
    text: join(asked, sentence(step.why), 'This is decided once; every later packet of the connection follows, and every reply is changed back.'),
  };
}

function explainRewrite(step: NatRewriteStep, trace: Trace): Explanation {
  const host = namesOf(trace).host(placeOfStep(step));
  const { setup } = translationOf(trace, step);
  const [before, after] = [headerOf(step.before, 'ipv4'), headerOf(step.packet, 'ipv4')];
  const changes = step.packet === null ? [] : diffPackets(step.before, step.packet).filter(({ change, field }) => change === 'changed' && field !== null && !/checksum/i.test(field)).map((one) => `${one.kind} ${one.label ?? one.field} ${one.old} → ${one.new}`);
  const ends = before && after ? ` (${formatIpv4(step.manip === 'src' ? before.src : before.dst)} → ${formatIpv4(step.manip === 'src' ? after.src : after.dst)})` : '';
  const undone = step.direction === 'reply';
  const because = undone ? 'A reply of a translated connection: what was changed on the way there is changed back, without asking any rule.'
    : setup === null || setup.seq === step.seq ? 'The entry of the connection says so.' : `The entry of the connection says so, since its first packet (step ${setup.seq + 1}).`;
  return { title: `${host} writes a new ${SIDE[step.manip]} into the ${packetName(step.packet)}${ends}`, text: join(because, changes.length === 0 ? '' : `${changes.join(', ')}; the checksums follow.`) };
}
