import fc from 'fast-check';
import { withoutOne } from './run-cases.ts';

/** A small network of VTEPs, and what happens in it. */
export interface OverlayCase {
  /** Each host is in a subnet of its own, behind a router; else all are on one bridge. */
  readonly routed: boolean;
  /** Of 2 to 4. */
  readonly hosts: number;
  /** What is sent may be cut into pieces. Then nobody on the underlay sends errors: Linux may answer the first piece before it sends the next. */
  readonly pieces: boolean;
  /** What is set up before anything is sent, in order. */
  readonly setup: readonly Act[];
  readonly acts: readonly Act[];
}

export interface Act {
  /** Namespace: hosts a to d, their pods p to s, the underlay u. */
  readonly on: string;
  readonly command: string;
  /** Words at its end, each of which can be left out. */
  readonly options: readonly string[];
}

const one = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const percent = (share: number): fc.Arbitrary<boolean> => fc.nat({ max: 99 }).map((drawn) => drawn >= 100 - share);
const act = (on: string, command: string, options: readonly string[] = []): Act => ({ on, command, options });
/** Each is there, or is not. */
const some = <T>(list: readonly T[], share: number): fc.Arbitrary<T[]> => fc.tuple(...list.map((item) => percent(share).map((there) => (there ? [item] : [])))).map((lists) => lists.flat());
const other = (i: number, hosts: number): fc.Arbitrary<number> => one(...numbers(hosts).filter((j) => j !== i));

export const numbers = (upTo: number): number[] => Array.from({ length: upTo }, (_, i) => i + 1);
export const hostName = (i: number): string => 'abcd'[i - 1]!;
export const podName = (i: number): string => 'pqrs'[i - 1]!;
export const underlayAddress = (routed: boolean, i: number): string => (routed ? `172.16.${i}.2` : `172.16.0.${i}`);
/** Wrong, or right. */
const OTHER_PORT = 8472;
const VNIS = [10, 20] as const;
const innerAddress = (v: number, i: number): string => `10.0.${v}.${i}`;
const podsMac = (v: number, i: number): string => `02:00:00:00:2${v}:0${i}`;

/** Where the addresses of an overlay are at a host: on the device itself, in a pod behind a bridge, on the bridge. */
type Inside = 'device' | 'pod' | 'bridge';
const INSIDE_DIGIT: Readonly<Record<Inside, number>> = { device: 1, pod: 2, bridge: 3 };
const insideMac = (inside: Inside, v: number, i: number): string => `02:00:00:00:${INSIDE_DIGIT[inside]}${v}:0${i}`;

type Mode = 'remote' | 'group' | 'flood' | 'l2' | 'l3';
const MODES: readonly Mode[] = ['remote', 'group', 'flood', 'l2', 'l3'];

interface Plan {
  readonly routed: boolean;
  readonly hosts: number;
  readonly port: number;
  /**
   * What is sent may be cut into pieces before it is wrapped; then nothing is cut afterwards. Of a frame that was put together and the next one,
   * which came whole, the second overtakes the first on Linux when somebody captures (vxlan_rcv: gro_cells_receive passes by the queue with a clone).
   */
  readonly pieces: boolean;
}

/** One VTEP of one VNI: the v-th of host i. */
interface Vtep {
  readonly v: number;
  readonly i: number;
  readonly mode: Mode;
  readonly inside: Inside;
}

const farAddress = ({ routed, hosts }: Plan, i: number): fc.Arbitrary<string> => fc.oneof(
  { weight: 16, arbitrary: other(i, hosts).map((j) => underlayAddress(routed, j)) },
  { weight: 1, arbitrary: one(underlayAddress(routed, i), underlayAddress(routed, 9), innerAddress(1, 1 + (i % hosts)), '172.17.0.1') },
);

