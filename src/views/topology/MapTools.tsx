import { useReactFlow } from '@xyflow/react';

/** Zoom and fit. The map is out of the tab order's way: one press of Z fits it from anywhere. */
export function MapTools({ onFit }: { readonly onFit: () => void }) {
  const { zoomIn, zoomOut } = useReactFlow();
  return (
    <div className="map-tools">
      <button type="button" className="button" tabIndex={-1} onClick={() => void zoomIn()} title="Zoom in">
        +
      </button>
      <button type="button" className="button" tabIndex={-1} onClick={() => void zoomOut()} title="Zoom out">
        −
      </button>
      <button type="button" className="button map-fit" tabIndex={-1} onClick={onFit} title="Fit the map (Z)">
        ⤢
      </button>
    </div>
  );
}
