import { describe, expect, it } from 'vitest';
import { addNamespace } from '../kernel/netlink/netns.ts';
import type { Program } from './process.ts';
import { startShell } from './run.ts';
import { PROGRAMS } from '../programs/registry.ts';
import { finish, newMachine, runScript } from './testing/run-script.ts';

const SECOND = 1e9;

describe('time', () => {
  it('costs nothing but what is slept', () => {
    const machine = newMachine();
    const run = runScript('sleep 30; for i in 1 2 3; do sleep 0.5; done; echo $SECONDS', {}, machine);
    expect(run.stdout).toBe('31\n');
    expect(machine.world.queue.now).toBe(31.5 * SECOND);
  });

  it('runs the parts of a pipeline at once', () => {
    const machine = newMachine();
    const run = runScript('{ sleep 2; echo a; } | { sleep 3; cat; }; (sleep 4) & wait', {}, machine);
    expect(run.stdout).toBe('a\n');
    expect(machine.world.queue.now).toBe(7 * SECOND);
  });

  it('is the same in every run', () => {
    const script = 'for i in 1 2 3; do echo $RANDOM; done; mktemp; (sleep 0.1; echo b) & (sleep 0.1; echo a) & wait; date; echo $$ $!';
    expect(runScript(script).stdout).toBe(runScript(script).stdout);
    expect(runScript(script).stdout).toContain('Mon Jan  1 00:00:00 UTC 2024');
  });
});

describe('two who write to one file', () => {
  it.each([
    ['exec 3>/tmp/x; echo aaa >&3; echo bbb >> /tmp/x; echo ccc >&3; cat /tmp/x', 'aaa\nccc\n'],
    ['exec 3>>/tmp/x; echo aaa >&3; echo bbb >> /tmp/x; echo ccc >&3; cat /tmp/x', 'aaa\nbbb\nccc\n'],
    ['exec 3>/tmp/x; echo a long line >&3; : > /tmp/x; echo b >&3; tr "\\0" . < /tmp/x', '............b\n'],
    ['{ echo a; (echo b); echo c; } > /tmp/x; cat /tmp/x', 'a\nb\nc\n'],
  ])('%s', (script, stdout) => {
    expect(runScript(script).stdout).toBe(stdout);
  });
});

describe('limits', () => {
  const limits = { work: 10_000, output: 10_000 };
  it.each([
    ['while true; do :; done', 'hopscope: line 1: stopped after 10000 steps of work; it seems never to end\n'],
    ['echo a\nuntil false; do\n  true\ndone', 'hopscope: line 3: stopped after 10000 steps of work; it seems never to end\n'],
    ['yes', 'hopscope: line 1: stopped after 10000 characters of output\n'],
    ['x=a; while :; do x=$x$x; done', 'hopscope: line 1: stopped because a text is longer than 10000 characters\n'],
    ['f() { f; }; f', 'hopscope: line 1: stopped because functions, substitutions and sourced files are more than 250 deep\n'],
    ['awk "BEGIN { while (1) i++ }"', 'hopscope: line 1: stopped after 10000 steps of work; it seems never to end\n'],
    ['sed -n ":a; ba" <<< x', 'hopscope: line 1: stopped after 10000 steps of work; it seems never to end\n'],
    ['cat /dev/zero > /dev/null', 'hopscope: line 1: stopped after 10000 steps of work; it seems never to end\n'],
  ])('end %j', (script, message) => {
    const run = runScript(script, { limits });
    expect(run.stderr).toBe(message);
    expect(run.stopped).toBe(message.trimEnd());
    expect(run.exit).toBe(2);
  });

  it('end every process of the script', () => {
    const machine = newMachine();
    const run = runScript('sleep 100 & (while :; do sleep 1; done) | cat & while :; do :; done', { limits }, machine);
    expect(run.exit).toBe(2);
    expect(run.process.processes()).toEqual([]);
  });

  it('are of one script, not of the machine', () => {
    const machine = newMachine();
    expect(runScript('while :; do :; done', { limits }, machine).exit).toBe(2);
    expect(runScript('echo fine', { limits }, machine).stdout).toBe('fine\n');
  });

  it('bound the number of processes', () => {
    expect(runScript('f() { f | f; }; f', { limits: { processes: 50 } }).stopped).toBe('hopscope: line 1: stopped because more than 50 processes run at once');
  });
});

