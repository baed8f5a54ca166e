import { formatIpv4, formatMac, isMulticastMac, MAC_BROADCAST, MAC_ZERO, type Ipv4, type Mac } from '../wire/address.ts';
import { frameLength } from '../wire/codec.ts';
import type { Packet } from '../wire/packet.ts';
import { sentence } from './explain-link.ts';
import type { Explanation } from './explain.ts';
import { historyOf } from './history.ts';
import { namesOf, placeOfStep } from './names.ts';
import { packetEnds, packetName } from './packet-name.ts';
import { formatRow } from './row-text.ts';
import type { AgentStep, IgmpStep, NetlinkNotifyStep, Step, TunnelDecapStep, TunnelEncapStep, TunnelKind, VxlanLearnStep } from './step.ts';
import type { Trace } from './trace.ts';

type TunnelStep = TunnelEncapStep | TunnelDecapStep | VxlanLearnStep | NetlinkNotifyStep | IgmpStep | AgentStep;

/** What happens at tunnels, and what the kernel and the agents have to say to one another. */
export function explainTunnel(step: TunnelStep, trace: Trace): Explanation {
  switch (step.kind) {
    case 'tunnel.encap': return explainEncap(step, trace);
    case 'tunnel.decap': return explainDecap(step, trace);
    case 'vxlan.learn': return explainLearn(step, trace);
    case 'netlink.notify': return explainNotify(step, trace);
    case 'igmp.join':
    case 'igmp.leave': return explainIgmp(step, trace);
    case 'agent': return explainAgent(step, trace);
  }
}

const NAMES: Readonly<Record<TunnelKind, string>> = { vxlan: 'VXLAN', ipip: 'IPIP', gre: 'GRE' };

function numbered(step: TunnelEncapStep | TunnelDecapStep): string {
  if (step.id === null) return NAMES[step.tunnel];
  return step.tunnel === 'vxlan' ? `VXLAN ${step.id}` : `${NAMES[step.tunnel]} with key ${step.id}`;
}

function deviceOf(step: Step, trace: Trace): string {
  return namesOf(trace).device(placeOfStep(step), step.device ?? '', step.seq);
}

/** What the words need of an entry of a VXLAN device; the whole row is the kernel's. */
interface EntryShape {
  readonly mac: Mac;
  readonly state: string;
  readonly addedByUser: boolean;
  readonly remote?: { readonly dst: Ipv4 };
}

/** How a tunnel of IP packets knew its other end. */
const BY_IP: Readonly<Record<TunnelEncapStep['by'], string>> = {
  default: 'The tunnel has one other end.',
  entry: 'A neighbour entry says which tunnel end has the next hop.',
  route: 'The route says which tunnel end is the next hop.',
  replicate: 'Each of its ends gets a copy of its own.',
  group: 'One packet goes to the multicast group.',
};

function explainEncap(step: TunnelEncapStep, trace: Trace): Explanation {
  const to = namesOf(trace).ip(step.remote, step.seq);
  const copy = step.copies > 1 ? `, copy ${step.copy} of ${step.copies}` : '';
  const by = step.tunnel === 'vxlan' ? whereTo(step, trace) : BY_IP[step.by];
  return { title: `${deviceOf(step, trace)} wraps the ${packetName(step.inner)} into ${numbered(step)} for ${to}${copy}`, text: step.copy > 1 ? by : `${by}${lengths(step)}` };
}

/** Of a VXLAN device: the entry that decided, or why it is sent to all. */
function whereTo(step: TunnelEncapStep, trace: Trace): string {
  if (step.by === 'entry') {
    const ref = step.reads[0];
    const row = ref === undefined ? null : (historyOf(trace).rowAt(ref, step.seq) as EntryShape | null);
    if (ref === undefined || row === null) return 'An entry of its forwarding database says where that MAC is.';
    return `An entry that ${row.addedByUser ? 'was written' : 'it has learnt'} says where: ${formatRow(trace, ref, row, step.seq)}.`;
  }
  if (step.copy > 1) return 'The same frame once more, for the next end in the list.';
  const whom = unknownTo(step, trace);
  if (step.by === 'group') return `${whom}, so one packet goes to the multicast group: the underlay makes the copies.`;
  if (step.by === 'replicate') return `${whom}, so ${step.copies > 1 ? `each of the ends that stand at ${formatMac(MAC_ZERO)} gets a copy of its own` : `it goes to the end that stands at ${formatMac(MAC_ZERO)}`}.`;
  return `${whom}, so it goes to the one end that the device was told of.`;
}

