import { formatIpv4, formatMac, isMulticastMac } from '../wire/address.ts';
import { historyOf } from './history.ts';
import { namesOf, placeOfStep } from './names.ts';
import { headerOf, packetName } from './packet-name.ts';
import { rowText } from './row-text.ts';
import type { ArpReceiveStep, ArpSendStep, BridgeForwardStep, BridgeLearnStep, DevRxStep, DevXmitStep, NeighResolveStep, NeighStateStep, NudState } from './step.ts';
import type { Explanation } from './explain.ts';
import type { Trace } from './trace.ts';

/** `veth10, veth20 and veth30`. */
export function listOf(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)!}`;
}

/** `node1/ns1:veth11` as people say it. */
function deviceAt(trace: Trace, place: string, seq: number): string {
  const [where, device] = place.split(':') as [string, string?];
  const names = namesOf(trace);
  return device === undefined ? names.host(where) : names.device(where, device, seq);
}

/** A switch's port is named after the NIC that is plugged into it: of the two ends of a cable, is this one a switch's? */
function isSwitchPort(port: string | null, machine: string, device: string | null): boolean {
  return port !== null && port === `${machine}.${device}`;
}

function otherEnd(trace: Trace, { machine, device, seq }: DevXmitStep, peer: string): string {
  const [place, port] = peer.split(':') as [string, string];
  return isSwitchPort(port, machine, device) ? `the switch ${place}` : deviceAt(trace, peer, seq);
}

const TUNNEL_END = 'The device is one end of a tunnel: it has no cable, and looks for the other end that this is for.';
/** Devices that no cable belongs to. */
const NOWHERE: Readonly<Record<string, string>> = {
  bridge: 'The bridge looks which of its ports it is for.', vxlan: TUNNEL_END, ipip: TUNNEL_END, gre: TUNNEL_END, gretap: TUNNEL_END,
};

export function explainXmit(step: DevXmitStep, trace: Trace): Explanation {
  const names = namesOf(trace);
  const what = packetName(step.packet);
  const device = names.device(placeOfStep(step), step.device ?? '', step.seq);
  const eth = headerOf(step.packet, 'eth');
  const to = eth ? ` Its Ethernet header says: from ${names.mac(eth.src, step.seq)}, to ${names.mac(eth.dst, step.seq)}.` : '';
  if (step.device === 'lo') return { title: `The ${what} goes through the loopback device`, text: 'What a host sends to itself never leaves it: lo hands it straight back.' };
  const [machine, nic] = step.peer?.split(':') as [string, string] | undefined ?? ['', ''];
  if (isSwitchPort(step.device, machine, nic)) return { title: `The switch ${step.machine} sends the ${what} to ${deviceAt(trace, step.peer!, step.seq)}`, text: to.trimStart() };
  const where = step.peer === null ? NOWHERE[names.kind(placeOfStep(step), step.device ?? '', step.seq) ?? ''] ?? 'Nothing is plugged in at the other end.' : `It arrives at ${otherEnd(trace, step, step.peer)}.`;
  return { title: `The ${what} leaves through ${device}`, text: where + to };
}

export function explainRx(step: DevRxStep, trace: Trace): Explanation {
  const names = namesOf(trace);
  const what = packetName(step.packet);
  const device = names.device(placeOfStep(step), step.device ?? '', step.seq);
  const eth = headerOf(step.packet, 'eth');
  const port = step.device !== null && names.isPort(placeOfStep(step), step.device, step.seq);
  if (step.other && eth && !port) {
    return {
      title: `${device} sees the ${what}, but it is for ${names.mac(eth.dst, step.seq)}`,
      text: 'The destination MAC is not the one of this device, so the IP stack will not take the frame.',
    };
  }
  const sent = port ? sentBefore(trace, step) : null;
  if (sent !== null && isSwitchPort(step.device, sent.machine, sent.device)) {
    return { title: `The ${what} arrives at the switch ${step.machine}`, text: eth ? `It came in by the port of ${names.device(placeOfStep(sent), sent.device ?? '', sent.seq)}. From ${names.mac(eth.src, step.seq)}, to ${names.mac(eth.dst, step.seq)}.` : '' };
  }
  if (port && eth) return { title: `The ${what} arrives at ${device}`, text: `A port of a bridge takes every frame, whomever it is for. From ${names.mac(eth.src, step.seq)}, to ${names.mac(eth.dst, step.seq)}.` };
  return { title: `The ${what} arrives at ${device}`, text: eth ? `From ${names.mac(eth.src, step.seq)}, to ${names.mac(eth.dst, step.seq)}.` : '' };
}

/** How the frame was put on the cable that it came by. */
function sentBefore(trace: Trace, { seq, skb }: DevRxStep): DevXmitStep | null {
  for (let i = seq - 1; i >= 0; i--) {
    const step = trace.steps[i]!;
    if (step.skb === skb) return step.kind === 'dev.xmit' ? step : null;
  }
  return null;
}

export function explainLearn(step: BridgeLearnStep, trace: Trace): Explanation {
  const names = namesOf(trace);
  const owner = names.mac(step.mac, step.seq);
  const port = step.device ?? 'this port';
  const ageing = ageingOf(step, trace);
  const text = `A bridge reads the source address of every frame. ${step.moved ? 'The address was behind another port until now.' : 'Nobody has to tell it who is where.'}${ageing}`;
  return { title: `${step.bridge} learns: ${owner} is behind ${port}${step.moved ? ' now' : ''}`, text: `${text} Its address is ${formatMac(step.mac)}.` };
}

/** Learned entries age; the bridge's own setting says how long they live. */
function ageingOf(step: BridgeLearnStep, trace: Trace): string {
  const entry = step.changes.find(({ table }) => table.endsWith('#fdb'))?.after as { bridge: number } | undefined;
  const link = entry ? historyOf(trace).rowAt({ table: `${placeOfStep(step)}#link`, key: String(entry.bridge) }, step.seq) : null;
  const ageing = (link as { bridge: { ageingTime: number } | null } | null)?.bridge?.ageingTime ?? 30_000;
  return ` It forgets after ${ageing / 100} seconds of silence.`;
}

