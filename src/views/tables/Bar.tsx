import type { Usage } from '../../store/usage.ts';
import './tables.css';

/** How much of something is in use. */
export function Bar({ usage: { label, used, of } }: { readonly usage: Usage }) {
  const share = of === 0 ? 0 : used / of;
  return (
    <div className={`usage${share >= 1 ? ' full' : share >= 0.8 ? ' high' : ''}`}>
      <p>
        {label} <b>{used} of {of}</b>
        {share >= 1 ? ' · full' : ''}
      </p>
      <div role="meter" aria-label={label} aria-valuemin={0} aria-valuemax={of} aria-valuenow={used}>
        <i style={{ width: `${Math.min(100, share * 100)}%` }} />
      </div>
    </div>
  );
}
