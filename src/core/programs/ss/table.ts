/** How a column stands: its head, the side it leans to, and what comes before it. */
interface Column {
  readonly head: string;
  readonly right: boolean;
  readonly before: string;
}

const COLUMNS: Readonly<Record<keyof Line, Column>> = {
  netid: { head: 'Netid', right: false, before: '' },
  state: { head: 'State', right: false, before: ' ' },
  received: { head: 'Recv-Q', right: false, before: ' ' },
  sent: { head: 'Send-Q', right: false, before: ' ' },
  local: { head: 'Local Address:', right: true, before: ' ' },
  localPort: { head: 'Port', right: false, before: '' },
  peer: { head: 'Peer Address:', right: true, before: ' ' },
  peerPort: { head: 'Port', right: false, before: '' },
  process: { head: 'Process', right: false, before: '' },
};

/** One socket. `local` and `peer` end with their colon. */
export interface Line {
  readonly netid: string;
  readonly state: string;
  readonly received: string;
  readonly sent: string;
  readonly local: string;
  readonly localPort: string;
  readonly peer: string;
  readonly peerPort: string;
  readonly process: string;
}

/** Columns as wide as their widest cell, as ss(8) prints them where there is no terminal (render). */
export function renderTable(lines: readonly Line[], shown: { readonly netid: boolean; readonly state: boolean; readonly header: boolean }): string {
  const names = (Object.keys(COLUMNS) as (keyof Line)[]).filter((name) => (name !== 'netid' || shown.netid) && (name !== 'state' || shown.state));
  const widths = new Map(names.map((name) => [name, Math.max(shown.header ? COLUMNS[name].head.length : 0, ...lines.map((line) => line[name].length))]));
  const row = (cell: (name: keyof Line) => string): string => {
    const text = names.map((name, i) => {
      const { right, before } = COLUMNS[name];
      const width = widths.get(name)!;
      return `${i === 0 ? '' : before}${right ? cell(name).padStart(width) : cell(name).padEnd(width)}`;
    });
    return `${text.join('')}\n`;
  };
  return `${shown.header ? row((name) => COLUMNS[name].head) : ''}${lines.map((line) => row((name) => line[name])).join('')}`;
}
