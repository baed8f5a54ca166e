import { formatIpv4, isMulticastIpv4 } from '../../wire/address.ts';
import type { VxlanOptions } from '../../kernel/rows.ts';
import type { Printer } from './printer.ts';

/** A flag that JSON always tells, and the text only when it is on. */
function flag(p: Printer, key: 'proxy' | 'rsc' | 'l2miss' | 'l3miss', on: boolean): void {
  if (on) p.any(key, true, `${key} `);
}

function negatable(p: Printer, key: string, word: string, on: boolean): void {
  p.any(key, on, `${on ? '' : 'no'}${word} `);
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

function printTtl(p: Printer, vxlan: VxlanOptions): void {
  if (vxlan.ttlInherit) p.text('ttl inherit ');
  else p.any('ttl', vxlan.ttl, vxlan.ttl === 0 ? 'ttl auto ' : `ttl ${vxlan.ttl} `);
}

/** The data of a VXLAN device (vxlan_print_opt of iproute2 6.1); `linkName`: of the device below, as this namespace calls that number. */
export function printVxlan(p: Printer, vxlan: VxlanOptions, linkName: string): void {
  const { vni, remote, local, link, srcportMin, srcportMax, dstport, tos, df, ageing, maxAddress } = vxlan;
  p.any('id', vni, `id ${vni} `);
  const kind = remote !== null && isMulticastIpv4(remote) ? 'group' : 'remote';
  if (remote !== null) p.any(kind, formatIpv4(remote), `${kind} ${formatIpv4(remote)} `);
  if (local !== null) p.any('local', formatIpv4(local), `local ${formatIpv4(local)} `);
  if (link !== 0) p.any('link', linkName, `dev ${linkName} `);
  p.openObject('port_range');
  p.value('low', srcportMin);
  p.value('high', srcportMax);
  p.closeObject();
  p.text(`srcport ${srcportMin} ${srcportMax} `);
  p.any('port', dstport, `dstport ${dstport} `);
  p.any('learning', vxlan.learning, vxlan.learning ? '' : 'nolearning ');
  for (const key of ['proxy', 'rsc', 'l2miss', 'l3miss'] as const) flag(p, key, vxlan[key]);
  if (tos !== 0) p.any('tos', hex(tos), tos === 1 ? 'tos inherit ' : `tos ${hex(tos)} `);
  printTtl(p, vxlan);
  p.any('df', df, df === 'unset' ? '' : `df ${df} `);
  p.any('ageing', ageing, ageing === 0 ? 'ageing none ' : `ageing ${ageing} `);
  if (maxAddress !== 0) p.any('limit', maxAddress, `maxaddr ${maxAddress} `);
  negatable(p, 'udp_csum', 'udpcsum', vxlan.udpcsum);
  negatable(p, 'udp_zero_csum6_tx', 'udp6zerocsumtx', vxlan.udp6ZeroCsumTx ?? false);
  negatable(p, 'udp_zero_csum6_rx', 'udp6zerocsumrx', vxlan.udp6ZeroCsumRx ?? false);
}
