import { NotSimulated } from '../../shell/process.ts';
import { explained, fail } from './cni-error.ts';
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
  const { backend, markBit, externalSetMarkChain, mappings, ...rest } = explained('failed to parse network configuration: ', () => decode(fieldsOf(config, 'PortMapConf')));
  if (backend === 'nftables') throw new NotSimulated('backend nftables of the CNI plugin portmap');
  const previous = prevResultOf(config);
  if (markBit !== null && externalSetMarkChain !== null) fail('Cannot specify externalSetMarkChain and markMasqBit');
  const bit = markBit ?? DEFAULT_MARK_BIT;
  if (bit < 0 || bit > 31) fail('MasqMarkBit must be between 0 and 31');
  const mark = `0x${(2 ** bit).toString(16)}`;
  mappings.forEach(checkMapping);
  return { ...rest, containerId, mark: `${mark}/${mark}`, externalSetMarkChain, mappings, previous, address: addressOf(previous, ifName) };
}

function decode(fields: Fields): Pick<PortmapConfig, 'name' | 'snat' | 'masqAll' | 'externalSetMarkChain' | 'conditions' | 'mappings'> & { readonly backend: string; readonly markBit: number | null } {
  return {
    name: fields.text('name'), backend: fields.text('backend'), snat: fields.has('snat') ? fields.flag('snat') : true, masqAll: fields.flag('masqAll'),
    markBit: fields.has('markMasqBit') ? fields.integer('markMasqBit') : null,
    externalSetMarkChain: fields.has('externalSetMarkChain') ? fields.text('externalSetMarkChain') : null,
    conditions: fields.texts('conditionsV4'),
    mappings: fields.object('runtimeConfig').list('portMappings').map((one) => mapping(fieldsOf(one, 'PortMapConf.runtimeConfig.portMappings'))),
  };
}

function mapping(fields: Fields): PortMapping {
  return { hostPort: fields.integer('hostPort'), containerPort: fields.integer('containerPort'), protocol: fields.text('protocol'), hostIp: fields.text('hostIP') };
}

function checkMapping({ hostPort, containerPort, hostIp }: PortMapping): void {
  if (containerPort <= 0) fail(`Invalid container port number: ${containerPort}`);
  if (hostPort <= 0) fail(`Invalid host port number: ${hostPort}`);
  if (hostIp !== '') parseAddress(hostIp);
}

/** The first address that is not known to be of an interface outside of the container. */
function addressOf(previous: CniResult | null, ifName: string): Cidr | null {
  const ip = previous?.ips.find((one) => {
    const link = one.interface === null ? undefined : previous.interfaces[one.interface];
    return !link || (link.name === ifName && link.sandbox !== '');
  });
  return ip ? parseCidr(ip.address) : null;
}