export function explainForward(step: BridgeForwardStep, trace: Trace): Explanation {
  const names = namesOf(trace);
  const { bridge, decision, ports } = step;
  const eth = headerOf(step.packet, 'eth');
  const to = eth ? names.mac(eth.dst, step.seq) : 'the destination';
  const where = ports.length === 0 ? 'there is no other port to send it to' : `it goes out of ${listOf(ports)}`;
  const host = names.host(placeOfStep(step));
  switch (decision) {
    case 'forward': {
      const row = step.reads[0] ? rowText(trace, step.reads[0], step.seq) : null;
      return { title: `${bridge} knows where ${to} is: ${where}`, text: row === null ? 'Only that port gets the frame.' : `The entry in its forwarding table: ${row}. Only that port gets the frame.` };
    }
    case 'flood':
      if (eth && isMulticastMac(eth.dst)) return { title: `A multicast: ${bridge} sends it to every other port`, text: `${sentence(where)} It keeps no account of who has joined the group.` };
      return { title: `${bridge} does not know where ${to} is: ${where}`, text: 'There is no entry for this MAC in the forwarding table, so every port but the one it came from gets a copy (flooding). The answer will teach the bridge.' };
    case 'broadcast':
      return { title: `A broadcast: ${bridge} sends it to every other port`, text: `${ports.length === 0 ? 'There is no other port.' : `It goes out of ${listOf(ports)}.`}${step.local ? ` ${host} itself, which the bridge belongs to, gets a copy too.` : ''}` };
    case 'local':
      return { title: `The frame is for ${bridge} itself: up to ${host}`, text: 'The destination MAC is one of the bridge’s own, so the frame goes to the host’s own stack and to no port.' };
  }
}

export function explainArpSend(step: ArpSendStep, trace: Trace): Explanation {
  const names = namesOf(trace);
  const arp = headerOf(step.packet, 'arp');
  const host = names.host(placeOfStep(step));
  const device = names.device(placeOfStep(step), step.device ?? '', step.seq);
  const target = formatIpv4(step.tpa);
  if (arp && arp.spa === arp.tpa) return { title: `${host} announces to everybody: ${target} is here`, text: 'A gratuitous ARP: nobody asked, but those who know the address learn its new MAC.' };
  if (step.kind === 'arp.reply') {
    const mac = arp && names.hasMac(placeOfStep(step), step.device ?? '', arp.sha, step.seq) ? device : names.mac(arp?.sha ?? 0, step.seq);
    return { title: `${host} answers: ${target === '0.0.0.0' ? 'the address' : formatIpv4(arp?.spa ?? 0)} is at ${mac}`, text: `The reply goes to the asker alone${arp ? `, ${names.mac(arp.tha, step.seq)}` : ''}. It carries the MAC ${arp ? formatMac(arp.sha) : ''}.` };
  }
  const why = waitingFor(step, trace);
  if (step.unicast) return { title: `${device} asks ${arp ? names.mac(headerOf(step.packet, 'eth')?.dst ?? arp.tha, step.seq) : target} alone: do you still have ${target}?`, text: 'The entry is old, so the neighbour is asked directly before its address is trusted again (a unicast probe).' };
  return { title: `${device} asks everybody: who has ${target}?`, text: `An ARP request to the broadcast address; every device on this link sees it.${why}` };
}

