import { frameLength } from '../../../wire/codec.ts';
import { LINK_LATENCY } from '../../backlog.ts';
import { dropSkb, ethHdr, netifReceiveSkb } from '../../dev.ts';
import type { NetDevice } from '../../net-device.ts';
import type { SkBuff } from '../../sk-buff.ts';
import { vxlanSnoop } from './vxlan-fdb.ts';
import type { VxlanState } from './vxlan-state.ts';

const LOOPBACK = 0x7f00_0001;

/** A frame comes in as one for this host, whatever its MAC says (PACKET_HOST, netif_rx). */
export function receiveAsHost(skb: SkBuff, dev: NetDevice): void {
  const { queue } = dev.ns;
  queue.schedule(queue.now + LINK_LATENCY, served, skb, dev);
}

function served(skb: SkBuff, dev: NetDevice): void {
  skb.dev = dev;
  skb.pktType = 'host';
  if (dev.up) netifReceiveSkb(skb, dev);
  else dropSkb(skb, dev, 'process_backlog', dev.ns.dead ? 'NAMESPACE_GONE' : 'DEV_READY');
  dev.ns.recorder.flush(dev.ns.machine.name, dev.ns.name, 'changed while a frame was received');
}

/** The frame comes out of the destination device at once: it needs no tunnel (vxlan_encap_bypass). */
export function vxlanEncapBypass(skb: SkBuff, from: VxlanState, to: VxlanState, snoop: boolean): void {
  const length = frameLength(skb.packet);
  if (snoop && to.config.learning) vxlanSnoop(to, skb, LOOPBACK, ethHdr(skb.packet).src);
  from.dev.stats.txPackets++;
  from.dev.stats.txBytes += length;
  if (!to.dev.up) {
    to.dev.stats.rxDropped++;
    return dropSkb(skb, to.dev, 'vxlan_encap_bypass', 'DEV_READY');
  }
  to.dev.stats.rxPackets++;
  to.dev.stats.rxBytes += length;
  // It keeps the route that it was sent by from this host, and IP will not take it in with that (skb_valid_dst, dst_discard).
  if (skb.iif !== null) skb.dst = null;
  skb.iif = null;
  receiveAsHost(skb, to.dev);
}
