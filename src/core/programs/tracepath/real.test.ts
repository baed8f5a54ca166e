import { compareWithReal, isInstalled, readCases, type Outcome } from '../testing/real-tools.harness.ts';

const PRELUDE = `
echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
echo nameserver 127.0.0.1 > /run/.resolv && mount --bind /run/.resolv /etc/resolv.conf
export PATH=/usr/sbin:/sbin:$PATH
`;

/** The times: how wide they are, too. */
function normalize(outcomes: readonly Outcome[]): Outcome[] {
  return outcomes.map((outcome) => ({ ...outcome, stdout: outcome.stdout.replace(/ +\d+\.\d{3}ms/g, ' Tms') }));
}

compareWithReal({
  what: 'tracepath', needs: 'iputils-tracepath, iproute2, iptables, socat', cases: readCases(new URL('testing/cases.txt', import.meta.url)),
  prelude: PRELUDE, normalize, usable: isInstalled('tracepath', 'ip', 'iptables', 'socat', 'sysctl', 'unshare'),
});