describe('what is not simulated', () => {
  it.each([
    ['echo a\ncoproc X { cat; }\necho b', 'hopscope: line 2: coproc is not simulated'],
    ['select x in a b; do :; done', 'hopscope: line 1: select is not simulated'],
    ['true || docker ps\ntrue\ndocker run x || true', 'hopscope: line 3: docker is not simulated'],
    ['echo $(sort -R f)', 'hopscope: line 1: sort -R is not simulated'],
    ['set -n', 'hopscope: line 1: set -n is not simulated'],
    ['shopt -s expand_aliases', 'hopscope: line 1: shopt -s expand_aliases is not simulated'],
    ['exec 3<>/dev/tcp/1.2.3.4/80', 'hopscope: line 1: /dev/tcp/1.2.3.4/80 of bash is not simulated'],
    ['trap : DEBUG', 'hopscope: line 1: trap ... DEBUG is not simulated'],
    ['x=1; echo ${x@P}', 'hopscope: line 1: ${x@P} is not simulated'],
    ['sudo -u nobody ls', 'hopscope: line 1: sudo -u nobody is not simulated'],
    ['kill -STOP $$', 'hopscope: line 1: SIGSTOP is not simulated'],
    ['modprobe br_netfilter', 'hopscope: line 1: loading br_netfilter later (write br_netfilter: true in the lab) is not simulated'],
    ['if grep --include=x y; then :; fi', 'hopscope: line 1: grep --include is not simulated'],
    ['ulimit -n 5', 'hopscope: line 1: ulimit is not simulated'],
  ])('stops %j', (script, message) => {
    const run = runScript(script);
    expect(run.stopped).toBe(message);
    expect(run.stderr.endsWith(`${message}\n`)).toBe(true);
    expect(run.exit).toBe(2);
  });

  it('does not stop a script that only asks', () => {
    expect(runScript('command -v docker || echo none; type kubectl 2>/dev/null || echo none; which jq || echo none').stdout).toBe('none\nnone\nnone\n');
  });

  it('is told apart from a typing error', () => {
    const run = runScript('pythohn3 x; echo $?');
    expect(run.stderr).toBe('bash: line 1: pythohn3: command not found\n');
    expect(run.stdout).toBe('127\n');
  });
});

describe('sudo, shells and namespaces', () => {
  it.each([
    ['sudo echo a', 'a\n'],
    ['sudo -E -n X=1 sh -c "echo \\$X"', '1\n'],
    ['sudo -s bash -c "echo b"', 'b\n'],
    ['sudo -u root -- id -un', 'root\n'],
    ['sudo bash <<E\nhostname\nE', 'node1\n'],
    ['sudo tee /tmp/x <<< hi > /dev/null; cat /tmp/x', 'hi\n'],
    ['sudo nosuch; echo $?', '1\n'],
  ])('%s', (script, stdout) => {
    expect(runScript(script).stdout).toBe(stdout);
  });

  it('nsenter goes into a namespace by its file or by a process', () => {
    const machine = newMachine();
    addNamespace(machine, 'ns1');
    const seen: string[] = [];
    const where: Program = function* (process) {
      seen.push(process.ns.place);
      return 0;
    };
    const programs = { ...PROGRAMS, where };
    const run = runScript('where; nsenter --net=/var/run/netns/ns1 where; nsenter --net=/run/netns/ns1 sleep 9 & sleep 1; nsenter -t $! -n where; nsenter --net=/run/netns/no where; echo $?; ls /var/run/netns', { programs }, machine);
    expect(seen).toEqual(['node1', 'node1/ns1', 'node1/ns1']);
    expect(run.stdout).toBe('1\nns1\n');
    expect(run.stderr).toBe('nsenter: cannot open /run/netns/no: No such file or directory\n');
  });

  it('a here-document is the script of a shell in a namespace', () => {
    const run = runScript('ip netns add ns1\nip netns exec ns1 bash <<EOF\nip link set lo up\nip -br link | while read n s rest; do echo "\\$n"; done\nreadlink /proc/self/ns/net | wc -l\nEOF');
    expect(run.stdout).toBe('lo\n1\n');
    expect(run.stderr).toBe('');
  });
});

