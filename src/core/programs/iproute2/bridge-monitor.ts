import { subscribeTables } from '../../kernel/netlink/notify.ts';
import { subscribeLinks, type LinkMessage } from '../../kernel/netlink/rtmsg.ts';
import type { FdbRow } from '../../kernel/rows.ts';
import type { Running } from '../../shell/process.ts';
import { NotSimulated } from '../../shell/process.ts';
import { type Args, Exit, matches } from './args.ts';
import { printBridgeLink } from './bridge-link.ts';
import { printFdb } from './bridge-fdb-show.ts';
import { bufferContext, type Ip } from './ip-context.ts';
import { linkCache, type LinkMap } from './links.ts';
import { watch } from './monitor.ts';
import { isTakenOver } from './monitor-neigh.ts';
import type { Printer } from './printer.ts';
import { timestampText } from './timestamp.ts';
import { bridgeMonitorUsage } from './usage-bridge.ts';

type Kind = 'link' | 'fdb';
const BANNERS: Readonly<Record<Kind, string>> = { link: '[LINK]', fdb: '[NEIGH]' };

/** `bridge monitor`: prints changes of links and forwarding entries until it is killed. */
export function* bridgeMonitor(ip: Ip, args: Args): Running {
  const wanted = new Set<Kind>();
  let label = false;
  let named = false;
  for (; args.more; args.shift()) {
    const word = args.word;
    if (matches(word, 'file')) throw new NotSimulated('bridge monitor file');
    named = true;
    if (matches(word, 'link')) wanted.add('link');
    else if (matches(word, 'fdb')) wanted.add('fdb');
    else if (word === 'all') {
      label = true;
      wanted.add('link').add('fdb');
    } else if (matches(word, 'help')) bridgeMonitorUsage();
    else if (!matches(word, 'mdb') && !matches(word, 'vlan')) {
      throw new Exit(255, `Argument "${word}" is unknown, try "bridge monitor help".\n`);
    }
  }
  const kinds = named ? wanted : new Set<Kind>(['link', 'fdb']);
  return yield* watch(ip, [...kinds].map((kind) => (kind === 'fdb' ? 'neigh' : kind)), (emit) => listen(ip, kinds, (kind, text) => {
    emit(`${timestampText(ip)}${label ? BANNERS[kind] : ''}${text}`);
  }));
}

function listen(ip: Ip, kinds: ReadonlySet<Kind>, emit: (kind: Kind, text: string) => void): () => void {
  // What bridge(8) once knew of a link it never forgets, nor learns better.
  const links = linkCache(ip.ns);
  const tell = (kind: Kind, print: (context: Ip, p: Printer) => void): void => {
    if (!kinds.has(kind)) return;
    const buffer = bufferContext(ip.ns, { ...ip.options, json: false });
    print(buffer, buffer.printer());
    emit(kind, buffer.text());
  };
  const endLinks = subscribeLinks(ip.ns, (message) => tell('link', (context, p) => printMessage(context, p, links, message)));
  const endTables = subscribeTables(ip.ns, { fdb: (before, after) => fdbEvent(before, after, (print) => tell('fdb', (context, p) => print(context, p, links))) });
  return () => {
    endLinks();
    endTables();
  };
}

type Tell = (print: (ip: Ip, p: Printer, links: LinkMap) => void) => void;

function printMessage(ip: Ip, p: Printer, links: LinkMap, { row, deleted, family }: LinkMessage): void {
  p.text(deleted ? 'Deleted ' : '');
  // The end of a port comes without its state.
  printBridgeLink(ip, p, links, deleted && family === 'bridge' ? { ...row, port: null } : row, family === 'bridge');
}

function fdbEvent(before: FdbRow | null, after: FdbRow | null, tell: Tell): void {
  const row = after ?? before!;
  // Of what a device receives besides its own address only what a user has written is told.
  if (row.bridge === 0 && !row.remote && !row.addedByUser) return;
  if (isTakenOver(before, after)) return;
  tell((ip, p, links) => {
    p.text(after ? '' : 'Deleted ');
    printFdb(ip, p, row, links, { device: null, bridge: null, vlan: null, states: null, dynamic: false });
  });
}
