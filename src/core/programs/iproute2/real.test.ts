import { compareWithReal, isInstalled, readCases, type Outcome } from '../testing/real-tools.harness.ts';

const PRELUDE = `
cp -r /etc/iproute2 /run/.iproute2 && mount --bind /run/.iproute2 /etc/iproute2
echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
echo nameserver 127.0.0.1 > /run/.resolv && mount --bind /run/.resolv /etc/resolv.conf
mkdir -p /run/bin && cat > /run/bin/ip <<'END'
#!/bin/bash
$REAL_IP "$@"; code=$?
case " $* " in *" netns a"*) for n in /run/netns/*; do
  nsenter --net="$n" sh -c 'cd /proc/sys/net/ipv6/conf && echo 1 > all/disable_ipv6 && echo 1 > default/disable_ipv6'
done 2> /dev/null;; esac
exit $code
END
chmod +x /run/bin/ip; export REAL_IP=$(command -v ip) PATH=/run/bin:$PATH
`;

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

compareWithReal({
  what: 'ip, bridge, brctl, sysctl, ifconfig, route and arp', needs: 'iproute2, bridge-utils, procps, net-tools',
  cases: ['real-cases', 'real-cases-vxlan', 'real-cases-tunnel', 'real-cases-maddr'].flatMap((name) => readCases(new URL(`testing/${name}.txt`, import.meta.url))), prelude: PRELUDE, normalize,
  usable: isInstalled('ip', 'bridge', 'brctl', 'sysctl', 'ifconfig', 'unshare'),
});
