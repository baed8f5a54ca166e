import { NotSimulated } from '../../shell/process.ts';
import { explained, fail } from './cni-error.ts';
import { type Fields, fieldsOf } from './fields.ts';
import { readDns, type ResultDns } from './result.ts';
import { type CmdArgs, loadArgs } from './skel.ts';

/** The configuration of the bridge plugin (NetConf in bridge.go). */
export interface BridgeConfig {
  readonly name: string;
  readonly bridge: string;
  readonly isGateway: boolean;
  readonly isDefaultGateway: boolean;
  readonly forceAddress: boolean;
  readonly ipMasq: boolean;
  /** Bytes; 0: the kernel's default. */
  readonly mtu: number;
  readonly hairpinMode: boolean;
  readonly promiscMode: boolean;
  readonly portIsolation: boolean;
  /** Type of the IPAM plugin; '' for a network without addresses. */
  readonly ipam: string;
  readonly dns: ResultDns;
  /** MAC of the container's end; '' to leave it to the kernel. */
  readonly mac: string;
}

/** Reads the configuration. What only other parts of the kernel could do is NotSimulated, by name. */
export function loadBridgeConfig(args: CmdArgs): BridgeConfig {
  const fields = explained(NOT_LOADED, () => fieldsOf(args.config, 'NetConf'));
  const vlan = explained(NOT_LOADED, () => fields.integer('vlan'));
  const config = explained(NOT_LOADED, () => decode(fields));
  if (vlan < 0 || vlan > 4094) fail(`invalid VLAN ID ${vlan} (must be between 0 and 4094)`);
  refuse(fields, vlan);
  const inArgs = loadArgs(args.args, ['MAC']).get('MAC') ?? '';
  return { ...config, mac: config.mac === '' ? inArgs : config.mac };
}

const NOT_LOADED = 'failed to load netconf: ';

function decode(fields: Fields): BridgeConfig {
  const isDefaultGateway = fields.flag('isDefaultGateway');
  return {
    name: fields.text('name'),
    bridge: fields.text('bridge') || 'cni0',
    isGateway: fields.flag('isGateway') || isDefaultGateway,
    isDefaultGateway,
    forceAddress: fields.flag('forceAddress'),
    ipMasq: fields.flag('ipMasq'),
    mtu: fields.integer('mtu'),
    hairpinMode: fields.flag('hairpinMode'),
    promiscMode: fields.flag('promiscMode'),
    portIsolation: fields.flag('portIsolation'),
    ipam: fields.object('ipam').text('type'),
    dns: readDns(fields.object('dns')),
    mac: fields.object('runtimeConfig').text('mac') || fields.object('args').object('cni').text('mac'),
  };
}

/** The type of the IPAM plugin, all that STATUS looks at. */
export function ipamType({ config }: CmdArgs): string {
  return explained(NOT_LOADED, () => fieldsOf(config, 'NetConf').object('ipam').text('type'));
}

function refuse(fields: Fields, vlan: number): void {
  const not = (what: string): never => {
    throw new NotSimulated(`${what} of the CNI plugin bridge`);
  };
  if (vlan !== 0) not('vlan');
  if (fields.list('vlanTrunk').length > 0) not('vlanTrunk');
  for (const key of ['macspoofchk', 'enabledad', 'disableContainerInterface']) if (fields.flag(key)) not(key);
  const backend = fields.text('ipMasqBackend');
  if (backend === 'nftables') not('ipMasqBackend nftables');
  if (backend !== '' && backend !== 'iptables' && fields.flag('ipMasq')) fail(`unknown ipmasq backend ${JSON.stringify(backend)}`);
}
