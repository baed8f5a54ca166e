import { Background, BackgroundVariant, Handle, Position, ReactFlow, ReactFlowProvider, ViewportPortal, type Edge, type Node, type NodeProps, type NodeTypes } from '@xyflow/react';
import '@xyflow/react/dist/base.css';
import { useEffect, useMemo, useRef, type ComponentType } from 'react';
import { hookedPlaces } from '../../store/hooked-places.ts';
import { viewOf } from '../../store/player.ts';
import { usePlayerState } from '../player/player-context.ts';
import { useMedia } from '../theme/use-media.ts';
import { DropNote } from './DropNote.tsx';
import type { Layout, Route } from './layout/geometry.ts';
import { layoutTopology } from './layout/layout.ts';
import { MapTools } from './MapTools.tsx';
import { BridgeBox, DeviceBox, MachineBox, NamespaceBox, NicBox, StackBox, SwitchBox, VtepBox, type BoxProps } from './nodes/boxes.tsx';
import { PacketLayer } from './PacketLayer.tsx';
import { ViewSwitch } from './ViewSwitch.tsx';
import { RouteEdge } from './RouteEdge.tsx';
import { TubeLayer } from './TubeLayer.tsx';
import { useViewport, ZOOM } from './viewport.ts';
import './topology.css';

/** The library ties an edge to handles; our routes bring their own points, so the handles are there but never seen. */
function tied(Inner: ComponentType<BoxProps>): ComponentType<NodeProps> {
  return function Tied({ data }: NodeProps) {
    return (
      <>
        <Inner data={data as BoxProps['data']} />
        <Handle type="source" position={Position.Bottom} isConnectable={false} />
        <Handle type="target" position={Position.Top} isConnectable={false} />
      </>
    );
  };
}

const NODE_TYPES: NodeTypes = {
  machine: tied(MachineBox), namespace: tied(NamespaceBox), stack: tied(StackBox), bridge: tied(BridgeBox), device: tied(DeviceBox), nic: tied(NicBox), switch: tied(SwitchBox), vtep: tied(VtepBox), tubes: TubeLayer,
};
const EDGE_TYPES = { route: RouteEdge };
const DEPTH = { machine: 0, namespace: 10, stack: 10, bridge: 20, switch: 20, nic: 30, device: 30, vtep: 30 } as const;

interface TopologyProps {
  /** In a blog's frame the wheel belongs to the page around it. */
  readonly embedded?: boolean;
}

/** The map: machines, namespaces, devices and links, with the packets on their way. For the eye; the journey list says the same in words. */
export function Topology({ embedded = false }: TopologyProps) {
  const run = usePlayerState((state) => state.run);
  const small = useMedia('(max-width: 640px)') || embedded;
  // On a small map there is no room for the hooks; there they are in the panel.
  const layout = useMemo(() => (run ? layoutTopology(run.topology, small ? undefined : hookedPlaces(run)) : null), [run, small]);
  if (!layout) return null;
  return (
    <ReactFlowProvider>
      <Map layout={layout} embedded={embedded} />
    </ReactFlowProvider>
  );
}

function Map({ layout, embedded }: { readonly layout: Layout; readonly embedded: boolean }) {
  const frame = useRef<HTMLDivElement>(null);
  const { show, toggle, onMoved } = useViewport(layout, frame);
  const view = usePlayerState(viewOf);
  const nodes = useMemo(() => nodesOf(layout), [layout]);
  const edges = useMemo(() => edgesOf(layout), [layout]);
  useEffect(() => {
    const observer = new ResizeObserver(show);
    if (frame.current) observer.observe(frame.current);
    // The library claims role="application"; the map is a picture beside the journey list, which has the words.
    frame.current?.querySelector('.react-flow')?.setAttribute('role', 'presentation');
    return () => observer.disconnect();
  }, [show]);
  return (
    <div className="map" ref={frame} data-view={view}>
      <div className="map-picture" aria-hidden="true">
      <ReactFlow
        nodes={nodes} edges={edges} nodeTypes={NODE_TYPES} edgeTypes={EDGE_TYPES} onInit={show} onMoveStart={onMoved} minZoom={ZOOM.least} maxZoom={ZOOM.most}
        nodesFocusable={false} edgesFocusable={false} disableKeyboardA11y nodesDraggable={false} nodesConnectable={false} elementsSelectable={false}
        autoPanOnNodeFocus={false} deleteKeyCode={null} zoomOnScroll={!embedded} preventScrolling={!embedded} zoomOnDoubleClick={false}
        proOptions={{ hideAttribution: true }}
      >
        <Background variant={BackgroundVariant.Dots} gap={18} size={1.2} />
        <ViewportPortal>
          <PacketLayer layout={layout} />
          <DropNote layout={layout} />
        </ViewportPortal>
      </ReactFlow>
      </div>
      <ViewSwitch />
      <MapTools onFit={toggle} />
      <a className="map-credit" href="https://reactflow.dev" target="_blank" rel="noreferrer" tabIndex={-1}>
        React Flow
      </a>
    </div>
  );
}

function nodesOf(layout: Layout): Node[] {
  const boxes = [...layout.boxes.values()].map((box): Node => ({
    id: box.id, type: box.kind, position: { x: box.x, y: box.y }, width: box.width, height: box.height, zIndex: DEPTH[box.kind], data: { box },
    selectable: false, draggable: false, focusable: false, style: { width: box.width, height: box.height },
  }));
  const tubes: Node = {
    id: 'tubes', type: 'tubes', position: { x: 0, y: 0 }, width: layout.width, height: layout.height, zIndex: 5, data: { layout }, selectable: false, draggable: false, focusable: false,
    style: { width: layout.width, height: layout.height, pointerEvents: 'none' },
  };
  return layout.buses.length > 0 || [...layout.routes.values()].some(({ kind }) => kind === 'tube') ? [tubes, ...boxes] : boxes;
}

/** Which of the two networks a line belongs to. */
function netOf(layout: Layout, { kind, a, b }: Route): 'overlay' | 'underlay' | 'both' {
  const ends = [a, b].map((id) => layout.boxes.get(id)?.kind);
  if (kind === 'cable' || ends.includes('nic')) return 'underlay';
  return kind === 'inner' && ends.includes('vtep') ? 'both' : 'overlay';
}

function edgesOf(layout: Layout): Edge[] {
  return [...layout.routes.values()].filter(({ kind }) => kind !== 'tube').map((route) => ({ id: route.id, type: 'route', source: route.a, target: route.b, data: { route, net: netOf(layout, route) }, zIndex: 25, focusable: false, selectable: false }));
}