describe('processes', () => {
  it('have fixed pids', () => {
    expect(runScript('echo $$; sleep 1 & echo $!; (echo $BASHPID)').stdout).toBe('1000\n1001\n1002\n');
  });

  it('go on in the background after the script has ended', () => {
    const machine = newMachine();
    const first = runScript('(sleep 5; echo late > /tmp/late; echo out) & echo started', {}, machine);
    expect(first.stdout).toBe('started\n');
    expect(machine.world.queue.now).toBe(0);
    const second = runScript('[ -e /tmp/late ] || echo not yet; pgrep sleep; sleep 10; cat /tmp/late; pgrep sleep || echo gone', {}, machine);
    expect(second.stdout).toBe('not yet\n1003\nlate\ngone\n');
    expect(first.stdout).toBe('started\nout\n');
  });

  it('are killed with their group', () => {
    const machine = newMachine();
    const run = startShell(machine, 'sleep 100 & trap "echo int" INT; sleep 100 | cat; echo after');
    machine.world.queue.runUntil(SECOND);
    run.kill('SIGKILL');
    expect(run.exit).toBe(137);
    expect(run.process.processes()).toEqual([]);
  });

  it('can be given a time', () => {
    const run = runScript('echo a; sleep 100; echo b', { timeout: 2 });
    expect([run.stdout, run.exit, run.timedOut]).toEqual(['a\n', 137, true]);
    const quick = runScript('echo a', { timeout: 2 });
    expect([quick.exit, quick.timedOut]).toEqual([0, false]);
  });

  it('end with their finally blocks when they are killed', () => {
    const log: string[] = [];
    const server: Program = function* (process) {
      try {
        for (;;) yield { queues: [], deadline: process.now + SECOND };
      } finally {
        log.push(`closed at ${process.now / SECOND}`);
      }
    };
    const run = runScript('server & sleep 2.5; kill $!; wait $!; echo $?', { programs: { ...PROGRAMS, server } });
    expect(run.stdout).toBe('143\n');
    expect(log).toEqual(['closed at 2.5']);
  });

  it('take the signals that they handle', () => {
    const counter: Program = function* (process) {
      process.handle('SIGINT');
      let signals = 0;
      const end = process.now + 10 * SECOND;
      while (process.now < end) {
        if ((yield { queues: [], deadline: end }) === 'signal') while (process.takeSignal()) signals++;
      }
      process.stdout.write(`${signals} by ${process.now / SECOND}\n`);
      return signals;
    };
    const run = runScript('counter & p=$!; sleep 1; kill -INT $p; sleep 1; kill -INT $p; wait $p; echo $?', { programs: { ...PROGRAMS, counter } });
    expect(run.stdout).toBe('2 by 10\n2\n');
  });

  it('wait at a full pipe for their reader', () => {
    const machine = newMachine();
    const written: number[] = [];
    const writer: Program = function* (process) {
      for (let i = 0; i < 10; i++) {
        process.stdout.write('x'.repeat(30_000));
        written.push(process.now / SECOND);
        yield { queues: [], deadline: process.now };
      }
      return 0;
    };
    const run = runScript('writer | { sleep 5; wc -c; }', { programs: { ...PROGRAMS, writer } }, machine);
    expect(run.stdout).toBe('300000\n');
    expect(written.slice(0, 3)).toEqual([0, 0, 0]);
    expect(written[3]).toBe(5);
  });

  it('die of a broken pipe', () => {
    expect(runScript('yes | head -1; echo ${PIPESTATUS[@]}; (trap "" PIPE; seq 100000 2>/dev/null; echo $? >&2) | head -1').stdout).toBe('y\n141 0\n1\n');
  });

  it('tell of an error inside the simulator instead of taking it along', () => {
    const broken: Program = function* () {
      throw new TypeError('oops');
    };
    const machine = newMachine();
    const run = startShell(machine, 'echo a\nbroken\necho b', { programs: { ...PROGRAMS, broken } });
    while (run.exit === null && machine.world.queue.step());
    expect(run.stopped).toBe('hopscope: line 2: broken failed inside the simulator: TypeError: oops');
    expect(run.defect).toBeInstanceOf(TypeError);
    expect(run.stdout).toBe('a\n');
  });
});

describe('the record', () => {
  it('has a step for each program, what it prints, and its end', () => {
    const machine = newMachine('everything');
    runScript('x=$(hostname); echo "$x" | tr a-z A-Z; false; cd /; timeout 1 sleep 5', {}, machine);
    const steps = machine.world.recorder.steps.filter((step) => step.kind.startsWith('process.')).map((step) => {
      if (step.kind === 'process.exec') return `exec ${step.argv.join(' ')}`;
      if (step.kind === 'process.output') return `${step.stream} ${step.text}`;
      return step.kind === 'process.exit' ? `exit ${step.fn} ${step.exit}` : '';
    });
    expect(steps).toEqual([
      'exec hostname', 'exit hostname 0', 'exec tr a-z A-Z', 'stdout NODE1\n', 'exit tr 0', 'exec timeout 1 sleep 5', 'exec sleep 5', 'exit sleep 143', 'exit timeout 124',
    ]);
  });

  it('is left out when nothing is recorded', () => {
    const machine = newMachine('hops');
    runScript('hostname', {}, machine);
    expect(machine.world.recorder.steps.filter((step) => step.kind.startsWith('process.'))).toEqual([]);
  });
});

describe('options of a run', () => {
  it('are those of bash', () => {
    expect(runScript('echo a; false; echo b', { errexit: true }).exit).toBe(1);
    expect(runScript('pwd; echo $1 $#', { cwd: '/etc', args: ['x', 'y'] }).stdout).toBe('/etc\nx 2\n');
    expect(runScript('cat; echo $X', { stdin: 'in\n', env: new Map([['X', '1']]) }).stdout).toBe('in\n1\n');
    expect(runScript('read x; echo $?').stdout).toBe('1\n');
  });

  it('keeps a namespace that lost its name as long as a process is in it', () => {
    const { stdout } = runScript(`
      ip netns add x; ip link add v0 type veth peer name v1 netns x
      ip netns exec x sleep 5 &
      sleep 0.1; ip netns del x; ip netns; ls /sys/class/net; wait; ls /sys/class/net`);
    expect(stdout).toBe('lo\nv0\nlo\n');
  });

  it('start in a namespace', () => {
    const machine = newMachine();
    const ns = addNamespace(machine, 'ns1');
    const run = finish(machine, startShell(machine, 'ip netns identify; hostname', { ns }));
    expect(run.stdout).toBe('ns1\nnode1\n');
  });
});
