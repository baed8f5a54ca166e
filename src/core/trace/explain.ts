import { explainArpReceive, explainArpSend, explainForward, explainLearn, explainNeighResolve, explainNeighState, explainRx, explainXmit, sentence } from './explain-link.ts';
import {
  explainDefrag, explainDeliver, explainFragment, explainIcmpReceive, explainIcmpSend, explainIpForward, explainIpOutput, explainIpReceive, explainRoute,
  explainSocketReceive, explainSocketSend,
} from './explain-ip.ts';
import { explainConntrack } from './explain-conntrack.ts';
import { explainNetfilter } from './explain-netfilter.ts';
import { explainTcp } from './explain-tcp.ts';
import { explainTunnel } from './explain-tunnel.ts';
import { DROP_REASONS } from './drop-reason.ts';
import { namesOf, placeOfStep } from './names.ts';
import { outerPart, packetEnds, packetName } from './packet-name.ts';
import { changeText, changeTexts } from './row-text.ts';
import type { DropStep, NetlinkStep, ProcessExecStep, ProcessExitStep, ProcessOutputStep, Step, TableStep } from './step.ts';
import type { Trace } from './trace.ts';

/** A step for people: one line, and what there is to know about it (may be ''). Plain text; the Linux function is `step.fn`. */
export interface Explanation {
  readonly title: string;
  readonly text: string;
}

/**
 * Says in plain English what happens at a step, with the names of hosts and devices and the table row that decided. Of a packet in a
 * tunnel it tells what those on the way see, the outer one, and what is inside.
 */
export function explain(step: Step, trace: Trace): Explanation {
  const { packet, kind } = step;
  const outer = packet === null || kind === 'tunnel.encap' || kind === 'tunnel.decap' ? packet : outerPart(packet);
  if (outer === packet) return wordsOf(step, trace);
  const { title, text } = wordsOf({ ...step, packet: outer }, trace);
  return { title, text: `${text} Inside: ${packetName(packet)} ${packetEnds(packet)}.`.trim() };
}

function wordsOf(step: Step, trace: Trace): Explanation {
  switch (step.kind) {
    case 'lab.step': return { title: step.index === 0 ? `Setting up ${step.machine}` : `$ ${firstLine(step.run)}`, text: step.index === 0 ? '' : step.run.includes('\n') ? step.run.trim() : '' };
    case 'lab.step.end': return { title: step.exit === 0 ? 'The command has ended well' : `The command has ended with exit code ${step.exit}`, text: step.exit === 124 ? 'Its time was up.' : '' };
    case 'process.exec': return explainExec(step, trace);
    case 'process.output': return explainOutput(step, trace);
    case 'process.exit': return explainExit(step, trace);
    case 'netlink': return explainNetlink(step, trace);
    case 'table': return explainTable(step, trace);
    case 'dev.xmit': return explainXmit(step, trace);
    case 'dev.rx': return explainRx(step, trace);
    case 'bridge.learn': return explainLearn(step, trace);
    case 'bridge.forward': return explainForward(step, trace);
    case 'arp.request':
    case 'arp.reply': return explainArpSend(step, trace);
    case 'arp.receive': return explainArpReceive(step, trace);
    case 'neigh.state': return explainNeighState(step, trace);
    case 'neigh.resolve': return explainNeighResolve(step, trace);
    case 'route.lookup': return explainRoute(step, trace);
    case 'ip.receive': return explainIpReceive(step, trace);
    case 'ip.deliver': return explainDeliver(step, trace);
    case 'ip.forward': return explainIpForward(step, trace);
    case 'ip.output': return explainIpOutput(step, trace);
    case 'ip.fragment': return explainFragment(step);
    case 'ip.defrag': return explainDefrag(step, trace);
    case 'icmp.receive': return explainIcmpReceive(step, trace);
    case 'icmp.send': return explainIcmpSend(step, trace);
    case 'socket.send': return explainSocketSend(step, trace);
    case 'socket.receive': return explainSocketReceive(step, trace);
    case 'nf.table':
    case 'nf.log': return explainNetfilter(step, trace);
    case 'conntrack.in':
    case 'conntrack.confirm':
    case 'conntrack.state':
    case 'nat.setup':
    case 'nat.rewrite': return explainConntrack(step, trace);
    case 'tcp.state':
    case 'tcp.retransmit': return explainTcp(step, trace);
    case 'tunnel.encap':
    case 'tunnel.decap':
    case 'vxlan.learn':
    case 'netlink.notify':
    case 'igmp.join':
    case 'igmp.leave':
    case 'agent': return explainTunnel(step, trace);
    case 'drop': return explainDrop(step, trace);
  }
}

