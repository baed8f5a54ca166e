import { NotSimulated } from '../../shell/process.ts';

export interface Flags {
  readonly kubeSubnetMgr: boolean;
  readonly ipMasq: boolean;
  readonly ifaces: readonly string[];
  readonly ifaceRegexes: readonly string[];
  readonly ifaceCanReach: string;
  readonly publicIp: string;
  /** Seconds. */
  readonly iptablesResync: number;
  readonly forwardRules: boolean;
  readonly netConfigPath: string;
  readonly subnetFile: string;
  readonly annotationPrefix: string;
  readonly setNetworkUnavailable: boolean;
  readonly version: boolean;
  readonly verbosity: number;
  /** Minutes; of the etcd manager, but its range is looked at first of all. */
  readonly leaseRenewMargin: number;
}

export type Release = '0.8.0' | '0.27.3';

type FlagKind = 'bool' | 'int' | 'string';
const KNOWN: Readonly<Record<string, FlagKind>> = {
  'kube-subnet-mgr': 'bool', 'ip-masq': 'bool', iface: 'string', 'iface-regex': 'string', 'public-ip': 'string', 'subnet-file': 'string', 'subnet-lease-renew-margin': 'int',
  version: 'bool', v: 'int', vmodule: 'string', log_backtrace_at: 'string',
};
const KNOWN_SINCE: Readonly<Record<string, FlagKind>> = {
  'iface-can-reach': 'string', 'iptables-resync': 'int', 'iptables-forward-rules': 'bool', 'net-config-path': 'string', 'kube-annotation-prefix': 'string',
  'set-node-network-unavailable': 'bool', 'healthz-ip': 'string', 'healthz-port': 'int',
};
const OTHERS = ['etcd-endpoints', 'etcd-prefix', 'etcd-keyfile', 'etcd-certfile', 'etcd-cafile', 'etcd-username', 'etcd-password', 'kube-api-url', 'kubeconfig-file', 'help', 'h'];
const OTHERS_SINCE = ['public-ipv6', 'blackhole-route'];
/** Those that may be given more than once. */
const LISTS = ['iface', 'iface-regex'];

/** Flags that flanneld refuses: what it says on stderr. */
export class UsageError extends Error {}

type Values = ReadonlyMap<string, readonly string[]>;

/** Go's flag package: `-name`, `--name`, `-name=value`, `-name value`; a bool takes its value only behind `=`. What is not there may be in the environment, as `FLANNELD_NAME`. */
export function parseFlags(args: readonly string[], env: ReadonlyMap<string, string>, release: Release): Flags {
  const known = release === '0.8.0' ? KNOWN : { ...KNOWN, ...KNOWN_SINCE };
  const others = release === '0.8.0' ? OTHERS : [...OTHERS, ...OTHERS_SINCE];
  const values = new Map<string, string[]>();
  for (let i = 0; i < args.length; i++) {
    if (!/^-./s.test(args[i]!) || args[i] === '--') break;
    const match = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(args[i]!);
    if (!match) throw new UsageError(`bad flag syntax: ${args[i]!}`);
    const name = match[1]!;
    const kind = known[name];
    if (!kind) {
      if (others.includes(name)) throw new NotSimulated(`flanneld --${name}`);
      throw new UsageError(`flag provided but not defined: -${name}`);
    }
    let value = match[2];
    if (value === undefined && kind === 'bool') value = 'true';
    value ??= args[++i];
    if (value === undefined) throw new UsageError(`flag needs an argument: -${name}`);
    check(name, kind, value);
    values.set(name, LISTS.includes(name) ? [...(values.get(name) ?? []), value] : [value]);
  }
  return flagsOf(withEnvironment(values, env, known, others));
}

/** flagutil.SetFlagsFromEnv; a value that cannot be is left out. */
function withEnvironment(values: Values, env: ReadonlyMap<string, string>, known: Readonly<Record<string, FlagKind>>, others: readonly string[]): Values {
  const all = new Map(values);
  const given = (name: string): string => env.get(`FLANNELD_${name.toUpperCase().replaceAll('-', '_')}`) ?? '';
  for (const [name, kind] of Object.entries(known)) if (!all.has(name) && given(name) !== '' && !wrong(kind, given(name))) all.set(name, [given(name)]);
  for (const name of others) if (given(name) !== '') throw new NotSimulated(`flanneld --${name}`);
  return all;
}

function flagsOf(values: Values): Flags {
  const last = (name: string, fallback: string): string => values.get(name)?.at(-1) ?? fallback;
  const yes = (name: string, fallback: string): boolean => /^(1|t|T|true|TRUE|True)$/.test(last(name, fallback));
  if (Number(last('healthz-port', '0')) > 0) throw new NotSimulated('flanneld --healthz-port');
  const resync = Number(last('iptables-resync', '5'));
  if (resync <= 0) throw new NotSimulated(`flanneld --iptables-resync=${resync}`);
  return {
    kubeSubnetMgr: yes('kube-subnet-mgr', 'false'), ipMasq: yes('ip-masq', 'false'), ifaces: values.get('iface') ?? [], ifaceRegexes: values.get('iface-regex') ?? [],
    ifaceCanReach: last('iface-can-reach', ''), publicIp: last('public-ip', ''), iptablesResync: resync, forwardRules: yes('iptables-forward-rules', 'true'),
    netConfigPath: last('net-config-path', '/etc/kube-flannel/net-conf.json'), subnetFile: last('subnet-file', '/run/flannel/subnet.env'),
    annotationPrefix: last('kube-annotation-prefix', 'flannel.alpha.coreos.com'), setNetworkUnavailable: yes('set-node-network-unavailable', 'true'), version: yes('version', 'false'),
    verbosity: Number(last('v', '0')), leaseRenewMargin: Number(last('subnet-lease-renew-margin', '60')),
  };
}

/** The flags as flanneld tells them in its log. */
export function flagsText(flags: Flags): string {
  const list = (items: readonly string[]): string => `[${items.join(' ')}]`;
  return `{etcdEndpoints:http://127.0.0.1:4001,http://127.0.0.1:2379 etcdPrefix:/coreos.com/network etcdKeyfile: etcdCertfile: etcdCAFile: etcdUsername: etcdPassword: version:false `
    + `kubeSubnetMgr:${flags.kubeSubnetMgr} kubeApiUrl: kubeAnnotationPrefix:${flags.annotationPrefix} kubeConfigFile: iface:${list(flags.ifaces)} ifaceRegex:${list(flags.ifaceRegexes)} `
    + `ipMasq:${flags.ipMasq} ifaceCanReach:${flags.ifaceCanReach} subnetFile:${flags.subnetFile} publicIP:${flags.publicIp} publicIPv6: subnetLeaseRenewMargin:${flags.leaseRenewMargin} `
    + `healthzIP:0.0.0.0 healthzPort:0 iptablesResyncSeconds:${flags.iptablesResync} iptablesForwardRules:${flags.forwardRules} blackholeRoute:false netConfPath:${flags.netConfigPath} `
    + `setNodeNetworkUnavailable:${flags.setNetworkUnavailable}}`;
}

function wrong(kind: FlagKind, value: string): boolean {
  return kind === 'bool' ? !/^(0|1|t|f|T|F|true|false|TRUE|FALSE|True|False)$/.test(value) : kind === 'int' && !/^-?\d+$/.test(value);
}

function check(name: string, kind: FlagKind, value: string): void {
  if (!wrong(kind, value)) return;
  throw new UsageError(kind === 'bool' ? `invalid boolean value "${value}" for -${name}: parse error` : `invalid value "${value}" for flag -${name}: parse error`);
}
