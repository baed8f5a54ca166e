import { Pipe } from '../../shell/streams.ts';
import type { Process } from '../../shell/process.ts';
import { WaitQueue } from '../../sim/wait-queue.ts';
import type { Endpoint } from './endpoint.ts';
import { SocatError, type AddressSpec } from './options.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8');
const CHUNK = 8192;

export function stdioEndpoint(process: Process, type: string, direction: 'read' | 'write' | 'both'): Endpoint {
  const reads = type !== 'STDOUT' && direction !== 'write';
  const { stdin, stdout } = process;
  return {
    queues: reads ? [stdin.readable] : [],
    receive: () => {
      if (!reads) return 'end';
      const text = stdin.read(CHUNK);
      if (text !== '') return encoder.encode(text);
      return stdin.ended ? 'end' : null;
    },
    send: (data) => (type !== 'STDIN' && stdout.write(decoder.decode(data)) ? data.length : -1),
    finish: () => {}, close: () => {},
  };
}

/** An unnamed pipe: what is written into it comes back. */
export function echoEndpoint(): Endpoint {
  const readable = new WaitQueue();
  let held: Uint8Array[] = [];
  let ended = false;
  return {
    queues: [readable],
    receive: () => held.shift() ?? (ended ? 'end' : null),
    send: (data) => {
      held = [...held, data.slice()];
      readable.wake();
      return data.length;
    },
    finish: () => {
      ended = true;
      readable.wake();
    },
    close: () => {},
  };
}

/** A program at the other end of two pipes: EXEC starts it, SYSTEM and SHELL have a shell start it. */
export function commandEndpoint(process: Process, { type, parameters }: AddressSpec): Endpoint {
  const command = parameters[0] ?? '';
  const argv = type === 'EXEC' ? command.trim().split(/\s+/) : ['sh', '-c', command];
  const [input, output] = [new Pipe(), new Pipe()];
  const child = process.spawn(argv, { stdin: input.reader.input!, stdout: output.writer.output! });
  if (child === null) throw new SocatError(`execvp("${argv[0]}", "${argv[0]}"): No such file or directory`);
  let open = true;
  const finish = (): void => {
    if (open) input.writer.close();
    open = false;
  };
  return {
    queues: [output.readable, child.exited],
    receive: () => {
      const text = output.reader.input!.read(CHUNK);
      if (text !== '') return encoder.encode(text);
      return child.exitCode === null ? null : 'end';
    },
    send: (data) => (open && child.exitCode === null && input.writer.output!.write(decoder.decode(data)) ? data.length : -1),
    finish,
    close: () => {
      finish();
      if (child.exitCode === null) process.kill(child.pid, 'SIGTERM');
    },
  };
}
