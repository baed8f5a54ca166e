import { useMemo, useRef, useState, type KeyboardEvent } from 'react';
import { useNow, usePlayer, usePlayerState } from '../player/player-context.ts';
import { tunnelsAt } from '../../store/tunnels.ts';
import { endText, linkId, type Topology, type TopologyDevice } from '../../store/topology.ts';

interface Item {
  readonly id: string;
  readonly label: string;
  readonly level: number;
  readonly parent: string | null;
  readonly place: string;
  readonly device: string | null;
}

/**
 * The map for the keyboard and the screen reader: machines, their namespaces, their devices, and where each device leads. One tab
 * stop; up and down move, left goes to the parent, Enter picks. It shows itself while it has the focus.
 */
export function PlaceTree() {
  const player = usePlayer();
  const topology = usePlayerState((state) => state.run?.topology ?? null);
  // As text, so that it is made anew only where a tunnel has changed.
  const sends = useNow((run, _seq, state) => tunnelsAt(state, run.topology).flatMap(({ a, b, forth, back }) => [...(forth ? [linkId(a, b)] : []), ...(back ? [linkId(b, a)] : [])]).join(' '), '');
  const items = useMemo(() => (topology ? itemsOf(topology, sends === '' ? [] : sends.split(' ')) : []), [topology, sends]);
  const [active, setActive] = useState(0);
  const tree = useRef<HTMLUListElement>(null);
  const move = (index: number): void => {
    const next = Math.max(0, Math.min(items.length - 1, index));
    setActive(next);
    tree.current?.querySelectorAll<HTMLElement>('[role=treeitem]')[next]?.focus();
  };
  const onKeyDown = (event: KeyboardEvent<HTMLElement>): void => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const item = items[active];
    if (!item) return;
    const target: Record<string, () => void> = {
      ArrowDown: () => move(active + 1),
      ArrowUp: () => move(active - 1),
      Home: () => move(0),
      End: () => move(items.length - 1),
      ArrowLeft: () => move(items.findIndex((other) => other.id === item.parent)),
      ArrowRight: () => move(items[active + 1]?.level === item.level + 1 ? active + 1 : active),
      Enter: () => player.select(item.device === null ? { kind: 'namespace', place: item.place } : { kind: 'device', place: item.place, device: item.device }),
    };
    const act = target[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  };
  return (
    <div className="place-tree">
      <ul role="tree" aria-label="Machines, namespaces and devices" ref={tree} onKeyDown={onKeyDown}>
        {items.map((item, index) => (
          <li
            key={item.id} role="treeitem" aria-level={item.level} aria-selected={index === active} tabIndex={index === active ? 0 : -1}
            style={{ paddingLeft: 8 + (item.level - 1) * 16 }} onFocus={() => setActive(index)} onClick={() => move(index)}
          >
            {item.label}
          </li>
        ))}
      </ul>
    </div>
  );
}

/** `, vni 1, one network with node2:flannel.1, sends to node2:flannel.1`, for the end of a tunnel; `sends`: the tubes of this moment. */
function endOf(topology: Topology, { id, tunnel }: TopologyDevice, sends: readonly string[]): string {
  if (!tunnel) return '';
  const others = topology.overlays.find(({ members }) => members.includes(id))?.members.filter((other) => other !== id) ?? [];
  if (others.length === 0) return `, ${endText(tunnel)}`;
  const known = others.filter((other) => sends.includes(linkId(id, other)));
  return `, ${endText(tunnel)}, one network with ${others.join(', ')}, sends to ${known.length === 0 ? 'nobody yet' : known.join(', ')}`;
}

function itemsOf(topology: Topology, sends: readonly string[]): Item[] {
  const items: Item[] = [];
  const leadsTo = new Map<string, string>();
  for (const link of topology.links) {
    leadsTo.set(link.a, link.b);
    leadsTo.set(link.b, link.a);
  }
  for (const machine of topology.machines) {
    items.push({ id: machine.name, label: `machine ${machine.name}`, level: 1, parent: null, place: machine.name, device: null });
    for (const namespace of machine.namespaces) {
      const parent = `${namespace.id}/`;
      items.push({ id: parent, label: namespace.name === '' ? 'root namespace' : `namespace ${namespace.name}`, level: 2, parent: machine.name, place: namespace.id, device: null });
      for (const device of namespace.devices) {
        const other = leadsTo.get(device.id);
        const master = device.master === null ? '' : `, port of ${device.master.split(':')[1]}`;
        items.push({ id: device.id, label: `${device.kind === 'nic' ? 'network card' : device.kind} ${device.name}${master}${other ? `, leads to ${other}` : ''}${endOf(topology, device, sends)}`, level: 3, parent, place: namespace.id, device: device.name });
      }
    }
  }
  for (const lan of topology.switches) items.push({ id: lan.name, label: `switch ${lan.name}: ${lan.ports.join(', ')}`, level: 1, parent: null, place: lan.name, device: null });
  return items;
}
