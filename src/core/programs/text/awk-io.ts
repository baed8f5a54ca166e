import { KernelError } from '../../kernel/errno.ts';
import { type ChildProcess, type InputStream, type OutputStream, type Process } from '../../shell/process.ts';
import { Pipe } from '../../shell/streams.ts';
import { AwkError } from './awk-lexer.ts';
import { LineReader, type Part, pause } from './io.ts';

interface Sink {
  readonly stream: OutputStream;
  readonly child: ChildProcess | null;
  readonly pipe: Pipe | null;
}

interface Spring {
  readonly reader: LineReader;
  readonly child: ChildProcess | null;
}

/** The files and commands that an awk program has open, by name. */
export class AwkFiles {
  readonly #process: Process;
  readonly #sinks = new Map<string, Sink>();
  readonly #springs = new Map<string, Spring>();

  constructor(process: Process) {
    this.#process = process;
  }

  *write(text: string, to: '>' | '>>' | '|' | null, name: string): Part {
    if (to === null || name === '/dev/stdout' || (name === '-' && to !== '|')) {
      this.#process.stdout.write(text);
    } else if (name === '/dev/stderr') this.#process.stderr.write(text);
    else this.#sink(to, name).stream.write(text);
    if (text.length > 4096) yield* pause(this.#process);
  }

  #sink(to: '>' | '>>' | '|', name: string): Sink {
    let sink = this.#sinks.get(name);
    if (!sink) this.#sinks.set(name, (sink = to === '|' ? this.#command(name) : { stream: this.#create(name, to), child: null, pipe: null }));
    return sink;
  }

  #create(name: string, to: '>' | '>>'): OutputStream {
    try {
      return this.#process.create(name, to === '>' ? 'truncate' : 'append');
    } catch (error) {
      if (error instanceof KernelError) throw new AwkError(`cannot open "${name}" for output`);
      throw error;
    }
  }

  #command(command: string): Sink {
    const pipe = new Pipe();
    const child = this.#process.spawn(['sh', '-c', command], { stdin: pipe.reader.input! });
    return { stream: pipe.writer.output!, child, pipe };
  }

  /** Reads a line from a file or a command: 1 and the line, 0 at the end, -1 when it cannot be opened. */
  *read(from: 'file' | 'command', name: string): Part<{ readonly status: number; readonly line: string }> {
    let spring = this.#springs.get(name);
    if (!spring) {
      try {
        spring = from === 'file' ? { reader: new LineReader(this.#process, name === '-' ? this.#process.stdin : this.#process.open(name)), child: null } : this.#runForInput(name);
      } catch (error) {
        if (error instanceof KernelError) return { status: -1, line: '' };
        throw error;
      }
      this.#springs.set(name, spring);
    }
    const line = yield* spring.reader.next();
    return line === null ? { status: 0, line: '' } : { status: 1, line };
  }

  /** A command whose output is read; the end of it is the end of the command. */
  #runForInput(command: string): Spring {
    const pipe = new Pipe();
    const child = this.#process.spawn(['sh', '-c', command], { stdout: pipe.writer.output! });
    const inner = pipe.reader.input!;
    if (!child) pipe.writer.close();
    else child.exited.waiters.add(() => pipe.writer.close());
    const input: InputStream = inner;
    return { reader: new LineReader(this.#process, input), child };
  }

  /** close(): the exit code of a command, 0 for a file, -1 when nothing of that name is open. */
  *close(name: string): Part<number> {
    const sink = this.#sinks.get(name);
    const spring = this.#springs.get(name);
    this.#sinks.delete(name);
    this.#springs.delete(name);
    if (!sink && !spring) return -1;
    sink?.pipe?.writer.close();
    const child = sink?.child ?? spring?.child ?? null;
    while (child && child.exitCode === null) yield { queues: [child.exited], deadline: null };
    return child?.exitCode ?? 0;
  }

  *closeAll(): Part {
    for (const name of [...this.#sinks.keys(), ...this.#springs.keys()]) {
      if (this.#springs.has(name) && !this.#sinks.has(name)) this.#springs.delete(name);
      else yield* this.close(name);
    }
  }
}
