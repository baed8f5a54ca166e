"""The rules that packets meet in a namespace, as the kernel's nftables reports them (NFT_MSG_TRACE).

A table of our own marks every packet as it comes in or is sent (`meta nftrace set 1`): nothing of iptables' tables is touched. Rules are
named by their place in the chain, which is followed from the notifications about chains and rules on the same socket.
"""
import errno
import socket
import struct

NETLINK_NETFILTER, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP = 12, 270, 1
SO_RCVBUFFORCE = 33
NFNLGRP_NFTABLES, NFNLGRP_NFTRACE = 7, 9
NFTABLES, BATCH_BEGIN, BATCH_END = 10, 0x10, 0x11
NEWTABLE, DELTABLE, NEWCHAIN, DELCHAIN, NEWRULE, DELRULE, NEWGEN, TRACE = 0, 2, 3, 5, 6, 8, 15, 17
NLM_F_REQUEST, NLM_F_ACK, NLM_F_CREATE, NLM_F_APPEND, NLMSG_ERROR = 1, 4, 0x400, 0x800, 2
NESTED, PF_INET = 0x8000, 2
# Behind the reassembly of fragments, before iptables' table raw.
PRIORITY = -350
OWN = 'hopscope'
VERDICTS = {0: 'DROP', 1: 'ACCEPT', 2: 'STOLEN', 3: 'QUEUE', 4: 'REPEAT', -1: 'CONTINUE', -2: 'BREAK', -3: 'JUMP', -4: 'GOTO', -5: 'RETURN'}
POLICY, RULE = 1, 3


def attribute(kind, data):
    return struct.pack('=HH', 4 + len(data), kind) + data + bytes(-len(data) % 4)


def text(kind, value):
    return attribute(kind, value.encode() + b'\0')


def nested(kind, *parts):
    return attribute(kind | NESTED, b''.join(parts))


def number(kind, value):
    return attribute(kind, struct.pack('!i', value))


def message(kind, flags, family, resource, body, sequence):
    return struct.pack('=IHHII', 20 + len(body), kind, NLM_F_REQUEST | flags, sequence, 0) + struct.pack('!BBH', family, 0, resource) + body


def own_table():
    """The batch that makes the table."""
    def expression(name, *data):
        return nested(1, text(1, name), nested(2, *data))

    # NFT_REG32_00 = 1; NFT_META_NFTRACE (12) = that register
    mark = nested(4, expression('immediate', number(1, 8), nested(2, attribute(1, b'\1'))), expression('meta', number(2, 12), number(3, 8)))
    requests = [(NEWTABLE, NLM_F_CREATE, text(1, OWN))]
    for chain, hook in (('in', 0), ('out', 3)):
        requests.append((NEWCHAIN, NLM_F_CREATE, text(1, OWN) + text(3, chain) + nested(4, number(1, hook), number(2, PRIORITY)) + text(7, 'filter')))
        requests.append((NEWRULE, NLM_F_CREATE | NLM_F_APPEND, text(1, OWN) + text(2, chain) + mark))
    batch = message(BATCH_BEGIN, 0, 0, NFTABLES, b'', 1)
    for sequence, (kind, flags, body) in enumerate(requests, 2):
        batch += message(NFTABLES << 8 | kind, flags | NLM_F_ACK, PF_INET, 0, body, sequence)
    return batch + message(BATCH_END, 0, 0, NFTABLES, b'', len(requests) + 2), len(requests)


def attributes(data):
    found, at = {}, 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from('=HH', data, at)
        if length < 4:
            break
        found[kind & 0x3FFF] = data[at + 4:at + length]
        at += (length + 3) & ~3
    return found


def string(data):
    return data.rstrip(b'\0').decode()


