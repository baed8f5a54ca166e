import { NotSimulated } from '../../shell/process.ts';
import { formatIpv4 } from '../../wire/address.ts';
import { inetAton } from '../lib/resolve.ts';
import { CurlError } from './error.ts';

export interface Url {
  /** As it is sent to a resolver and in `Host:`. */
  readonly host: string;
  readonly port: number;
  /** True when the port is not 80. */
  readonly portShown: boolean;
  /** `user:password`; null when there is none. */
  readonly user: string | null;
  /** Path and query, as in the request line. */
  readonly target: string;
  readonly path: string;
}

/** Protocols of Debian's curl. */
const OTHER_PROTOCOLS = 'dict file ftp ftps gopher gophers https imap imaps ldap ldaps mqtt pop3 pop3s rtmp rtmpt rtmpe rtmpte rtmps rtmpts rtsp scp sftp smb smbs smtp smtps telnet tftp ws wss'.split(' ');

/** Reads a URL as curl_url_set does with a guessed scheme; spaces and control characters are refused. */
export function parseUrl(text: string): Url {
  if ([...text].some((char) => char <= ' ' || char === '\x7f')) throw new CurlError(3);
  const found = /^(?:([A-Za-z][A-Za-z0-9+.-]*):\/\/\/?)?(?:([^/?#]*)@)?(\[[^\]/]*\]|[^:/?#[]*)(?::([^/?#]*))?(\/[^?#]*)?(\?[^#]*)?(?:#.*)?$/.exec(text);
  if (found === null) throw new CurlError(3);
  const [, scheme, user, name = '', portText = '', path = '/', query = ''] = found;
  const protocol = scheme?.toLowerCase() ?? guessed(name);
  if (OTHER_PROTOCOLS.includes(protocol)) throw new NotSimulated(`curl ${protocol}://`);
  if (protocol !== 'http') throw new CurlError(1, `Protocol "${scheme}" not supported or disabled in libcurl`);
  if (name.startsWith('[')) throw new NotSimulated('curl with an IPv6 address');
  if (name === '' || !/^\d*$/.test(portText) || Number(portText) > 65535 || /[%<>\\^`{|}"]/.test(name)) throw new CurlError(3);
  const ip = inetAton(name);
  const clean = withoutDots(path);
  const port = portText === '' ? 80 : Number(portText);
  return { host: ip === null ? name : formatIpv4(ip), port, portShown: port !== 80, user: user === undefined ? null : user, target: clean + query, path: clean };
}

/** Without a scheme the first label of the name says what it is. */
function guessed(host: string): string {
  const label = /^(ftp|dict|ldap|imap|smtp|pop3)\./i.exec(host);
  return label === null ? 'http' : label[1]!.toLowerCase();
}

/** RFC 3986, 5.2.4. */
export function withoutDots(path: string): string {
  const out: string[] = [];
  const parts = path.split('/').slice(1);
  for (const [i, part] of parts.entries()) {
    const last = i === parts.length - 1;
    if (part === '..') out.pop();
    else if (part !== '.') out.push(part);
    if (last && (part === '.' || part === '..')) out.push('');
  }
  return `/${out.join('/')}`;
}

export function formatUrl({ host, port, portShown, target, user }: Url): string {
  return `http://${user === null ? '' : `${user}@`}${host}${portShown ? `:${port}` : ''}${target}`;
}

/** Where a `Location:` leads (RFC 3986, 5.2). */
export function follow(from: Url, location: string): string {
  if (/^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(location)) return location;
  if (location.startsWith('//')) return `http:${location}`;
  const origin = `http://${from.host}${from.portShown ? `:${from.port}` : ''}`;
  if (location.startsWith('/')) return origin + resolved(location);
  if (location.startsWith('?')) return origin + from.path + location;
  return origin + resolved(from.path.slice(0, from.path.lastIndexOf('/') + 1) + location);
}

function resolved(target: string): string {
  const [, path = '', rest = ''] = /^([^?#]*)(.*)$/.exec(target)!;
  return withoutDots(path) + rest;
}

/** What curl's own globbing takes for a list or a range of URLs. */
export function hasGlob(text: string): boolean {
  return /[{}]|\[[^\]]*\]/.test(text.replace(/^([a-z]+:\/\/)?\[[0-9A-Fa-f:.]+\]/, ''));
}
