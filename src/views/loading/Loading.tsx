import type { Session } from '../../store/session.ts';
import './loading.css';

interface LoadingProps {
  readonly session: Session;
  readonly onRetry: () => void;
}

/** What happens until there is something to see: how far it is, a way out, and a clear word when it fails. */
export function Loading({ session, onRetry }: LoadingProps) {
  if (session.status === 'working') {
    return (
      <div className="loading" aria-busy="true">
        <label>
          <span>Simulating: {session.what}</span>
          <progress value={session.share} max={1} />
        </label>
        <button type="button" className="button" onClick={session.cancel}>
          Cancel
        </button>
      </div>
    );
  }
  if (session.status === 'failed' || session.status === 'cancelled') {
    return (
      <div className="loading" role="alert">
        <p>{session.status === 'failed' ? session.message : 'Cancelled.'}</p>
        <button type="button" className="button primary" onClick={onRetry}>
          Try again
        </button>
      </div>
    );
  }
  return null;
}
