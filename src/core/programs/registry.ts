import { bash } from '../shell/bash.ts';
import type { Program } from '../shell/process.ts';
import { arping } from './arping/arping.ts';
import { brctl } from './brctl/brctl.ts';
import { conntrack } from './conntrack/conntrack.ts';
import { curl } from './curl/curl.ts';
import { fping } from './fping/fping.ts';
import { python3 } from './http-server/python3.ts';
import { bridge } from './iproute2/bridge.ts';
import { ip } from './iproute2/ip.ts';
import { ipset } from './ipset/ipset.ts';
import { iptables } from './iptables/iptables.ts';
import { iptablesRestore } from './iptables/restore.ts';
import { iptablesSave } from './iptables/save.ts';
import { arp } from './net-tools/arp.ts';
import { ifconfig } from './net-tools/ifconfig.ts';
import { route } from './net-tools/route.ts';
import { nc } from './nc/nc.ts';
import { ping } from './ping/ping.ts';
import { socat } from './socat/socat.ts';
import { ss } from './ss/ss.ts';
import { sysctl } from './sysctl/sysctl.ts';
import { tcpdump } from './tcpdump/tcpdump.ts';
import { tracepath } from './tracepath/tracepath.ts';
import { traceroute } from './traceroute/traceroute.ts';
import { TEXT_PROGRAMS } from './text/text-programs.ts';

/** Every program that a machine has, by its name. */
export const PROGRAMS: Readonly<Record<string, Program>> = {
  bash,
  dash: bash,
  sh: bash,
  ip,
  bridge,
  brctl,
  sysctl,
  ifconfig,
  route,
  arp,
  ping,
  fping,
  arping,
  traceroute,
  tracepath,
  tcpdump,
  iptables,
  'iptables-nft': iptables,
  'iptables-save': iptablesSave,
  'iptables-nft-save': iptablesSave,
  'iptables-restore': iptablesRestore,
  'iptables-nft-restore': iptablesRestore,
  ipset,
  conntrack,
  nc,
  netcat: nc,
  socat,
  curl,
  python3,
  ss,
  ...TEXT_PROGRAMS,
};
