/** What netcat-openbsd says of itself when it is called wrongly. */
export const NC_USAGE = `usage: nc [-46CDdFhklNnrStUuvZz] [-I length] [-i interval] [-M ttl]
	  [-m minttl] [-O length] [-P proxy_username] [-p source_port]
	  [-q seconds] [-s sourceaddr] [-T keyword] [-V rtable] [-W recvlimit]
	  [-w timeout] [-X proxy_protocol] [-x proxy_address[:port]]
	  [destination] [port]
`;

const SUMMARY: readonly (readonly [option: string, help: string])[] = [
  ['-4\t', 'Use IPv4'], ['-6\t', 'Use IPv6'], ['-b\t', 'Allow broadcast'], ['-C\t', 'Send CRLF as line-ending'], ['-D\t', 'Enable the debug socket option'],
  ['-d\t', 'Detach from stdin'], ['-F\t', 'Pass socket fd'], ['-h\t', 'This help text'], ['-I length', 'TCP receive buffer length'],
  ['-i interval', 'Delay interval for lines sent, ports scanned'], ['-k\t', 'Keep inbound sockets open for multiple connects'],
  ['-l\t', 'Listen mode, for inbound connects'], ['-M ttl', '\tOutgoing TTL / Hop Limit'], ['-m minttl', 'Minimum incoming TTL / Hop Limit'],
  ['-N\t', 'Shutdown the network socket after EOF on stdin'], ['-n\t', 'Suppress name/port resolutions'], ['-O length', 'TCP send buffer length'],
  ['-P proxyuser', 'Username for proxy authentication'], ['-p port', '\tSpecify local port for remote connects'], ['-q secs', '\tquit after EOF on stdin and delay of secs'],
  ['-r\t', 'Randomize remote ports'], ['-S\t', 'Enable the TCP MD5 signature option'], ['-s sourceaddr', 'Local source address'], ['-T keyword', 'TOS value'],
  ['-t\t', 'Answer TELNET negotiation'], ['-U\t', 'Use UNIX domain socket'], ['-u\t', 'UDP mode'], ['-V rtable', 'Specify alternate routing table'], ['-v\t', 'Verbose'],
  ['-W recvlimit', 'Terminate after receiving a number of packets'], ['-w timeout', 'Timeout for connects and final net reads'],
  ['-X proto', 'Proxy protocol: "4", "5" (SOCKS) or "connect"'], ['-x addr[:port]', 'Specify proxy address and port'], ['-Z\t', 'DCCP mode'],
  ['-z\t', 'Zero-I/O mode [used for scanning]'],
];

/** `nc -h`. */
export const NC_HELP = `OpenBSD netcat (Debian patchlevel 1.219-1)\n${NC_USAGE}\tCommand Summary:\n${SUMMARY.map(([option, help]) => `\t\t${option}\t${help}\n`).join('')}`
  + '\tPort numbers can be individual or ranges: lo-hi [inclusive]\n';
