import { KernelError, strerror } from '../../kernel/errno.ts';
import type { TcpSocket } from '../../kernel/sockets/socket.ts';
import { joinPath } from '../../shell/files/path.ts';
import { NotSimulated, type Process, type Running } from '../../shell/process.ts';
import { formatIpv4 } from '../../wire/address.ts';
import { NOT_KNOWN, resolveHost } from '../lib/resolve.ts';
import { openListener, serveForever } from './http-server.ts';
import { bindTraceback, resolveTraceback, SERVER_HELP, SERVER_USAGE } from './usage.ts';

/** Ends the program. */
class PythonExit extends Error {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;

  constructor(exit: number, stdout: string, stderr: string) {
    super(stderr);
    this.exit = exit;
    this.stdout = stdout;
    this.stderr = stderr;
  }
}

interface ServerOptions {
  /** -u: nothing is held back in stdout's buffer. */
  readonly unbuffered: boolean;
  readonly bind: string | null;
  readonly directory: string | null;
  readonly port: number;
}

/** python3(1), 3.11: `python3 -m http.server` and `python3 -V`; anything else is not simulated. */
export function* python3(process: Process): Running {
  try {
    return yield* serverProgram(process, parsePython(process.argv.slice(1), process.env));
  } catch (error) {
    if (!(error instanceof PythonExit)) throw error;
    process.stdout.write(error.stdout);
    process.stderr.write(error.stderr);
    return error.exit;
  }
}

/** What a command line asks for that is not simulated. */
export function checkPythonArgs(argv: readonly string[]): string[] {
  try {
    parsePython(argv.slice(1), new Map());
    return [];
  } catch (error) {
    if (error instanceof NotSimulated) return [error.what];
    if (error instanceof PythonExit) return [];
    throw error;
  }
}

/** Python's own options, and those of the module. */
export function parsePython(args: readonly string[], env: ReadonlyMap<string, string>): ServerOptions {
  let unbuffered = (env.get('PYTHONUNBUFFERED') ?? '') !== '';
  for (let i = 0; i < args.length; i++) {
    const word = args[i]!;
    if (word === '-V' || word === '--version') throw new PythonExit(0, 'Python 3.11.2\n', '');
    const found = /^-([uBIEsS]*)(m?)(.*)$/.exec(word);
    if (!word.startsWith('-') || found === null || (found[2] === '' && found[3] !== '') || word === '-') break;
    if (found[1]!.includes('u')) unbuffered = true;
    if (found[2] === 'm') {
      const module = found[3] === '' ? args[++i] : found[3];
      if (module !== 'http.server') throw new NotSimulated(`python3 -m ${module ?? ''}`.trimEnd());
      return { unbuffered, ...parseServer(args.slice(i + 1)) };
    }
  }
  throw new NotSimulated('python3 but for -m http.server');
}

function usageError(message: string): never {
  throw new PythonExit(2, '', `${SERVER_USAGE}server.py: error: ${message}\n`);
}

const LONG = ['help', 'cgi', 'bind', 'directory', 'protocol'] as const;
const SHORT: Readonly<Record<string, (typeof LONG)[number]>> = { h: 'help', b: 'bind', d: 'directory', p: 'protocol' };
const LABEL = { bind: '-b/--bind', directory: '-d/--directory', protocol: '-p/--protocol' } as const;

/** The arguments of http.server, as argparse reads them. */
function parseServer(args: readonly string[]): Omit<ServerOptions, 'unbuffered'> {
  let [bind, directory, port] = [null, null, null] as [string | null, string | null, number | null];
  const extra: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const word = args[i]!;
    const found = /^--([\w-]+)(?:=(.*))?$/s.exec(word) ?? /^-([a-z])(.+)?$/s.exec(word);
    const name = found === null ? undefined : word.startsWith('--') ? LONG.find((one) => one.startsWith(found[1]!)) : SHORT[found[1]!];
    if (found !== null && name === undefined) extra.push(word);
    else if (name === 'help') throw new PythonExit(0, SERVER_HELP, '');
    else if (name === 'cgi') throw new NotSimulated('python3 -m http.server --cgi');
    else if (name !== undefined) {
      const value = found![2] ?? args[++i];
      if (value === undefined || (found![2] === undefined && value.startsWith('-'))) usageError(`argument ${LABEL[name]}: expected one argument`);
      if (name === 'bind') bind = value;
      else if (name === 'directory') directory = value;
      else if (value !== 'HTTP/1.0') throw new NotSimulated(`python3 -m http.server --protocol ${value}`);
    } else if (port === null) port = portOf(word);
    else extra.push(word);
  }
  if (extra.length > 0) usageError(`unrecognized arguments: ${extra.join(' ')}`);
  return { bind, directory, port: port ?? 8000 };
}

function portOf(text: string): number {
  if (!/^\s*[+-]?\d+(_\d+)*\s*$/.test(text)) usageError(`argument port: invalid int value: '${text}'`);
  // getaddrinfo(3) takes the lower 16 bits of a number.
  return Number(text.replaceAll('_', '')) & 0xffff;
}

function* serverProgram(process: Process, options: ServerOptions): Running {
  const listener = listen(process, options);
  const held: string[] = [];
  // What is not a terminal gets stdout in blocks: these lines come when the program ends by itself.
  const print = (text: string): void => {
    if (options.unbuffered || process.stdout.isTerminal) process.stdout.write(text);
    else held.push(text);
  };
  try {
    const host = formatIpv4(listener.local);
    print(`Serving HTTP on ${host} port ${listener.localPort} (http://${host}:${listener.localPort}/) ...\n`);
    // Python leaves alone what its parent had ignored.
    if (!process.ignores('SIGINT')) process.handle('SIGINT');
    // Python ignores it, and gets the error instead.
    process.ignore('SIGPIPE');
    yield* serveForever(process, listener, joinPath(process.cwd, options.directory ?? '').replace(/(.)\/+$/, '$1'));
    print('\nKeyboard interrupt received, exiting.\n');
    process.stdout.write(held.join(''));
    return 0;
  } finally {
    listener.close();
  }
}

function listen(process: Process, { bind, port }: ServerOptions): TcpSocket {
  const host = bind === null || bind === '' ? { ip: 0 } : resolveHost(process, bind);
  if (typeof host === 'string') throw new PythonExit(1, '', resolveTraceback(host === NOT_KNOWN ? -2 : -3, host));
  try {
    return openListener(process, { address: host.ip, port });
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    throw new PythonExit(1, '', bindTraceback(error.errno, strerror(error.errno)));
  }
}
