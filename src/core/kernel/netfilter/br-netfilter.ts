import { frameLength } from '../../wire/codec.ts';
import { ETH_HLEN } from '../../wire/ethernet.ts';
import { ETH_P_IP, type Ipv4Header } from '../../wire/packet.ts';
import { dropSkb, ethHdr } from '../dev.ts';
import type { BridgeState } from '../devices/bridge/bridge-state.ts';
import { fibLookupInput } from '../fib/lookup.ts';
import { ipDoFragment } from '../ip-fragment.ts';
import type { NetDevice } from '../net-device.ts';
import type { NetNamespace } from '../net-namespace.ts';
import { neighLookup, neighResolveOutput } from '../neighbour.ts';
import type { NfBridge, SkBuff } from '../sk-buff.ts';
import { sysctlInt } from '../sysctl.ts';
import { nfHook } from './hooks.ts';

/*
 * br_netfilter (net/bridge/br_netfilter_hooks.c): bridged IPv4 frames are shown to the hooks of IPv4, as if the bridge were a router.
 * The frame loses its Ethernet header for the hook and gets it back behind it.
 */

/** What goes on with the frame after the hook. */
type Continue = (br: BridgeState, skb: SkBuff, port: NetDevice) => void;

/** The bridge device that a port belongs to (bridge_parent). */
function bridgeParent(port: NetDevice): NetDevice {
  return port.portState!.br.dev;
}

/** Takes the packet through one IPv4 hook, without its Ethernet header. True when it may go on. */
function hookPacket(ns: NetNamespace, hook: 'PREROUTING' | 'FORWARD' | 'POSTROUTING', skb: SkBuff, from: NetDevice | null, to: NetDevice | null): boolean {
  const eth = ethHdr(skb.packet);
  const bridge = skb.nfBridge!;
  if (skb.pktType === 'otherhost') {
    skb.pktType = 'host';
    bridge.pktOtherhost = true;
  }
  skb.eth = eth;
  skb.packet = skb.packet.slice(1);
  const verdict = nfHook(ns, hook, skb, from, to, null);
  if (verdict !== 'accept') return false;
  skb.packet = [eth, ...skb.packet];
  if (bridge.pktOtherhost) {
    skb.pktType = 'otherhost';
    bridge.pktOtherhost = false;
  }
  return true;
}

function isIpv4(skb: SkBuff): boolean {
  return ethHdr(skb.packet).type === ETH_P_IP && skb.packet[1]?.kind === 'ipv4';
}

/**
 * A frame that came in through a port meets PREROUTING of the bridge device (br_nf_pre_routing). False: it is none of netfilter's
 * business, and the caller goes on; else it has been dealt with, `finish` included.
 */
export function brNfPreRouting(skb: SkBuff, port: NetDevice, finish: Continue): boolean {
  const { ns } = port;
  if (!ns.machine.options.brNetfilter || !isIpv4(skb) || sysctlInt(ns, 'net.bridge.bridge-nf-call-iptables') === 0) return false;
  const bridge: NfBridge = {
    physin: port, physout: null, daddr: (skb.packet[1] as Ipv4Header).dst, pktOtherhost: false, inPrerouting: true, sabotageDone: false, source: null,
  };
  skb.nfBridge = bridge;
  const br = bridgeParent(port);
  skb.dev = br;
  if (!hookPacket(ns, 'PREROUTING', skb, br, null)) return true;
  bridge.inPrerouting = false;
  if ((skb.packet[1] as Ipv4Header).dst === bridge.daddr) {
    skb.dev = port;
    finish(bridge.physin!.portState!.br, skb, bridge.physin!);
  } else brNfDnat(ns, skb, br, bridge, finish);
  return true;
}

/** Where a frame goes whose destination the hook has changed (br_nf_pre_routing_finish). */
function brNfDnat(ns: NetNamespace, skb: SkBuff, br: NetDevice, bridge: NfBridge, finish: Continue): void {
  const ip = skb.packet[1] as Ipv4Header;
  const input = fibLookupInput(ns, skb, ip, br);
  if (input.verdict === 'drop') {
    dropSkb(skb, br, 'br_nf_pre_routing_finish', input.reason, 'no way to the new destination');
    return;
  }
  skb.dev = bridge.physin!;
  if (input.verdict === 'forward' && input.result.dev === br) {
    skb.dst = input.result;
    return bridgedDnat(ns, skb, br, bridge, finish);
  }
  // Up to the host, which finds out again that it has no route, or does not forward.
  if (input.verdict !== 'error') skb.dst = input.result;
  skb.packet = [{ ...ethHdr(skb.packet), dst: br.mac }, ...skb.packet.slice(1)];
  skb.pktType = 'host';
  finish(bridge.physin!.portState!.br, skb, bridge.physin!);
}

