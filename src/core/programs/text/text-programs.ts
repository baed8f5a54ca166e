import type { Program } from '../../shell/process.ts';
import { awk } from './awk.ts';
import { basename, dirname, falseProgram, printf, trueProgram, yes } from './basics.ts';
import { cat } from './cat.ts';
import { chmod } from './chmod.ts';
import { cut, nl, paste, rev, tac, uniq, wc } from './columns.ts';
import { diff } from './diff.ts';
import { echo } from './echo.ts';
import { expr } from './expr.ts';
import { find } from './find.ts';
import { cp, link, ln, mkdir, mktemp, mv, readlink, realpath, rm, rmdir, touch } from './files.ts';
import { grep } from './grep.ts';
import { head, tail } from './head-tail.ts';
import { ls } from './ls.ts';
import { lsmod, modprobe } from './modules.ts';
import { killall, pgrep, pidof, pkill, ps } from './processes.ts';
import { env, kill, nice, nohup, nsenter, setsid, stdbuf, sudo, xargs } from './run-others.ts';
import { sed } from './sed.ts';
import { sort } from './sort.ts';
import { chown, column, stat, sync } from './stat-column.ts';
import { date, hostname, id, nproc, printenv, uname, which, whoami } from './system.ts';
import { seq, tee } from './tee-seq.ts';
import { test } from './test.ts';
import { sleep, timeout } from './time.ts';
import { tr } from './tr.ts';

/** The programs of coreutils, grep, sed, mawk and their like, by name. */
export const TEXT_PROGRAMS: Readonly<Record<string, Program>> = {
  '[': test, awk, basename, cat, chmod, chown, column, cp, cut, date, diff, dirname, echo, egrep: grep, env, expr, false: falseProgram, fgrep: grep, find, grep, head, hostname, id, kill, killall, link, ln, ls, lsmod, mawk: awk, mkdir, mktemp,
  modprobe, mv, nice, nl, nohup, nproc, nsenter, paste, pgrep, pidof, pkill, printenv, printf, ps, readlink, realpath, rev, rm, rmdir, sed, seq, setsid, sleep, sort, stat, stdbuf, sudo, sync, tac, tail, tee, test, timeout, touch, tr,
  true: trueProgram, uname, uniq, wc, which, whoami, xargs, yes,
};
