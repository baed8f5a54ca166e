import fc from 'fast-check';
import { withoutOne } from './run-cases.ts';

/** A rule set for a router and what is sent through it. */
export interface Case {
  readonly rules: readonly CaseRule[];
  /** `filter FORWARD`: the built-in chains whose policy is DROP. */
  readonly dropping: readonly string[];
  readonly sends: readonly Send[];
}

export interface CaseRule {
  readonly table: string;
  readonly chain: string;
  /** Each part can be left out on its own; what `-p` belongs to stands with it. */
  readonly matches: readonly string[];
  /** Empty for a rule that only counts. */
  readonly target: string;
}

export interface Send {
  /** Namespace: the client, the router, the server. */
  readonly from: 'a' | 'r' | 'b';
  readonly command: string;
}

/** a (10.1.0.2, .3) -- eth1 r eth2 -- (10.2.0.2, .3) b */
const ADDRESSES = ['10.1.0.2', '10.1.0.3', '10.1.0.1', '10.2.0.1', '10.2.0.2', '10.2.0.3'] as const;
const NETWORKS = [...ADDRESSES, '10.1.0.0/24', '10.2.0.0/24', '10.0.0.0/8', '10.1.0.2/31'] as const;
const PORTS = [53, 80, 81, 5000, 5001] as const;
const CHAINS: Readonly<Record<string, readonly string[]>> = {
  raw: ['PREROUTING', 'OUTPUT'], mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING', 'U1', 'U2'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'], filter: ['INPUT', 'FORWARD', 'OUTPUT', 'U1', 'U2'],
};
/** Chains of the user, in tables that have them: U1 may go on to U2, and nothing comes back. */
export const USER_CHAINS = ['U1', 'U2'] as const;
export const TABLES = Object.keys(CHAINS);

const one = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const maybeNot = one('', '', '', '! ');
const states = fc.uniqueArray(one('NEW', 'ESTABLISHED', 'RELATED', 'INVALID', 'UNTRACKED', 'SNAT', 'DNAT'), { minLength: 1, maxLength: 3 }).map((list) => list.join(','));
const port = one(...PORTS);
const ports = fc.oneof(port.map(String), one('50:81', '5000:5001', ':80', '81:'));
const portList = fc.uniqueArray(one('53', '80', '81', '5000:5001'), { minLength: 1, maxLength: 3 }).map((list) => list.join(','));

const protocolMatch: fc.Arbitrary<string> = fc.oneof(
  one('-p tcp', '-p udp', '-p icmp', '! -p tcp', '! -p icmp', '-p 47'),
  fc.tuple(one('tcp', 'udp'), maybeNot, one('--sport', '--dport'), ports).map(([protocol, not, side, range]) => `-p ${protocol} -m ${protocol} ${not}${side} ${range}`),
  fc.tuple(one('tcp', 'udp'), maybeNot, one('--sports', '--dports', '--ports'), portList).map(([protocol, not, side, list]) => `-p ${protocol} -m multiport ${not}${side} ${list}`),
  fc.tuple(maybeNot, one('SYN,ACK SYN', 'RST RST', 'FIN,SYN,RST,ACK SYN', 'ALL NONE')).map(([not, flags]) => `-p tcp -m tcp ${not}--tcp-flags ${flags}`),
  fc.tuple(maybeNot, one('8', '0', '3', '3/3', 'echo-request', 'any')).map(([not, type]) => `-p icmp -m icmp ${type === 'any' ? '' : not}--icmp-type ${type}`),
);

