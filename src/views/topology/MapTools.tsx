import { useReactFlow } from '@xyflow/react';

/** Zoom and fit, for the pointer; the keys + − and Z do the same from anywhere in the player, so none of these is a tab stop. */
export function MapTools({ onFit }: { readonly onFit: () => void }) {
  const { zoomIn, zoomOut } = useReactFlow();
  return (
    <div className="map-tools">
      <button type="button" className="button map-in" tabIndex={-1} onClick={() => void zoomIn()} aria-label="Zoom in" title="Zoom in (+)">
        +
      </button>
      <button type="button" className="button map-out" tabIndex={-1} onClick={() => void zoomOut()} aria-label="Zoom out" title="Zoom out (−)">
        −
      </button>
      <button type="button" className="button map-fit" tabIndex={-1} onClick={onFit} aria-label="Fit the map, or follow the packet" title="Fit the map, or follow the packet (Z)">
        ⤢
      </button>
    </div>
  );
}
