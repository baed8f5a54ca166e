import { hashName } from './sha256.ts';

/** A port of a Service, as kube-proxy sees it. */
export interface ServicePort {
  readonly namespace: string;
  readonly name: string;
  /** Null: the only port, without a name. */
  readonly portName: string | null;
  readonly protocol: 'tcp' | 'udp';
  readonly clusterIp: string;
  readonly port: number;
  readonly nodePort: number | null;
  readonly externalIps: readonly string[];
  /** `IP:PORT` of those that are ready. */
  readonly endpoints: readonly string[];
  /** sessionAffinity: ClientIP. */
  readonly affinity: boolean;
}

export interface KubeProxyOptions {
  readonly clusterCidr: string;
}

const MASQUERADE_MARK = '0x4000';

function fullName({ namespace, name, portName }: ServicePort): string {
  return `${namespace}/${name}${portName === null ? '' : `:${portName}`}`;
}

/** `KUBE-SVC-` or another prefix with the hash of the Service's port. */
export function serviceChain(prefix: string, service: ServicePort): string {
  return `${prefix}${hashName(fullName(service) + service.protocol, 16)}`;
}

export function endpointChain(service: ServicePort, endpoint: string): string {
  return `KUBE-SEP-${hashName(fullName(service) + service.protocol + endpoint, 16)}`;
}

function commentOf(text: string): string {
  return `-m comment --comment "${text}"`;
}

function external(service: ServicePort): boolean {
  return service.endpoints.length > 0 && (service.nodePort !== null || service.externalIps.length > 0);
}

/** The rules of KUBE-SERVICES and KUBE-NODEPORTS that lead to a Service. */
function entryRules(service: ServicePort): string[] {
  const name = fullName(service);
  const { protocol, port } = service;
  const match = (address: string): string => `-m ${protocol} -p ${protocol} -d ${address} --dport ${port}`;
  const rules = [`-A KUBE-SERVICES ${commentOf(`${name} cluster IP`)} ${match(service.clusterIp)} -j ${serviceChain('KUBE-SVC-', service)}`];
  const outside = serviceChain('KUBE-EXT-', service);
  for (const address of service.externalIps) rules.push(`-A KUBE-SERVICES ${commentOf(`${name} external IP`)} ${match(address)} -j ${outside}`);
  if (service.nodePort !== null) rules.push(`-A KUBE-NODEPORTS ${commentOf(name)} -m ${protocol} -p ${protocol} --dport ${service.nodePort} -j ${outside}`);
  return rules;
}

/** The chains of a Service that has endpoints. */
function serviceRules(service: ServicePort, { clusterCidr }: KubeProxyOptions): string[] {
  const name = fullName(service);
  const { protocol, endpoints } = service;
  const chain = serviceChain('KUBE-SVC-', service);
  const rules = [
    `-A ${chain} ${commentOf(`${name} cluster IP`)} -m ${protocol} -p ${protocol} -d ${service.clusterIp} --dport ${service.port} ! -s ${clusterCidr} -j KUBE-MARK-MASQ`,
  ];
  if (service.affinity) {
    for (const endpoint of endpoints) {
      const to = endpointChain(service, endpoint);
      rules.push(`-A ${chain} ${commentOf(`${name} -> ${endpoint}`)} -m recent --name ${to} --rcheck --seconds 10800 --reap -j ${to}`);
    }
  }
  endpoints.forEach((endpoint, i) => {
    const left = endpoints.length - i;
    const chance = left === 1 ? '' : ` -m statistic --mode random --probability ${(1 / left).toFixed(10)}`;
    rules.push(`-A ${chain} ${commentOf(`${name} -> ${endpoint}`)}${chance} -j ${endpointChain(service, endpoint)}`);
  });
  for (const endpoint of endpoints) {
    const to = endpointChain(service, endpoint);
    rules.push(`-A ${to} ${commentOf(name)} -s ${endpoint.split(':')[0]} -j KUBE-MARK-MASQ`);
    rules.push(`-A ${to} ${commentOf(name)}${service.affinity ? ` -m recent --name ${to} --set` : ''} -m ${protocol} -p ${protocol} -j DNAT --to-destination ${endpoint}`);
  }
  if (external(service)) {
    const outside = serviceChain('KUBE-EXT-', service);
    rules.push(`-A ${outside} ${commentOf(`masquerade traffic for ${name} external destinations`)} -j KUBE-MARK-MASQ`, `-A ${outside} -j ${chain}`);
  }
  return rules;
}

function rejectRules(service: ServicePort): string[] {
  const { protocol } = service;
  const comment = commentOf(`${fullName(service)} has no endpoints`);
  const rules = [`-A KUBE-SERVICES ${comment} -m ${protocol} -p ${protocol} -d ${service.clusterIp} --dport ${service.port} -j REJECT`];
  if (service.nodePort !== null) {
    rules.push(`-A KUBE-EXTERNAL-SERVICES ${comment} -m addrtype --dst-type LOCAL -m ${protocol} -p ${protocol} --dport ${service.nodePort} -j REJECT`);
  }
  return rules;
}

const NEW = '-m conntrack --ctstate NEW';
const portals = (chain: string, target: string, comment: string, state: string): string => `-A ${chain} ${state}${state === '' ? '' : ' '}${commentOf(comment)} -j ${target}`;

