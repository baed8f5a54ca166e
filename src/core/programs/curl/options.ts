import { NotSimulated } from '../../shell/process.ts';

/** Ends the program before any transfer: what it writes, and its exit code. */
export class CurlExit extends Error {
  readonly exit: number;
  readonly stdout: boolean;

  constructor(text: string, exit = 2, stdout = false) {
    super(text);
    this.exit = exit;
    this.stdout = stdout;
  }
}

const TRY = "curl: try 'curl --help' or 'curl --manual' for more information\n";

export interface CurlData {
  readonly kind: 'data' | 'raw' | 'binary' | 'urlencode' | 'json';
  readonly text: string;
}

export interface CurlOptions {
  readonly urls: string[];
  /** -o and -O in order, for the URLs in order; null is -O. */
  readonly outputs: (string | null)[];
  /** Names of options without a value that were given. */
  readonly flags: Set<string>;
  /** Options with one value, the last one given. */
  readonly values: Map<string, string>;
  readonly headers: string[];
  readonly resolve: string[];
  readonly data: CurlData[];
  /** Seconds; null for none. */
  maxTime: number | null;
  connectTimeout: number | null;
  /** -1 for no limit. */
  maxRedirs: number;
  /** --local-port: the first and how many. */
  localPorts: readonly [first: number, count: number] | null;
}

/** Options as curl 7.88.1 has them: `long/short`, with `:` when a value follows, all that this curl does. */
const SIMULATED = words(`
  connect-timeout: cookie/b: data/d: data-ascii: data-binary: data-raw: data-urlencode: disable/q dump-header/D: fail/f fail-with-body get/G globoff/g head/I header/H: help/h
  http0.9 http1.0/0 http1.1 ignore-content-length include/i insecure/k interface: ipv4/4 json: local-port: location/L max-redirs: max-time/m: no-buffer/N no-keepalive no-progress-meter noproxy:
  no-sessionid output/o: range/r: referer/e: remote-name/O request/X: resolve: show-error/S silent/s styled-output tcp-nodelay url: user/u: user-agent/A: verbose/v version/V write-out/w:`);

/** Options of curl 7.88.1 that stop with an error which names them. */
const REFUSED = words(`
  abstract-unix-socket: alt-svc: anyauth append/a aws-sigv4: basic cacert: capath: cert/E: cert-status cert-type: ciphers: compressed compressed-ssh config/K: connect-to: continue-at/C:
  cookie-jar/c: create-dirs create-file-mode: crlf crlfile: curves: delegation: digest disable-eprt disable-epsv disallow-username-in-url dns-interface: dns-ipv4-addr: dns-ipv6-addr:
  dns-servers: doh-cert-status doh-insecure doh-url: egd-file: engine: etag-compare: etag-save: expect100-timeout: fail-early false-start form/F: form-escape form-string: ftp-account:
  ftp-alternative-to-user: ftp-create-dirs ftp-method: ftp-pasv ftp-port/P: ftp-pret ftp-skip-pasv-ip ftp-ssl-ccc ftp-ssl-ccc-mode: ftp-ssl-control happy-eyeballs-timeout-ms: haproxy-protocol
  hostpubmd5: hostpubsha256: hsts: http2 http2-prior-knowledge http3 http3-only ipv6/6 junk-session-cookies/j keepalive-time: key: key-type: krb: libcurl:
  limit-rate: list-only/l location-trusted login-options: mail-auth: mail-from: mail-rcpt: mail-rcpt-allowfails manual/M max-filesize: metalink negotiate netrc/n netrc-file:
  netrc-optional next/: no-alpn no-clobber no-npn ntlm ntlm-wb oauth2-bearer: output-dir: parallel/Z parallel-immediate parallel-max: pass: path-as-is pinnedpubkey: post301 post302
  post303 preproxy: progress-bar/# proto: proto-default: proto-redir: proxy/x: proxy-anyauth proxy-basic proxy-digest proxy-header: proxy-insecure proxy-negotiate proxy-ntlm
  proxy-user/U: proxy1.0: proxytunnel/p pubkey: quote/Q: random-file: rate: raw remote-header-name/J remote-name-all remote-time/R remove-on-error request-target: retry:
  retry-all-errors retry-connrefused retry-delay: retry-max-time: sasl-authzid: sasl-ir service-name: socks4: socks4a: socks5: socks5-basic socks5-gssapi socks5-hostname: speed-limit/Y:
  speed-time/y: ssl ssl-allow-beast ssl-no-revoke ssl-reqd sslv2/2 sslv3/3 stderr: suppress-connect-headers tcp-fastopen telnet-option/t: tftp-blksize: tftp-no-options time-cond/z:
  tls-max: tls13-ciphers: tlsauthtype: tlspassword: tlsuser: tlsv1/1 tlsv1.0 tlsv1.1 tlsv1.2 tlsv1.3 tr-encoding trace: trace-ascii: trace-time unix-socket: upload-file/T: url-query:
  use-ascii/B xattr`);

interface Known {
  readonly name: string;
  readonly letter: string | null;
  readonly takesValue: boolean;
  readonly simulated: boolean;
}

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}

function known(entry: string, simulated: boolean): Known {
  const takesValue = entry !== 'next/:' && entry.endsWith(':');
  const [name = '', letter = null] = (takesValue ? entry.slice(0, -1) : entry).split('/');
  return { name, letter, takesValue, simulated };
}