/** What only some devices have. */
const flags: fc.Arbitrary<string[]> = fc.tuple(
  fc.oneof({ weight: 5, arbitrary: one('') }, { weight: 1, arbitrary: one('ttl 1', 'ttl 2', 'ttl 5', 'ttl inherit', 'ttl auto') }),
  fc.oneof({ weight: 6, arbitrary: one('') }, { weight: 1, arbitrary: one('tos inherit', 'tos 0x10', 'tos 0x3') }),
  fc.oneof({ weight: 5, arbitrary: one('') }, { weight: 1, arbitrary: one('df set', 'df inherit', 'df unset') }),
  fc.oneof({ weight: 5, arbitrary: one('') }, { weight: 1, arbitrary: one('udpcsum', 'noudpcsum') }),
  fc.oneof({ weight: 7, arbitrary: one('') }, { weight: 1, arbitrary: one('srcport 5000 6000', 'srcport 7000 7001') }),
  fc.oneof({ weight: 9, arbitrary: one('') }, { weight: 1, arbitrary: one('maxaddress 1', 'maxaddress 2') }),
  some(['l2miss', 'l3miss', 'rsc', 'proxy'], 12),
).map(([miss, ...rest]) => [miss, ...rest].flat().filter((word) => word !== ''));

function linkOptions(plan: Plan, { v, i, mode }: Vtep): fc.Arbitrary<string[]> {
  const port = fc.oneof({ weight: 12, arbitrary: one(`dstport ${plan.port}`) }, { weight: 1, arbitrary: one('dstport 8472', 'dstport 4789') });
  const local = percent(70).map((there) => (there ? [`local ${underlayAddress(plan.routed, i)}`] : []));
  const dev = percent(60).map((there) => (there ? ['dev eth0'] : []));
  const far = farAddress(plan, i).map((address) => [`remote ${address}`]);
  const noLearning = percent(80).map((there) => (there ? ['nolearning'] : []));
  const parts: Readonly<Record<Mode, fc.Arbitrary<string[]>>> = {
    remote: fc.tuple(local, dev, far).map((words) => words.flat()),
    group: local.map((words) => [...words, `group 239.1.1.${v} dev eth0`]),
    flood: fc.tuple(local, dev, percent(20)).map(([a, b, no]) => [...a, ...b, ...(no ? ['nolearning'] : [])]),
    l2: fc.tuple(local, dev, noLearning).map((words) => words.flat()),
    l3: fc.tuple(local, dev, noLearning).map(([a, b, c]) => [...a, ...b, ...c, 'proxy']),
  };
  return fc.tuple(port, parts[mode], flags).map(([first, second, third]) => distinct([first, ...second, ...third]));
}

/** A word may be said once. */
function distinct(options: readonly string[]): string[] {
  const key = (option: string): string => option.split(' ')[0]!;
  return options.filter((option, at) => options.findIndex((before) => key(before) === key(option)) === at);
}

const mtus = ({ pieces }: Plan): fc.Arbitrary<string> => (pieces ? one('mtu 1450 ', 'mtu 1400 ') : fc.oneof({ weight: 5, arbitrary: one('') }, { weight: 1, arbitrary: one('mtu 1400 ', 'mtu 1500 ', 'mtu 1430 ', 'mtu 9000 ') }));

function deviceActs(plan: Plan, vtep: Vtep): fc.Arbitrary<Act[]> {
  const { v, i, inside } = vtep;
  const [host, dev] = [hostName(i), `vx${v}`];
  return fc.tuple(linkOptions(plan, vtep), mtus(plan), percent(20)).map(([options, mtu, flooding]) => {
    const link = act(host, `ip link add ${dev} ${mtu}address ${insideMac('device', v, i)} type vxlan id ${VNIS[v - 1]!}`, options);
    if (inside === 'device') return [link, act(host, `ip addr add ${innerAddress(v, i)}/24 dev ${dev}`), act(host, `ip link set ${dev} up`)];
    const bridge = [
      act(host, `ip link add br${v} address ${insideMac('bridge', v, i)} type bridge`), act(host, `ip link set br${v} up`),
      act(host, `ip link set ${dev} master br${v} up`), ...(flooding ? [act(host, `bridge link set dev ${dev} neigh_suppress on`)] : []),
    ];
    if (inside === 'bridge') return [link, ...bridge, act(host, `ip addr add ${innerAddress(v, i)}/24 dev br${v}`)];
    const pod = [
      act(host, `ip link add pod${v} type veth peer name eth${v} address ${podsMac(v, i)} netns ${podName(i)}@`), act(host, `ip link set pod${v} master br${v} up`),
      act(podName(i), `ip addr add ${innerAddress(v, i)}/24 dev eth${v}`), act(podName(i), `ip link set eth${v} up`),
    ];
    return [link, ...bridge, ...pod];
  });
}

