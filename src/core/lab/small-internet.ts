import type { Lab, LabMachine } from './lab.ts';

/** Names that the host knows, as in its /etc/hosts, and where they are. */
export const INTERNET_NAMES: readonly (readonly [address: string, ...names: string[]])[] = [
  ['8.8.8.8', 'dns.google'],
  ['8.8.4.4'],
  ['1.1.1.1', 'one.one.one.one'],
  ['9.9.9.9', 'dns.quad9.net'],
  ['93.184.216.34', 'example.com', 'www.example.com'],
  ['142.250.74.46', 'google.com', 'www.google.com'],
  ['140.82.121.4', 'github.com'],
];

/** The host's own address and its router's: addresses for documentation (RFC 5737), which no tutorial uses for anything else. */
export const HOST_ADDRESS = '198.51.100.10';
export const ROUTER_ADDRESS = '198.51.100.1';

/** Seconds that a script may take on the lab's clock. */
const SCRIPT_TIMEOUT = 3600;

/**
 * A plain shell script as a lab: one machine `host` that runs it, with an address on eth0, a router, and behind it an Internet of a
 * few hosts that answer a ping. So a tutorial runs as printed.
 */
export function scriptLab(script: string, name: string): Lab {
  return {
    id: name,
    title: name,
    chapter: '',
    summary: '',
    sources: [],
    ipv6: false,
    brNetfilter: false,
    igmp: false,
    offload: false,
    ignore: [],
    settle: 1.2,
    trace: false,
    seed: 1,
    machines: [machine('host', HOST_SETUP), machine('router', ROUTER_SETUP), machine('internet', INTERNET_SETUP)],
    links: [
      { kind: 'cable', ends: [{ machine: 'host', device: 'eth0' }, { machine: 'router', device: 'eth0' }] },
      { kind: 'cable', ends: [{ machine: 'router', device: 'eth1' }, { machine: 'internet', device: 'eth0' }] },
    ],
    knobs: [],
    steps: [{ index: 1, note: '', on: 'host', run: script, sleep: 0, at: null, timeout: SCRIPT_TIMEOUT, settle: 0, expect: null, beats: [] }],
  };
}

function machine(name: string, setup: string): LabMachine {
  return { name, setup, timeout: 60, ipv6: false, brNetfilter: false };
}

const HOST_SETUP = `
ip link set eth0 up
ip addr add ${HOST_ADDRESS}/24 brd + dev eth0
ip route add default via ${ROUTER_ADDRESS}
cat >>/etc/hosts <<END
${INTERNET_NAMES.filter(([, ...names]) => names.length > 0).map((line) => line.join(' ')).join('\n')}
END
`;

const ROUTER_SETUP = `
ip link set eth0 up
ip link set eth1 up
ip addr add ${ROUTER_ADDRESS}/24 brd + dev eth0
ip addr add 192.0.2.1/24 brd + dev eth1
ip route add default via 192.0.2.2
sysctl -q -w net.ipv4.ip_forward=1
`;

const INTERNET_SETUP = `
ip link set eth0 up
ip addr add 192.0.2.2/24 brd + dev eth0
ip route add 198.51.100.0/24 via 192.0.2.1
${INTERNET_NAMES.map(([address]) => `ip addr add ${address}/32 dev lo`).join('\n')}
`;
