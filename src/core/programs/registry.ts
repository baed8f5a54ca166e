import { bash } from '../shell/bash.ts';
import type { Program } from '../shell/process.ts';
import { arping } from './arping/arping.ts';
import { brctl } from './brctl/brctl.ts';
import { bridge } from './iproute2/bridge.ts';
import { ip } from './iproute2/ip.ts';
import { arp } from './net-tools/arp.ts';
import { ifconfig } from './net-tools/ifconfig.ts';
import { route } from './net-tools/route.ts';
import { ping } from './ping/ping.ts';
import { sysctl } from './sysctl/sysctl.ts';
import { tcpdump } from './tcpdump/tcpdump.ts';
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
  arping,
  traceroute,
  tcpdump,
  ...TEXT_PROGRAMS,
};
