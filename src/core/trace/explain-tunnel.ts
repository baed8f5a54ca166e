import { formatIpv4 } from '../wire/address.ts';
import { frameLength } from '../wire/codec.ts';
import type { Explanation } from './explain.ts';
import { namesOf, placeOfStep } from './names.ts';
import { packetName } from './packet-name.ts';
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

const BY: Readonly<Record<TunnelEncapStep['by'], string>> = {
  entry: 'An entry of its forwarding database says behind which tunnel end the destination MAC is.',
  replicate: 'Nobody knows which end it is for, so each of the ends in the entry of 00:00:00:00:00:00 gets a copy of its own.',
  group: 'Nobody knows which end it is for, so one packet goes to the multicast group: the underlay makes the copies.',
  default: 'The device was told one destination for what it knows nothing better for.',
  route: 'The route says which tunnel end is the next hop.',
};

/** The same of tunnels of IP packets, which know no MACs. */
const BY_IP: Readonly<Partial<Record<TunnelEncapStep['by'], string>>> = {
  default: 'The tunnel has one other end.',
  entry: 'A neighbour entry says which tunnel end has the next hop.',
};

function explainEncap(step: TunnelEncapStep, trace: Trace): Explanation {
  const inner = packetName(step.inner);
  const to = namesOf(trace).ip(step.remote, step.seq);
  const copy = step.copies > 1 ? `, copy ${step.copy} of ${step.copies}` : '';
  const before = frameLength(step.inner);
  const after = step.packet === null ? before : frameLength(step.packet);
  const grown = after > before ? ` The packet grows from ${before} to ${after} bytes, and gets an Ethernet header of the underlay besides.` : '';
  const by = step.tunnel === 'vxlan' ? BY[step.by] : BY_IP[step.by] ?? BY[step.by];
  return { title: `${deviceOf(step, trace)} wraps the ${inner} into ${numbered(step)} for ${to}${copy}`, text: `${by}${grown}` };
}

function explainDecap(step: TunnelDecapStep, trace: Trace): Explanation {
  const from = namesOf(trace).ip(step.remote, step.seq);
  return { title: `${deviceOf(step, trace)} unwraps the ${packetName(step.packet)} that came by ${numbered(step)} from ${from}`, text: 'The outer headers have done their work; what was inside arrives here as if a cable had brought it.' };
}

function explainLearn(step: VxlanLearnStep, trace: Trace): Explanation {
  const names = namesOf(trace);
  const owner = names.mac(step.mac, step.seq);
  const vtep = names.ip(step.remote, step.seq);
  return {
    title: `${deviceOf(step, trace)} learns: ${owner} is behind ${vtep}${step.moved ? ' now' : ''}`,
    text: 'The inner source MAC and the outer source address of one packet are all that it takes. Frames for that MAC need no flooding from now on.',
  };
}

function explainNotify(step: NetlinkNotifyStep, trace: Trace): Explanation {
  const host = namesOf(trace).host(placeOfStep(step));
  const text = step.text.trim();
  if (step.miss) return { title: `The kernel of ${host} asks whoever listens: ${text}`, text: `It sends ${step.message} to the group ${step.group}. It does not wait for an answer: somebody has to write the entry that is missing.` };
  return { title: `The kernel of ${host} tells: ${text}`, text: `${step.message} goes to everybody who listens to the group ${step.group}.` };
}

function explainIgmp(step: IgmpStep, trace: Trace): Explanation {
  const verb = step.kind === 'igmp.join' ? 'joins' : 'leaves';
  return { title: `${namesOf(trace).host(placeOfStep(step))} ${verb} the group ${formatIpv4(step.groupAddress)} at ${step.device ?? ''}`, text: verb === 'joins' ? 'From now on it takes packets for that address.' : 'Packets for that address are no longer for it.' };
}

function explainAgent(step: AgentStep, trace: Trace): Explanation {
  const host = namesOf(trace).host(placeOfStep(step));
  if (step.run === null) return { title: `${step.agent} on ${host}: ${step.why}`, text: '' };
  // A here-document is left to who shows the whole command.
  const [first = '', ...input] = step.run.split('\n');
  return { title: `${step.agent} on ${host}: ${first}${input.length > 0 ? ' …' : ''}`, text: step.why };
}