class RuleTrace:
    """To be made in the namespace that it is about."""

    def __init__(self):
        self.chains = {}  # (table, chain) -> handles of its rules, in order
        self.names = {}   # (table, handle of a chain) -> its name
        self.first_gone = None  # the rules whose first one was deleted just now, in the same transaction
        self.packets = []
        self.open = {}    # id of a packet -> the packet, while it is on its way
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self.socket.bind((0, 0))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 26)
        batch, answers = own_table()
        self.socket.send(batch)
        while answers > 0:
            for kind, _, body in self.messages(self.socket.recv(1 << 16)):
                if kind == NLMSG_ERROR:
                    error = -struct.unpack_from('=i', body)[0]
                    if error:
                        raise OSError(error, 'the rules cannot be traced')
                    answers -= 1
        for group in (NFNLGRP_NFTABLES, NFNLGRP_NFTRACE):
            self.socket.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)

    @staticmethod
    def messages(data):
        at = 0
        while at + 16 <= len(data):
            length, kind, flags = struct.unpack_from('=IHH', data, at)
            yield kind, flags, data[at + 16:at + length]
            at += (length + 3) & ~3

    def drain(self):
        """Takes in what has been reported until now. An OSError (ENOBUFS): some of it is lost."""
        while True:
            try:
                data = self.socket.recv(1 << 16, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno == errno.EINTR:
                    continue
                raise
            for kind, flags, body in self.messages(data):
                if kind >> 8 == NFTABLES and (body[:1] == bytes([PF_INET]) or kind & 255 == NEWGEN):
                    self.take(kind & 255, flags, attributes(body[4:]))

    def take(self, kind, flags, found):
        if kind == TRACE:
            self.traced(found)
        elif kind == NEWRULE:
            handles = self.chains.setdefault((string(found[1]), string(found[2])), [])
            handle = found[3]
            if handle in handles:
                handles.remove(handle)
            # With neither the flag nor a rule before it, it comes first.
            at = handles.index(found[6]) + 1 if found.get(6) in handles else len(handles) if flags & NLM_F_APPEND else 0
            # A rule that replaces the first one is reported as if it came last, after the end of the other.
            if self.first_gone is handles and 6 not in found:
                at = 0
            self.first_gone = None
            handles.insert(at, handle)
        elif kind == DELRULE:
            handles = self.chains.get((string(found[1]), string(found[2])), [])
            if found.get(3) in handles:
                self.first_gone = handles if handles[0] == found[3] else None
                handles.remove(found[3])
        elif kind == NEWGEN:
            self.first_gone = None
        elif kind == NEWCHAIN:
            table, name, handle = string(found[1]), string(found[3]), found[2]
            before = self.names.get((table, handle))
            if before is not None and before != name:
                self.chains[table, name] = self.chains.pop((table, before), [])
            self.names[table, handle] = name

    def traced(self, found):
        table, chain, key, kind = string(found[1]), string(found[2]), found[6], struct.unpack('!I', found[4])[0]
        # The end of a chain is reported as a rule without a handle.
        if kind == RULE and 3 not in found:
            return
        if table == OWN:
            if kind == RULE:
                packet = self.open[key] = {'packet': header(found), 'walk': []}
                self.packets.append(packet)
            return
        packet = self.open.get(key)
        if packet is None:
            return
        if kind == POLICY:
            packet['walk'].append(f'{table} {chain} policy {VERDICTS[struct.unpack("!I", found[16])[0]]}')
        elif kind == RULE:
            verdict = attributes(found[5])
            code = struct.unpack('!i', verdict[1])[0]
            word = VERDICTS.get(code if code < 0 else code & 255, str(code))
            if 2 in verdict:
                word += ' ' + string(verdict[2])
            handles = self.chains.get((table, chain), [])
            place = handles.index(found[3]) + 1 if found[3] in handles else 0
            packet['walk'].append(f'{table} {chain} {place} {word}')

    def finish(self):
        """The packets since the last time that met a rule or a policy."""
        packets, self.packets = self.packets, []
        return [packet for packet in packets if packet['walk']]

    def close(self):
        self.socket.close()


def header(found):
    """The IP header and what of the next one was reported, as hex."""
    network, transport = found.get(8, b''), found.get(9, b'')
    return (network[:(network[0] & 15) * 4 if network else 0] + transport).hex()
