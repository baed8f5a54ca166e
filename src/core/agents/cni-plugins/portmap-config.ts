import { NotSimulated } from '../../shell/process.ts';
import { fail } from './cni-error.ts';
import { type Cidr, parseAddress, parseCidr } from './cidr.ts';
import { type Fields, fieldsOf } from './fields.ts';
import { type CniResult, prevResultOf } from './result.ts';
import type { CmdArgs } from './skel.ts';

export interface PortMapping {
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: string;
  /** '' for every address of the host. */
  readonly hostIp: string;
}

export interface PortmapConfig {
  readonly name: string;
  readonly containerId: string;
  readonly snat: boolean;
  readonly masqAll: boolean;
  /** The bit that asks for masquerading, as iptables writes a mark: `0x2000/0x2000`. */
  readonly mark: string;
  /** Chain of somebody else that marks; null: the plugin's own. */
  readonly externalSetMarkChain: string | null;
  readonly conditions: readonly string[];
  readonly mappings: readonly PortMapping[];
  readonly previous: CniResult | null;
  /** The container's address; null when the previous result has none. */
  readonly address: Cidr | null;
}

const DEFAULT_MARK_BIT = 13;

/** Reads and checks the configuration (parseConfig in portmap/main.go). */
export function loadPortmapConfig({ config, containerId, ifName }: CmdArgs): PortmapConfig {
  const fields = fieldsOf(config, 'PortMapConf');
  if (fields.text('backend') === 'nftables') throw new NotSimulated('backend nftables of the CNI plugin portmap');
  const previous = prevResultOf(config);
  if (fields.has('markMasqBit') && fields.has('externalSetMarkChain')) fail('Cannot specify externalSetMarkChain and markMasqBit');
  const bit = fields.has('markMasqBit') ? fields.integer('markMasqBit') : DEFAULT_MARK_BIT;
  if (bit < 0 || bit > 31) fail('MasqMarkBit must be between 0 and 31');
  const mark = `0x${(2 ** bit).toString(16)}`;
  const mappings = fields.object('runtimeConfig').list('portMappings').map((one) => mapping(fieldsOf(one, 'PortMapConf.runtimeConfig.portMappings')));
  return {
    name: fields.text('name'), containerId, snat: fields.has('snat') ? fields.flag('snat') : true, masqAll: fields.flag('masqAll'), mark: `${mark}/${mark}`,
    externalSetMarkChain: fields.has('externalSetMarkChain') ? fields.text('externalSetMarkChain') : null,
    conditions: fields.texts('conditionsV4'), mappings, previous, address: addressOf(previous, ifName),
  };
}

function mapping(fields: Fields): PortMapping {
  const one = { hostPort: fields.integer('hostPort'), containerPort: fields.integer('containerPort'), protocol: fields.text('protocol'), hostIp: fields.text('hostIP') };
  if (one.containerPort <= 0) fail(`Invalid container port number: ${one.containerPort}`);
  if (one.hostPort <= 0) fail(`Invalid host port number: ${one.hostPort}`);
  if (one.hostIp !== '') parseAddress(one.hostIp);
  return one;
}

/** The first address that is not known to be of an interface outside of the container. */
function addressOf(previous: CniResult | null, ifName: string): Cidr | null {
  const ip = previous?.ips.find((one) => {
    const link = one.interface === null ? undefined : previous.interfaces[one.interface];
    return !link || (link.name === ifName && link.sandbox !== '');
  });
  return ip ? parseCidr(ip.address) : null;
}
