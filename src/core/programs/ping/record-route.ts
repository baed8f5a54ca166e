/** IP options that ask every router to write down its address: NOP, then RR with nine slots (RFC 791 3.1), 40 bytes. */
export function recordRouteOption(): Uint8Array {
  const option = new Uint8Array(40);
  option.set([IPOPT_NOP, IPOPT_RR, 39, IPOPT_MINOFF]);
  return option;
}

const IPOPT_EOL = 0;
const IPOPT_NOP = 1;
const IPOPT_RR = 7;
const IPOPT_MINOFF = 4;

/** What ping prints of the options of a reply, after the line itself; `previous` is the route of the reply before. */
export function describeOptions(options: Uint8Array | null, previous: { route: string }, name: (ip: number) => string): string {
  if (options === null) return '';
  let text = '';
  for (let i = 0; i < options.length && options[i] !== IPOPT_EOL;) {
    const kind = options[i]!;
    if (kind === IPOPT_NOP) {
      text += '\nNOP';
      i++;
      continue;
    }
    const length = options[i + 1] ?? 0;
    if (length < 2) break;
    if (kind === IPOPT_RR) text += describeRoute(options.subarray(i, i + length), previous, name);
    else text += `\nunknown option ${kind.toString(16)}`;
    i += length;
  }
  return text;
}

function describeRoute(option: Uint8Array, previous: { route: string }, name: (ip: number) => string): string {
  const filled = Math.min(option[2]!, option.length + 1) - IPOPT_MINOFF;
  if (filled <= 0) return '';
  const addresses: number[] = [];
  for (let i = 3; i + 4 <= 3 + filled; i += 4) addresses.push(((option[i]! << 24) | (option[i + 1]! << 16) | (option[i + 2]! << 8) | option[i + 3]!) >>> 0);
  const route = addresses.join();
  if (route === previous.route) return '\t(same route)';
  previous.route = route;
  return `\nRR: ${addresses.map((ip) => `\t${ip === 0 ? '0.0.0.0' : name(ip)}\n`).join('')}`;
}