function unknownTo(step: TunnelEncapStep, trace: Trace): string {
  const dst = step.inner[0]?.kind === 'eth' ? step.inner[0].dst : null;
  if (dst === null) return 'Nobody knows which end it is for';
  if (dst === MAC_BROADCAST) return 'A broadcast is for everybody';
  return isMulticastMac(dst) ? 'A multicast may be for anybody' : `No entry says where ${namesOf(trace).mac(dst, step.seq)} is`;
}

const UDP = 8;
const IP = 20;

/** What comes before the inner packet: the sum is what the MTUs of the underlay are compared with. */
function lengths({ tunnel, inner, packet }: TunnelEncapStep): string {
  if (packet === null) return '';
  const before = frameLength(inner);
  const after = frameLength(packet);
  const own = after - before - IP - (tunnel === 'vxlan' ? UDP : 0);
  const headers = [...(own > 0 ? [`${own} of ${NAMES[tunnel]}`] : []), ...(tunnel === 'vxlan' ? [`${UDP} of UDP`] : [])];
  const noun = inner[0]?.kind === 'eth' ? 'frame' : 'packet';
  return ` ${[`${before} bytes of ${noun}`, ...headers].join(', ')} and ${IP} of IP: a packet of ${after} bytes.`;
}

function explainDecap(step: TunnelDecapStep, trace: Trace): Explanation {
  const from = namesOf(trace).ip(step.remote, step.seq);
  return { title: `${deviceOf(step, trace)} unwraps the ${packetName(step.packet)} that came by ${numbered(step)} from ${from}`, text: `What is left: ${leftOver(step.packet, trace, step.seq)}.` };
}

function leftOver(packet: Packet | null, trace: Trace, seq: number): string {
  const eth = packet?.[0]?.kind === 'eth' ? packet[0] : null;
  if (eth === null) return `the packet ${packetEnds(packet)}`;
  const names = namesOf(trace);
  return `the frame from ${names.mac(eth.src, seq)} to ${names.mac(eth.dst, seq)}`;
}

function explainLearn(step: VxlanLearnStep, trace: Trace): Explanation {
  const names = namesOf(trace);
  const owner = names.mac(step.mac, step.seq);
  const vtep = names.ip(step.remote, step.seq);
  const before = step.changes.map((change) => (change.before as EntryShape | null)?.remote?.dst).find((dst) => dst !== undefined && dst !== step.remote);
  const moved = before === undefined ? '' : ` Until now it was behind ${names.ip(before, step.seq)}.`;
  return {
    title: `${deviceOf(step, trace)} learns: ${owner} is behind ${vtep}${step.moved ? ' now' : ''}`,
    text: `Inside, the frame is from ${formatMac(step.mac)}; outside, the packet is from ${formatIpv4(step.remote)}.${moved} Frames for that MAC go there alone from now on.`,
  };
}

function explainNotify(step: NetlinkNotifyStep, trace: Trace): Explanation {
  const host = namesOf(trace).host(placeOfStep(step));
  const text = step.text.trim();
  if (!step.miss) return { title: `The kernel of ${host} tells: ${text}`, text: `${step.message} goes to everybody who listens to the group ${step.group}.` };
  return { title: `The kernel of ${host} asks whoever listens: ${text}`, text: `${missing(text)} It sends ${step.message} to the group ${step.group}, and does not wait for an answer.` };
}

/** The line of `ip monitor` names an address where its MAC is missing (L3), and none where the tunnel end of a MAC is (L2). */
function missing(text: string): string {
  const ip = /^miss (\d[\d.]*)/.exec(text)?.[1];
  return ip === undefined ? 'An L2 miss: it does not know behind which tunnel end that MAC is.' : `An L3 miss: it does not know the MAC of ${ip}.`;
}

function explainIgmp(step: IgmpStep, trace: Trace): Explanation {
  const verb = step.kind === 'igmp.join' ? 'joins' : 'leaves';
  return { title: `${namesOf(trace).host(placeOfStep(step))} ${verb} the group ${formatIpv4(step.groupAddress)} at ${step.device ?? ''}`, text: verb === 'joins' ? 'From now on it takes packets for that address, and IGMP tells the underlay so.' : 'Packets for that address are no longer for it.' };
}

function explainAgent(step: AgentStep, trace: Trace): Explanation {
  const host = namesOf(trace).host(placeOfStep(step));
  if (step.run === null) return { title: `${step.agent} on ${host}: ${step.why}`, text: '' };
  // A here-document is left to who shows the whole command.
  const [first = '', ...input] = step.run.split('\n');
  return { title: `${step.agent} on ${host}: ${first}${input.length > 0 ? ' …' : ''}`, text: sentence(step.why) };
}
