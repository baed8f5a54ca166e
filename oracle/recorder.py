"""Captures on every device of every namespace of a lab, and gives the devices that labs make the MACs and offloads they have in every run.

Talks with the driver in lines of JSON on stdin and stdout, and with the `ip` of the machines (machine/ip) over a FIFO in each machine.
Ends when stdin closes.
"""
import array
import ctypes
import errno
import fcntl
import json
import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import time

from rule_trace import RuleTrace

CLONE_NEWNS, CLONE_NEWNET = 0x20000, 0x40000000
MS_PRIVATE_RECURSIVE = 0x44000
ETH_P_ALL = 3
SOL_PACKET, PACKET_STATISTICS, PACKET_AUXDATA = 263, 6, 8
SO_TIMESTAMPNS, SO_RCVBUFFORCE = 35, 33
SIOCGIFNAME, SIOCSIFHWADDR, SIOCETHTOOL = 0x8910, 0x8924, 0x8946
ETHTOOL_GDRVINFO, ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO = 0x3, 0x1F, 0x24, 0x2C
PACKET_OTHERHOST, PACKET_OUTGOING = 3, 4
NET_ADDR_RANDOM = 1
TP_STATUS_VLAN_VALID = 0x10
MNT_DETACH = 2
CONNTRACK_MAX = '/proc/sys/net/netfilter/nf_conntrack_max'
# What a device answers that is going away with its namespace; ENOTDIR: a file of sysfs that is no device.
GONE = (errno.ENODEV, errno.ENOENT, errno.EINVAL, errno.ENOTDIR)

IP = shutil.which('ip', path='/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin') or 'ip'

libc = ctypes.CDLL(None, use_errno=True)


def check(result):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


# What a fresh namespace has when its computer has changed nothing; IPv4 settings are inherited from the initial namespace.
DEFAULTS = {
    'ip_forward': '0',
    **{f'conf/{which}/{name}': value for which in ('all', 'default', 'lo') for name, value in {
        'rp_filter': '0', 'accept_redirects': '1', 'send_redirects': '1', 'arp_ignore': '0', 'arp_announce': '0', 'arp_accept': '0',
        'arp_notify': '0', 'proxy_arp': '0', 'promote_secondaries': '0', 'log_martians': '0', 'accept_local': '0', 'route_localnet': '0',
    }.items()},
}


class IoVec(ctypes.Structure):
    _fields_ = [('base', ctypes.c_void_p), ('length', ctypes.c_size_t)]


class MsgHdr(ctypes.Structure):
    _fields_ = [('name', ctypes.c_void_p), ('namelen', ctypes.c_uint32), ('iov', ctypes.POINTER(IoVec)), ('iovlen', ctypes.c_size_t),
                ('control', ctypes.c_void_p), ('controllen', ctypes.c_size_t), ('flags', ctypes.c_int)]


class Receiver:
    """recvmsg(2) with the raw sockaddr_ll: Python's own hides the interface index, which outlives the name of a deleted device."""

    def __init__(self):
        self.data = ctypes.create_string_buffer(1 << 17)
        self.name = ctypes.create_string_buffer(32)
        self.control = ctypes.create_string_buffer(512)
        self.iov = IoVec(ctypes.addressof(self.data), len(self.data))
        self.header = MsgHdr()

    def receive(self, fd):
        """-> (frame, ifindex, packet type, nanoseconds), or None when nothing waits."""
        self.header.name, self.header.namelen = ctypes.addressof(self.name), 32
        self.header.iov, self.header.iovlen = ctypes.pointer(self.iov), 1
        self.header.control, self.header.controllen = ctypes.addressof(self.control), 512
        length = libc.recvmsg(fd, ctypes.byref(self.header), socket.MSG_DONTWAIT)
        if length < 0:
            if ctypes.get_errno() in (errno.EAGAIN, errno.ENETDOWN):
                return None
            check(length)
        _, _, index, _, kind = struct.unpack_from('=HHiHB', self.name.raw)
        stamp, tag = self.ancillary()
        frame = self.data.raw[:length]
        return (frame[:12] + tag + frame[12:] if tag else frame), index, kind, stamp

    def ancillary(self):
        raw, at, stamp, tag = self.control.raw[:self.header.controllen], 0, 0, b''
        while at + 16 <= len(raw):
            length, level, kind = struct.unpack_from('=Qii', raw, at)
            if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                seconds, nanoseconds = struct.unpack_from('=qq', raw, at + 16)
                stamp = seconds * 1_000_000_000 + nanoseconds
            if level == SOL_PACKET and kind == PACKET_AUXDATA:
                status, _, _, _, _, tci, protocol = struct.unpack_from('=IIIHHHH', raw, at + 16)
                if status & TP_STATUS_VLAN_VALID:
                    tag = struct.pack('!HH', protocol or 0x8100, tci)
            at += max(16, (length + 7) & ~7)
        return stamp, tag


