import { KernelError, strerror } from '../../kernel/errno.ts';
import { delLink, newLink, setLink } from '../../kernel/netlink/link.ts';
import type { BridgeOptions, BridgePortOptions } from '../../kernel/rows.ts';
import { NotSimulated, type Process, type Running } from '../../shell/process.ts';
import { cut, linkOf, showBridges, showMacs, showStp } from './brctl-show.ts';

/** A command: how many words it needs, its line in the usage, and what it does. It gives the message of what went wrong, or null. */
export interface BrctlCommand {
  readonly words: number;
  readonly help: string;
  run(process: Process, words: readonly string[]): string | null;
}

export const BRCTL_COMMANDS: Readonly<Record<string, BrctlCommand>> = {
  addbr: { words: 1, help: '<bridge>\t\tadd bridge', run: addBridge },
  delbr: { words: 1, help: '<bridge>\t\tdelete bridge', run: deleteBridge },
  addif: { words: 2, help: '<bridge> <device>\tadd interface to bridge', run: addInterfaces },
  delif: { words: 2, help: '<bridge> <device>\tdelete interface from bridge', run: deleteInterfaces },
  hairpin: { words: 3, help: '<bridge> <port> {on|off}\tturn hairpin on/off', run: hairpin },
  setageing: { words: 2, help: '<bridge> <time>\t\tset ageing time', run: setTime('ageingTime', 'bad ageing time value', 'set ageing time') },
  setbridgeprio: { words: 2, help: '<bridge> <prio>\t\tset bridge priority', run: setBridgePriority },
  setfd: { words: 2, help: '<bridge> <time>\t\tset bridge forward delay', run: setTime('forwardDelay', 'bad forward delay value', 'set forward delay') },
  sethello: { words: 2, help: '<bridge> <time>\t\tset hello time', run: setTime('helloTime', 'bad hello timer value', 'set hello timer') },
  setmaxage: { words: 2, help: '<bridge> <time>\t\tset max message age', run: setTime('maxAge', 'bad max age value', 'set max age') },
  setpathcost: { words: 3, help: '<bridge> <port> <cost>\tset path cost', run: setPort('cost', 'bad path cost value', 'set path cost') },
  setportprio: { words: 3, help: '<bridge> <port> <prio>\tset port priority', run: setPort('priority', 'bad path priority value', 'set port priority') },
  show: { words: 0, help: '[ <bridge> ]\t\tshow a list of bridges', run: showBridges },
  showmacs: { words: 1, help: '<bridge>\t\tshow a list of mac addrs', run: showMacs },
  showstp: { words: 1, help: '<bridge>\t\tshow bridge stp info', run: showStp },
  stp: { words: 2, help: '<bridge> {on|off}\tturn stp on/off', run: setStp },
};

function usage(): string {
  const lines = Object.entries(BRCTL_COMMANDS).map(([name, { help }]) => `\t${name.padEnd(10)}\t${help}\n`);
  return `Usage: brctl [commands]\ncommands:\n${lines.join('')}`;
}

/** brctl(8) of bridge-utils 1.7. */
export function* brctl(process: Process): Running {
  const [option, ...more] = process.argv.slice(1);
  if (option === undefined) return say(process, usage(), 1);
  if (option === '-V' || option === '--version') return say(process, 'bridge-utils, 1.7\n', 0);
  if (option === '-h' || option === '--help') return say(process, usage(), 0);
  if (option.startsWith('-')) {
    process.stderr.write(`Unknown option '${option.replace(/^-+/, '')}'\n`);
    return say(process, usage(), 1);
  }
  const command = BRCTL_COMMANDS[option];
  if (!command) {
    process.stderr.write(`never heard of command [${option}]\n`);
    return say(process, usage(), 1);
  }
  if (more.length < command.words) {
    return say(process, `Incorrect number of arguments for command\nUsage: brctl ${option} ${command.help}\n`, 1);
  }
  const problem = command.run(process, more);
  if (problem === null) return 0;
  process.stderr.write(problem);
  return 1;
}

function say(process: Process, text: string, code: number): number {
  process.stdout.write(text);
  return code;
}

/** Runs a request; the errno when the kernel refuses. */
function attempt(request: () => void): KernelError | null {
  try {
    request();
    return null;
  } catch (error) {
    if (error instanceof KernelError) return error;
    throw error;
  }
}

function addBridge(process: Process, [name = '']: readonly string[]): string | null {
  const error = attempt(() => { newLink(process.ns, { name: cut(name), kind: 'bridge' }); });
  if (!error) return null;
  if (error.errno === 'EEXIST') return `device ${name} already exists; can't create bridge with the same name\n`;
  return `add bridge failed: ${strerror(error.errno)}\n`;
}

function deleteBridge(process: Process, [name = '']: readonly string[]): string | null {
  const link = linkOf(process, name);
  if (!link) return `bridge ${name} doesn't exist; can't delete it\n`;
  if (link.kind !== 'bridge') return `can't delete bridge ${name}: ${strerror('EPERM')}\n`;
  if (link.up) return `bridge ${name} is still up; can't delete it\n`;
  const error = attempt(() => delLink(process.ns, link.ifindex));
  return error && `can't delete bridge ${name}: ${strerror(error.errno)}\n`;
}

