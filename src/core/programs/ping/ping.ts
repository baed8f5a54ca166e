import type { Process, Running } from '../../shell/process.ts';
import { formatIpv4, IPV4_ANY } from '../../wire/address.ts';
import { exitCode } from '../lib/exit.ts';
import { fail, parsePing, type PingOptions } from './options.ts';
import { newSession, type Session } from './session.ts';
import { mainLoop } from './main-loop.ts';
import { chooseSource, findTarget, openPingSocket } from './setup.ts';

/** IP's header and ICMP's. */
const HEADERS = 28;
const OPTIONS_LENGTH = 40;

/** ping(8) of iputils 20221126, for IPv4. */
export function* ping(process: Process): Running {
  let session: Session | null = null;
  try {
    session = start(process);
    return yield* mainLoop(session);
  } catch (error) {
    return exitCode(process, error);
  } finally {
    session?.socket.close();
  }
}

function start(process: Process): Session {
  const { options, targets } = parsePing(process);
  const name = targets.at(-1)!;
  if (options.verbose) announceSockets(process, options);
  const host = findTarget(process, options, name);
  if (options.verbose) process.stdout.write(`ai->ai_family: AF_INET, ai->ai_canonname: '${host.canonical}'\n`);
  // Hops before the target would be a source route, which the kernel does not let anybody set.
  if (targets.length > 1) fail(2, 'record route: Operation not permitted');
  const source = options.source ?? chooseSource(process, options, host.ip);
  const target = host.ip === IPV4_ANY ? source : host.ip;
  const socket = openPingSocket(process, options, source, target);
  const session = newSession(process, options, socket, target, host.canonical);
  if (options.pattern) session.out += `PATTERN: 0x${[...options.pattern].map((byte) => byte.toString(16).padStart(2, '0')).join('')}\n`;
  session.out += `PING ${host.canonical} (${formatIpv4(target)}) `;
  if (options.device !== null || options.strictSource) session.out += `from ${formatIpv4(source)} ${options.device ?? ''}: `;
  const length = options.size + HEADERS + (options.recordRoute || options.timestampOption ? OPTIONS_LENGTH : 0);
  session.out += `${options.size}(${length}) bytes of data.\n`;
  return session;
}

function announceSockets(process: Process, options: PingOptions): void {
  // ip netns exec leaves its netlink socket open to what it runs.
  const first = process.ns === process.machine.root ? 3 : 4;
  const families = { any: 'AF_UNSPEC', ipv4: 'AF_INET', ipv6: 'AF_INET6' };
  const four = options.family === 'ipv6' ? '-1 (socktype: 0)' : `${first} (socktype: SOCK_RAW)`;
  const six = options.family === 'ipv4' ? '-1 (socktype: 0)' : `${options.family === 'ipv6' ? first : first + 1} (socktype: SOCK_RAW)`;
  process.stderr.write(`ping: sock4.fd: ${four}, sock6.fd: ${six}, hints.ai_family: ${families[options.family]}\n\n`);
}
