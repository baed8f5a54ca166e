import type { Step, StepKind } from './step.ts';

/** How closely one looks: frames and drops; what the stack decides about them; every single thing. */
export type Granularity = 'wire' | 'stack' | 'rules';
export const GRANULARITIES: readonly Granularity[] = ['wire', 'stack', 'rules'];

/** The coarsest granularity at which each kind of step is shown. Complete by type, so a new kind cannot be forgotten. */
const LEVELS: Readonly<Record<StepKind, Granularity>> = {
  'lab.step': 'wire',
  'lab.step.end': 'wire',
  'dev.xmit': 'wire',
  'dev.rx': 'wire',
  drop: 'wire',
  'process.output': 'stack',
  netlink: 'stack',
  'bridge.learn': 'stack',
  'bridge.forward': 'stack',
  'arp.request': 'stack',
  'arp.reply': 'stack',
  'arp.receive': 'stack',
  'neigh.state': 'stack',
  'neigh.resolve': 'stack',
  'route.lookup': 'stack',
  'ip.receive': 'rules',
  'ip.deliver': 'stack',
  'ip.forward': 'stack',
  'ip.output': 'rules',
  'ip.fragment': 'stack',
  'ip.defrag': 'stack',
  'icmp.receive': 'rules',
  'icmp.send': 'stack',
  'socket.send': 'stack',
  'socket.receive': 'stack',
  'nf.table': 'stack',
  'nf.log': 'stack',
  'conntrack.in': 'stack',
  'conntrack.confirm': 'rules',
  'conntrack.state': 'stack',
  'nat.setup': 'stack',
  'nat.rewrite': 'stack',
  'tcp.state': 'stack',
  'tcp.retransmit': 'stack',
  'tunnel.encap': 'stack',
  'tunnel.decap': 'stack',
  'vxlan.learn': 'stack',
  'netlink.notify': 'stack',
  'igmp.join': 'stack',
  'igmp.leave': 'stack',
  agent: 'stack',
  'process.exec': 'rules',
  'process.exit': 'rules',
  table: 'rules',
};

export const STEP_KINDS = Object.keys(LEVELS) as StepKind[];

export function level(step: Step): Granularity {
  return LEVELS[step.kind];
}

/** True when a step is shown at `granularity`. */
export function shownAt(step: Step, granularity: Granularity): boolean {
  return GRANULARITIES.indexOf(level(step)) <= GRANULARITIES.indexOf(granularity);
}