class Namespace:
    """One network namespace: a capture socket in it, and a sysfs of it (private to this process)."""

    def __init__(self, recorder, machine, name, path):
        self.machine, self.name, self.label = machine, name, machine.name + ('/' + name if name else '')
        self.seen, self.names, self.newest = set(), {}, 0
        fd = os.open(path, os.O_RDONLY)
        self.inode = os.fstat(fd).st_ino
        self.sysfs = f'/sys/{recorder.next_number()}'
        os.mkdir(self.sysfs)
        check(libc.setns(fd, CLONE_NEWNET))
        try:
            self.write_defaults()
            # The kernel forgets to free proxy entries without a device: a new namespace at the address of a dead one inherits them.
            subprocess.run([IP, 'neigh', 'flush', 'proxy'], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
            check(libc.mount(b'sysfs', self.sysfs.encode(), b'sysfs', 0, None))
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL) if machine.capture else 0)
            self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 26)
            self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
            self.rules = RuleTrace() if machine.trace else None
        finally:
            check(libc.setns(recorder.home, CLONE_NEWNET))
            os.close(fd)

    def write_defaults(self):
        values = {f'ipv4/{name}': value for name, value in DEFAULTS.items()}
        for which in ('all', 'default'):
            values[f'ipv6/conf/{which}/disable_ipv6'] = '0' if self.machine.ipv6 else '1'
        for table in ('ip', 'ip6', 'arp'):
            values[f'bridge/bridge-nf-call-{table}tables'] = '1' if self.machine.br_netfilter else '0'
        for name, value in values.items():
            path = '/proc/sys/net/' + name
            if os.path.exists(path):
                with open(path, 'r+', encoding='ascii') as file:
                    if file.read().strip() != value:
                        file.seek(0)
                        file.write(value)

    def close(self):
        self.socket.close()
        if self.rules:
            self.rules.close()
        libc.umount2(self.sysfs.encode(), MNT_DETACH)
        os.rmdir(self.sysfs)

    def device_name(self, index):
        """Its name, also when the device is gone by now."""
        try:
            answer = fcntl.ioctl(self.socket, SIOCGIFNAME, struct.pack('16si20x', b'', index))
            self.names[index] = answer[:16].split(b'\0')[0].decode()
        except OSError:
            pass
        return self.names.get(index, f'if{index}')

    def attribute(self, device, name):
        with open(f'{self.sysfs}/class/net/{device}/{name}', encoding='ascii') as file:
            return file.read().strip()

    def fresh_devices(self):
        """Devices not seen before, in order of their index."""
        fresh, present = [], set()
        for device in os.listdir(f'{self.sysfs}/class/net'):
            try:
                index = int(self.attribute(device, 'ifindex'))
                self.names[index] = device
                present.add(index)
                if index not in self.seen:
                    fresh.append(Device(self, device, index))
            except OSError as error:
                if error.errno not in GONE:
                    raise
        self.seen = present
        return sorted(fresh, key=lambda device: device.index)

    def ethtool(self, device, payload):
        buffer = array.array('B', payload)
        fcntl.ioctl(self.socket, SIOCETHTOOL, struct.pack('16sQ16x', device.encode(), buffer.buffer_info()[0]))
        return buffer.tobytes()


