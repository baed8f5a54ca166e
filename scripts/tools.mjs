// What the tests need beside npm packages: finds it, or installs it by apt when root on Debian, or says in one line what is missing.
import { execFileSync, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Command -> Debian package. `part`: what is left out without it. */
export const TOOLS = [
  { command: 'ip', package: 'iproute2', part: 'oracle' },
  { command: 'bridge', package: 'iproute2', part: 'oracle' },
  { command: 'iptables', package: 'iptables', part: 'oracle' },
  { command: 'conntrack', package: 'conntrack', part: 'oracle' },
  { command: 'tcpdump', package: 'tcpdump', part: 'oracle' },
  { command: 'brctl', package: 'bridge-utils', part: 'oracle' },
  { command: 'ping', package: 'iputils-ping', part: 'oracle' },
  { command: 'fping', package: 'fping', part: 'oracle' },
  { command: 'arping', package: 'iputils-arping', part: 'oracle' },
  { command: 'traceroute', package: 'traceroute', part: 'oracle' },
  { command: 'tracepath', package: 'iputils-tracepath', part: 'oracle' },
  { command: 'ethtool', package: 'ethtool', part: 'oracle' },
  { command: 'bird', package: 'bird2', part: 'oracle' },
  { command: 'sysctl', package: 'procps', part: 'oracle' },
  { command: 'nc', package: 'netcat-openbsd', part: 'oracle' },
  { command: 'socat', package: 'socat', part: 'oracle' },
  { command: 'curl', package: 'curl', part: 'oracle' },
  { command: 'ipset', package: 'ipset', part: 'oracle' },
  { command: 'python3', package: 'python3', part: 'oracle' },
  { command: 'unshare', package: 'util-linux', part: 'oracle' },
  { command: 'tshark', package: 'tshark', part: 'pcapng check' },
  { command: 'chromium', package: 'chromium', part: 'end-to-end tests', find: findChromium },
];

function onPath(command) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/local/sbin'];
  for (const folder of folders) {
    const path = join(folder, command);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not here
    }
  }
  return null;
}

/** Path of a Chromium: PLAYWRIGHT_CHROMIUM_PATH (which must be right when set), or one of the usual names. */
export function findChromium() {
  const chosen = process.env.PLAYWRIGHT_CHROMIUM_PATH;
  if (chosen) {
    if (!existsSync(chosen)) throw new Error(`PLAYWRIGHT_CHROMIUM_PATH is ${chosen}, which does not exist`);
    return chosen;
  }
  for (const name of ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome']) {
    const path = onPath(name);
    if (path) return path;
  }
  return null;
}

export function missingTools() {
  return TOOLS.filter((tool) => !(tool.find ? tool.find() : onPath(tool.command)));
}

/** Installs what is missing where that is possible; returns what is still missing. */
export function ensureTools() {
  let missing = missingTools();
  if (missing.length === 0) return missing;
  if (process.getuid?.() === 0 && onPath('apt-get')) {
    const packages = [...new Set(missing.map((tool) => tool.package))];
    console.log(`installing ${packages.join(' ')}`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    spawnSync('apt-get', ['update', '-qq'], { stdio: 'inherit', env });
    spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { stdio: ['ignore', 'ignore', 'inherit'], env });
    missing = missingTools();
  }
  if (missing.length > 0) {
    const parts = [...new Set(missing.map((tool) => tool.part))].join(', ');
    const packages = [...new Set(missing.map((tool) => tool.package))].join(' ');
    console.error(`Not found: ${missing.map((tool) => tool.command).join(', ')}. Left out: ${parts}. To have them: apt-get install ${packages}`);
  }
  return missing;
}

/** True when this process may make network namespaces: root, and the kernel allows it. */
export function canUseNamespaces() {
  if (process.getuid?.() !== 0 || !onPath('unshare')) return false;
  try {
    execFileSync('unshare', ['--net', '--mount', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
