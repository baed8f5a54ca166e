import { ariaKeyshortcuts } from '../../store/keys.ts';
import { viewOf } from '../../store/player.ts';
import type { View } from '../../store/url.ts';
import { usePlayer, usePlayerState } from '../player/player-context.ts';
import { VIEW_WORDS } from '../player/view-words.ts';
import { useToolbar } from '../timeline/use-toolbar.ts';

const CHOICES: readonly View[] = ['overlay', 'underlay', 'both'];

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
        <button key={choice} type="button" aria-pressed={choice === view} title={VIEW_WORDS[choice].help} aria-keyshortcuts={ariaKeyshortcuts('view')} onClick={() => player.setView(choice)}>
          {VIEW_WORDS[choice].name}
        </button>
      ))}
    </div>
  );
}
