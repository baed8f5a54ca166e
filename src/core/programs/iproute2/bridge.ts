import { NotSimulated, type Process, type Running } from '../../shell/process.ts';
import { Args, Exit, Failure, firstMatch } from './args.ts';
import { bridgeFdb } from './bridge-fdb.ts';
import { bridgeLink } from './bridge-link.ts';
import { bridgeMonitor } from './bridge-monitor.ts';
import { bridgeVlan } from './bridge-vlan.ts';
import type { Ip } from './ip-context.ts';
import { runProgram } from './ip.ts';
import { bridgeUsage } from './usage-bridge.ts';

type Command = (ip: Ip, args: Args) => number | Running;

/** The objects of bridge(8) in its own order. Null: this program has it not. */
const OBJECTS: Readonly<Record<string, Command | null>> = {
  link: bridgeLink, fdb: bridgeFdb, mdb: null, vlan: bridgeVlan, vni: null, monitor: bridgeMonitor, help: () => bridgeUsage(),
};

/** The object that a word means, by its full name; null when it means none. */
export function bridgeObject(word: string): { readonly name: string; readonly simulated: boolean } | null {
  const name = firstMatch(word, Object.keys(OBJECTS));
  return name === null ? null : { name, simulated: OBJECTS[name] !== null };
}

function* runBridgeCommand(ip: Ip, words: readonly string[]): Running {
  const [word = ''] = words;
  const object = bridgeObject(word);
  if (!object) throw new Exit(255, `Object "${word}" is unknown, try "bridge help".\n`);
  const command = OBJECTS[object.name];
  if (!command) throw new NotSimulated(`bridge ${object.name}`);
  try {
    const result = command(ip, new Args(words, 1));
    return typeof result === 'number' ? result : yield* result;
  } catch (error) {
    // bridge(8) leaves with what its functions return, which is -1 for every refusal.
    if (error instanceof Failure) throw new Failure(error.message, error.code === 1 || error.code === 2 ? 255 : error.code);
    throw error;
  }
}

/** bridge(8) of iproute2 6.1. */
export function* bridge(process: Process): Running {
  return yield* runProgram(process, 'bridge', runBridgeCommand, () => bridgeUsage());
}
