import { ariaKeyshortcuts } from '../../store/keys.ts';
import { viewOf } from '../../store/player.ts';
import type { View } from '../../store/url.ts';
import { usePlayer, usePlayerState } from '../player/player-context.ts';
import { useToolbar } from '../timeline/use-toolbar.ts';

const CHOICES: readonly { readonly view: View; readonly name: string; readonly help: string }[] = [
  { view: 'overlay', name: 'Overlay', help: 'The network that the tunnels make: what is inside the packets' },
  { view: 'underlay', name: 'Underlay', help: 'The network below: who carries whom' },
  { view: 'both', name: 'Both', help: 'The tunnels, and the cables that carry them' },
];

/** Of the two networks of a lab with tunnels, which one to see. One tab stop; the arrow keys move within. */
export function ViewSwitch() {
  const player = usePlayer();
  const tunnels = usePlayerState(({ run }) => (run?.topology.overlays.length ?? 0) > 0);
  const view = usePlayerState(viewOf);
  const toolbar = useToolbar();
  if (!tunnels) return null;
  return (
    <div className="map-view segments" role="toolbar" aria-label="Network to see" {...toolbar}>
      {CHOICES.map((choice) => (
        <button key={choice.view} type="button" aria-pressed={choice.view === view} title={choice.help} aria-keyshortcuts={ariaKeyshortcuts('view')} onClick={() => player.setView(choice.view)}>
          {choice.name}
        </button>
      ))}
    </div>
  );
}