const plainMatch: fc.Arbitrary<string> = fc.oneof(
  fc.tuple(maybeNot, one('-s', '-d'), one(...NETWORKS)).map(([not, side, network]) => `${not}${side} ${network}`),
  fc.tuple(maybeNot, states).map(([not, list]) => `-m conntrack ${not}--ctstate ${list}`),
  one('NEW', 'ESTABLISHED', 'NEW,RELATED', 'INVALID', 'UNTRACKED').map((list) => `-m state --state ${list}`),
  fc.tuple(maybeNot, one('ASSURED', 'CONFIRMED', 'SEEN_REPLY', 'NONE')).map(([not, status]) => `-m conntrack ${not}--ctstatus ${status}`),
  fc.tuple(maybeNot, one('--ctorigsrc', '--ctorigdst', '--ctreplsrc', '--ctrepldst'), one(...NETWORKS)).map(([not, side, network]) => `-m conntrack ${not}${side} ${network}`),
  fc.tuple(maybeNot, one('--ctorigsrcport', '--ctorigdstport', '--ctreplsrcport', '--ctrepldstport'), port).map(([not, side, value]) => `-m conntrack ${not}${side} ${value}`),
  one('ORIGINAL', 'REPLY').map((direction) => `-m conntrack --ctdir ${direction}`),
  one('tcp', 'udp', 'icmp').map((protocol) => `-m conntrack --ctproto ${protocol}`),
  fc.tuple(maybeNot, one('0x1', '0x2/0x2', '0x0', '0x3/0xff')).map(([not, mark]) => `-m mark ${not}--mark ${mark}`),
  fc.tuple(maybeNot, one('0x1', '0x2/0x2', '0x0')).map(([not, mark]) => `-m connmark ${not}--mark ${mark}`),
  fc.tuple(maybeNot, one('--src-type', '--dst-type'), one('LOCAL', 'UNICAST', 'BROADCAST', 'LOCAL,BROADCAST')).map(([not, side, type]) => `-m addrtype ${not}${side} ${type}`),
  fc.tuple(maybeNot, one('--src-range', '--dst-range'), one('10.1.0.2-10.1.0.3', '10.2.0.1-10.2.0.2', '10.1.0.0-10.2.0.2')).map(([not, side, range]) => `-m iprange ${not}${side} ${range}`),
  fc.tuple(maybeNot, one('0:60', '84', '29:40', '61:65535')).map(([not, range]) => `-m length ${not}--length ${range}`),
  one('--ttl-eq 64', '--ttl-lt 64', '--ttl-gt 63', '--ttl-eq 63', '! --ttl-eq 64').map((ttl) => `-m ttl ${ttl}`),
  fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: 2 }), maybeNot).filter(([every, packet]) => packet < every)
    .map(([every, packet, not]) => `-m statistic --mode nth ${not}--every ${every} --packet ${packet}`),
  fc.integer({ min: 1, max: 4 }).map((burst) => `-m limit --limit 1/hour --limit-burst ${burst}`),
  one('-m comment --comment "a comment"'),
  fc.tuple(maybeNot, one('--set', '--rcheck', '--update', '--remove', '--rcheck --hitcount 2', '--update --seconds 60', '--rcheck --rttl'), one('--rsource', '--rdest')).map(([not, mode, side]) => `-m recent ${not}${mode} --name seen ${side}`),
);

/** Matches that only some chains may have. */
function chainMatch(table: string, chain: string): fc.Arbitrary<string> {
  if (chain === 'PREROUTING' && table !== 'nat') return one('', '--loose', '--validmark', '--invert', '--accept-local').map((option) => `-m rpfilter ${option}`.trim());
  if (chain === 'OUTPUT' || chain === 'POSTROUTING') return fc.tuple(maybeNot, one('--uid-owner 0', '--gid-owner 0', '--socket-exists', '--uid-owner 1000')).map(([not, who]) => `-m owner ${not}${who}`);
  return plainMatch;
}

function deviceMatch(chain: string): fc.Arbitrary<string> {
  const incoming = !['OUTPUT', 'POSTROUTING'].includes(chain);
  const outgoing = !['PREROUTING', 'INPUT'].includes(chain);
  const sides = [...(incoming ? ['-i'] : []), ...(outgoing ? ['-o'] : [])];
  return fc.tuple(maybeNot, one(...sides), one('eth1', 'eth2', 'eth+', 'lo')).map(([not, side, device]) => `${not}${side} ${device}`);
}

/** A target, and the `-p` that it needs. */
interface Aim {
  readonly target: string;
  readonly needs?: string;
}

const aim = (target: string): Aim => ({ target: `-j ${target}` });
const verdicts = one(aim('ACCEPT'), aim('DROP'), aim('ACCEPT'), aim('RETURN'), { target: '' });

