import type { Process } from '../../shell/process.ts';
import { formatIpv4, type Ipv4, parseIpv4 } from '../../wire/address.ts';
import { agentRemove, agentWrite } from '../agent.ts';

const AGENT = 'host-local';
const MODE = 0o600;

/** The files of one network: one for each address that is taken, by its name (host-local/backend/disk). */
export interface Store {
  /** False when the address is taken. */
  reserve(ip: Ipv4, containerId: string, ifName: string, set: number): boolean;
  lastReserved(set: number): Ipv4 | null;
  /** The addresses of a container's interface. */
  of(containerId: string, ifName: string): readonly Ipv4[];
  release(containerId: string, ifName: string): void;
}

export function openStore(process: Process, dataDir: string, network: string): Store {
  const folder = `${dataDir}/${network}`;
  const lock = `${folder}/lock`;
  if (!process.fs.exists(lock)) agentWrite(process, AGENT, lock, '', `whoever allocates in network ${network} holds this lock`, MODE);
  const files = (): { path: string; ip: Ipv4; text: string }[] => process.fs.list(folder).flatMap((name) => {
    const ip = parseIpv4(name);
    return ip === null ? [] : [{ path: `${folder}/${name}`, ip, text: process.fs.read(`${folder}/${name}`).trim() }];
  });
  // Files of an old version have the container alone.
  const matching = (containerId: string, ifName: string): ReturnType<typeof files> => {
    const all = files();
    const mine = all.filter(({ text }) => text === `${containerId}\r\n${ifName}`);
    return mine.length > 0 ? mine : all.filter(({ text }) => text === containerId);
  };
  return {
    reserve: (ip, containerId, ifName, set) => {
      const path = `${folder}/${formatIpv4(ip)}`;
      if (process.fs.exists(path)) return false;
      agentWrite(process, AGENT, path, `${containerId}\r\n${ifName}`, `${formatIpv4(ip)} now belongs to ${ifName} of this container`, MODE);
      agentWrite(process, AGENT, `${folder}/last_reserved_ip.${set}`, formatIpv4(ip), 'the next one gets a later address: one that was given back is not used again at once', MODE);
      return true;
    },
    lastReserved: (set) => {
      const path = `${folder}/last_reserved_ip.${set}`;
      return process.fs.exists(path) ? parseIpv4(process.fs.read(path).trim()) : null;
    },
    of: (containerId, ifName) => matching(containerId, ifName).map(({ ip }) => ip),
    release: (containerId, ifName) => {
      for (const { path, ip } of matching(containerId, ifName)) agentRemove(process, AGENT, path, `${formatIpv4(ip)} is free again`);
    },
  };
}
