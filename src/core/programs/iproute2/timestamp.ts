import { SECOND } from '../../sim/time.ts';
import { EPOCH } from '../../shell/interpreter/special.ts';
import { formatDate } from '../text/date-format.ts';
import type { Ip } from './ip-context.ts';

/** What `-t` and `-ts` put before an event (print_timestamp); empty without them. */
export function timestampText(ip: Ip): string {
  if (ip.options.timestamp === 'none') return '';
  const { now } = ip.ns.queue;
  const seconds = Math.floor(now / SECOND);
  const micros = Math.floor((now - seconds * SECOND) / 1000);
  if (ip.options.timestamp === 'short') {
    return `[${formatDate('%Y-%m-%dT%H:%M:%S', EPOCH + seconds, 0)}.${String(micros).padStart(6, '0')}] `;
  }
  return `Timestamp: ${formatDate('%a %b %e %H:%M:%S %Y', EPOCH + seconds, 0)} ${micros} usec\n`;
}
