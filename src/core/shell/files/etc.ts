import type { Machine } from '../../kernel/machine.ts';
import { directory, type DirectoryNode, file } from './nodes.ts';

/** /etc as a fresh Debian has it, as far as a network needs it. */
export function etcFiles(machine: Machine): DirectoryNode {
  const hosts = `127.0.0.1\tlocalhost\n127.0.1.1\t${machine.name}\n\n# The following lines are desirable for IPv6 capable hosts\n`
    + '::1     localhost ip6-localhost ip6-loopback\nff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n';
  return directory([
    ['group', file('root:x:0:\n')],
    ['hostname', file(`${machine.name}\n`)],
    ['hosts', file(hosts)],
    ['iproute2', directory([
      ['rt_protos', file(RT_PROTOS)],
      ['rt_scopes', file('#\n# reserved values\n#\n0\tglobal\n255\tnowhere\n254\thost\n253\tlink\n#\n# pseudo-reserved\n#\n200\tsite\n')],
      ['rt_tables', file(RT_TABLES)],
      ['rt_tables.d', directory()],
    ])],
    ['netns', directory()],
    ['nsswitch.conf', file('hosts:          files dns\nnetworks:       files\n')],
    ['os-release', file(OS_RELEASE)],
    ['passwd', file('root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n')],
    ['resolv.conf', file('')],
    ['sysctl.conf', file('')],
    ['sysctl.d', directory()],
  ]);
}

const RT_TABLES = `#
# reserved values
#
255\tlocal
254\tmain
253\tdefault
0\tunspec
#
# local
#
#1\tinr.ruhep
`;

const RT_PROTOS = `#
# Reserved protocols.
#
0\tunspec
1\tredirect
2\tkernel
3\tboot
4\tstatic
8\tgated
9\tra
10\tmrt
11\tzebra
12\tbird
13\tdnrouted
14\txorp
15\tntk
16\tdhcp
18\tkeepalived
42\tbabel
186\tbgp
187\tisis
188\tospf
189\trip
192\teigrp
`;

const OS_RELEASE = `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
`;
