import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { RecordWalk } from '../src/core/index.ts';
import { findCommand } from './availability.ts';
import { KernelRunError } from './kernel-error.ts';

/** A frame as recorder.py reports it: nanoseconds since the recorder's start, place, direction, hex. `other`: unicast for somebody else's MAC. */
export type CapturedFrame = readonly [ns: number, place: string, dir: 'in' | 'out' | 'other', hex: string];

export interface MachineSpec {
  readonly name: string;
  readonly number: number;
  /** Of its first process, outside. */
  readonly pid: number;
  readonly capture: boolean;
  readonly ipv6: boolean;
  readonly brNetfilter: boolean;
  readonly offload: boolean;
  /** The rules that packets meet are wanted. */
  readonly trace: boolean;
}

export interface Mark {
  /** Nanoseconds since the recorder's start. */
  readonly now: number;
  /** All frames since the last mark. */
  readonly frames: readonly CapturedFrame[];
  /** The rules that packets met since then, by namespace. */
  readonly walks: Readonly<Record<string, readonly RecordWalk[]>>;
}

export interface RecorderClient {
  addMachine(spec: MachineSpec): Promise<void>;
  /** Acts on namespaces and devices made without the wrapper of `ip`. */
  look(): Promise<void>;
  mark(): Promise<Mark>;
  /** Waits until no frame was seen for `seconds`, at most `limit` seconds. */
  quiet(seconds: number, limit: number): Promise<void>;
  /** Rejects when the recorder ends before it is stopped. */
  readonly broken: Promise<never>;
  /** Resolves when it has ended. */
  stop(): Promise<void>;
}

interface Answer {
  readonly done: string;
  readonly now?: number;
  readonly lost?: number;
  readonly frames?: readonly CapturedFrame[];
  readonly walks?: Mark['walks'];
}

/** Starts recorder.py; it dies with this process. */
export function startRecorder(): RecorderClient {
  const python = spawn(findCommand('python3') ?? 'python3', [join(import.meta.dirname, 'recorder.py')], { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  const waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void }[] = [];
  let complaint = '';
  let failure: Error | null = null;
  let breakUp: (error: Error) => void;
  const broken = new Promise<never>((_, reject) => (breakUp = reject));
  broken.catch(() => undefined);
  const fail = (message: string): void => {
    failure ??= new KernelRunError(message);
    breakUp(failure);
    for (const request of waiting.splice(0)) request.reject(failure);
  };
  python.stderr.on('data', (chunk: Buffer) => void (complaint += chunk.toString()));
  python.stdin.on('error', () => undefined);
  python.on('error', (error) => fail(`recorder.py cannot be started: ${error.message}`));
  const gone = new Promise<void>((resolve) => {
    python.on('close', () => {
      fail(`recorder.py ended: ${complaint.trim()}`);
      resolve();
    });
  });
  createInterface({ input: python.stdout }).on('line', (line) => {
    waiting.shift()?.resolve(JSON.parse(line) as Answer);
  });
  const ask = (order: object): Promise<Answer> => new Promise((resolve, reject) => {
    if (failure) return reject(failure);
    waiting.push({ resolve, reject });
    python.stdin.write(`${JSON.stringify(order)}\n`);
  });
  return {
    broken,
    addMachine: async (spec) => void (await ask({ verb: 'machine', ...spec })),
    look: async () => void (await ask({ verb: 'look' })),
    quiet: async (seconds, limit) => void (await ask({ verb: 'quiet', seconds, limit })),
    mark: async () => {
      const { now = 0, frames = [], walks = {}, lost = 0 } = await ask({ verb: 'mark' });
      if (lost > 0) throw new KernelRunError(`${lost} frames were not captured: the lab sends more than can be recorded`);
      return { now, frames, walks };
    },
    stop: () => {
      python.stdin.end();
      python.kill('SIGKILL');
      return gone;
    },
  };
}
