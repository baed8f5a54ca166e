import { servicePort, serviceName } from '../lib/services.ts';
import { UINT16_MAX, wholeNumber } from './numbers.ts';
import { protocolName } from './protocols.ts';
import { fail } from './xtables-error.ts';

/** The port of a number or a service name; null when it is neither. `protocol` null: any. */
export function findPort(text: string, protocol: string | null): number | null {
  const number = wholeNumber(text, 0, UINT16_MAX);
  if (number !== null) return number;
  const service = servicePort(text);
  if (service === null || (protocol !== null && service.protocol !== null && service.protocol !== protocol)) return null;
  return service.port;
}

/** xtables_parse_port. */
export function parsePort(text: string, protocol: string | null): number {
  return findPort(text, protocol) ?? fail(`invalid port/service \`${text}' specified`);
}

/** A port as `iptables -L` prints it. */
export function portName(port: number, protocol: string, numeric: boolean): string {
  if (numeric || (protocol !== 'tcp' && protocol !== 'udp')) return String(port);
  return serviceName(port, protocol) ?? String(port);
}

/** The name under which the services of a protocol are found. */
export function serviceProtocol(number: number): string {
  return protocolName(number) ?? '';
}
