import { expect, it } from 'vitest';
import { checkArgs } from '../lint.ts';

it.each([
  ['iptables -A INPUT -m hashlimit --hashlimit 1/s --hashlimit-name x', ['iptables -m hashlimit']], ['iptables -A INPUT -j NFQUEUE', ['iptables -j NFQUEUE']],
  ['iptables -A INPUT -p sctp --dport 5', ['iptables -m sctp']], ['iptables -t raw -A PREROUTING -j CT --helper ftp', ['iptables -j CT --helper']], ['iptables -vv -L', ['iptables -vv']],
  ['ip netns exec ns1 iptables -A INPUT -m time', ['iptables -m time']], ['iptables -A INPUT -m set --match-set x src -s host.example -j DROP', []], ['iptables -A INPUT --foo', []],
  ['iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE', []],
])('%s', (line, findings) => expect(checkArgs(line.split(' '))).toEqual(findings));
