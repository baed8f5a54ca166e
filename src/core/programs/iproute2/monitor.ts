import type { Running } from '../../shell/process.ts';
import { NotSimulated } from '../../shell/process.ts';
import { WaitQueue } from '../../sim/wait-queue.ts';
import { type Args, Exit, invalidArgument, matches } from './args.ts';
import type { Ip } from './ip-context.ts';
import { findLink } from './links.ts';
import { eventPrinters, type EventKind } from './monitor-events.ts';
import { joinGroups } from './notifications.ts';
import { timestampText } from './timestamp.ts';
import { monitorUsage } from './usage-text.ts';

/** Objects of `ip monitor`, in iproute2's order. Null: there are never events of it here. */
const OBJECTS: Readonly<Record<string, EventKind | null>> = {
  link: 'link', address: 'addr', route: 'route', mroute: null, prefix: null, neigh: 'neigh', netconf: 'netconf', rule: 'rule', nsid: null,
  nexthop: null, stats: null,
};

const BANNERS: Readonly<Record<EventKind, string>> = {
  link: '[LINK]', addr: '[ADDR]', route: '[ROUTE]', neigh: '[NEIGH]', rule: '[RULE]', netconf: '[NETCONF]',
};

/** `ip monitor`: prints what changes in the namespace, as it changes, until it is killed. */
export function* ipMonitor(ip: Ip, args: Args): Running {
  const wanted = new Set<EventKind>();
  let named = false;
  let label = false;
  let ifindex: number | null = null;
  for (; args.more; args.shift()) {
    const word = args.word;
    if (matches(word, 'file')) throw new NotSimulated('ip monitor file');
    if (matches(word, 'label')) label = true;
    else if (word === 'all') label = true;
    else if (matches(word, 'all-nsid')) throw new NotSimulated('ip monitor all-nsid');
    else if (matches(word, 'help')) monitorUsage();
    else if (word === 'dev') {
      const link = findLink(ip.ns, args.next());
      if (!link) invalidArgument('Device does not exist\n', args.word);
      ifindex = link.ifindex;
    } else {
      const object = Object.keys(OBJECTS).find((whole) => matches(word, whole));
      if (!object) throw new Exit(255, `Argument "${word}" is unknown, try "ip monitor help".\n`);
      named = true;
      const kind = OBJECTS[object];
      if (kind) wanted.add(kind);
    }
  }
  const kinds = named ? wanted : new Set(Object.keys(BANNERS) as EventKind[]);
  return yield* watch(ip, kinds, (emit) => eventPrinters(ip, kinds, ifindex, (kind, text) => {
    emit(`${timestampText(ip)}${label ? BANNERS[kind] : ''}${text}`);
  }));
}

/** Prints what `subscribe`'s listeners emit of the groups that it joins, until the process is killed. `subscribe` gives what ends the subscription. */
export function* watch(ip: Ip, kinds: Iterable<EventKind>, subscribe: (emit: (text: string) => void) => () => void): Running {
  const happened = new WaitQueue();
  let events: string[] = [];
  const unsubscribe = subscribe((text) => {
    events.push(text);
    happened.wake();
  });
  const leave = joinGroups(ip.ns, kinds);
  const print = (): void => {
    for (const text of events) ip.out(text);
    events = [];
    ip.flush();
  };
  try {
    for (;;) {
      print();
      yield { queues: [happened], deadline: null };
    }
  } finally {
    unsubscribe();
    leave();
    print();
  }
}
