import { useState } from 'react';
import { usePlayer, usePlayerState } from '../player/player-context.ts';
import { Dialog } from './Dialog.tsx';

/** To a step by its number. */
export default function GoToDialog({ onClose }: { readonly onClose: () => void }) {
  const player = usePlayer();
  const stops = usePlayerState((state) => state.stops);
  const at = usePlayerState((state) => state.at);
  const [value, setValue] = useState(String(at + 1));
  const number = Number(value);
  const fits = Number.isInteger(number) && number >= 1 && number <= stops.length;
  return (
    <Dialog title="Go to a step" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!fits) return;
          player.send({ type: 'SEEK', seq: stops[number - 1]! });
          onClose();
        }}
      >
        <p className="dialog-actions">
          <label>
            Step{' '}
            <input type="number" min={1} max={stops.length} value={value} onChange={(event) => setValue(event.target.value)} autoFocus />
          </label>
          <span>of {stops.length}</span>
          <button type="submit" className="button primary" disabled={!fits}>
            Go
          </button>
        </p>
        {fits ? null : <p role="alert">There are steps 1 to {stops.length}.</p>}
      </form>
    </Dialog>
  );
}