/** Which of the two is missing. */
function missing(process: Process, bridge: string, port: string): string | null {
  if (!linkOf(process, port)) return `interface ${port} does not exist!\n`;
  return linkOf(process, bridge) ? null : `bridge ${bridge} does not exist!\n`;
}

function addInterfaces(process: Process, [bridge = '', ...ports]: readonly string[]): string | null {
  for (const name of ports) {
    const absent = missing(process, bridge, name);
    if (absent) return absent;
    const master = linkOf(process, bridge)!;
    const port = linkOf(process, name)!;
    if (port.master !== 0) return `device ${name} is already a member of a bridge; can't add it to bridge ${bridge}.\n`;
    const error = master.kind !== 'bridge' ? new KernelError('EOPNOTSUPP') : attempt(() => setLink(process.ns, port.ifindex, { master: master.ifindex }));
    if (error?.errno === 'ELOOP') return `device ${name} is a bridge device itself; can't add a bridge device to a bridge device.\n`;
    if (error) return `can't add ${name} to bridge ${bridge}: ${strerror(error.errno)}\n`;
  }
  return null;
}

function deleteInterfaces(process: Process, [bridge = '', ...ports]: readonly string[]): string | null {
  for (const name of ports) {
    const absent = missing(process, bridge, name);
    if (absent) return absent;
    const port = linkOf(process, name)!;
    const master = linkOf(process, bridge)!;
    if (master.kind !== 'bridge') return `can't delete ${name} from ${bridge}: ${strerror('EOPNOTSUPP')}\n`;
    if (port.master !== master.ifindex) return `device ${name} is not a port of ${bridge}\n`;
    const error = attempt(() => setLink(process.ns, port.ifindex, { master: 0 }));
    if (error) return `can't delete ${name} from ${bridge}: ${strerror(error.errno)}\n`;
  }
  return null;
}

/** `on`, `yes`, `1`; `off`, `no`, `0`. */
function switchOf(word: string): boolean | null {
  const lower = word.toLowerCase();
  if (['on', 'yes', '1'].includes(lower)) return true;
  return ['off', 'no', '0'].includes(lower) ? false : null;
}

const EXPECT_SWITCH = 'expect on/off for argument\n';

function hairpin(process: Process, [bridge = '', name = '', word = '']: readonly string[]): string | null {
  const value = switchOf(word);
  if (value === null) return EXPECT_SWITCH;
  const absent = missing(process, bridge, name);
  if (absent) return absent;
  const port = linkOf(process, name)!;
  const error = port.port ? attempt(() => setLink(process.ns, port.ifindex, { port: { hairpin: value } })) : new KernelError('ENOENT');
  return error && `can't set ${name} to hairpin on bridge ${bridge}: ${strerror(error.errno)}\n`;
}

/** Sets an option of a bridge; the message of the failure begins with `what`. */
function setBridge(process: Process, name: string, what: string, options: Partial<BridgeOptions>): string | null {
  const link = linkOf(process, name);
  const error = !link ? new KernelError('ENODEV') : !link.bridge ? new KernelError('EOPNOTSUPP')
    : attempt(() => setLink(process.ns, link.ifindex, { bridge: options }));
  return error && `${what} failed: ${strerror(error.errno)}\n`;
}

function setTime(option: 'ageingTime' | 'forwardDelay' | 'helloTime' | 'maxAge', bad: string, what: string): BrctlCommand['run'] {
  return (process, [name = '', word = '']) => {
    const seconds = Number.parseFloat(word);
    if (Number.isNaN(seconds)) return `${bad}\n`;
    return setBridge(process, name, what, { [option]: Math.trunc(seconds * 100) });
  };
}

/** sscanf("%i"): a number in decimal, hex or octal that the word begins with. */
function integerOf(word: string): number | null {
  const match = /^\s*[+-]?(0x[0-9a-f]+|\d+)/i.exec(word);
  if (!match) return null;
  const digits = match[1]!;
  const value = /^0[0-7]/.test(digits) ? Number.parseInt(digits, 8) : Number(digits);
  return match[0].trim().startsWith('-') ? -value : value;
}

function setBridgePriority(process: Process, [name = '', word = '']: readonly string[]): string | null {
  const priority = integerOf(word);
  if (priority === null) return 'bad priority\n';
  return setBridge(process, name, 'set bridge priority', { priority: priority & 0xffff });
}

function setStp(process: Process, [name = '', word = '']: readonly string[]): string | null {
  const value = switchOf(word);
  if (value === null) return EXPECT_SWITCH;
  if (value && linkOf(process, name)?.bridge) throw new NotSimulated(`brctl stp ${name} ${word}`);
  return setBridge(process, name, 'set stp status', { stp: value });
}

function setPort(option: 'cost' | 'priority', bad: string, what: string): BrctlCommand['run'] {
  return (process, [bridge = '', name = '', word = '']) => {
    const value = integerOf(word);
    if (value === null) return `${bad}\n`;
    const port = linkOf(process, name);
    const options: Partial<BridgePortOptions> = { [option]: value };
    const error = !port || !linkOf(process, bridge) ? new KernelError('ENODEV') : !port.port ? new KernelError('EINVAL')
      : attempt(() => setLink(process.ns, port.ifindex, { port: options }));
    return error && `${what} failed: ${strerror(error.errno)}\n`;
  };
}
