import { lazy, Suspense, useId, type KeyboardEvent } from 'react';
import { agentLog } from '../../store/agents.ts';
import type { Run } from '../../store/player.ts';
import type { Panel } from '../../store/url.ts';
import { hookedPlaces } from '../../store/hooked-places.ts';
import { usePlayer, usePlayerState } from '../player/player-context.ts';
import './inspector.css';

// Fetched beside the simulation, so that it is there when the first packet is.
const packetPanel = import('./PacketPanel.tsx');
const PacketPanel = lazy(() => packetPanel);
const StackPanel = lazy(() => import('../stack/StackPanel.tsx'));
const TablesPanel = lazy(() => import('../tables/TablesPanel.tsx'));
const StatePanel = lazy(() => import('../state/StatePanel.tsx'));
const ExchangePanel = lazy(() => import('../exchange/ExchangePanel.tsx'));
const AgentsPanel = lazy(() => import('../agents/AgentsPanel.tsx'));
const OutputPanel = lazy(() => import('../output/OutputPanel.tsx'));

interface Tab {
  readonly panel: Exclude<Panel, 'none'>;
  readonly name: string;
  readonly body: () => React.ReactNode;
  /** Only where there is something of it: where a packet meets netfilter, where an agent acts or is asked to. */
  readonly only?: (run: Run) => boolean;
}

function hasHooks(run: Run): boolean {
  return hookedPlaces(run).size > 0;
}

const TABS: readonly Tab[] = [
  { panel: 'packet', name: 'Packet', body: () => <PacketPanel /> },
  { panel: 'stack', name: 'Stack', body: () => <StackPanel />, only: hasHooks },
  { panel: 'tables', name: 'Tables', body: () => <TablesPanel /> },
  { panel: 'state', name: 'State', body: () => <StatePanel /> },
  { panel: 'exchange', name: 'Exchange', body: () => <ExchangePanel />, only: hasHooks },
  { panel: 'agents', name: 'Agents', body: () => <AgentsPanel />, only: (run) => agentLog(run).length > 0 },
  { panel: 'output', name: 'Output', body: () => <OutputPanel /> },
];

/** More tabs than this have to stand closer together. */
const MANY = 6;

/** What is inside: the packet, the hooks of its stack, the tables, a state machine, both directions of its connection, the agents, the terminal. */
export function Inspector() {
  const player = usePlayer();
  const panel = usePlayerState((state) => (state.panel === 'none' ? 'packet' : state.panel));
  const run = usePlayerState((state) => state.run);
  const tabs = TABS.filter((tab) => !tab.only || (run !== null && tab.only(run)) || tab.panel === panel);
  const id = useId();
  const onKeyDown = (event: KeyboardEvent<HTMLElement>): void => {
    const index = tabs.findIndex((tab) => tab.panel === panel);
    const target = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (target === undefined || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    const tab = tabs[(target + tabs.length) % tabs.length]!;
    player.setPanel(tab.panel);
    document.getElementById(`${id}-${tab.panel}`)?.focus();
  };
  return (
    <section className="inspector" aria-label="Inspector">
      <div className={`tabs${tabs.length > MANY ? ' many' : ''}`} role="tablist" aria-label="Inspector" onKeyDown={onKeyDown}>
        {tabs.map((tab) => (
          <button
            key={tab.panel} id={`${id}-${tab.panel}`} type="button" role="tab" aria-selected={tab.panel === panel} aria-controls={`${id}-panel`}
            tabIndex={tab.panel === panel ? 0 : -1} onClick={() => player.setPanel(tab.panel)}
          >
            {tab.name}
          </button>
        ))}
      </div>
      <div className="inspector-body" id={`${id}-panel`} role="tabpanel" aria-labelledby={`${id}-${panel}`} tabIndex={0} data-panel={panel}>
        <Suspense fallback={<p className="panel-empty">Loading…</p>}>{tabs.find((tab) => tab.panel === panel)?.body()}</Suspense>
      </div>
    </section>
  );
}
