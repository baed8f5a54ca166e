import { subscribeTables } from '../../kernel/netlink/notify.ts';
import type { FdbRow, LinkRow } from '../../kernel/rows.ts';
import type { Running } from '../../shell/process.ts';
import { NotSimulated } from '../../shell/process.ts';
import { type Args, Exit, matches } from './args.ts';
import { printBridgeLink } from './bridge-link.ts';
import { printFdb } from './bridge-fdb-show.ts';
import { bufferContext, type Ip } from './ip-context.ts';
import { linkMap, type LinkMap } from './links.ts';
import { watch } from './monitor.ts';
import { linkNews } from './monitor-events.ts';
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
  return yield* watch(ip, [...kinds].map((kind) => (kind === 'fdb' ? 'neigh' : kind)), (emit) => listen(ip, kinds, (kind, text, about) => {
    emit(`${timestampText(ip)}${label ? BANNERS[kind] : ''}${text}`, about);
  }));
}

function listen(ip: Ip, kinds: ReadonlySet<Kind>, emit: (kind: Kind, text: string, about?: string) => void): () => void {
  const tell = (kind: Kind, print: (context: Ip, p: Printer, links: LinkMap) => void, about?: string): void => {
    if (!kinds.has(kind)) return;
    const buffer = bufferContext(ip.ns, { ...ip.options, json: false });
    print(buffer, buffer.printer(), linkMap(ip.ns));
    emit(kind, buffer.text(), about);
  };
  return subscribeTables(ip.ns, {
    link: (before, after) => linkEvents(before, after, (print, about) => tell('link', print, about)),
    fdb: (before, after) => fdbEvent(before, after, (print) => tell('fdb', print)),
  });
}

type Tell = (print: (ip: Ip, p: Printer, links: LinkMap) => void, about?: string) => void;

function linkEvents(before: LinkRow | null, after: LinkRow | null, tell: Tell): void {
  for (const { what, row, about } of linkNews(before, after)) {
    tell((ip, p, links) => {
      p.text(what === 'gone' || what === 'port gone' ? 'Deleted ' : '');
      printBridgeLink(ip, p, links, what === 'port gone' ? { ...row, port: null } : row, what === 'port');
    }, about);
  }
}

function fdbEvent(before: FdbRow | null, after: FdbRow | null, tell: Tell): void {
  const row = after ?? before!;
  // Of what a device receives besides its own address only what a user has written is told.
  if (row.bridge === 0 && !row.remote && !row.addedByUser) return;
  tell((ip, p, links) => {
    p.text(after ? '' : 'Deleted ');
    printFdb(ip, p, row, links, { device: null, bridge: null, vlan: null, states: null, dynamic: false });
  });
}