function waitingFor(step: ArpSendStep, trace: Trace): string {
  const cause = step.cause >= 0 ? trace.steps[step.cause] : undefined;
  return cause?.packet ? ` Meanwhile the ${packetName(cause.packet)} waits in the neighbour entry.` : '';
}

export function explainArpReceive(step: ArpReceiveStep, trace: Trace): Explanation {
  const names = namesOf(trace);
  const host = names.host(placeOfStep(step));
  const arp = headerOf(step.packet, 'arp');
  const target = arp ? formatIpv4(arp.tpa) : 'the address';
  const sender = arp ? formatIpv4(arp.spa) : 'the sender';
  const why = step.why === '' ? '' : sentence(step.why);
  switch (step.verdict) {
    case 'answer':
      return { title: `${host} has ${target}: it will answer`, text: why || 'The address asked for is one of its own.' };
    case 'answer-proxy':
      return { title: `${host} answers for ${target}, which is elsewhere`, text: why || 'Proxy ARP: it gives its own MAC and will forward what comes.' };
    case 'delayed-proxy':
      return { title: `${host} will answer for ${target} after a moment`, text: why || 'Proxy ARP waits a random time (proxy_delay), so that the owner can answer first.' };
    case 'update':
      return { title: `${host} notes where ${sender} is`, text: why || (arp ? `The neighbour table gets the MAC ${formatMac(arp.sha)}.` : '') };
    case 'ignore':
      return { title: `${host} ignores the ${packetName(step.packet)}`, text: why || `${target} is not its own.` };
  }
}

const STATES: Readonly<Record<NudState, string>> = {
  NONE: 'The entry is fresh and empty.',
  INCOMPLETE: 'The MAC is not known; the host has begun to ask for it, and packets wait.',
  REACHABLE: 'The neighbour has just proved that it is there: its MAC is trusted for about half a minute.',
  STALE: 'The MAC is known, but nobody has confirmed it lately. It may be used; the first use starts a check.',
  DELAY: 'The MAC was used while stale: the host waits 5 seconds for a sign of life before it asks.',
  PROBE: 'No sign of life came: the host asks the neighbour directly.',
  FAILED: 'Nobody answered. Packets for it are given up.',
  PERMANENT: 'Somebody set the MAC by hand; it is never checked.',
  NOARP: 'No address resolution is needed here.',
};

export function explainNeighState(step: NeighStateStep, trace: Trace): Explanation {
  const host = namesOf(trace).host(placeOfStep(step));
  return { title: `${host}’s entry for ${formatIpv4(step.ip)}: ${step.from} → ${step.to}`, text: STATES[step.to] };
}

export function explainNeighResolve(step: NeighResolveStep, trace: Trace): Explanation {
  const names = namesOf(trace);
  const host = names.host(placeOfStep(step));
  const ip = formatIpv4(step.ip);
  const row = step.reads[0] ? rowText(trace, step.reads[0], step.seq) : null;
  if (step.state === 'NOARP') return { title: `${step.device ?? host} needs no MAC address`, text: 'Nothing has to be resolved on this device.' };
  if (step.verdict === 'queued') return { title: `${host} does not know the MAC of ${ip}: the packet waits`, text: `The neighbour entry is ${step.state}. Without a MAC no Ethernet header can be written.` };
  return { title: `${host} knows the MAC of ${ip}`, text: row === null ? `The neighbour entry is ${step.state}.` : `The entry in its neighbour table: ${row}.` };
}

/** First letter large, a full stop at the end. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  if (trimmed === '') return '';
  const first = /^[a-z]+_|^[\w/.-]*\d|^(veth|br|eth|lo)\b/.test(trimmed) ? trimmed : trimmed[0]!.toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