function filterTable(services: readonly ServicePort[]): string[] {
  const chains = ['KUBE-SERVICES', 'KUBE-EXTERNAL-SERVICES', 'KUBE-FORWARD', 'KUBE-NODEPORTS', 'KUBE-PROXY-FIREWALL', 'KUBE-FIREWALL', 'KUBE-PROXY-CANARY'];
  return [
    '*filter', ':INPUT ACCEPT [0:0]', ':FORWARD ACCEPT [0:0]', ':OUTPUT ACCEPT [0:0]', ...chains.map((chain) => `:${chain} - [0:0]`),
    portals('INPUT', 'KUBE-PROXY-FIREWALL', 'kubernetes load balancer firewall', NEW), portals('INPUT', 'KUBE-NODEPORTS', 'kubernetes health check service ports', ''),
    portals('INPUT', 'KUBE-EXTERNAL-SERVICES', 'kubernetes externally-visible service portals', NEW), '-A INPUT -j KUBE-FIREWALL',
    portals('FORWARD', 'KUBE-PROXY-FIREWALL', 'kubernetes load balancer firewall', NEW), portals('FORWARD', 'KUBE-FORWARD', 'kubernetes forwarding rules', ''),
    portals('FORWARD', 'KUBE-SERVICES', 'kubernetes service portals', NEW),
    portals('FORWARD', 'KUBE-EXTERNAL-SERVICES', 'kubernetes externally-visible service portals', NEW),
    portals('OUTPUT', 'KUBE-PROXY-FIREWALL', 'kubernetes load balancer firewall', NEW), portals('OUTPUT', 'KUBE-SERVICES', 'kubernetes service portals', NEW),
    '-A OUTPUT -j KUBE-FIREWALL',
    `-A KUBE-FIREWALL ${commentOf('block incoming localnet connections')} -d 127.0.0.0/8 ! -s 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP`,
    '-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP',
    `-A KUBE-FORWARD ${commentOf('kubernetes forwarding rules')} -m mark --mark ${MASQUERADE_MARK}/${MASQUERADE_MARK} -j ACCEPT`,
    `-A KUBE-FORWARD ${commentOf('kubernetes forwarding conntrack rule')} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
    ...services.filter(({ endpoints }) => endpoints.length === 0).flatMap(rejectRules), 'COMMIT',
  ];
}

function natTable(services: readonly ServicePort[], options: KubeProxyOptions): string[] {
  const served = services.filter(({ endpoints }) => endpoints.length > 0);
  const chains = ['KUBE-SERVICES', 'KUBE-NODEPORTS', 'KUBE-POSTROUTING', 'KUBE-MARK-MASQ', 'KUBE-PROXY-CANARY'];
  for (const service of served) {
    chains.push(serviceChain('KUBE-SVC-', service), ...service.endpoints.map((endpoint) => endpointChain(service, endpoint)));
    if (external(service)) chains.push(serviceChain('KUBE-EXT-', service));
  }
  return [
    '*nat', ':PREROUTING ACCEPT [0:0]', ':INPUT ACCEPT [0:0]', ':OUTPUT ACCEPT [0:0]', ':POSTROUTING ACCEPT [0:0]', ...chains.map((chain) => `:${chain} - [0:0]`),
    portals('PREROUTING', 'KUBE-SERVICES', 'kubernetes service portals', ''), portals('OUTPUT', 'KUBE-SERVICES', 'kubernetes service portals', ''),
    portals('POSTROUTING', 'KUBE-POSTROUTING', 'kubernetes postrouting rules', ''),
    `-A KUBE-POSTROUTING -m mark ! --mark ${MASQUERADE_MARK}/${MASQUERADE_MARK} -j RETURN`, `-A KUBE-POSTROUTING -j MARK --xor-mark ${MASQUERADE_MARK}`,
    `-A KUBE-POSTROUTING ${commentOf('kubernetes service traffic requiring SNAT')} -j MASQUERADE --random-fully`, `-A KUBE-MARK-MASQ -j MARK --or-mark ${MASQUERADE_MARK}`,
    ...served.flatMap(entryRules), ...served.flatMap((service) => serviceRules(service, options)),
    `-A KUBE-SERVICES ${commentOf('kubernetes service nodeports; NOTE: this must be the last rule in this chain')} -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS`, 'COMMIT',
  ];
}

/** What kube-proxy in iptables mode (and the kubelet) give to iptables-restore on a node. */
export function kubeProxyRules(services: readonly ServicePort[], options: KubeProxyOptions): string {
  return `${[...filterTable(services), ...natTable(services, options)].join('\n')}\n`;
}

/** Services for a node of some size: every 10th has an address outside, every 7th a NodePort, every 13th affinity, every 29th no endpoint. */
export function manyServices(count: number, endpoints: number): ServicePort[] {
  return Array.from({ length: count }, (_, i) => ({
    namespace: `ns${i % 17}`, name: `svc${i}`, portName: i % 3 === 0 ? null : 'http', protocol: i % 11 === 0 ? 'udp' : 'tcp', clusterIp: `10.96.${i >> 8}.${i & 255}`,
    port: 80 + (i % 5), nodePort: i % 7 === 0 ? 30_000 + i : null, externalIps: i % 10 === 0 ? [`198.51.100.${i % 250}`] : [],
    endpoints: i % 29 === 28 ? [] : Array.from({ length: endpoints }, (__, j) => `10.244.${(i * endpoints + j) >> 8 & 255}.${(i * endpoints + j) & 255}:8080`), affinity: i % 13 === 0,
  }));
}
