import { describe, expect, it } from 'vitest';
import { PROGRAMS } from '../programs/registry.ts';
import { inspectScript } from './inspect.ts';

function inspect(script: string): string[] {
  return inspectScript(script, { programs: PROGRAMS }).map(({ line, column, kind, what }) => `${line}:${column} ${kind} ${what}`);
}

describe('inspectScript', () => {
  it('finds nothing in what is simulated', () => {
    expect(inspect('set -eux -o pipefail\nf() { local x=$1; ip link show "$x" | grep -q UP && echo up; }\nfor i in {1..3}; do f "eth$i" || true; done\nsudo ip netns exec ns1 bash -c "ping -c 1 10.0.0.1"')).toEqual([]);
  });

  it.each([
    ['docker run x', ['1:1 command docker']],
    ['echo a\n  sudo -E ip netns exec ns1 timeout 5 kubectl get po', ['2:39 command kubectl']],
    ['ip -n ns1 link; ip netns exec "$ns" tc qdisc', ['1:37 command tc']],
    ['coproc X { cat; }; select x in a; do :; done', ['1:1 construct coproc', '1:20 construct select']],
    ['if ! nosuch; then x=$(wget a); fi', ['1:6 unknown nosuch', '1:23 command wget']],
    ['nosuch() { :; }; nosuch', []],
    ['bash -c "docker ps\nwget x"', ['1:1 command docker', '2:1 command wget']],
    ["trap 'docker rm x' EXIT; eval 'podman ps'", ['1:1 command docker', '1:1 command podman']],
    ["bash <<'E'\necho a\nsystemctl start x\nE", ['3:1 command systemctl']],
    ['set -n; set -o posix; shopt -s globstar', ['1:5 option set -n', '1:16 option set -o posix', '1:32 option shopt -s globstar']],
    ['sort -R f; grep --include=x y; xargs -P2 ls; ls --help', ['1:1 option sort -R', '1:12 option grep --include', '1:32 option xargs -P', '1:46 option ls --help']],
    ['trap : DEBUG; read -e x; ulimit -n 3', ['1:8 option trap ... DEBUG', '1:20 option read -e', '1:26 command ulimit']],
    ['echo ${x@P} $(cat </dev/tcp/h/80)', ['1:6 construct ${x@P}', '1:19 construct /dev/tcp/h/80']],
    ['echo a; fi', ['1:9 syntax unexpected token \'fi\'']],
    ['$CMD a; "$x"y; ./run.sh; /opt/thing', []],
    ['command -v docker; type kubectl; which helm', []],
    ['env A=1 podman ps; nohup rsync x & exec nginx', ['1:9 command podman', '1:26 command rsync', '1:41 command nginx']],
    ['`docker ps`', ['1:2 command docker']],
  ])('%j', (script, found) => {
    expect(inspect(script)).toEqual(found);
  });

  it('asks the checkers of programs', () => {
    const checkers = { ip: (words: readonly (string | null)[]) => (words.includes('dummy') ? ['ip link add type dummy'] : []) };
    const found = inspectScript('ip link add d0 type dummy\nip link', { programs: PROGRAMS, checkers });
    expect(found.map((finding) => finding.message)).toEqual(['ip link add type dummy is not simulated.']);
  });

  it('does not run forever on scripts inside scripts', () => {
    let script = 'docker ps';
    for (let i = 0; i < 50; i++) script = `bash <<'E${i}'\n${script}\nE${i}`;
    expect(inspect(script)).toEqual([]);
  });
});
