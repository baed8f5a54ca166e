import { formatIpv4 } from '../wire/address.ts';
import { icmpCodeName, icmpTypeName } from '../wire/icmp.ts';
import { explainTcpReceive, explainTcpRequest } from './explain-tcp.ts';
import { namesOf, placeOfStep } from './names.ts';
import { headerOf, packetName, protocolName, withArticle } from './packet-name.ts';
import { rowText } from './row-text.ts';
import type {
  Considered, IcmpReceiveStep, IcmpSendStep, IpDefragStep, IpDeliverStep, IpForwardStep, IpFragmentStep, IpOutputStep, IpReceiveStep,
  RouteLookupStep, SocketReceiveStep, SocketSendStep,
} from './step.ts';
import type { Explanation } from './explain.ts';
import type { Trace } from './trace.ts';

const LOST: Readonly<Record<Considered['verdict'], string>> = {
  chosen: 'chosen',
  'no-match': 'does not match',
  'shorter-prefix': 'matches, but is less specific',
  'higher-metric': 'matches, but has a higher metric',
  'wrong-device': 'leads through another device',
  dead: 'its device is down',
  linkdown: 'its device has no carrier',
  tos: 'is for another type of service',
  scope: 'has the wrong scope',
  throw: 'says: look in the next table',
  empty: 'its table has no answer',
};

export function explainRoute(step: RouteLookupStep, trace: Trace): Explanation {
  const names = namesOf(trace);
  const host = names.host(placeOfStep(step));
  const dst = formatIpv4(step.dst);
  return { title: routeTitle(step, host, dst), text: reasons(step, trace) };
}

function routeTitle({ result, direction }: RouteLookupStep, host: string, dst: string): string {
  if (result === null) return `${host} has no route to ${dst}`;
  const out = `out of ${result.dev}`;
  switch (result.type) {
    case 'local':
      return direction === 'input' ? `${dst} is ${host}’s own: the packet has arrived` : `${dst} is ${host}’s own address: through lo`;
    case 'broadcast':
      return `${dst} is a broadcast address on ${result.dev}`;
    case 'multicast':
      return `${dst} is a group address: ${out}`;
    case 'blackhole':
      return `A blackhole route: ${host} lets packets to ${dst} vanish`;
    case 'unreachable':
      return `An unreachable route: ${host} refuses packets to ${dst}`;
    case 'prohibit':
      return `A prohibit route: ${host} forbids packets to ${dst}`;
    case 'throw':
      return `A throw route: ${host} looks further`;
    case 'unicast':
      return result.via === null ? `${host}’s route to ${dst}: directly ${out}` : `${host}’s route to ${dst}: ${out} to the gateway ${formatIpv4(result.via)}`;
  }
}

/** The row that decided, and why the others that matched at all did not. */
function reasons(step: RouteLookupStep, trace: Trace): string {
  const parts: string[] = [];
  const chosen = step.considered.findLast(({ what, verdict }) => what === 'route' && verdict === 'chosen');
  const text = chosen ? rowText(trace, chosen.ref, step.seq) : null;
  if (text !== null) parts.push(`The route that decides: ${text}.`);
  const lost = step.considered.filter(({ what, verdict }) => what === 'route' && verdict !== 'chosen' && verdict !== 'no-match');
  for (const { ref, verdict } of lost.slice(0, 3)) {
    const row = rowText(trace, ref, step.seq);
    if (row !== null) parts.push(`${row}: ${LOST[verdict]}.`);
  }
  const missed = step.considered.filter(({ what, verdict }) => what === 'route' && verdict === 'no-match').length;
  if (step.result === null) parts.push(missed === 0 ? 'There is no route at all.' : `None of the ${missed === 1 ? 'one route' : `${missed} routes`} matches; a program gets “Network is unreachable”.`);
  else if (missed > 0) parts.push(`${missed} other ${missed === 1 ? 'route does' : 'routes do'} not match.`);
  if (step.direction === 'output' && step.result && step.src === 0 && step.result.prefsrc !== 0) parts.push(`The source address becomes ${formatIpv4(step.result.prefsrc)}.`);
  return parts.join(' ');
}

export function explainIpReceive(step: IpReceiveStep, trace: Trace): Explanation {
  const ip = headerOf(step.packet, 'ipv4');
  const host = namesOf(trace).host(placeOfStep(step));
  const text = ip ? `From ${formatIpv4(ip.src)} to ${formatIpv4(ip.dst)}, TTL ${ip.ttl}. Now it must be decided: for this host, or to be passed on?` : '';
  return { title: `${host}’s IP layer takes the ${packetName(step.packet)}`, text };
}

