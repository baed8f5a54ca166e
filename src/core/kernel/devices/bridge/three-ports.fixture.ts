import type { RecordLevel } from '../../../trace/recorder.ts';
import { World } from '../../machine.ts';
import type { NetDevice } from '../../net-device.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import { newLink, setLink } from '../../netlink/link.ts';
import { addNamespace } from '../../netlink/netns.ts';

/** A root namespace with the bridge br0 and the ports p1 .. pN, the other ends q1 .. qN in ns1; everything up, no protocol unless asked. */
export interface ThreePorts {
  readonly world: World;
  readonly root: NetNamespace;
  readonly ns1: NetNamespace;
  readonly br0: NetDevice;
  /** p1 is `p[1]`. */
  readonly p: readonly NetDevice[];
  readonly q: readonly NetDevice[];
}

/** MACs: pN 02:00:00:00:00:1N, qN 02:00:00:00:00:2N. */
export function threePorts(count = 3, record: RecordLevel = 'everything', protocols: readonly ((ns: NetNamespace) => void)[] = []): ThreePorts {
  const world = new World({ seed: 1, record, protocols });
  const machine = world.addMachine('node1', { ipv6: false, brNetfilter: false });
  const { root } = machine;
  const ns1 = addNamespace(machine, 'ns1');
  const br0 = newLink(root, { name: 'br0', kind: 'bridge', up: true });
  const p: NetDevice[] = [br0];
  const q: NetDevice[] = [br0];
  for (let i = 1; i <= count; i++) {
    p[i] = newLink(root, { name: `p${i}`, kind: 'veth', mac: 0x0200_0000_0010 + i, peer: { name: `q${i}`, mac: 0x0200_0000_0020 + i, ns: ns1 } });
    q[i] = ns1.devicesByName.get(`q${i}`)!;
    setLink(root, p[i]!.ifindex, { master: br0.ifindex, up: true });
    setLink(ns1, q[i]!.ifindex, { up: true });
  }
  world.queue.runUntil(2_000_000_000);
  return { world, root, ns1, br0, p, q };
}
