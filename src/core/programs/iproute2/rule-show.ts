import { formatIpv4, type Ipv4 } from '../../wire/address.ts';
import { listRules } from '../../kernel/netlink/rule.ts';
import type { RuleRow } from '../../kernel/rows.ts';
import type { Ip } from './ip-context.ts';
import { findLink } from './links.ts';
import { dsfieldText, ipProtocolText, protocolText, tableName } from './names.ts';
import type { Printer } from './printer.ts';

/** One rule as `ip rule` prints it (print_rule), with its newline. */
export function printRule(ip: Ip, p: Printer, row: RuleRow): void {
  p.any('priority', row.priority, `${row.priority}:\t`);
  if (row.not) p.any('not', null, 'not ');
  if (row.srcLength > 0) printPrefix(p, ['src', 'srclen', 'from'], row.src, row.srcLength);
  else p.any('src', 'all', 'from all ');
  if (row.dstLength > 0) printPrefix(p, ['dst', 'dstlen', 'to'], row.dst, row.dstLength);
  if (row.tos !== 0) p.any('tos', dsfieldText(ip, row.tos), `tos ${dsfieldText(ip, row.tos)} `);
  if (row.fwmark !== 0 || row.fwmask !== 0) printMark(p, row);
  printDevice(ip, p, 'iif', row.iif);
  printDevice(ip, p, 'oif', row.oif);
  if (row.ipproto !== 0) p.any('ipproto', ipProtocolText(ip, row.ipproto), `ipproto ${ipProtocolText(ip, row.ipproto)} `);
  printPorts(p, 'sport', row.sport);
  printPorts(p, 'dport', row.dport);
  printAction(ip, p, row);
  const protocol = row.protocol;
  if (!(protocol === 'kernel' || protocol === 'unspec') || ip.options.details > 0) {
    p.any('protocol', protocolText(ip, protocol), ` proto ${protocolText(ip, protocol)}`);
  }
  p.text('\n');
}

function printPrefix(p: Printer, [key, lengthKey, word]: readonly [string, string, string], ip: Ipv4, length: number): void {
  p.value(key, formatIpv4(ip));
  if (length < 32) p.value(lengthKey, length);
  p.text(`${word} ${formatIpv4(ip)}${length < 32 ? `/${length}` : ''} `);
}

function printMark(p: Printer, row: RuleRow): void {
  const mark = `0x${row.fwmark.toString(16)}`;
  const mask = `0x${row.fwmask.toString(16)}`;
  p.any('fwmark', row.fwmark === 0 ? '0' : mark, `fwmark ${row.fwmark === 0 ? '0' : mark}`);
  if (row.fwmask !== 0xffff_ffff) p.any('fwmask', mask, `/${mask}`);
  p.text(' ');
}

function printDevice(ip: Ip, p: Printer, key: 'iif' | 'oif', name: string | null): void {
  if (name === null) return;
  p.any(key, name, `${key} ${name} `);
  if (!findLink(ip.ns, name)) p.any(`${key}_detached`, null, '[detached] ');
}

function printPorts(p: Printer, key: 'sport' | 'dport', ports: RuleRow['sport']): void {
  if (!ports) return;
  const [first, last] = ports;
  if (first === last) {
    p.any(key, first, `${key} ${first} `);
    return;
  }
  p.value(`${key}_start`, first);
  p.value(`${key}_end`, last);
  p.text(`${key} ${first}-${last} `);
}

function printAction(ip: Ip, p: Printer, row: RuleRow): void {
  switch (row.action) {
    case 'lookup':
      p.any('table', tableName(ip, row.table), `lookup ${tableName(ip, row.table)}`);
      if (row.suppressPrefixLength !== null) {
        p.any('suppress_prefixlen', row.suppressPrefixLength, ` suppress_prefixlength ${row.suppressPrefixLength}`);
      }
      return;
    case 'goto': {
      p.any('goto', row.goto, `goto ${row.goto}`);
      if (!listRules(ip.ns).some((other) => other.priority === row.goto)) p.any('unresolved', null, ' [unresolved]');
      return;
    }
    case 'nop': p.any('nop', null, 'nop'); return;
    default: p.any('action', row.action, row.action);
  }
}