export function explainDeliver(step: IpDeliverStep, trace: Trace): Explanation {
  const host = namesOf(trace).host(placeOfStep(step));
  return { title: `The ${packetName(step.packet)} is for ${host}: up to ${protocolName(step.protocol)}`, text: 'The destination address is its own, so the packet ends its way here.' };
}

export function explainIpForward(step: IpForwardStep, trace: Trace): Explanation {
  const host = namesOf(trace).host(placeOfStep(step));
  return {
    title: `${host} forwards the ${packetName(step.packet)} to ${step.out}: TTL ${step.ttlBefore} → ${step.ttlAfter}`,
    text: 'A router lowers the time to live by one and writes a new Ethernet header; the IP addresses stay.',
  };
}

export function explainIpOutput(step: IpOutputStep, trace: Trace): Explanation {
  const names = namesOf(trace);
  const ip = headerOf(step.packet, 'ipv4');
  const host = names.host(placeOfStep(step));
  const direct = ip !== null && ip.dst === step.nexthop;
  return {
    title: `${host} sends the ${packetName(step.packet)} towards ${formatIpv4(step.nexthop)} through ${step.out}`,
    text: direct ? 'The destination is on this link, so it is its own next hop.' : 'The next hop is a gateway: the frame is addressed to it, the packet to the destination.',
  };
}

export function explainFragment(step: IpFragmentStep): Explanation {
  return { title: `The packet is cut into ${step.pieces} pieces for an MTU of ${step.mtu}`, text: 'Each fragment has an IP header of its own; only the destination puts them together again.' };
}

export function explainDefrag(step: IpDefragStep, trace: Trace): Explanation {
  const host = namesOf(trace).host(placeOfStep(step));
  return step.complete
    ? { title: `${host} has all the fragments: the packet is whole again`, text: '' }
    : { title: `${host} keeps the fragment and waits for the others`, text: 'They share the identification in the IP header. After 30 seconds they are thrown away.' };
}

function icmpName(type: number, code: number): string {
  if (type === 8) return 'echo request';
  if (type === 0) return 'echo reply';
  return icmpCodeName(type, code) ?? icmpTypeName(type) ?? `ICMP type ${type}, code ${code}`;
}

export function explainIcmpReceive(step: IcmpReceiveStep, trace: Trace): Explanation {
  const host = namesOf(trace).host(placeOfStep(step));
  const answer = step.type === 8 ? 'The kernel itself answers; no program is involved.' : step.type === 0 ? 'It goes to the program that sent the request.' : 'It quotes the packet it is about, so the kernel knows whom to tell.';
  return { title: `${host}’s ICMP gets: ${icmpName(step.type, step.code)}`, text: answer };
}

export function explainIcmpSend(step: IcmpSendStep, trace: Trace): Explanation {
  const host = namesOf(trace).host(placeOfStep(step));
  const ip = headerOf(step.packet, 'ipv4');
  const to = ip ? ` to ${formatIpv4(ip.dst)}` : '';
  if (step.type === 0) return { title: `${host} answers with an echo reply${to}`, text: 'Source and destination are swapped, the data stays, the TTL begins anew at 64.' };
  return { title: `${host} tells the sender: ${icmpName(step.type, step.code)}`, text: `An ICMP error goes${to} and quotes the beginning of the packet it is about.` };
}

export function explainSocketSend(step: SocketSendStep, trace: Trace): Explanation {
  if (step.protocol === 'tcp') return explainTcpRequest(step, trace);
  const names = namesOf(trace);
  const ip = headerOf(step.packet, 'ipv4');
  const to = ip ? ` to ${names.ip(ip.dst, step.seq)}` : '';
  return { title: `${names.program(step.machine, step.pid)} sends ${withArticle(packetName(step.packet))}${to}`, text: `It hands it to the kernel through ${withArticle(step.protocol)} socket in ${names.host(placeOfStep(step))}.` };
}

export function explainSocketReceive(step: SocketReceiveStep, trace: Trace): Explanation {
  if (step.protocol === 'tcp') return explainTcpReceive(step, trace);
  const names = namesOf(trace);
  const program = names.program(step.machine, step.pid);
  if (step.error !== null) return { title: `${program} learns of an error: ${step.error}`, text: `It comes with the ${packetName(step.packet)}.` };
  return { title: `${program} gets the ${packetName(step.packet)}`, text: `Through its ${step.protocol} socket in ${names.host(placeOfStep(step))}.` };
}