/** Entries that this mode lives by: for each other host, most of them there and most of them right. */
function entries(plan: Plan, vtep: Vtep, all: readonly Vtep[]): fc.Arbitrary<Act[]> {
  const { v, i, mode } = vtep;
  const [host, dev] = [hostName(i), `vx${v}`];
  const others = all.filter((each) => each.v === v && each.i !== i);
  const far = (j: number): fc.Arbitrary<string> => fc.oneof({ weight: 12, arbitrary: one(underlayAddress(plan.routed, j)) }, { weight: 1, arbitrary: farAddress(plan, i) });
  const flood = others.map((each) => far(each.i).map((address) => act(host, `bridge fdb append 00:00:00:00:00:00 dev ${dev} dst ${address}`)));
  const l2 = others.map((each) => fc.tuple(far(each.i), one('', '', '', 'permanent', 'static', 'dynamic', 'extern_learn', 'router', `port ${OTHER_PORT}`, 'vni 20', 'via eth0')).map(([address, option]) =>
    act(host, `bridge fdb add ${insideMac(each.inside, v, each.i)} dev ${dev} dst ${address}`, option === '' ? [] : [option])));
  const l3 = others.map((each) => one('permanent', 'permanent', 'reachable', 'stale', 'noarp').map((nud) =>
    act(host, `ip neigh add ${innerAddress(v, each.i)} lladdr ${insideMac(each.inside, v, each.i)} dev ${dev} nud ${nud}`)));
  const wanted = { remote: [], group: [], flood, l2: [...l2, ...flood.slice(0, 1)], l3: [...l3, ...l2] }[mode];
  if (wanted.length === 0) return fc.constant([]);
  return fc.tuple(...wanted.map((each) => fc.tuple(each, percent(88)))).map((list) => list.flatMap(([each, there]) => (there ? [each] : [])));
}

/** Something that is wrong below. */
function underlayFault({ routed, hosts, pieces }: Plan): fc.Arbitrary<Act> {
  return one(...numbers(hosts)).chain((i) => other(i, hosts).chain((j) => {
    const [host, far] = [hostName(i), underlayAddress(routed, j)];
    const smaller = pieces ? [] : [act(host, 'ip link set eth0 mtu 1400'), act('u', `ip link set p${hostName(j)} mtu 1300`), act(host, `ip route add ${far} dev eth0 mtu 1350`)];
    return one(
      ...smaller, act(host, 'ip link set eth0 mtu 1600'), act(host, `ip route add blackhole ${far}`),
      act(host, `ip route add unreachable ${far}`), act(host, `ip route add prohibit ${far}`), act(host, 'ip link set eth0 down'),
      act(host, 'iptables -A INPUT -p udp --dport 4789 -j DROP'), act(host, 'iptables -A INPUT -p udp --dport 4789 -j REJECT'), act(host, 'iptables -A OUTPUT -p udp --dport 4789 -j DROP'),
      act(host, `ip neigh replace ${routed ? `172.16.${i}.1` : far} lladdr 02:00:00:00:00:99 dev eth0 nud permanent`), act('u', `ip link set p${hostName(j)} down`), act(host, 'ip addr flush dev eth0'),
      act(host, 'sysctl -qw net.ipv4.ip_default_ttl=3'), act('u', 'sysctl -qw net.ipv4.ip_forward=0'), act(host, 'sysctl -qw net.ipv4.conf.all.rp_filter=1'),
    );
  }));
}

