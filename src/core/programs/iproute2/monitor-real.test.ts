import { compareWithReal, isInstalled, readCases, type Outcome } from '../testing/real-tools.harness.ts';

const PRELUDE = `
echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
export PATH=/usr/sbin:/sbin:$PATH
`;

/** MACs that no command line chose, by the order in which they appear; times of `ping`. */
function normalize(outcomes: readonly Outcome[]): Outcome[] {
  const macs = new Map<string, string>();
  const name = (mac: string): string => {
    if (/^(02:00:00:00|00:00:00:00|ff:ff:ff)/.test(mac)) return mac;
    if (!macs.has(mac)) macs.set(mac, `MAC${macs.size + 1}`);
    return macs.get(mac)!;
  };
  return outcomes.map((outcome) => ({
    ...outcome, stdout: outcome.stdout.replace(/(?<![\w:])[0-9a-f]{2}(:[0-9a-f]{2}){5}(?![\w:])/g, name).replace(/time[ =][\d.]+ ?ms/g, 'time'),
  }));
}

compareWithReal({
  what: 'ip monitor and bridge monitor', needs: 'iproute2, iputils-ping',
  cases: readCases(new URL('testing/monitor-cases.txt', import.meta.url)), prelude: PRELUDE, normalize,
  usable: isInstalled('ip', 'bridge', 'ping', 'sysctl', 'unshare'),
});
