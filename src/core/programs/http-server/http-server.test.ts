import { describe, expect, it } from 'vitest';
import { testNetwork } from '../lib/test-network.ts';
import { guessType } from './mime.ts';
import { httpDate, parseHttpDate, quote, repr, unquote } from './python-text.ts';
import { parseRequest } from './request.ts';

const net = testNetwork();
net.run('b', "mkdir -p '/web/sub' /web/.hid; echo hello > /web/hello.txt; echo x > '/web/a & b.html'; ln -s hello.txt /web/link; cd /web; python3 -u -m http.server 80 > /out 2> /log &");

/** What comes back for the raw bytes of a request. */
const raw = (request: string): string => net.run('a', `printf '${request}' | nc -q 1 10.0.2.1 80`).stdout;

describe('python3 -m http.server', () => {
  it('lists a directory', () => {
    const { stdout } = net.run('a', 'curl -s 10.0.2.1/');
    expect(stdout).toContain('<title>Directory listing for /</title>\n</head>\n<body>\n<h1>Directory listing for /</h1>\n<hr>\n<ul>\n<li><a href=".hid/">.hid/</a></li>\n'
      + '<li><a href="a%20%26%20b.html">a &amp; b.html</a></li>\n<li><a href="hello.txt">hello.txt</a></li>\n<li><a href="link">link@</a></li>\n<li><a href="sub/">sub/</a></li>\n</ul>\n');
  });

  it('answers with headers', () => {
    expect(raw('GET /hello.txt HTTP/1.0\\r\\n\\r\\n')).toMatch(/^HTTP\/1\.0 200 OK\r\nServer: SimpleHTTP\/0\.6 Python\/3\.11\.2\r\nDate: Mon, 01 Jan 2024 .* GMT\r\nContent-type: text\/plain\r\nContent-Length: 6\r\nLast-Modified: Mon, 01 Jan 2024 .* GMT\r\n\r\nhello\n$/);
    expect(raw('HEAD /hello.txt HTTP/1.0\\r\\n\\r\\n')).toMatch(/GMT\r\n\r\n$/);
    expect(raw('GET /sub?a=b HTTP/1.0\\r\\n\\r\\n')).toMatch(/^HTTP\/1\.0 301 Moved Permanently\r\n.*\r\n.*\r\nLocation: \/sub\/\?a=b\r\nContent-Length: 0\r\n\r\n$/);
    expect(raw('GET /hello.txt\\r\\n\\r\\n')).toBe('hello\n');
    expect(raw('GET /../../hello.txt HTTP/1.0\\r\\n\\r\\n')).toContain('\r\n\r\nhello\n');
  });

  it('answers wrong requests', () => {
    expect(raw('GET /nope HTTP/1.0\\r\\n\\r\\n')).toMatch(/^HTTP\/1\.0 404 File not found\r\n[^]*Connection: close\r\nContent-Type: text\/html;charset=utf-8\r\nContent-Length: 335\r\n\r\n<!DOCTYPE HTML>/);
    expect(raw('POST / HTTP/1.0\\r\\n\\r\\n')).toContain("HTTP/1.0 501 Unsupported method ('POST')\r\n");
    expect(raw('GET\\r\\n')).toContain("<p>Message: Bad request syntax ('GET').</p>");
    expect(raw('GET / HTTP/2.0\\r\\n')).toContain('<p>Message: Invalid HTTP version (2.0).</p>');
    expect(raw('GET / FOO\\r\\n')).toContain("<p>Message: Bad request version ('FOO').</p>");
  });

  it('serves others while one is slow, and logs', () => {
    net.run('a', '(sleep 5) | nc 10.0.2.1 80 & ');
    expect(net.run('a', 'curl -s -m 1 10.0.2.1/hello.txt').stdout).toBe('hello\n');
    expect(net.run('b', 'cat /out').stdout).toBe('Serving HTTP on 0.0.0.0 port 80 (http://0.0.0.0:80/) ...\n');
    expect(net.run('b', 'tail -n 1 /log').stdout).toMatch(/^10\.0\.1\.1 - - \[01\/Jan\/2024 [\d:]{8}\] "GET \/hello\.txt HTTP\/1\.1" 200 -\n$/);
  });

  it('refuses what Python refuses', () => {
    expect(net.run('b', 'python3 -m http.server 80')).toMatchObject({ exit: 1, stderr: expect.stringMatching(/\nOSError: \[Errno 98\] Address already in use\n$/) as string });
    expect(net.run('b', 'python3 -m http.server x')).toMatchObject({ exit: 2, stderr: expect.stringContaining("error: argument port: invalid int value: 'x'\n") as string });
    expect(net.run('b', 'python3 -V')).toEqual({ exit: 0, stdout: 'Python 3.11.2\n', stderr: '' });
    expect(net.run('b', 'python3 -c pass').stderr).toContain('python3 but for -m http.server is not simulated');
  });
});

describe('its parts', () => {
  it('waits for the whole head', () => {
    expect(parseRequest('GET / HTTP/1.0\r\nA: b\r\n', false)).toBe('incomplete');
    expect(parseRequest('GET / HTTP/1.0\r\nA: b\r\n\r\n', false)).toMatchObject({ request: { command: 'GET', path: '/' } });
    expect(parseRequest('', true)).toBe('empty');
  });

  it('writes as Python does', () => {
    expect([repr("a'b"), repr('a\x01\\'), repr('\'"')]).toEqual([`"a'b"`, "'a\\x01\\\\'", "'\\'\"'"]);
    expect(unquote('%e4%C3%A4%')).toBe('\ufffdä%');
    expect(quote('a b/ä~')).toBe('a%20b/%C3%A4~');
    expect(parseHttpDate(httpDate(1_704_067_261))).toBe(1_704_067_261);
    expect(['a.tar.gz', 'A.HTML', 'x', '.txt', 'a.sh'].map(guessType)).toEqual(['application/gzip', 'text/html', 'application/octet-stream', 'application/octet-stream', 'text/x-sh']);
  });
});