/** What changes while packets are sent. */
function change(plan: Plan, vteps: readonly Vtep[]): fc.Arbitrary<Act> {
  return one(...vteps).chain((vtep) => fc.tuple(other(vtep.i, plan.hosts), other(vtep.i, plan.hosts), one(...numbers(plan.hosts))).chain(([j, k, w]) => {
    const { v, i, inside } = vtep;
    const [host, dev, far] = [hostName(i), `vx${v}`, underlayAddress(plan.routed, j)];
    const mac = insideMac(vteps.find((each) => each.v === v && each.i === k)?.inside ?? 'device', v, k);
    const where = inside === 'pod' ? podName(i) : host;
    const mine = inside === 'pod' ? `eth${v}` : inside === 'bridge' ? `br${v}` : dev;
    // A bridge without a port that is up loses its carrier, which shows within a second; as long IGMP tells of a group.
    const shows = inside === 'bridge' || vtep.mode === 'group' ? '; sleep 1.2' : '';
    return one(
      act(host, `ip link set ${dev} down${shows}`), act(host, `ip link set ${dev} up${shows}`), act(host, `ip link set ${dev} down${shows}; ip link set ${dev} up${shows}`),
      act(host, `bridge fdb replace ${mac} dev ${dev} dst ${far}`), act(host, `bridge fdb append 00:00:00:00:00:00 dev ${dev} dst ${far}`), act(host, `bridge fdb append ${mac} dev ${dev} dst ${far}`),
      act(host, `bridge fdb del ${mac} dev ${dev}`), act(host, `bridge fdb del 00:00:00:00:00:00 dev ${dev} dst ${far}`), act(host, `bridge fdb del 00:00:00:00:00:00 dev ${dev}`),
      act(host, `bridge fdb replace ${mac} dev ${dev} dst ${far} dynamic`), act(host, `bridge fdb add ${mac} dev ${dev} dst ${far} port ${OTHER_PORT} vni 20`), act(host, `bridge fdb flush dev ${dev}`),
      act(host, `bridge fdb append 01:00:5e:00:00:01 dev ${dev} dst ${far}`), act(host, `bridge fdb append ff:ff:ff:ff:ff:ff dev ${dev} dst ${far}`),
      act(host, `ip neigh replace ${innerAddress(v, j)} lladdr ${mac} dev ${dev} nud permanent`), act(host, `ip neigh flush dev ${dev}`), act(host, `ip neigh del ${innerAddress(v, j)} dev ${dev}`),
      act(where, `ip neigh flush dev ${mine}`), act(where, `ip link set ${mine} address ${insideMac(inside, v, w)}`), act(where, `arping -c 1 -U -I ${mine} ${innerAddress(v, i)} >/dev/null`),
      act(host, `ip link set ${dev} type vxlan remote ${far}${shows}`), act(host, `ip link set ${dev} type vxlan ttl 3 learning`), act(host, `ip link set ${dev} mtu 1300`), ...(plan.pieces ? [] : [act(where, `ip link set ${mine} mtu 1600`)]),
      act(host, `ip link del ${dev}${shows}`), act(host, `ip route flush cache`), act(host, `bridge -s fdb show dev ${dev} | cut -d" " -f1-5 | sort`), act(host, `ip -d link show ${dev}`),
    );
  }));
}

const SMALL = [1252, 1322, 1372, 1400, 1402, 1422] as const;
const LARGE = { whole: [1423, 1444, 1450, 1472], pieces: [1423, 1472, 1473, 2000, 4000] } as const;
const sizes = ({ pieces }: Plan): fc.Arbitrary<string> => fc.oneof({ weight: 3, arbitrary: one('') }, { weight: 2, arbitrary: one<number>(...SMALL, ...LARGE[pieces ? 'pieces' : 'whole']).map((size) => `-s ${size}`) });

function traffic(plan: Plan, vteps: readonly Vtep[]): fc.Arbitrary<Act> {
  return one(...vteps).chain(({ v, i, inside }) => {
    const on = inside === 'pod' ? podName(i) : hostName(i);
    const dev = inside === 'pod' ? `eth${v}` : inside === 'bridge' ? `br${v}` : `vx${v}`;
    const to = fc.oneof({ weight: 12, arbitrary: other(i, plan.hosts) }, { weight: 1, arbitrary: one(i, 9) }).map((j) => innerAddress(v, j));
    const ping = fc.tuple(to, sizes(plan), one('', '-M do', '-M dont', '-M want'), one('', '', '', '-t 1', '-Q 0x13', '-Q 0x2')).map(([address, ...options]) => act(on, `ping -c 1 -W 0.6 ${address}`, options.filter((word) => word !== '')));
    return fc.oneof(
      { weight: 9, arbitrary: ping },
      { weight: 1, arbitrary: fc.constant(act(on, `ping -b -c 1 -W 0.6 10.0.${v}.255`)) },
      { weight: 1, arbitrary: to.map((address) => act(on, `arping -c 1 -w 1 -I ${dev} ${address}`)) },
      { weight: 2, arbitrary: fc.tuple(to, one(5, 1300, 1450, plan.pieces ? 2500 : 1400)).map(([address, size]) => act(on, `printf %${size}s x | timeout 0.5 nc -u -p 5001 ${address} 81`)) },
      { weight: 1, arbitrary: to.map((address) => act(on, `timeout 0.6 nc -z -p 5002 ${address} 81`)) },
      { weight: 1, arbitrary: one('224.0.0.1', '239.7.7.7').map((address) => act(on, `ping -c 1 -W 0.4 -I ${dev} ${address}`)) },
      { weight: 1, arbitrary: other(i, plan.hosts).map((j) => act(hostName(i), `ping -c 1 -W 0.6 ${underlayAddress(plan.routed, j)}`)) },
    );
  });
}