function marks(table: string): fc.Arbitrary<Aim> {
  const connmark = one('--set-mark 0x1', '--set-xmark 0x2/0x3', '--or-mark 0x2', '--save-mark', '--restore-mark', '--save-mark --nfmask 0x1 --ctmask 0xff').map((mode) => aim(`CONNMARK ${mode}`));
  return fc.oneof(one('--set-mark 0x1', '--set-xmark 0x2/0x3', '--or-mark 0x2', '--and-mark 0x1', '--xor-mark 0x3').map((mode) => aim(`MARK ${mode}`)), ...(table === 'raw' ? [] : [connmark]));
}

const rejects = fc.oneof(
  one('icmp-net-unreachable', 'icmp-host-unreachable', 'icmp-port-unreachable', 'icmp-proto-unreachable', 'icmp-net-prohibited', 'icmp-host-prohibited', 'icmp-admin-prohibited')
    .map((type) => aim(`REJECT --reject-with ${type}`)),
  fc.constant({ ...aim('REJECT --reject-with tcp-reset'), needs: '-p tcp' }),
);

const withPorts = (text: string): fc.Arbitrary<Aim> => fc.tuple(one('tcp', 'udp'), one(80, 81, 5001)).map(([protocol, value]) => ({ ...aim(`${text}:${value}`), needs: `-p ${protocol}` }));
const destination = fc.oneof(
  one('10.2.0.2', '10.2.0.3', '10.1.0.2', '10.1.0.1').map((to) => aim(`DNAT --to-destination ${to}`)),
  one('10.2.0.2', '10.1.0.2').chain((to) => withPorts(`DNAT --to-destination ${to}`)),
  one(aim('REDIRECT')), one('tcp', 'udp').map((protocol) => ({ ...aim('REDIRECT --to-ports 81'), needs: `-p ${protocol}` })),
  one('10.2.0.0/24', '10.1.0.0/24').map((network) => aim(`NETMAP --to ${network}`)),
);
const source = fc.oneof(
  one('10.2.0.1', '10.1.0.1', '10.2.0.3').map((to) => aim(`SNAT --to-source ${to}`)), withPorts('SNAT --to-source 10.2.0.1'),
);

function aimOf(table: string, chain: string): fc.Arbitrary<Aim> {
  const user = CHAINS[table]!.includes('U1') && chain !== 'U2';
  const chains = one(...(chain === 'U1' ? ['U2'] : ['U1', 'U2']));
  const log = fc.constant(aim('LOG --log-prefix "seen "'));
  const common: fc.Arbitrary<Aim>[] = [verdicts, log, ...(user ? [fc.tuple(one('-j', '-g'), chains).map(([how, to]): Aim => ({ target: `${how} ${to}` }))] : [])];
  if (table === 'raw') return fc.oneof(...common, one(aim('NOTRACK'), aim('CT --notrack')), marks(table));
  if (table === 'mangle') {
    return fc.oneof(...common, marks(table), one('--ttl-set 10', '--ttl-dec 1', '--ttl-inc 2').map((ttl) => aim(`TTL ${ttl}`)),
      one('--set-mss 1000', '--clamp-mss-to-pmtu').filter((mss) => mss === '--set-mss 1000' || chain === 'FORWARD' || chain === 'POSTROUTING')
        .map((mss): Aim => ({ ...aim(`TCPMSS ${mss}`), needs: '-p tcp -m tcp --tcp-flags SYN,RST SYN' })));
  }
  if (table === 'filter') return fc.oneof(...common, rejects, marks(table));
  if (chain === 'POSTROUTING') return fc.oneof(verdicts, source, one(aim('MASQUERADE')), one('10.2.0.0/24').map((network) => aim(`NETMAP --to ${network}`)));
  return chain === 'INPUT' ? fc.oneof(verdicts, source) : fc.oneof(verdicts, destination);
}

const place = fc.oneof(...TABLES.map((table) => one(...CHAINS[table]!).map((chain) => ({ table, chain }))));

