import { joinPath } from '../../shell/files/path.ts';
import { EPOCH } from '../../shell/interpreter/special.ts';
import { NotSimulated, type Process, type Program } from '../../shell/process.ts';
import { formatIpv4, isLoopbackIpv4 } from '../../wire/address.ts';
import { formatDate } from './date-format.ts';
import { parseDate } from './date-parse.ts';
import { complain, quoted } from './io.ts';
import { extraOperand, parseOptions } from './options.ts';

/** hostname(1), uname(1), id(1), whoami(1), nproc(1), date(1), which(1), printenv(1). */

const HOSTNAME_USAGE = `Usage: hostname [-b] {hostname|-F file}         set host name (from file)
       hostname [-a|-A|-d|-f|-i|-I|-s|-y]       display formatted name
       hostname                                 display host name

       {yp,nis,}domainname {nisdomain|-F file}  set NIS domain name (from file)
       {yp,nis,}domainname                      display NIS domain name

       dnsdomainname                            display dns domain name

       hostname -V|--version|-h|--help          print info and exit

Program name:
       {yp,nis,}domainname=hostname -y
       dnsdomainname=hostname -d

Program options:
    -a, --alias            alias names
    -A, --all-fqdns        all long host names (FQDNs)
    -b, --boot             set default hostname if none available
    -d, --domain           DNS domain name
    -f, --fqdn, --long     long host name (FQDN)
    -F, --file             read host name or NIS domain name from given file
    -i, --ip-address       addresses for the host name
    -I, --all-ip-addresses all addresses for the host
    -s, --short            short host name
    -y, --yp, --nis        NIS/YP domain name

Description:
   This command can get or set the host name or the NIS domain name. You can
   also get the DNS domain or the FQDN (fully qualified domain name).
   Unless you are using bind or NIS for host lookups you can change the
   FQDN (Fully Qualified Domain Name) and the DNS domain name (which is
   part of the FQDN) in the /etc/hosts file.
`;

export const hostname: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, {
    a: 'never', alias: '=a', A: 'never', 'all-fqdns': '=A', b: 'no', boot: '=b', d: 'no', domain: '=d', f: 'no', fqdn: '=f', long: '=f', F: 'yes', file: '=F', i: 'never', 'ip-address': '=i', I: 'no', 'all-ip-addresses': '=I',
    s: 'no', short: '=s', y: 'never', yp: '=y', nis: '=y',
  }, { exit: 255, hint: HOSTNAME_USAGE });
  if (failed !== null) return failed;
  const given = new Map(options);
  const file = given.get('F');
  const name = file !== undefined ? process.fs.read(joinPath(process.cwd, file)).trim() : operands[0];
  if (name !== undefined) {
    if (!/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(name)) {
      complain(process, 'the specified hostname is invalid');
      return 1;
    }
    process.machine.hostname = name;
    return 0;
  }
  const own = process.machine.hostname;
  if (given.has('I')) process.stdout.write(`${addresses(process).map((ip) => `${ip} `).join('')}\n`);
  else if (given.has('d')) process.stdout.write(`${own.replace(/^[^.]*\.?/, '')}\n`);
  else process.stdout.write(`${given.has('s') ? own.replace(/\..*/, '') : own}\n`);
  return 0;
};

/** Addresses of the namespace's devices but lo, as `hostname -I` gives them. */
function addresses(process: Process): string[] {
  return [...process.ns.tables.addr.rows.values()].filter((row) => !isLoopbackIpv4(row.local)).map((row) => formatIpv4(row.local));
}

const UNAME = {
  a: 'no', all: '=a', s: 'no', 'kernel-name': '=s', n: 'no', nodename: '=n', r: 'no', 'kernel-release': '=r', v: 'no', 'kernel-version': '=v', m: 'no', machine: '=m', p: 'no', processor: '=p', i: 'no', 'hardware-platform': '=i',
  o: 'no', 'operating-system': '=o',
} as const;

export const uname: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, UNAME, { exit: 1 });
  if (failed !== null) return failed;
  if (operands.length > 0) return extraOperand(process, operands[0]!);
  const fields: readonly [string, string][] = [
    ['s', 'Linux'], ['n', process.machine.hostname], ['r', '6.18.0'], ['v', '#1 SMP PREEMPT_DYNAMIC'], ['m', 'x86_64'], ['p', 'unknown'], ['i', 'unknown'], ['o', 'GNU/Linux'],
  ];
  const asked = new Set(options.map(([name]) => name));
  if (asked.size === 0) asked.add('s');
  const shown = fields.filter(([letter]) => asked.has(letter) || (asked.has('a') && letter !== 'p' && letter !== 'i'));
  process.stdout.write(`${shown.map(([, text]) => text).join(' ')}\n`);
  return 0;
};

