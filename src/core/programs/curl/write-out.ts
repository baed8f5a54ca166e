import { NotSimulated } from '../../shell/process.ts';
import { SECOND, type SimTime } from '../../sim/time.ts';
import { formatIpv4, type Ipv4 } from '../../wire/address.ts';

/** What -w can tell of a transfer. Times are counted from `begun`; 0 for what did not happen. */
export interface Facts {
  url: string;
  urlNumber: number;
  effective: string;
  method: string;
  file: string;
  status: number;
  version: string;
  contentType: string;
  redirectUrl: string;
  headers: readonly (readonly [string, string])[];
  downloaded: number;
  uploaded: number;
  headerBytes: number;
  requestBytes: number;
  connects: number;
  redirects: number;
  local: Ipv4 | null;
  localPort: number;
  remote: Ipv4 | null;
  remotePort: number;
  exit: number;
  error: string;
  begun: SimTime;
  resolved: SimTime;
  connected: SimTime;
  sent: SimTime;
  first: SimTime;
  redirected: SimTime;
  ended: SimTime;
}

type Variable = (facts: Facts) => string;

const time = (key: 'resolved' | 'connected' | 'sent' | 'first' | 'redirected' | 'ended'): Variable => (facts) => (facts[key] === 0 ? 0 : (facts[key] - facts.begun) / SECOND).toFixed(6);
const speed = (key: 'downloaded' | 'uploaded'): Variable => (facts) => String(Math.floor(facts[key] / Math.max((facts.ended - facts.begun) / SECOND, 1e-6)));
const code: Variable = ({ status }) => String(status).padStart(3, '0');
const address = (ip: Ipv4 | null): string => (ip === null ? '' : formatIpv4(ip));

const VARIABLES: Readonly<Record<string, Variable>> = {
  http_code: code, response_code: code, http_connect: () => '000', http_version: ({ version }) => version, content_type: ({ contentType }) => contentType,
  local_ip: ({ local }) => address(local), local_port: ({ localPort }) => String(localPort), remote_ip: ({ remote }) => address(remote), remote_port: ({ remotePort }) => String(remotePort),
  size_download: ({ downloaded }) => String(downloaded), size_upload: ({ uploaded }) => String(uploaded), size_header: ({ headerBytes }) => String(headerBytes),
  size_request: ({ requestBytes }) => String(requestBytes), num_connects: ({ connects }) => String(connects), num_redirects: ({ redirects }) => String(redirects),
  num_headers: ({ headers }) => String(headers.length), url: ({ url }) => url, url_effective: ({ effective }) => effective, urlnum: ({ urlNumber }) => String(urlNumber),
  method: ({ method }) => method, scheme: ({ connects }) => (connects > 0 ? 'HTTP' : ''), redirect_url: ({ redirectUrl }) => redirectUrl, filename_effective: ({ file }) => file,
  exitcode: ({ exit }) => String(exit), errormsg: ({ error }) => error, ssl_verify_result: () => '0', proxy_ssl_verify_result: () => '0', num_certs: () => '0', ftp_entry_path: () => '',
  speed_download: speed('downloaded'), speed_upload: speed('uploaded'), time_namelookup: time('resolved'), time_connect: time('connected'), time_appconnect: () => '0.000000',
  time_pretransfer: time('sent'), time_starttransfer: time('first'), time_redirect: time('redirected'), time_total: time('ended'),
};

const REFUSED = ['json', 'header_json', 'certs', 'referer'];
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

/** Writes the text of -w (ourWriteOut of tool_writeout.c). */
export function writeOut(format: string, facts: Facts, out: (stream: 'stdout' | 'stderr', text: string) => void): void {
  let stream: 'stdout' | 'stderr' = 'stdout';
  const pieces = /%%|%header\{([^}]*)\}|%\{([^}]*)\}|\\([\s\S])|[^%\\]+|[\s\S]/g;
  for (const [whole, name, variable, escape] of format.matchAll(pieces)) {
    if (whole === '%%') out(stream, '%');
    else if (name !== undefined) out(stream, facts.headers.find(([one]) => one.toLowerCase() === name.toLowerCase())?.[1] ?? '');
    else if (escape !== undefined) out(stream, ESCAPES[escape] ?? whole);
    else if (variable === undefined) out(stream, whole);
    else if (variable === 'stdout' || variable === 'stderr') stream = variable;
    else if (variable === 'onerror') {
      if (facts.exit === 0) return;
    } else if (REFUSED.includes(variable)) throw new NotSimulated(`curl -w %{${variable}}`);
    else if (VARIABLES[variable]) out(stream, VARIABLES[variable](facts));
    else out('stderr', `curl: unknown --write-out variable: '${variable}'\n`);
  }
}
