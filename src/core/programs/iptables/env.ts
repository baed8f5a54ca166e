import { ipsetDimensions } from './ipset-dimensions.ts';
import { TRY_AGAIN, resolveHost, reverseName } from '../lib/resolve.ts';
import type { Process } from '../../shell/process.ts';
import type { XtEnv } from './extension.ts';

/** A field of the line of /etc/passwd or /etc/group that has `value` in another one. */
function lookUp(process: Process, file: string, by: number, value: string, field: number): string | null {
  if (!process.fs.exists(file)) return null;
  for (const line of process.fs.read(file).split('\n')) {
    const fields = line.split(':');
    if (fields[by] === value) return fields[field] ?? null;
  }
  return null;
}

function lookUpNumber(process: Process, file: string, name: string): number | null {
  const id = name === '' ? null : lookUp(process, file, 0, name, 2);
  return id === null ? null : Number(id);
}

/** What a process finds under names: hosts, users, groups, ipsets. */
export function processEnv(process: Process): XtEnv {
  return {
    hosts: (name) => {
      const host = resolveHost(process, name, true);
      return typeof host === 'string' ? [] : [host.ip];
    },
    hostError: TRY_AGAIN,
    hostName: (ip) => reverseName(process, ip),
    user: (name) => lookUpNumber(process, '/etc/passwd', name),
    userName: (uid) => lookUp(process, '/etc/passwd', 2, String(uid), 0),
    group: (name) => lookUpNumber(process, '/etc/group', name),
    groupName: (gid) => lookUp(process, '/etc/group', 2, String(gid), 0),
    setDimensions: (name) => ipsetDimensions(process.ns, name),
    warn: (text) => { process.stderr.write(`${text}\n`); },
  };
}
