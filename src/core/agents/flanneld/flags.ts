import { NotSimulated } from '../../shell/process.ts';

export interface Flags {
  readonly kubeSubnetMgr: boolean;
  readonly ipMasq: boolean;
  readonly randomFully: boolean;
  readonly ifaces: readonly string[];
  readonly publicIp: string;
  /** Seconds. */
  readonly iptablesResync: number;
  readonly forwardRules: boolean;
  readonly netConfigPath: string;
  readonly subnetFile: string;
  readonly annotationPrefix: string;
  readonly setNetworkUnavailable: boolean;
  readonly version: boolean;
}

type FlagKind = 'bool' | 'int' | 'string';
const KNOWN: Readonly<Record<string, FlagKind>> = {
  'kube-subnet-mgr': 'bool', 'ip-masq': 'bool', 'ip-masq-fully-random-disable': 'bool', iface: 'string', 'public-ip': 'string', 'iptables-resync': 'int',
  'iptables-forward-rules': 'bool', 'net-config-path': 'string', 'subnet-file': 'string', 'kube-annotation-prefix': 'string',
  'set-node-network-unavailable': 'bool', version: 'bool', v: 'int', 'healthz-port': 'int', alsologtostderr: 'bool', logtostderr: 'bool',
};
const OTHERS = new Set([
  'etcd-endpoints', 'etcd-prefix', 'etcd-keyfile', 'etcd-certfile', 'etcd-cafile', 'etcd-username', 'etcd-password', 'iface-regex', 'iface-can-reach', 'public-ipv6',
  'subnet-lease-renew-margin', 'healthz-ip', 'kube-api-url', 'kubeconfig-file', 'charon-executable-path', 'charon-viciuri-path', 'help', 'h',
]);

/** Flags that flanneld refuses: what it says on stderr, exit code 2. */
export class UsageError extends Error {}

/** Go's flag package: `-name`, `--name`, `-name=value`, `-name value`; a bool takes its value only behind `=`. */
export function parseFlags(args: readonly string[]): Flags {
  const values = new Map<string, string[]>();
  for (let i = 0; i < args.length; i++) {
    const match = /^--?([^=]+)(?:=(.*))?$/s.exec(args[i]!);
    if (!match || args[i] === '--') break;
    const name = match[1]!;
    const kind = KNOWN[name];
    if (!kind) {
      if (OTHERS.has(name)) throw new NotSimulated(`flanneld --${name}`);
      throw new UsageError(`flag provided but not defined: -${name}`);
    }
    let value = match[2];
    if (value === undefined && kind === 'bool') value = 'true';
    value ??= args[++i];
    if (value === undefined) throw new UsageError(`flag needs an argument: -${name}`);
    check(name, kind, value);
    values.set(name, [...(values.get(name) ?? []), value]);
  }
  const last = (name: string, fallback: string): string => values.get(name)?.at(-1) ?? fallback;
  const yes = (name: string, fallback: string): boolean => /^(1|t|T|true|TRUE|True)$/.test(last(name, fallback));
  if (Number(last('healthz-port', '0')) !== 0) throw new NotSimulated('flanneld --healthz-port');
  return {
    kubeSubnetMgr: yes('kube-subnet-mgr', 'false'), ipMasq: yes('ip-masq', 'false'), randomFully: !yes('ip-masq-fully-random-disable', 'false'), ifaces: values.get('iface') ?? [],
    publicIp: last('public-ip', ''), iptablesResync: Number(last('iptables-resync', '5')), forwardRules: yes('iptables-forward-rules', 'true'),
    netConfigPath: last('net-config-path', '/etc/kube-flannel/net-conf.json'), subnetFile: last('subnet-file', '/run/flannel/subnet.env'),
    annotationPrefix: last('kube-annotation-prefix', 'flannel.alpha.coreos.com'), setNetworkUnavailable: yes('set-node-network-unavailable', 'true'), version: yes('version', 'false'),
  };
}

function check(name: string, kind: FlagKind, value: string): void {
  const wrong = kind === 'bool' ? !/^(0|1|t|f|T|F|true|false|TRUE|FALSE|True|False)$/.test(value) : kind === 'int' && !/^-?\d+$/.test(value);
  if (!wrong) return;
  throw new UsageError(kind === 'bool' ? `invalid boolean value "${value}" for -${name}: parse error` : `invalid value "${value}" for flag -${name}: parse error`);
}
