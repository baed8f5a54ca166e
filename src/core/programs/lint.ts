import { bridgeObject } from './iproute2/bridge.ts';
import { Exit } from './iproute2/args.ts';
import { ipObject } from './iproute2/ip.ts';
import { isIpv6 } from './iproute2/addresses.ts';
import { LINK_KINDS_NOT_SIMULATED, TUNNEL_MODES, TUNNEL_WORDS, VXLAN_WORDS, WORDS_NOT_SIMULATED } from './iproute2/not-simulated.ts';
import { isTunnelKind } from '../kernel/netlink/link-tunnel.ts';
import { parseOptions } from './iproute2/options.ts';
import { BRCTL_COMMANDS } from './brctl/brctl.ts';
import { checkCurlArgs } from './curl/curl.ts';
import { checkPythonArgs } from './http-server/python3.ts';
import { checkIptablesArgs } from './iptables/check-args.ts';
import { IFCONFIG_NOT_SIMULATED } from './net-tools/ifconfig.ts';
import { checkFpingArgs, checkPingArgs, checkTcpdumpArgs, checkTracerouteArgs } from './inet-lint.ts';
import { NotSimulated } from '../shell/process.ts';
import { parseIpv4 } from '../wire/address.ts';

/** Finds what one command line asks for that is not simulated; each finding names it: `ip link add type macvlan`. `argv` with the program's name. */
export type CheckArgs = (argv: readonly string[]) => string[];

/** Programs whose command lines can be judged without running them. */
export const CHECKS: Readonly<Record<string, CheckArgs>> = {
  ip: checkIpArgs, bridge: checkBridgeArgs, brctl: checkBrctlArgs, ifconfig: checkIfconfigArgs, ping: checkPingArgs, fping: checkFpingArgs, traceroute: checkTracerouteArgs,
  tcpdump: checkTcpdumpArgs, iptables: checkIptablesArgs, 'iptables-nft': checkIptablesArgs, curl: checkCurlArgs, python3: checkPythonArgs,
};

/** What a command line asks for that is not simulated; nothing for a program that is not known here. */
export function checkArgs(argv: readonly string[]): string[] {
  return CHECKS[argv[0] ?? '']?.(argv) ?? [];
}

/** The words behind the options, or what is wrong with an option. */
function afterOptions(program: 'ip' | 'bridge', argv: readonly string[]): { words: readonly string[]; family: string } | { finding: string | null } {
  try {
    const { rest, options } = parseOptions(program, argv.slice(1));
    return { words: rest, family: options.family };
  } catch (error) {
    if (error instanceof NotSimulated) return { finding: error.what };
    // A wrong option is refused by the real program as well.
    if (error instanceof Exit) return { finding: null };
    throw error;
  }
}

/** ip(8): unsupported objects, kinds of devices, options. A command behind `ip netns exec NAME` is judged as well. */
export function checkIpArgs(argv: readonly string[]): string[] {
  const parsed = afterOptions('ip', argv);
  if ('finding' in parsed) return parsed.finding === null ? [] : [parsed.finding];
  const { words, family } = parsed;
  const object = words[0] === undefined ? null : ipObject(words[0]);
  if (!object) return [];
  if (!object.simulated) return [`ip ${object.name}`];
  if (object.name === 'netns' && words[1] !== undefined && 'exec'.startsWith(words[1]) && words[1] !== '') {
    return checkArgs(words.slice(argv.includes('-all') || argv.includes('-a') ? 2 : 3));
  }
  return [...familyFindings(object.name, words, family), ...kindFindings(object.name, words), ...modeFindings(object.name, words), ...wordFindings(`ip ${object.name}`, words)];
}

/** `ip -6 tunnel`, `ip -6 rule add`: what of IPv6 is not refused as a kernel without it would. */
function familyFindings(object: string, words: readonly string[], family: string): string[] {
  if (object === 'tunnel' || object === 'tunl') return family === 'unspec' || family === 'inet' ? [] : ['ip -6 tunnel'];
  const command = object === 'rule' && family === 'inet6' ? ['add', 'del'].find((name) => words[1] !== undefined && words[1] !== '' && name.startsWith(words[1])) : undefined;
  return command === undefined ? [] : [`ip -6 rule ${command}`];
}

function kindFindings(object: string, words: readonly string[]): string[] {
  const adds = object === 'link' && words[1] !== undefined && words[1] !== '' && 'add'.startsWith(words[1]);
  if (!adds) return [];
  const kind = words[words.lastIndexOf('type') + 1];
  if (!words.includes('type') || kind === undefined) return [];
  if (isTunnelKind(kind)) return words.slice(words.lastIndexOf('type') + 2).filter((word) => TUNNEL_WORDS.includes(word)).map((word) => `ip link add type ${kind} ... ${word}`);
  if (kind === 'vxlan') return vxlanFindings(words.slice(words.lastIndexOf('type') + 2));
  return LINK_KINDS_NOT_SIMULATED.includes(kind) ? [`ip link add type ${kind}`] : [];
}

/** `ip tunnel add ... mode sit` */
function modeFindings(object: string, words: readonly string[]): string[] {
  const mode = words.includes('mode') ? words[words.indexOf('mode') + 1] : undefined;
  return (object === 'tunnel' || object === 'tunl') && mode !== undefined && TUNNEL_MODES.includes(mode) ? [`ip tunnel ... mode ${mode}`] : [];
}

/**
 * Of a tunnel: headers that carry more, and the other family's addresses, as the program names them. What ip(8) itself refuses is no finding:
 * `external` beside a VNI, `vnifilter` without `external`, addresses of both families.
 */
function vxlanFindings(words: readonly string[]): string[] {
  const external = words.includes('external');
  const refused = external ? words.includes('id') || words.includes('vni') : words.includes('vnifilter');
  if (refused || (words.some(isIpv6) && words.some((word) => parseIpv4(word) !== null))) return [];
  return words.filter((word) => VXLAN_WORDS.includes(word) || isIpv6(word)).map((word) => `ip link add ... type vxlan ... ${word}`);
}

/** Words of the object's commands that are known and refused. */
function wordFindings(command: string, words: readonly string[]): string[] {
  const refused = WORDS_NOT_SIMULATED[command] ?? [];
  return words.slice(1).filter((word) => refused.includes(word)).map((word) => `${command} ... ${word}`);
}

/** bridge(8): unsupported objects and words. */
export function checkBridgeArgs(argv: readonly string[]): string[] {
  const parsed = afterOptions('bridge', argv);
  if ('finding' in parsed) return parsed.finding === null ? [] : [parsed.finding];
  const { words } = parsed;
  const object = words[0] === undefined ? null : bridgeObject(words[0]);
  if (!object) return [];
  return object.simulated ? wordFindings(`bridge ${object.name}`, words) : [`bridge ${object.name}`];
}

/** brctl(8): the spanning tree protocol, which it can turn on. */
export function checkBrctlArgs(argv: readonly string[]): string[] {
  const [, command = '', , value = ''] = argv;
  if (!(command in BRCTL_COMMANDS)) return [];
  return command === 'stp' && ['on', 'yes', '1'].includes(value.toLowerCase()) ? [`brctl stp ... ${value}`] : [];
}

/** ifconfig(8): the words behind the interface that it refuses. */
export function checkIfconfigArgs(argv: readonly string[]): string[] {
  return argv.slice(2).map((word) => word.replace(/^-/, '')).filter((word) => IFCONFIG_NOT_SIMULATED.includes(word)).map((word) => `ifconfig ... ${word}`);
}