class Device:
    def __init__(self, namespace, name, index):
        self.namespace, self.name, self.index = namespace, name, index
        self.peer_index = int(namespace.attribute(name, 'iflink'))
        self.random_mac = int(namespace.attribute(name, 'addr_assign_type')) == NET_ADDR_RANDOM
        try:
            self.driver = namespace.ethtool(name, struct.pack('I192x', ETHTOOL_GDRVINFO))[4:36].split(b'\0')[0].decode()
        except OSError:
            self.driver = ''

    def settle(self):
        try:
            self.settle_present()
        except OSError as error:
            if error.errno not in GONE:
                raise

    def settle_present(self):
        namespace, machine = self.namespace, self.namespace.machine
        if self.driver == 'bridge':
            with open(f'{namespace.sysfs}/class/net/{self.name}/bridge/multicast_snooping', 'w', encoding='ascii') as file:
                file.write('0')
        elif self.random_mac and self.name != 'lo':
            fcntl.ioctl(namespace.socket, SIOCSIFHWADDR, struct.pack('16sH6s8x', self.name.encode(), 1, machine.next_mac()))
        if self.driver == 'veth' and not machine.offload:
            for command in (ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO):
                namespace.ethtool(self.name, struct.pack('II', command, 0))


class Machine:
    def __init__(self, recorder, spec):
        self.recorder, self.name, self.number, self.pid = recorder, spec['name'], spec['number'], spec['pid']
        self.capture, self.ipv6, self.br_netfilter, self.offload = spec['capture'], spec['ipv6'], spec['brNetfilter'], spec['offload']
        self.trace = spec.get('trace', False)
        self.root, self.macs, self.namespaces = f'/proc/{self.pid}/root', 0, {}
        self.requests = os.open(self.root + '/run/hopscope/requests', os.O_RDWR | os.O_NONBLOCK)
        self.unread = b''
        self.open_namespace('', f'/proc/{self.pid}/ns/net')

    def next_mac(self):
        self.macs += 1
        return struct.pack('!BBBBH', 2, 1, 0, self.number, self.macs)

    def open_namespace(self, name, path):
        namespace = self.namespaces[name] = Namespace(self.recorder, self, name, path)
        self.recorder.watch(namespace)

    def look(self, inode=0, target='-'):
        """Opens new namespaces and settles new devices; the named end of a veth pair is in `target`, or in the namespace of that inode."""
        folder = self.root + '/run/netns'
        for name in sorted(os.listdir(folder)):
            if name not in self.namespaces:
                try:
                    self.open_namespace(name, f'{folder}/{name}')
                except OSError as error:
                    if error.errno not in (errno.ENOENT, errno.EINVAL):  # a file that is no namespace (yet): another `ip netns add` is under way
                        raise
        fresh = [device for namespace in self.namespaces.values() for device in namespace.fresh_devices()]
        for device in creation_order(fresh, lambda namespace: namespace.name == target if target != '-' else namespace.inode == inode):
            device.settle()

    def shut(self, names):
        for name in list(self.namespaces) if names == ['*'] else names:
            namespace = self.namespaces.pop(name, None) if name else None
            if namespace:
                self.recorder.unwatch(namespace)
                namespace.close()

    def answer(self):
        """One line of machine/tell.sh: id, verb, arguments."""
        self.unread += os.read(self.requests, 65536)
        *lines, self.unread = self.unread.split(b'\n')
        for line in lines:
            number, verb, *words = line.decode().split()
            if verb == 'close':
                self.shut(words)
            elif verb == 'conntrack-max':
                with open(CONNTRACK_MAX, 'w', encoding='ascii') as file:
                    file.write(words[0])
            else:
                self.look(int(words[0]), words[1])
            reply = os.open(f'{self.root}/run/hopscope/reply.{number}', os.O_RDWR | os.O_NONBLOCK)
            os.write(reply, b'\n')
            os.close(reply)


def creation_order(fresh, in_target):
    """As the kernel made them: the peer of a veth pair before its named end, which is in the target namespace."""
    def peer(device):
        return next((other for other in fresh if other is not device and other.driver == device.driver == 'veth'
                     and other.namespace is not device.namespace and other.index == device.peer_index
                     and other.peer_index == device.index), None)

    order = []
    for device in [device for device in fresh if in_target(device.namespace)] + fresh:
        for next_device in (peer(device) if in_target(device.namespace) else None, device):
            if next_device and next_device not in order:
                order.append(next_device)
    return order


