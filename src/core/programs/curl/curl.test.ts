import { describe, expect, it } from 'vitest';
import { checkCurlArgs } from './curl.ts';
import { checkPythonArgs } from '../http-server/python3.ts';
import { testNetwork } from '../lib/test-network.ts';
import { meterLine } from './meter.ts';
import { base64 } from './request.ts';
import { chunkDecoder, decodeChunks } from './response.ts';
import { follow, parseUrl, withoutDots } from './url.ts';

const net = testNetwork();
net.run('b', "mkdir -p /web/idx; echo hello > /web/hello.txt; echo '<p>idx' > /web/idx/index.html; cd /web; python3 -u -m http.server 80 > /out 2> /log &");

const REFUSED = "curl: (7) Failed to connect to 10.0.2.1 port 81 after 0 ms: Couldn't connect to server\n";
const TRY = "curl: try 'curl --help' or 'curl --manual' for more information\n";

/** What curl 7.88.1 prints, against http.server of Python 3.11.2 on the same network of namespaces. */
const CASES: [script: string, exit: number, stdout: string, stderr?: string][] = [
  ['curl -s 10.0.2.1/hello.txt', 0, 'hello\n'],
  ['curl -sL -w "%{http_code} %{num_redirects} %{url_effective}\\n" 10.0.2.1/idx', 0, '<p>idx\n200 1 http://10.0.2.1/idx/\n'],
  ['curl -sf 10.0.2.1/nope', 22, ''],
  ['curl -sSf 10.0.2.1/nope', 22, '', 'curl: (22) The requested URL returned error: 404\n'],
  ['curl -sS 10.0.2.1:81', 7, '', REFUSED],
  ['curl -sv 10.0.2.1:81', 7, '', '*   Trying 10.0.2.1:81...\n* connect to 10.0.2.1 port 81 failed: Connection refused\n* Failed to connect to 10.0.2.1 port 81 after 0 ms: Couldn\'t connect to server\n* Closing connection 0\n'],
  ['curl -sS nosuch', 6, '', 'curl: (6) Could not resolve host: nosuch\n'],
  ["curl -sS ''", 3, '', 'curl: (3) URL using bad/illegal format or missing URL\n'],
  ['curl -sS foo://x', 1, '', 'curl: (1) Protocol "foo" not supported or disabled in libcurl\n'],
  ['curl -sS --interface nope 10.0.2.1', 45, '', "curl: (45) Couldn't bind to 'nope'\n"],
  ['curl -sS --interface 10.9.9.9 10.0.2.1', 45, '', 'curl: (45) bind failed with errno 99: Cannot assign requested address\n'],
  ['curl -sSL --max-redirs 0 10.0.2.1/idx', 47, '', 'curl: (47) Maximum (0) redirects followed\n'],
  ['curl -s -o /nodir/x 10.0.2.1/hello.txt', 23, ''],
  ['curl -s -O 10.0.2.1', 23, ''],
  ['curl -sS --resolve x:80 x', 49, '', "curl: (49) Couldn't parse CURLOPT_RESOLVE entry 'x:80'\n"],
  ['curl', 2, '', TRY],
  ['curl -s', 2, '', `curl: no URL specified!\n${TRY}`],
  ['curl --nope', 2, '', `curl: option --nope: is unknown\n${TRY}`],
  ['curl -m', 2, '', `curl: option -m: requires parameter\n${TRY}`],
  ['curl -m x y', 2, '', `curl: option -m: expected a proper numerical parameter\n${TRY}`],
  ['curl -s -m 1 -w "%{exitcode}" 10.0.2.77', 28, '28'],
];

describe('curl', () => {
  it.each(CASES)('%s', (script, exit, stdout, stderr = '') => {
    expect(net.run('a', script)).toEqual({ exit, stdout, stderr });
  });

  it('shows the meter and, with -v, what goes to and fro', () => {
    const { stderr } = net.run('a', 'curl -v 10.0.2.1/hello.txt');
    expect(stderr).toContain('  % Total    % Received % Xferd  Average Speed');
    expect(stderr).toContain('0*   Trying 10.0.2.1:80...\n* Connected to 10.0.2.1 (10.0.2.1) port 80 (#0)\n> GET /hello.txt HTTP/1.1\r\n> Host: 10.0.2.1\r\n> User-Agent: curl/7.88.1\r\n> Accept: */*\r\n> \r\n');
    expect(stderr).toMatch(/< \r\n\{ \[6 bytes data\]\n\r100 {5}6 {2}100 {5}6 .*\n\* Closing connection 0\n$/);
  });

  it('sends data and headers of its own', () => {
    net.run('b', 'nc -N -l 82 < /dev/null > /heard &');
    net.run('a', "curl -s -m 2 -d a=b -d c -u user:pw -H 'X-A: b' -H 'Accept:' 10.0.2.1:82/p?q");
    expect(net.run('b', 'cat /heard').stdout).toBe('POST /p?q HTTP/1.1\r\nHost: 10.0.2.1:82\r\nAuthorization: Basic dXNlcjpwdw==\r\nUser-Agent: curl/7.88.1\r\nX-A: b\r\nContent-Length: 5\r\n'
      + 'Content-Type: application/x-www-form-urlencoded\r\n\r\na=b&c');
  });

  it('names what is not simulated', () => {
    expect(checkCurlArgs(['curl', '-s', '--compressed', 'x'])).toEqual(['curl --compressed']);
    expect(checkCurlArgs(['curl', 'https://x/'])).toEqual(['curl https://']);
    expect(checkCurlArgs(['curl', '-sv', 'http://x/'])).toEqual([]);
    expect(checkPythonArgs(['python3', '-m', 'http.server', '80'])).toEqual([]);
    expect(checkPythonArgs(['python3', '-c', 'pass'])).toEqual(['python3 but for -m http.server']);
  });
});

describe('its parts', () => {
  it('reads URLs and follows them', () => {
    expect(parseUrl('u:p@h:8080/a/../b?c#d')).toMatchObject({ host: 'h', port: 8080, user: 'u:p', target: '/b?c' });
    expect(parseUrl('0x0a000001')).toMatchObject({ host: '10.0.0.1', port: 80, target: '/' });
    expect(withoutDots('/../a/./b/..')).toBe('/a/');
    expect(follow(parseUrl('h:81/x/y'), '../z')).toBe('http://h:81/z');
  });

  it('takes chunks in pieces of any size', () => {
    const text = '3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nT: x\r\n\r\n';
    for (const size of [1, 2, 3, 7, 100]) {
      const decoder = chunkDecoder();
      let body = '';
      for (let i = 0; i < text.length; i += size) body += new TextDecoder().decode(decodeChunks(decoder, new TextEncoder().encode(text.slice(i, i + size))));
      expect([body, decoder.done, decoder.trailer]).toEqual(['abcdefg', true, 'T: x\r\n']);
    }
    expect(() => decodeChunks(chunkDecoder(), new TextEncoder().encode('zz\r\n'))).toThrow('Illegal or missing hexadecimal sequence');
  });

  it('writes base64 and the meter', () => {
    expect(['', 'a', 'ab', 'abc'].map((text) => base64(new TextEncoder().encode(text)))).toEqual(['', 'YQ==', 'YWI=', 'YWJj']);
    expect(meterLine({ begun: 0, downloadSize: 300_000, downloaded: 150_000, uploadSize: null, uploaded: 0 }, 2e9)).toBe('\r 50  292k   50  146k    0     0  75000      0  0:00:04  0:00:02  0:00:02 75000');
  });
});