/** The new destination is behind the same bridge: the frame gets its MAC and stays below IP (br_nf_pre_routing_finish_bridge). */
function bridgedDnat(ns: NetNamespace, skb: SkBuff, br: NetDevice, bridge: NfBridge, finish: Continue): void {
  const ip = skb.packet[1] as Ipv4Header;
  const nextHop = skb.dst!.via ?? ip.dst;
  const neighbour = neighLookup(ns, br, nextHop);
  const eth = ethHdr(skb.packet);
  if (neighbour !== null && neighbour.connected && neighbour.mac !== null) {
    skb.packet = [{ ...eth, dst: neighbour.mac }, ...skb.packet.slice(1)];
    finish(bridge.physin!.portState!.br, skb, bridge.physin!);
    return;
  }
  // Resolving writes a whole new Ethernet header, so the source is kept for later.
  bridge.source = eth.src;
  bridge.finish = finish;
  skb.packet = skb.packet.slice(1);
  skb.dev = br;
  neighResolveOutput(ns, skb, br, nextHop);
}

/** The resolved frame comes back through the bridge device: it goes on from the port it came in by (br_nf_dev_xmit). False for any other frame. */
export function brNfDevXmit(skb: SkBuff): boolean {
  const bridge = skb.nfBridge;
  if (bridge === null || bridge.source === null) return false;
  const finish = bridge.finish!;
  bridge.source = null;
  bridge.finish = undefined;
  skb.dev = bridge.physin!;
  finish(bridge.physin!.portState!.br, skb, bridge.physin!);
  return true;
}

/** A bridged frame is about to leave through a port: FORWARD, then POSTROUTING (br_nf_forward, br_nf_post_routing). True when it may leave. */
export function brNfForward(skb: SkBuff, port: NetDevice): boolean {
  const bridge = skb.nfBridge;
  if (bridge === null || !isIpv4(skb)) return true;
  const { ns } = port;
  const br = bridgeParent(port);
  bridge.physout = port;
  return hookPacket(ns, 'FORWARD', skb, br, br) && hookPacket(ns, 'POSTROUTING', skb, null, br);
}

/**
 * A frame that is too long for its port is cut, be it put together here or not (br_nf_dev_queue_xmit, br_nf_ip_fragment). False when it can leave as
 * it is. The length of the pieces is not the port's matter: they fit the MTU of the bridge device, whose route the frame has. What must not be
 * cut is dropped, and nobody tells its sender.
 */
export function brNfFragment(skb: SkBuff, port: NetDevice, push: (port: NetDevice, piece: SkBuff) => void): boolean {
  if (skb.nfBridge === null || !isIpv4(skb)) return false;
  const { fragMaxSize } = skb;
  const length = frameLength(skb.packet) - ETH_HLEN;
  if (length <= (fragMaxSize === 0 ? port.mtu : Math.min(port.mtu, fragMaxSize))) return false;
  const { mtu } = bridgeParent(port);
  const came = fragMaxSize !== 0;
  if (came ? fragMaxSize > mtu : (skb.packet[1] as Ipv4Header).df) {
    port.ns.count('Ip.FragFails');
    const why = came ? `it came in pieces of up to ${fragMaxSize} bytes, the MTU of ${bridgeParent(port).name} is ${mtu}` : `${length} bytes with DF do not fit ${port.place}, its MTU is ${port.mtu}`;
    dropSkb(skb, skb.dev, 'br_nf_ip_fragment', 'PKT_TOO_BIG', why);
    return true;
  }
  const eth = ethHdr(skb.packet);
  skb.packet = skb.packet.slice(1);
  ipDoFragment(port.ns, skb, came ? Math.min(mtu, fragMaxSize) : mtu, (piece) => {
    piece.packet = [eth, ...piece.packet];
    push(port, piece);
    return null;
  });
  return true;
}

/**
 * The bridge hands a frame to its own host: PREROUTING has seen it already (ip_sabotage_in). True, once for each frame, when the hook is
 * to be passed over.
 */
export function brNfSabotageIn(skb: SkBuff): boolean {
  const bridge = skb.nfBridge;
  if (bridge === null || bridge.sabotageDone || bridge.inPrerouting) return false;
  bridge.sabotageDone = true;
  return true;
}
