import { formatDate } from '../../programs/text/date-format.ts';
import { EPOCH } from '../../shell/interpreter/special.ts';
import type { Process } from '../../shell/process.ts';

export type Severity = 'I' | 'W' | 'E';

const verbosities = new WeakMap<Process, number>();

/** How much is to be told (`-v`). */
export function setVerbosity(process: Process, level: number): void {
  verbosities.set(process, level);
}

/** A line of the log as klog writes it: `I0101 00:00:05.123456    1234 main.go] text`. Lines of the source are left out: they change with every release. */
export function klog(process: Process, severity: Severity, file: string, text: string): void {
  const time = formatDate('%m%d %H:%M:%S.%N', EPOCH + Math.floor(process.now / 1e9), process.now % 1e9).slice(0, -3);
  process.stderr.write(`${severity}${time} ${String(process.pid).padStart(7)} ${file}] ${text}\n`);
}

/** log.V(level).Info: a line that only `-v` of that level or more brings. */
export function klogV(process: Process, level: number, file: string, text: string): void {
  if ((verbosities.get(process) ?? 0) >= level) klog(process, 'I', file, text);
}

/** Ends flanneld: `Failed to create SubnetManager: ...`, exit code 1. */
export class Fatal extends Error {
  readonly file: string;
  /** Whether the handler of signals runs already, and says that it stops. */
  readonly cancels: boolean;

  constructor(message: string, cancels = false, file = 'main.go') {
    super(message);
    this.name = 'Fatal';
    this.file = file;
    this.cancels = cancels;
  }
}
