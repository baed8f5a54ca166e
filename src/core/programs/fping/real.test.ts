import { compareWithReal, isInstalled, readCases, type Outcome } from '../testing/real-tools.harness.ts';

const PRELUDE = `
echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
echo nameserver 127.0.0.1 > /run/.resolv && mount --bind /run/.resolv /etc/resolv.conf
printf '127.0.0.1 localhost\\n127.0.1.1 node1\\n::1 localhost\\n' > /run/.hosts && mount --bind /run/.hosts /etc/hosts
export PATH=/usr/sbin:/sbin:$PATH
`;

/** Times, and the time of day. */
function withoutTimes(text: string): string {
  return text
    .replace(/\b\d+(\.\d+)? ms\b/g, 'T ms')
    .replace(/\((\d[\d.]*) avg/g, '(T avg')
    .replace(/min\/avg\/max = [\d./]+/g, 'min/avg/max = T')
    .replace(/^(\S+ +:)((?: (?:[\d.]+|-))+)$/gm, (_, name: string, times: string) => name + times.replace(/[\d.]+/g, 'T'))
    .replace(/^\[\d\d:\d\d:\d\d\]$/gm, '[TIME]')
    .replace(/^\[\d+\.\d{5}\]/gm, '[TIME]')
    .replace(/^ +\d+\.\d{3} sec/gm, 'T sec');
}

function normalize(outcomes: readonly Outcome[]): Outcome[] {
  return outcomes.map((outcome) => ({ ...outcome, stdout: withoutTimes(outcome.stdout), stderr: withoutTimes(outcome.stderr) }));
}

compareWithReal({
  what: 'fping', needs: 'fping, iproute2, iptables', cases: readCases(new URL('testing/cases.txt', import.meta.url)),
  prelude: PRELUDE, normalize, usable: isInstalled('fping', 'ip', 'iptables', 'sysctl', 'unshare'),
});
