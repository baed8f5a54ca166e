"""Stands for an agent (flanneld, a CNI plugin, kubectl) on a machine of a lab: does what the simulator's agent did, command by command.

What was started, with which words, is looked up in /run/hopscope/replay.json, which the runner has written before the lab; each entry is
used once. A command of the setup or step in which the agent was started runs as long after the start as in the simulator; one of a later
setup or step waits until the runner announces that in /run/hopscope/epoch. What answers a miss of the kernel waits for it, as the agent
did, and is left out when the kernel does not ask. What has been done is told in /run/hopscope/replayed.
"""
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time

FOLDER = '/run/hopscope'
POLL = 0.01
# Seconds that the kernel may be later with a question than in the simulator.
MISS_PATIENCE = 5
DEFAULT_SIGTERM = 143


def take(program, words):
    """The first entry for these words that nobody has taken."""
    with open(f'{FOLDER}/replay.json', encoding='utf-8') as file:
        entries = json.load(file)
    with open(f'{FOLDER}/taken', 'a+', encoding='ascii') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        taken = file.read().split()
        for number, entry in enumerate(entries):
            if entry['program'] == program and entry['argv'][1:] == words and str(number) not in taken:
                file.write(f'{number}\n')
                return number, entry
    sys.exit(f'hopscope: the simulator has not started {program} {" ".join(words)} (once more) on this machine: there is nothing to replay')


def epoch():
    """What runs now, and since when: its number, nanoseconds of the monotonic clock."""
    try:
        with open(f'{FOLDER}/epoch', encoding='ascii') as file:
            number, since = file.read().split()
            return int(number), int(since)
    except (FileNotFoundError, ValueError):
        return 0, 0


def tell(text):
    with open(f'{FOLDER}/replayed', 'a', encoding='ascii') as file:
        file.write(text + '\n')


class Misses:
    """What the kernel asks user space for from now on: RTM_GETNEIGH to RTNLGRP_NEIGH, as `ip monitor` prints it."""

    def __init__(self):
        self.seen, self.lock = [], threading.Lock()
        self.monitor = subprocess.Popen(['ip', 'monitor', 'neigh'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.monitor.stdout:
            if line.startswith('miss '):
                with self.lock:
                    self.seen.append(' '.join(line.split()[1:4]))

    def take(self, wanted):
        with self.lock:
            if wanted not in self.seen:
                return False
            self.seen.remove(wanted)
            return True


class Replay:
    def __init__(self, number, entry):
        self.number, self.entry, self.stopped = number, entry, False
        self.begin = time.monotonic_ns()
        self.misses = Misses() if any(command['miss'] for command in entry['commands']) else None
        self.events = sorted(
            [(at['epoch'], at['offsetNs'], order, what, at) for what, order, moments in (('run', 1, entry['commands']), ('print', 0, entry['outputs'])) for at in moments],
            key=lambda event: event[:2],
        )
        signal.signal(signal.SIGTERM, self.stop)
        signal.signal(signal.SIGINT, self.stop if signal.getsignal(signal.SIGINT) != signal.SIG_IGN else signal.SIG_IGN)

    def stop(self, _signal, _frame):
        self.stopped = True

    def wait_for(self, moment):
        start = self.entry['start']
        while not self.stopped:
            now, since = epoch()
            if moment['epoch'] == start['epoch']:
                due = self.begin + moment['offsetNs'] - start['offsetNs']
            elif now > moment['epoch']:
                return
            else:
                due = since + moment['offsetNs'] if now == moment['epoch'] else None
            left = None if due is None else (due - time.monotonic_ns()) / 1e9
            if left is not None and left <= 0:
                return
            time.sleep(POLL if left is None else min(left, POLL))

    def asked(self, wanted):
        end = time.monotonic() + MISS_PATIENCE
        while not self.stopped and time.monotonic() < end:
            if self.misses.take(wanted):
                return True
            time.sleep(POLL / 2)
        return False

    def wait_for_signal(self):
        while not self.stopped:
            time.sleep(POLL)

    def is_farewell(self, moment):
        """What it did when it was told to end, and not before."""
        end = self.entry['end']
        return end and end['signal'] and (moment['epoch'], moment['offsetNs']) >= (end['epoch'], end['offsetNs'])

    def run(self):
        done = 0
        for _, _, _, what, event in self.events:
            if self.is_farewell(event):
                self.wait_for_signal()
            elif not self.stopped:
                self.wait_for(event)
            if what == 'print':
                # What it says when it is told to end comes out as well.
                os.write(1 if event['stream'] == 'stdout' else 2, event['text'].encode())
                continue
            if not self.stopped and (not event['miss'] or self.asked(event['miss'])):
                subprocess.run(['bash', '-c', event['run']], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
            done += 1
            tell(f'{self.number} {done}')
        end = self.entry['end']
        if end is None or end['signal']:
            self.wait_for_signal()
        else:
            self.wait_for(end)
        return DEFAULT_SIGTERM if end is None else end['exit']


def main():
    number, entry = take(sys.argv[1], sys.argv[2:])
    tell(f'{number} 0')
    replay = Replay(number, entry)
    result = replay.run()
    if replay.misses:
        replay.misses.monitor.kill()
    sys.exit(result)


main()