class Recorder:
    def __init__(self):
        self.home = os.open('/proc/self/ns/net', os.O_RDONLY)
        check(libc.unshare(CLONE_NEWNS))
        check(libc.mount(None, b'/', None, MS_PRIVATE_RECURSIVE, None))
        check(libc.mount(b'tmpfs', b'/sys', b'tmpfs', 0, None))
        self.number, self.machines, self.sockets, self.fifos, self.tracers, self.walks = 0, [], {}, {}, {}, {}
        self.frames, self.last_frame, self.lost, self.quiet = [], 0.0, 0, None
        self.receiver, self.poll = Receiver(), select.epoll()
        self.poll.register(0, select.EPOLLIN)
        self.unread = b''
        self.epoch = time.time_ns()  # numbers that a double holds exactly

    def next_number(self):
        self.number += 1
        return self.number

    def watch(self, namespace):
        self.sockets[namespace.socket.fileno()] = namespace
        self.poll.register(namespace.socket.fileno(), select.EPOLLIN)
        if namespace.rules:
            self.tracers[namespace.rules.socket.fileno()] = namespace
            self.poll.register(namespace.rules.socket.fileno(), select.EPOLLIN)

    def unwatch(self, namespace):
        self.drain(namespace)
        fd = namespace.socket.fileno()
        _, drops = struct.unpack('II', namespace.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        self.lost += drops
        self.poll.unregister(fd)
        del self.sockets[fd]
        if namespace.rules:
            self.walk(namespace)
            self.poll.unregister(namespace.rules.socket.fileno())
            del self.tracers[namespace.rules.socket.fileno()]

    def gather(self, namespace):
        try:
            namespace.rules.drain()
        except OSError:  # ENOBUFS
            self.lost += 1

    def walk(self, namespace):
        self.gather(namespace)
        self.walks.setdefault(namespace.label, []).extend(namespace.rules.finish())

    def drain(self, namespace):
        fd = namespace.socket.fileno()
        while got := self.receiver.receive(fd):
            frame, index, kind, stamp = got
            namespace.newest = max(namespace.newest, stamp)
            place = f'{namespace.label}:{namespace.device_name(index)}'
            self.frames.append((namespace.newest, stamp, place, kind, frame.hex()))
            self.last_frame = time.monotonic()

    def take(self):
        """All frames so far, in the order of the kernel's time stamps, but never against the order of a socket."""
        for namespace in self.sockets.values():
            self.drain(namespace)
            _, drops = struct.unpack('II', namespace.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
            self.lost += drops
        for namespace in self.tracers.values():
            self.walk(namespace)
        frames, self.frames = sorted(self.frames, key=lambda frame: frame[0]), []
        return [[stamp - self.epoch, place, 'out' if kind == PACKET_OUTGOING else 'other' if kind == PACKET_OTHERHOST else 'in', data]
                for _, stamp, place, kind, data in frames]

    def say(self, message):
        sys.stdout.write(json.dumps(message) + '\n')
        sys.stdout.flush()

    def obey(self, order):
        verb = order['verb']
        if verb == 'machine':
            machine = Machine(self, order)
            self.machines.append(machine)
            self.fifos[machine.requests] = machine
            self.poll.register(machine.requests, select.EPOLLIN)
            self.say({'done': verb})
        elif verb == 'look':
            for machine in self.machines:
                machine.look()
            self.say({'done': verb})
        elif verb == 'mark':
            frames = self.take()
            walks, self.walks = self.walks, {}
            self.say({'done': verb, 'now': time.time_ns() - self.epoch, 'lost': self.lost, 'frames': frames, 'walks': {label: packets for label, packets in walks.items() if packets}})
        elif verb == 'quiet':
            begin = time.monotonic()
            self.last_frame = max(self.last_frame, begin)
            self.quiet = (order['seconds'], begin + order['limit'])

    def pause(self):
        """Seconds until the quiet asked for would be reached; answers when it is."""
        if not self.quiet:
            return None
        seconds, limit = self.quiet
        rest = min(self.last_frame + seconds, limit) - time.monotonic()
        if rest > 0:
            return rest
        self.quiet = None
        self.say({'done': 'quiet'})
        return None

    def run(self):
        while True:
            for fd, _ in self.poll.poll(self.pause()):
                if fd == 0:
                    chunk = os.read(0, 65536)
                    if not chunk:
                        return
                    *lines, self.unread = (self.unread + chunk).split(b'\n')
                    for line in lines:
                        self.obey(json.loads(line))
                elif fd in self.fifos:
                    self.fifos[fd].answer()
                elif fd in self.sockets:
                    self.drain(self.sockets[fd])
                elif fd in self.tracers:
                    self.gather(self.tracers[fd])


Recorder().run()
