import { NO_CHANGES, NO_READS } from '../../../../trace/change.ts';
import { formatMac, type Mac } from '../../../../wire/address.ts';
import type { XtParam, XtTargetFn } from '../xt-param.ts';
import type { XtTarget } from '../xt-rule.ts';
import { packetLine } from './log-packet.ts';

export type LogTarget = Extract<XtTarget, { name: 'LOG' }>;

/**
 * log_tg: a line in the kernel's log. Only the first namespace of a machine may write there (net.netfilter.nf_log_all_netns is 0); what
 * passes through another one passes in silence.
 */
export function logTarget(target: LogTarget): XtTargetFn {
  return (par) => {
    const { ns, skb } = par;
    if (!ns.recorder.on || (ns.name !== '' && ns.machine.root.nf.ct.settings.logAllNetns === 0)) return 'continue';
    const dev = par.state.in ?? par.state.out ?? skb.dev;
    const step = {
      kind: 'nf.log' as const, seq: 0, at: 0, machine: ns.machine.name, netns: ns.name, device: dev.name, skb: skb.id, packet: skb.packet,
      cause: skb.cause, fn: 'nf_log_ip_packet', reads: NO_READS, changes: NO_CHANGES, line: logLine(par, target),
    };
    ns.recorder.step(step);
    return 'continue';
  };
}

/** nf_log_ip_packet: the line, without the space that the kernel leaves at its end. */
export function logLine(par: XtParam, target: LogTarget): string {
  const { state, skb } = par;
  const parts = [`${target.prefix}IN=${state.in?.name ?? ''} OUT=${state.out?.name ?? ''}`];
  const bridge = skb.nfBridge;
  if (bridge?.physin && bridge.physin !== state.in) parts.push(`PHYSIN=${bridge.physin.name}`);
  if (bridge?.physout && bridge.physout !== state.out) parts.push(`PHYSOUT=${bridge.physout.name}`);
  if (state.in !== null) parts.push(macPart(par, target));
  parts.push(...packetLine(par.packet, target, false));
  if (target.uid && skb.sk !== null && !skb.sk.kernel) parts.push('UID=0 GID=0');
  if (skb.mark !== 0) parts.push(`MARK=0x${skb.mark.toString(16)}`);
  return parts.join(' ');
}

/** The Ethernet header as the frame brought it (dump_ipv4_mac_header). */
function macPart({ skb }: XtParam, { macdecode }: LogTarget): string {
  const { eth } = skb;
  if (eth === null) return 'MAC=';
  const type = eth.type.toString(16).padStart(4, '0');
  if (macdecode && skb.dev.kind !== 'loopback') return `MACSRC=${colons(eth.src)} MACDST=${colons(eth.dst)} MACPROTO=${type}`;
  return `MAC=${colons(eth.dst)}:${colons(eth.src)}:${type.slice(0, 2)}:${type.slice(2)}`;
}

function colons(mac: Mac): string {
  return formatMac(mac);
}
