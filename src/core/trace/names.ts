import { formatIpv4, formatMac, MAC_BROADCAST, MAC_ZERO, type Ipv4, type Mac } from '../wire/address.ts';
import { historyOf } from './history.ts';
import type { Step } from './step.ts';
import type { Trace } from './trace.ts';

/** What the names need of a row of `link`; the whole row is the kernel's. */
interface LinkShape {
  readonly name: string;
  readonly kind: string;
  readonly mac: Mac;
  readonly master: number;
}
interface AddrShape {
  readonly local: Ipv4;
  readonly ifindex: number;
}

/** How people call things: devices instead of MACs and interface indices, hosts instead of places. */
export interface Names {
  /** `ns1`, or `node2/ns1` where several machines have such names. */
  host(place: string): string;
  /** `veth11`, or `eth0 of node1` where several devices have the name at that time. `place` is the namespace's. */
  device(place: string, name: string, seq: number): string;
  /** True when the device is a port of a bridge at that time. */
  isPort(place: string, name: string, seq: number): boolean;
  /** What kind of a device it is at that time: `veth`, `vxlan`; null when there is none of the name. */
  kind(place: string, name: string, seq: number): string | null;
  /** True when the device has the MAC at that time. */
  hasMac(place: string, name: string, mac: Mac, seq: number): boolean;
  /** The device that has this MAC at that time, `everybody` for the broadcast address; the MAC itself when nobody has it, or several namespaces do. */
  mac(mac: Mac, seq: number): string;
  /** Name of a device by its index in a namespace; `if7` when there is none at that time. */
  ifindex(place: string, ifindex: number, seq: number): string;
  /** The host that has this address at that time; null when nobody, or several. */
  ipHost(ip: Ipv4, seq: number): string | null;
  /** The address with its host behind it: `192.168.1.2 (ns2)`. */
  ip(ip: Ipv4, seq: number): string;
  /** The program behind a process id, `ping`; `the program` when unknown. */
  program(machine: string, pid: number): string;
}

interface Owner {
  readonly seq: number;
  readonly place: string;
  readonly key: string;
  readonly label: string;
  readonly bridge: boolean;
  readonly ifindex: number;
}

const cache = new WeakMap<Trace, Names>();

/** `node1/ns1` of a step. */
export function placeOfStep(step: Step): string {
  return step.netns === '' ? step.machine : `${step.machine}/${step.netns}`;
}

export function namesOf(trace: Trace): Names {
  let names = cache.get(trace);
  if (!names) {
    names = build(trace);
    cache.set(trace, names);
  }
  return names;
}

function build(trace: Trace): Names {
  const history = historyOf(trace);
  const places = new Set<string>();
  const byName = new Map<string, Owner[]>();
  const macs = new Map<Mac, Owner[]>();
  const addresses = new Map<Ipv4, Owner[]>();
  history.versions('link', (place, key, seq, row) => {
    const { name, mac, kind } = row as LinkShape;
    places.add(place);
    const owner = { seq, place, key, label: name, bridge: kind === 'bridge', ifindex: Number(key) };
    push(byName, name, owner);
    // A tunnel's address is an end of it, no MAC.
    if (mac !== MAC_ZERO && kind !== 'ipip' && kind !== 'gre') push(macs, mac, owner);
  });
  history.versions('addr', (place, key, seq, row) => push(addresses, (row as AddrShape).local, { seq, place, key, label: '', bridge: false, ifindex: (row as AddrShape).ifindex }));
  const machines = new Set([...places].map((place) => place.split('/', 1)[0]));
  const programs = programsOf(trace);

  const host = (place: string): string => (machines.size > 1 ? place : (place.split('/')[1] ?? place));
  const linkAt = (owner: Owner, seq: number): LinkShape | null => (owner.seq <= seq ? (history.rowAt({ table: `${owner.place}#link`, key: owner.key }, seq) as LinkShape | null) : null);
  const device = (place: string, name: string, seq: number): string => {
    const places = new Set((byName.get(name) ?? []).filter((owner) => linkAt(owner, seq)?.name === name).map((owner) => owner.place));
    return places.size > 1 ? `${name} of ${host(place)}` : name;
  };
  const hasAddress = (owner: Owner, ip: Ipv4, seq: number): boolean =>
    owner.seq <= seq && (history.rowAt({ table: `${owner.place}#addr`, key: owner.key }, seq) as AddrShape | null)?.local === ip;
  const speaks = (link: Owner, seq: number): boolean =>
    [...addresses].some(([ip, owners]) => owners.some((owner) => owner.place === link.place && owner.ifindex === Number(link.key) && hasAddress(owner, ip, seq)));
  const ipHost = (ip: Ipv4, seq: number): string | null => {
    const owners = new Set((addresses.get(ip) ?? []).filter((owner) => hasAddress(owner, ip, seq)).map((owner) => host(owner.place)));
    return owners.size === 1 ? [...owners][0]! : null;
  };
  return {
    host,
    device,
    ipHost,
    hasMac: (place, name, mac, seq) => (macs.get(mac) ?? []).some((owner) => owner.place === place && owner.label === name && linkAt(owner, seq)?.mac === mac),
    kind(place, name, seq) {
      const owner = (byName.get(name) ?? []).find((other) => other.place === place && linkAt(other, seq)?.name === name);
      return owner ? linkAt(owner, seq)!.kind : null;
    },
    isPort: (place, name, seq) => (byName.get(name) ?? []).some((owner) => owner.place === place && linkAt(owner, seq)?.name === name && linkAt(owner, seq)!.master !== 0),
    mac(mac, seq) {
      if (mac === MAC_BROADCAST) return 'everybody';
      const owners = (macs.get(mac) ?? []).filter((owner) => linkAt(owner, seq)?.mac === mac && linkAt(owner, seq)!.name === owner.label);
      // Of hosts that are set up alike in networks of their own, nobody can say by the MAC which one is meant.
      if (new Set(owners.map(({ place }) => place)).size > 1) return formatMac(mac);
      // A bridge borrows the MAC of a port: it is meant when it has an address, for then hosts talk to it.
      const owner = owners.find((other) => other.bridge && speaks(other, seq)) ?? owners.find((other) => !other.bridge) ?? owners[0];
      return owner ? device(owner.place, owner.label, seq) : formatMac(mac);
    },
    ifindex(place, ifindex, seq) {
      const row = history.rowAt({ table: `${place}#link`, key: String(ifindex) }, seq);
      return row ? (row as LinkShape).name : `if${ifindex}`;
    },
    ip(ip, seq) {
      const owner = ipHost(ip, seq);
      return owner === null ? formatIpv4(ip) : `${formatIpv4(ip)} (${owner})`;
    },
    program: (machine, pid) => programs.get(`${machine} ${pid}`) ?? 'the program',
  };
}

function programsOf(trace: Trace): Map<string, string> {
  const programs = new Map<string, string>();
  for (const step of trace.steps) {
    if (step.kind === 'process.exec') programs.set(`${step.machine} ${step.pid}`, step.argv[0]?.replace(/^.*\//, '') ?? 'the program');
  }
  return programs;
}

function push<K>(lists: Map<K, Owner[]>, key: K, owner: Owner): void {
  const list = lists.get(key);
  if (list) list.push(owner);
  else lists.set(key, [owner]);
}