function firstLine(text: string): string {
  const trimmed = text.trim();
  const line = trimmed.split('\n', 1)[0]!;
  return line === trimmed ? line : `${line} ...`;
}

function explainExec(step: ProcessExecStep, trace: Trace): Explanation {
  return { title: step.argv.length === 1 ? `${step.argv[0]!} begins` : step.argv.join(' '), text: `Process ${step.pid} begins in ${namesOf(trace).host(placeOfStep(step))}.` };
}

function explainOutput(step: ProcessOutputStep, trace: Trace): Explanation {
  const program = namesOf(trace).program(step.machine, step.pid);
  const stream = step.stream === 'stderr' ? ' (on the standard error output)' : '';
  return { title: `${program} prints: ${firstLine(step.text)}`, text: step.text.trim().includes('\n') ? step.text.trim() : stream.trim() };
}

function explainExit(step: ProcessExitStep, trace: Trace): Explanation {
  return { title: `${namesOf(trace).program(step.machine, step.pid)} ends with exit code ${step.exit}`, text: step.exit === 0 ? 'All went well, it says.' : 'Not 0: it reports a failure.' };
}

/** The table that a request is about: RTM_NEWADDR changes `addr`. */
const TABLE_OF: Readonly<Record<string, readonly string[]>> = { LINK: ['link'], ADDR: ['addr'], ROUTE: ['route'], RULE: ['rule'], NEIGH: ['neigh', 'fdb', 'proxy'], VLAN: ['vlan'] };

interface NamedRow {
  readonly name: string;
}

function explainNetlink(step: NetlinkStep, trace: Trace): Explanation {
  const host = namesOf(trace).host(placeOfStep(step));
  if (step.error !== null) return { title: `The kernel refuses ${step.request} in ${host}: ${step.error}`, text: 'Nothing has changed.' };
  const tables = TABLE_OF[/^RTM_(?:NEW|DEL|SET)([A-Z]+)$/.exec(step.request)?.[1] ?? ''] ?? [];
  const asked = step.changes.filter(({ table }) => tables.includes(table.split('#')[1]!));
  const main = asked.find(({ table }) => table.startsWith(`${placeOfStep(step)}#`)) ?? asked[0] ?? step.changes[0];
  if (!main) return { title: `${host}: ${step.request}`, text: 'Nothing had to be changed.' };
  const moved = main.table.endsWith('#link') && main.after === null ? asked.find(({ table, after }) => table !== main.table && (after as NamedRow | null)?.name === (main.before as NamedRow).name) : undefined;
  if (moved) return { title: `${host}: device ${(main.before as NamedRow).name} moves to ${namesOf(trace).host(moved.table.split('#')[0]!)}`, text: 'A device that changes its namespace goes down and loses its addresses.' };
  const others = step.changes.filter((change) => change !== main).map((change) => changeText(trace, change, step.seq));
  const more = others.length === 0 ? '' : ` With it: ${others.slice(0, 6).join('; ')}${others.length > 6 ? `; and ${others.length - 6} more` : ''}.`;
  return { title: `${host}: ${changeText(trace, main, step.seq)}`, text: `The kernel does as ${step.request} asks.${more}` };
}

function explainTable(step: TableStep, trace: Trace): Explanation {
  const changes = changeTexts(trace, step.seq);
  const title = step.why === '' ? (changes[0] ?? 'A table changes') : step.why;
  return { title: sentence(title).replace(/\.$/, ''), text: changes.slice(0, 6).map(sentence).join(' ') };
}

function explainDrop(step: DropStep, trace: Trace): Explanation {
  const [what, next] = DROP_REASONS[step.reason];
  const host = step.device === null ? namesOf(trace).host(placeOfStep(step)) : `${namesOf(trace).device(placeOfStep(step), step.device, step.seq)}${step.netns === '' ? '' : ` in ${namesOf(trace).host(placeOfStep(step))}`}`;
  const detail = step.detail === '' ? '' : ` ${sentence(step.detail)}`;
  return { title: `The ${packetName(step.packet)} is dropped at ${host}: ${step.reason}`, text: `${what}${detail} ${next}` };
}
