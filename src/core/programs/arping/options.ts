import type { Process } from '../../shell/process.ts';
import type { Ipv4 } from '../../wire/address.ts';
import { getopt } from '../lib/getopt.ts';
import { INT_MAX, parseLong } from '../lib/numbers.ts';
import { inetAton } from '../lib/resolve.ts';
import { ARPING_USAGE, ARPING_VERSION } from './usage.ts';
import { Exit } from '../lib/exit.ts';

/** What the command line asks of arping. Times in seconds. */
export interface ArpingOptions {
  quitOnReply: boolean;
  quiet: boolean;
  broadcastOnly: boolean;
  /** -D: is somebody else using the address? */
  duplicateDetection: boolean;
  /** -U and -A: nobody is asked. */
  unsolicited: boolean;
  /** -A: replies instead of requests. */
  reply: boolean;
  /** 0 for no end. */
  count: number;
  timeout: number;
  interval: number;
  device: string | null;
  source: Ipv4 | null;
  target: string;
}

export function fail(code: number, message: string): never {
  throw new Exit(code, `arping: ${message}\n`);
}

function long(text: string, min: number): number {
  const value = parseLong(text, min, INT_MAX);
  return typeof value === 'string' ? fail(1, value) : value;
}

export function parseArping(process: Process): ArpingOptions {
  const options: ArpingOptions = {
    quitOnReply: false, quiet: false, broadcastOnly: false, duplicateDetection: false, unsolicited: false, reply: false, count: 0, timeout: 0,
    interval: 1, device: null, source: null, target: '',
  };
  const targets: string[] = [];
  let source: string | null = null;
  for (const option of getopt(process.argv.slice(1), 'h?bfDUAqc:w:i:s:I:V', targets)) {
    if ('error' in option) throw new Exit(2, `arping: ${option.error}\n${ARPING_USAGE}`);
    const value = option.value ?? '';
    switch (option.name) {
      case 'b': options.broadcastOnly = true; break;
      case 'D': options.duplicateDetection = options.quitOnReply = true; break;
      case 'U': options.unsolicited = true; break;
      case 'A': options.unsolicited = options.reply = true; break;
      case 'q': options.quiet = true; break;
      case 'c': options.count = long(value, 1); break;
      case 'w': options.timeout = long(value, 0); break;
      case 'i': options.interval = long(value, 0); break;
      case 'I': options.device = value; break;
      case 'f': options.quitOnReply = true; break;
      case 's': source = value; break;
      case 'V': throw new Exit(0, '', ARPING_VERSION);
      default: throw new Exit(2, ARPING_USAGE);
    }
  }
  if (targets.length !== 1) throw new Exit(2, ARPING_USAGE);
  options.target = targets[0]!;
  if (source !== null) options.source = inetAton(source) ?? fail(2, `invalid source ${source}`);
  return options;
}