const rule: fc.Arbitrary<CaseRule> = place.chain(({ table, chain }) => fc.record({
  aim: aimOf(table, chain), protocol: fc.option(protocolMatch), device: fc.option(deviceMatch(chain), { freq: 1 }), plain: fc.array(fc.oneof({ weight: 8, arbitrary: plainMatch }, { weight: 1, arbitrary: chainMatch(table, chain) }), { maxLength: 2 }),
}).map(({ aim: { target, needs }, protocol, device, plain }): CaseRule => {
  const first = needs ?? protocol;
  return { table, chain, target, matches: [...(first === null ? [] : [first]), ...(device === null ? [] : [device]), ...distinct(plain)] };
}));

/** The same match twice, or `-s` twice, is another error: one of each. */
function distinct(matches: readonly string[]): string[] {
  const kind = (match: string): string => match.replace(/^! /, '').split(' ').slice(0, match.includes('-m ') ? 2 : 1).join(' ');
  return matches.filter((match, i) => matches.findIndex((other) => kind(other) === kind(match)) === i);
}

const OTHERS: Readonly<Record<Send['from'], readonly string[]>> = {
  a: ['10.2.0.2', '10.2.0.3', '10.1.0.1', '10.2.0.1'], b: ['10.1.0.2', '10.1.0.3', '10.2.0.1', '10.1.0.1'], r: ['10.1.0.2', '10.2.0.2', '10.2.0.1', '127.0.0.1'],
};

const send: fc.Arbitrary<Send> = one<Send['from']>('a', 'a', 'a', 'b', 'b', 'r').chain((from) => fc.tuple(one(...OTHERS[from]), one(5000, 5001, 5003), one(53, 80, 81, 5000, 5001), fc.nat({ max: 6 }))
  .map(([to, sport, dport, kind]): Send => {
    if (kind <= 1) return { from, command: `ping -c 1 -W 0.2 ${kind === 0 ? '' : '-t 1 '}${to}` };
    if (kind <= 4) return { from, command: `echo hello | timeout 0.1 nc -u -p ${sport} ${to} ${dport}` };
    // A socket that connects to itself is in a race with its program.
    if (from === 'r' && to.endsWith('.1')) return { from, command: `timeout 0.2 nc -z -p 5002 ${to} ${dport}` };
    return { from, command: `timeout 0.2 nc -z -p ${sport} ${to} ${dport}` };
  }));

export const cases: fc.Arbitrary<Case> = fc.record({
  rules: fc.array(rule, { minLength: 1, maxLength: 9 }),
  dropping: fc.uniqueArray(one('filter FORWARD', 'filter INPUT', 'filter OUTPUT', 'mangle POSTROUTING', 'raw PREROUTING'), { maxLength: 1 }).chain((list) => fc.boolean().map((keep) => (keep ? list : []))),
  sends: fc.array(send, { minLength: 1, maxLength: 6 }),
});

/** What iptables-restore reads: all four tables, so that nothing of an earlier case is left. */
export function restoreText({ rules, dropping }: Pick<Case, 'rules' | 'dropping'>): string {
  return TABLES.map((table) => {
    const chains = CHAINS[table]!.map((chain) => {
      const user = (USER_CHAINS as readonly string[]).includes(chain);
      return `:${chain} ${user ? '-' : dropping.includes(`${table} ${chain}`) ? 'DROP' : 'ACCEPT'} [0:0]`;
    });
    const lines = rules.filter((each) => each.table === table).map(({ chain, matches, target }) => ['-A', chain, ...matches, target].filter((word) => word !== '').join(' '));
    return [`*${table}`, ...chains, ...lines, 'COMMIT'].join('\n');
  }).join('\n');
}

/** Every case that is one thing simpler. */
export function simpler(one: Case): Case[] {
  return [
    ...withoutOne(one.sends).map((sends) => ({ ...one, sends })).filter(({ sends }) => sends.length > 0),
    ...withoutOne(one.rules).map((rules) => ({ ...one, rules })),
    ...withoutOne(one.dropping).map((dropping) => ({ ...one, dropping })),
    ...one.rules.flatMap((each, r) => withoutOne(each.matches).map((matches) => ({ ...one, rules: one.rules.map((other, i) => (i === r ? { ...each, matches } : other)) }))),
  ];
}
