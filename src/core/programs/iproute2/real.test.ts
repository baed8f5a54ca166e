import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { attachInet } from '../../kernel/inet.ts';
import { World, type Machine } from '../../kernel/machine.ts';
import { startShell } from '../../shell/run.ts';

interface RealCase {
  readonly name: string;
  readonly lines: readonly string[];
}

const REAL_CASES: readonly RealCase[] = readFileSync(new URL('testing/real-cases.txt', import.meta.url), 'utf8').split(/^=== /m).slice(1)
  .map((text) => text.split('\n').filter((line) => line !== ''))
  .map(([name, ...lines]) => ({ name: name!, lines }));

/** What one command line did. */
interface Outcome {
  readonly line: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: number;
}

/** Runs command lines one after the other on a machine of the simulator. */
function simulate(lines: readonly string[]): Outcome[] {
  const world = new World({ seed: 1, record: 'nothing', protocols: [attachInet] });
  const machine = world.addMachine('node1', { ipv6: false, brNetfilter: false });
  runLine(machine, 'ip link set lo up');
  return lines.map((line) => runLine(machine, line));
}

function runLine(machine: Machine, line: string): Outcome {
  const { queue } = machine.world;
  const run = startShell(machine, line);
  for (let steps = 0; run.exit === null && queue.step(); steps++) if (steps > 1_000_000) throw new Error(`endless: ${line}`);
  if (run.defect) throw run.defect;
  return { line, stdout: run.stdout, stderr: run.stderr, exit: run.exit ?? -1 };
}

const PRELUDE = `
mount -t sysfs none /sys; mount -t tmpfs none /run && mkdir -p /run/netns && cd /run
cp -r /etc/iproute2 /run/.iproute2 && mount --bind /run/.iproute2 /etc/iproute2
echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
echo nameserver 127.0.0.1 > /run/.resolv && mount --bind /run/.resolv /etc/resolv.conf
ip link set lo up
mkdir -p /run/bin && cat > /run/bin/ip <<'END'
#!/bin/bash
$REAL_IP "$@"; code=$?
case " $* " in *" netns a"*) for n in /run/netns/*; do
  nsenter --net="$n" sh -c 'cd /proc/sys/net/ipv6/conf && echo 1 > all/disable_ipv6 && echo 1 > default/disable_ipv6'
done 2> /dev/null;; esac
exit $code
END
chmod +x /run/bin/ip; export REAL_IP=$(command -v ip) PATH=/run/bin:$PATH
run() {
  timeout 10 bash -c "$1" > /run/.out 2> /run/.err < /dev/null
  printf '%s\\0' "$?" "$(cat /run/.out; echo .)" "$(cat /run/.err; echo .)"
}
`;

/** Runs command lines in a network namespace of their own on this computer. */
function onLinux(lines: readonly string[]): Outcome[] {
  const quoted = lines.map((line) => `run '${line.replaceAll("'", "'\\''")}'`).join('\n');
  const script = `${PRELUDE}${quoted}\nfor n in /run/netns/*; do umount "$n" 2>/dev/null; done; exit 0`;
  const result = spawnSync('unshare', ['-n', '-m', '-p', '-f', '--mount-proc', '--propagation', 'private', 'bash', '-c', script], { encoding: 'utf8', maxBuffer: 1 << 26 });
  const fields = result.stdout.split('\0');
  if (fields.length < lines.length * 3) throw new Error(`the script broke off: ${result.stderr}`);
  return lines.map((line, i) => ({ line, exit: Number(fields[i * 3]), stdout: fields[i * 3 + 1]!.slice(0, -1), stderr: fields[i * 3 + 2]!.slice(0, -1) }));
}

/** Addresses that no command line chose: Linux draws them, we count them. */
const CHOSEN = /^(00:00:00:00:00:00|ff:ff:ff:ff:ff:ff|33:33:.*|01:00:5e:.*|01:80:c2:.*|02:00:00:00:.*|01:02:03:.*)$/;

/** Replaces what may differ: MACs by the order in which they appear, timers, numbers of queues, the order of neighbours (a hash). */
function normalize(outcomes: readonly Outcome[]): Outcome[] {
  const macs = new Map<string, string>();
  const mac = (text: string): string => {
    if (CHOSEN.test(text)) return text;
    if (!macs.has(text)) macs.set(text, `MAC${macs.size + 1}`);
    return macs.get(text)!;
  };
  return outcomes.map((outcome) => {
    const stdout = outcome.stdout
      .replace(/(?<![.\w:])[0-9a-f]{2}(:[0-9a-f]{2}){5}(?![\w:])/g, mac)
      .replace(/\b([0-9a-f]{4})\.(?!0:0:0:0:0:0|2:0:0:0)[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}/g, '$1.ID')
      .replace(/(\w+_timer|gc timer|hello timer|forward delay timer)(":)?\s*[0-9.]+/g, '$1 T')
      .replace(/used \d+\/\d+/g, 'used N/N').replace(/"(used|updated)":\d+/g, '"$1":N')
      .replace(/(num(?:_?)(?:tx|rx)_?queues"?[: ])\d+/g, '$1N');
    return { ...outcome, stdout: /\s(n|nei\w*)(\s|$)|^arp /.test(outcome.line) ? sorted(stdout) : stdout };
  });
}

function sorted(text: string): string {
  if (!text.startsWith('[')) return text.split('\n').sort().join('\n');
  const list = (JSON.parse(text) as unknown[]).map((item) => JSON.stringify(item));
  return `${list.sort().join('\n')}\n`;
}

function show({ line, stdout, stderr, exit }: Outcome): string {
  return `$ ${line}\n${stdout}${stderr.replace(/^(?=.)/gm, '! ')}=> ${exit}\n`;
}

const usable = process.getuid?.() === 0 && ['ip', 'bridge', 'brctl', 'sysctl', 'ifconfig', 'unshare'].every((name) => spawnSync('sh', ['-c', `command -v ${name}`]).status === 0);

function compare({ name, lines }: RealCase): void {
  test(name, () => {
    const real = normalize(onLinux(lines)).map(show);
    const simulated = normalize(simulate(lines)).map(show);
    const different = simulated.flatMap((text, i) => (text === real[i] ? [] : [`${text}--- but Linux:\n${real[i]}`]));
    expect(different.join('\n')).toBe('');
  }, 60_000);
}

describe('ip, bridge, brctl, sysctl, ifconfig, route and arp say what the real ones say', () => {
  if (usable) REAL_CASES.forEach(compare);
  else {
    test('needs root and the real tools', () => {
      console.warn('NOT COMPARED with the real ip, bridge, brctl, sysctl, ifconfig, route and arp: this needs root, iproute2, bridge-utils, procps, net-tools and unshare');
      expect(process.env.CI).toBeUndefined();
    });
  }
});
