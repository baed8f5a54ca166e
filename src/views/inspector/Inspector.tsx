import { useId, type KeyboardEvent } from 'react';
import type { Panel } from '../../store/url.ts';
import { OutputPanel } from '../output/OutputPanel.tsx';
import { usePlayer, usePlayerState } from '../player/player-context.ts';
import { StatePanel } from '../state/StatePanel.tsx';
import { TablesPanel } from '../tables/TablesPanel.tsx';
import { PacketPanel } from './PacketTree.tsx';

const TABS: readonly { readonly panel: Exclude<Panel, 'none'>; readonly name: string; readonly body: () => React.ReactNode }[] = [
  { panel: 'packet', name: 'Packet', body: () => <PacketPanel /> },
  { panel: 'tables', name: 'Tables', body: () => <TablesPanel /> },
  { panel: 'state', name: 'State', body: () => <StatePanel /> },
  { panel: 'output', name: 'Output', body: () => <OutputPanel /> },
];

/** What is inside: the packet, the tables, a neighbour's state machine, the terminal. */
export function Inspector() {
  const player = usePlayer();
  const panel = usePlayerState((state) => (state.panel === 'none' ? 'packet' : state.panel));
  const id = useId();
  const onKeyDown = (event: KeyboardEvent<HTMLElement>): void => {
    const index = TABS.findIndex((tab) => tab.panel === panel);
    const target = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: TABS.length - 1 }[event.key];
    if (target === undefined || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    const tab = TABS[(target + TABS.length) % TABS.length]!;
    player.setPanel(tab.panel);
    document.getElementById(`${id}-${tab.panel}`)?.focus();
  };
  return (
    <section className="inspector" aria-label="Inspector">
      <div className="tabs" role="tablist" aria-label="Inspector" onKeyDown={onKeyDown}>
        {TABS.map((tab) => (
          <button
            key={tab.panel} id={`${id}-${tab.panel}`} type="button" role="tab" aria-selected={tab.panel === panel} aria-controls={`${id}-panel`}
            tabIndex={tab.panel === panel ? 0 : -1} onClick={() => player.setPanel(tab.panel)}
          >
            {tab.name}
          </button>
        ))}
      </div>
      <div className="inspector-body" id={`${id}-panel`} role="tabpanel" aria-labelledby={`${id}-${panel}`} tabIndex={0} data-panel={panel}>
        {TABS.find((tab) => tab.panel === panel)?.body()}
      </div>
    </section>
  );
}