export const id: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, { a: 'no', g: 'no', group: '=g', G: 'no', groups: '=G', n: 'no', name: '=n', r: 'no', real: '=r', u: 'no', user: '=u', z: 'never', Z: 'never' }, { exit: 1 });
  if (failed !== null) return failed;
  if (operands.length > 0 && operands[0] !== 'root') {
    complain(process, `${quoted(operands[0]!)}: no such user`);
    return 1;
  }
  const flags = new Set(options.map(([name]) => name));
  const one = flags.has('u') || flags.has('g') || flags.has('G');
  if (!one && flags.has('n')) {
    complain(process, 'cannot print only names or real IDs in default format');
    return 1;
  }
  process.stdout.write(one ? (flags.has('n') ? 'root\n' : '0\n') : 'uid=0(root) gid=0(root) groups=0(root)\n');
  return 0;
};

export const whoami: Program = function* (process) {
  const { operands, failed } = parseOptions(process, {}, { exit: 1 });
  if (failed !== null) return failed;
  if (operands.length > 0) return extraOperand(process, operands[0]!);
  process.stdout.write('root\n');
  return 0;
};

export const nproc: Program = function* (process) {
  const { operands, failed } = parseOptions(process, { all: 'no', ignore: 'never' }, { exit: 1 });
  if (failed !== null) return failed;
  if (operands.length > 0) return extraOperand(process, operands[0]!);
  process.stdout.write('1\n');
  return 0;
};

export const date: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, {
    d: 'yes', date: '=d', f: 'never', I: 'optional', 'iso-8601': '=I', r: 'never', R: 'no', 'rfc-email': '=R', 'rfc-3339': 'yes', s: 'never', set: '=s', u: 'no', utc: '=u', universal: '=u', debug: 'never', resolution: 'never',
  }, { exit: 1 });
  if (failed !== null) return failed;
  const given = new Map(options);
  let seconds = EPOCH + Math.floor(process.now / 1e9);
  const text = given.get('d');
  if (text !== undefined) {
    const parsed = parseDate(text, seconds);
    if (parsed === null) {
      complain(process, `invalid date ${quoted(text)}`);
      return 1;
    }
    seconds = parsed;
  }
  if (operands.length > 1) return extraOperand(process, operands[1]!);
  if (operands[0] !== undefined && !operands[0].startsWith('+')) {
    if (/^\d{8,12}$/.test(operands[0])) throw new NotSimulated('setting the clock with date');
    complain(process, `invalid date ${quoted(operands[0])}`);
    return 1;
  }
  process.stdout.write(`${formatDate(operands[0]?.slice(1) ?? defaultFormat(given), seconds, text === undefined ? Math.floor(process.now % 1e9) : 0)}\n`);
  return 0;
};

function defaultFormat(given: ReadonlyMap<string, string>): string {
  if (given.has('R')) return '%a, %d %b %Y %H:%M:%S %z';
  const precision = given.get('I') ?? given.get('rfc-3339');
  if (precision === undefined) return '%a %b %e %H:%M:%S %Z %Y';
  const gap = given.has('I') ? 'T' : ' ';
  const times: Readonly<Record<string, string>> = { hours: '%H', minutes: '%H:%M', seconds: '%H:%M:%S', ns: '%H:%M:%S,%N' };
  const time = times[precision];
  return time ? `%Y-%m-%d${gap}${time}%:z` : '%Y-%m-%d';
}

export const which: Program = function* (process) {
  let all = false;
  let i = 1;
  for (; i < process.argv.length && /^-./.test(process.argv[i]!); i++) {
    if (process.argv[i] === '-a') all = true;
    else {
      process.stderr.write(`Illegal option ${process.argv[i]}\n`);
      process.stdout.write('Usage: /usr/bin/which [-a] args\n');
      return 2;
    }
  }
  let status = process.argv.length > i ? 0 : 1;
  for (const name of process.argv.slice(i)) {
    const folders = name.includes('/') ? [''] : (process.env.get('PATH') ?? '').split(':');
    const found = folders.map((folder) => (folder === '' ? name : `${folder}/${name}`)).filter((path) => {
      const full = joinPath(process.cwd, path);
      return process.fs.exists(full) && process.fs.stat(full).type === 'file' && (process.fs.stat(full).mode & 0o111) !== 0;
    });
    for (const path of all ? found : found.slice(0, 1)) process.stdout.write(`${path}\n`);
    if (found.length === 0) status = 1;
  }
  return status;
};

export const printenv: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, { 0: 'no', null: '=0' }, { exit: 2 });
  if (failed !== null) return failed;
  const end = options.length > 0 ? '\0' : '\n';
  if (operands.length === 0) {
    process.stdout.write([...process.env].map(([name, value]) => `${name}=${value}${end}`).join(''));
    return 0;
  }
  let status = 0;
  for (const name of operands) {
    const value = process.env.get(name);
    if (value === undefined) status = 1;
    else process.stdout.write(value + end);
  }
  return status;
};
