import { NotSimulated } from '../shell/process.ts';
import { optparse } from './fping/optparse.ts';
import { FPING_NOT_SIMULATED, FPING_SPECS } from './fping/options.ts';
import { getopt } from './lib/getopt.ts';
import { PING_LETTERS, PING_NOT_SIMULATED } from './ping/options.ts';
import { servicePort } from './lib/services.ts';
import { compileFilter } from './tcpdump/filter/compile.ts';
import { TCPDUMP_LETTERS, TCPDUMP_LONG, TCPDUMP_NOT_SIMULATED } from './tcpdump/options.ts';
import { protocolNumber } from './tcpdump/print/protocols.ts';
import { TRACEROUTE_NOT_SIMULATED } from './traceroute/options.ts';

/** What a ping asks for that is not simulated: `ping -r`. */
export function checkPingArgs(argv: readonly string[]): string[] {
  return [...getopt(argv.slice(1), PING_LETTERS, [])].flatMap((option) => {
    if ('error' in option || !PING_NOT_SIMULATED.has(option.name) || option.value === 'help') return [];
    return [`ping -${option.name}`];
  });
}

/** What an fping asks for that is not simulated: `fping -N`, an IPv6 address. */
export function checkFpingArgs(argv: readonly string[]): string[] {
  const operands: string[] = [];
  const found = [...optparse(argv.slice(1), FPING_SPECS, operands)].flatMap((option) => {
    if ('error' in option) return [];
    if (option.letter === 'S' && option.value.includes(':')) return ['fping -S with an IPv6 address'];
    return FPING_NOT_SIMULATED.has(option.letter) ? [`fping -${option.letter}`] : [];
  });
  return operands.some((name) => name.includes(':')) ? [...found, 'fping of an IPv6 address'] : found;
}

/** What a traceroute asks for that is not simulated: `traceroute -T`. */
export function checkTracerouteArgs(argv: readonly string[]): string[] {
  return argv.slice(1).flatMap((word) => {
    const name = word.replace(/=.*/, '');
    if (TRACEROUTE_NOT_SIMULATED.has(name)) return [`traceroute ${name}`];
    const letters = /^-[0-9A-Za-z]{2,}$/.test(word) ? [...word.slice(1)].map((letter) => `-${letter}`) : [];
    return letters.filter((letter) => TRACEROUTE_NOT_SIMULATED.has(letter)).map((letter) => `traceroute ${letter}`);
  });
}

/** What a tcpdump asks for that is not simulated, words of its filter included: `tcpdump -G`, `tcpdump filter "stp"`. */
export function checkTcpdumpArgs(argv: readonly string[]): string[] {
  const words: string[] = [];
  const found = [...getopt(argv.slice(1), TCPDUMP_LETTERS, words, TCPDUMP_LONG)].flatMap((option) => {
    if ('error' in option || !TCPDUMP_NOT_SIMULATED.has(option.name)) return [];
    return [`tcpdump ${option.name.length > 1 ? '--' : '-'}${option.name}`];
  });
  try {
    compileFilter(words.join(' '), 'EN10MB', { resolveHost: () => 0, service: servicePort, ipProtocol: protocolNumber, netmask: 0, live: true });
  } catch (error) {
    // A wrong filter is refused by the real program as well.
    if (error instanceof NotSimulated) found.push(error.what);
  }
  return found;
}