const OPTIONS: readonly Known[] = [...SIMULATED.map((entry) => known(entry, true)), ...REFUSED.map((entry) => known(entry, false))];

function bad(word: string, why: string): never {
  throw new CurlExit(`curl: option ${word}: ${why}\n${TRY}`);
}

/** A long option by its name or the beginning of it. */
function longOption(word: string): Known {
  const name = word.slice(2);
  const exact = OPTIONS.find((one) => one.name === name);
  const starting = exact ? [exact] : OPTIONS.filter((one) => one.name.startsWith(name));
  if (starting.length > 1) bad(word, 'is ambiguous');
  return starting[0] ?? negated(word) ?? bad(word, 'is unknown');
}

/** --no-X of an option without a value. */
function negated(word: string): Known | null {
  const option = word.startsWith('--no-') ? OPTIONS.find((one) => one.name === word.slice(5) && !one.takesValue) : undefined;
  return option === undefined ? null : { ...option, name: `no-${option.name}` };
}

interface Found {
  readonly option: Known;
  readonly value: string;
  readonly word: string;
}

/** Each option as it stands, with its value; words that are none come as --url. */
function* walk(args: readonly string[]): Generator<Found> {
  for (let i = 0; i < args.length; i++) {
    const word = args[i]!;
    if (word === '--') {
      for (const url of args.slice(i + 1)) yield { option: longOption('--url'), value: url, word: url };
      return;
    }
    if (!word.startsWith('-') || word === '-') {
      yield { option: longOption('--url'), value: word, word };
    } else if (word.startsWith('--')) {
      const option = longOption(word);
      if (option.takesValue && args[i + 1] === undefined) bad(word, 'requires parameter');
      yield { option, value: option.takesValue ? args[++i]! : '', word };
    } else if (yield* letters(word, args[i + 1])) i++;
  }
}

/** The letters of one word; true when the last of them took the next word as its value. */
function* letters(word: string, next: string | undefined): Generator<Found, boolean> {
  for (let j = 1; j < word.length; j++) {
    const option = OPTIONS.find((one) => one.letter === word[j]) ?? bad(`-${word[j]}`, 'is unknown');
    const rest = word.slice(j + 1);
    if (option.takesValue && rest === '' && next === undefined) bad(word, 'requires parameter');
    yield { option, value: !option.takesValue ? '' : rest !== '' ? rest : next!, word };
    if (option.takesValue) return rest === '';
  }
  return false;
}

/** What a command line asks for that is not simulated. */
export function refusedOptions(args: readonly string[]): string[] {
  try {
    return [...walk(args)].filter(({ option }) => !option.simulated).map(({ option }) => `curl --${option.name}`);
  } catch (error) {
    if (error instanceof CurlExit) return [];
    throw error;
  }
}

export function parseCurl(args: readonly string[]): CurlOptions {
  const options: CurlOptions = {
    urls: [], outputs: [], flags: new Set(), values: new Map(), headers: [], resolve: [], data: [], maxTime: null, connectTimeout: null, maxRedirs: 50, localPorts: null,
  };
  if (args.length === 0) throw new CurlExit(TRY);
  for (const { option, value, word } of walk(args)) {
    if (!option.simulated) throw new NotSimulated(`curl --${option.name}`);
    setOption(options, option, value, word);
  }
  return options;
}

const DATA_KINDS: Readonly<Record<string, CurlData['kind']>> = { data: 'data', 'data-ascii': 'data', 'data-raw': 'raw', 'data-binary': 'binary', 'data-urlencode': 'urlencode', json: 'json' };
/** Options whose own name begins so. */
const NO = ['no-progress-meter', 'no-buffer', 'no-keepalive', 'no-sessionid'];

function setOption(options: CurlOptions, { name, takesValue }: Known, value: string, word: string): void {
  const data = DATA_KINDS[name];
  if (name === 'url') options.urls.push(value);
  else if (name === 'output') options.outputs.push(value);
  else if (name === 'remote-name') options.outputs.push(null);
  else if (name === 'header') options.headers.push(value);
  else if (name === 'resolve') options.resolve.push(value);
  else if (data !== undefined) options.data.push({ kind: data, text: value });
  else if (name === 'max-time') options.maxTime = seconds(value, word);
  else if (name === 'connect-timeout') options.connectTimeout = seconds(value, word);
  else if (name === 'max-redirs') options.maxRedirs = whole(value, word);
  else if (name === 'local-port') options.localPorts = portRange(value, word);
  else if (takesValue) options.values.set(name, value);
  else if (name.startsWith('no-') && !NO.includes(name)) options.flags.delete(name.slice(3));
  else options.flags.add(name);
}

function seconds(text: string, word: string): number | null {
  if (!/^\d*\.?\d*$/.test(text) || !/\d/.test(text)) bad(word, 'expected a proper numerical parameter');
  return Number(text) === 0 ? null : Number(text);
}

function whole(text: string, word: string): number {
  if (!/^-?\d+$/.test(text)) bad(word, 'expected a proper numerical parameter');
  return Number(text);
}

function portRange(text: string, word: string): readonly [number, number] {
  const found = /^(\d+)(?: *- *(\d+))?$/.exec(text);
  const first = Number(found?.[1]);
  const last = Number(found?.[2] ?? first);
  if (found === null || first > 65535 || last > 65535 || last < first) bad(word, 'is badly used here');
  return [first, last - first + 1];
}

/** The words for a command line without any URL. */
export function noUrl(): never {
  throw new CurlExit(`curl: no URL specified!\n${TRY}`);
}