/** How the overlay of a VNI is at each host: mostly the same way. */
function vtepsOf(hosts: number, v: number): fc.Arbitrary<Vtep[]> {
  // Two groups joined within a second are told of together, or not.
  const modes = one(...MODES.filter((mode) => v === 1 || mode !== 'group'));
  const base = fc.tuple(modes, one<Inside>('device', 'pod', 'pod', 'bridge'));
  return base.chain(([mode, inside]) => fc.tuple(...numbers(hosts).map((i) => fc.tuple(
    fc.oneof({ weight: 5, arbitrary: fc.constant(mode) }, { weight: 1, arbitrary: modes }),
    fc.oneof({ weight: 4, arbitrary: fc.constant(inside) }, { weight: 1, arbitrary: one<Inside>('device', 'pod', 'bridge') }),
  ).map(([own, where]): Vtep => ({ v, i, mode: own, inside: where })))));
}

export const overlayCases: fc.Arbitrary<OverlayCase> = fc.tuple(percent(35), one(2, 2, 3, 3, 4), percent(25), one(4789, 4789, 8472), percent(30)).chain(([routed, hosts, second, port, pieces]) => {
  const plan: Plan = { routed, hosts, port, pieces };
  const vnis = second ? [1, 2] : [1];
  return fc.tuple(...vnis.map((v) => vtepsOf(hosts, v))).map((lists) => lists.flat()).chain((vteps) => {
    const devices = fc.tuple(...vteps.map((vtep) => fc.tuple(deviceActs(plan, vtep), entries(plan, vtep, vteps)).map((lists) => lists.flat()))).map((lists) => lists.flat());
    const faults = fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: underlayFault(plan).map((fault) => [fault]) });
    const send = traffic(plan, vteps);
    const happens = fc.oneof({ weight: 5, arbitrary: send }, { weight: 3, arbitrary: change(plan, vteps) }, { weight: 1, arbitrary: underlayFault(plan) });
    return fc.tuple(devices, faults, fc.array(happens, { maxLength: 6 }), send).map(([first, fault, acts, last]): OverlayCase => ({ routed, hosts, pieces, setup: first, acts: [...fault, ...acts, last] }));
  });
});

/** Every case that is one thing simpler. */
export function simplerOverlays(one: OverlayCase): OverlayCase[] {
  const fewerOptions = (list: readonly Act[]): Act[][] => list.flatMap((each, at) => withoutOne(each.options).map((options) => list.map((kept, i) => (i === at ? { ...each, options } : kept))));
  return [
    ...withoutOne(one.acts).map((acts) => ({ ...one, acts })), ...withoutOne(one.setup).map((setup) => ({ ...one, setup })),
    ...fewerOptions(one.acts).map((acts) => ({ ...one, acts })), ...fewerOptions(one.setup).map((setup) => ({ ...one, setup })),
    ...(one.hosts > 2 ? [withoutHost(one, one.hosts)] : []),
  ];
}

function withoutHost(one: OverlayCase, last: number): OverlayCase {
  const stays = ({ on }: Act): boolean => on !== hostName(last) && on !== podName(last);
  return { ...one, hosts: last - 1, setup: one.setup.filter(stays), acts: one.acts.filter(stays) };
}
